"""What a clone can be for, and what it then has to pass of the three tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from helpers.report import OWN_LIFE, QUESTIONS, SAME_FUTURE, SAME_START, verdict
from workbook.labs.method_table.run import Outcome

__all__ = ["ANY", "LABELS", "PURPOSES", "Purpose"]

# Public Keras first, and the workbook's own clone where nothing else is true.
_TRUE = ("keras_file", "deepcopy", "weights_file", "file_then_seeds", "recipe", "clone")
# The fewest things copied first.
_LEAST = ("clone_model", "clone_model_set_weights", "from_config_set_weights", *_TRUE)
_FILES = ("keras_file", "file_then_seeds")

_RANDOM_STATE = ("other state", "outputs in training mode")
_ONLY_IN_TRAINING = (*_RANDOM_STATE, "layer settings")


@dataclass(frozen=True)
class Purpose:
    """What somebody wants a clone for.

    Args:
        label: What the panel offers.
        why: Why this is enough, in a clause.
        tests: Which of the three tests a clone has to pass.
        may_differ: Checks of these tests that do not matter for it.
        must_differ: Checks that it has to fail.
        also: Checks of the other tests that it has to pass.
        methods: The methods to choose from, the simplest first.
        optimizer: Whether its optimizer is "kept", "fresh" or, if it is not trained as it is, left out.
        in_a_file: Whether the clone is made in a different process, so that a file has to stay.
    """

    label: str
    why: str = ""
    tests: Sequence[str] = tuple(QUESTIONS)
    may_differ: Sequence[str] = ()
    must_differ: Sequence[str] = ()
    also: Sequence[str] = ()
    methods: Sequence[str] = _LEAST
    optimizer: str = "kept"
    in_a_file: bool = False

    def is_met_by(self, outcome: Outcome) -> bool:
        """Return whether a method is enough, judged by the verdicts on its clone."""
        if outcome.report is None:
            return False
        if SAME_FUTURE in self.tests and outcome.lost_later:
            return False
        if not self.may_differ and set(self.tests) == set(QUESTIONS):
            return outcome.true
        checks = [each for each in outcome.report.checks if each.name not in (*self.may_differ, *self.must_differ)]
        failed = {each.name for each in outcome.report.checks if each.passed is False}
        # A test that could not be tried, such as Same future of a model without trainable weights, is not failed.
        passed = all(verdict(test, checks).passed is not False for test in self.tests)
        return passed and failed >= set(self.must_differ) and not failed & set(self.also)


ANY = Purpose("anything: a true clone", methods=_TRUE)

PURPOSES: Mapping[str, Purpose] = MappingProxyType(
    {
        "": ANY,
        "target": Purpose(
            "a target network or an EMA teacher",
            "it answers and is never trained, so it needs Same start and Own life, and no optimizer",
            (SAME_START, OWN_LIFE),
            _ONLY_IN_TRAINING,
            optimizer="",
        ),
        "ensemble": Purpose(
            "one more member of an ensemble",
            "it needs the same structure, fresh weights and Own life. An initializer with a seed draws the same "
            "weights for every member",
            (SAME_START, OWN_LIFE),
            _ONLY_IN_TRAINING,
            must_differ=("weights", "outputs"),
            also=("compile settings",),
            methods=("clone_model", "new_instance"),
            optimizer="fresh",
        ),
        "fold": Purpose(
            "the same start for each fold",
            "it needs Same start, the compile settings and Own life, and an optimizer that has learned nothing",
            (SAME_START, OWN_LIFE),
            _RANDOM_STATE,
            also=("compile settings",),
            optimizer="fresh",
        ),
        "base": Purpose(
            "a base to fine-tune",
            "it needs Same start and Own life, and gets an optimizer of its own",
            (SAME_START, OWN_LIFE),
            _RANDOM_STATE,
            optimizer="",
        ),
        "try": Purpose(
            "trying something out",
            "it needs all three tests, so that what differs afterwards is what you tried",
            methods=_TRUE,
        ),
        "resume": Purpose(
            "resuming training later",
            "it needs Same start and Same future, in a file",
            (SAME_START, SAME_FUTURE),
            methods=_FILES,
            in_a_file=True,
        ),
        "serve": Purpose(
            "serving its answers",
            "it needs Same start alone. For a process without your classes, use model.export",
            (SAME_START,),
            _ONLY_IN_TRAINING,
            methods=_FILES,
            optimizer="",
            in_a_file=True,
        ),
    }
)

LABELS: Mapping[str, str] = MappingProxyType({name: purpose.label for name, purpose in PURPOSES.items()})
