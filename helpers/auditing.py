"""Judge a clone by the three tests, with evidence, and leave both models as they were."""

import html
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from helpers import divergence
from helpers import keras_generations as generations

SAME_START, SAME_FUTURE, OWN_LIFE = "Same start", "Same future", "Own life"
STEPS = 3

QUESTIONS = {
    SAME_START: "Are the two models equal now?",
    SAME_FUTURE: "Trained alike from here, do they stay equal?",
    OWN_LIFE: "Train one alone: does the other keep still?",
}


@dataclass(frozen=True)
class Check:
    """One thing that was compared.

    Attributes:
        test: which of the three tests it belongs to.
        name: what was compared.
        passed: True, False, or None if it does not apply to these models.
        evidence: what was found, in words and numbers.
    """

    test: str
    name: str
    passed: bool | None
    evidence: str

    @property
    def verdict(self) -> str:
        """The outcome as a symbol and a word, so that it never rests on colour."""
        return {True: "✓ passed", False: "✗ failed", None: "○ does not apply"}[self.passed]


@dataclass(frozen=True)
class Report:
    """The outcome of an audit; prints as text, and shows itself as a table in a notebook."""

    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if no check failed."""
        return not self.failures

    @property
    def failures(self) -> list[str]:
        """The names of the failed checks, in the order of the three tests."""
        return [check.name for check in self.checks if check.passed is False]

    def passed(self, test: str) -> bool:
        """Tell whether one of the three tests passed: ``"Same start"``, ``"Same future"`` or ``"Own life"``."""
        return all(check.passed is not False for check in self.checks if check.test == test)

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        if self.ok:
            return "✓ A true clone: same start, same future, own life."
        failed = [test for test in QUESTIONS if not self.passed(test)]
        return f"✗ Not a true clone: it fails {' and '.join(f'“{test}”' for test in failed)}."

    def __str__(self) -> str:
        lines = [self.sentence]
        for test, question in QUESTIONS.items():
            lines.append(f"\n{test}. {question}")
            lines += [f"  {c.verdict:<10} {c.name}: {c.evidence}" for c in self.checks if c.test == test]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        for test, question in QUESTIONS.items():
            checks = [check for check in self.checks if check.test == test]
            for number, check in enumerate(checks):
                head = (
                    f'<th scope="rowgroup" rowspan="{len(checks)}" style="text-align:left;vertical-align:top">'
                    f'{test}<br><span style="font-weight:normal">{question}</span></th>'
                )
                name, verdict, evidence = (html.escape(text) for text in (check.name, check.verdict, check.evidence))
                weight = "bold" if check.passed is False else "normal"
                rows.append(
                    f"<tr>{head if number == 0 else ''}"
                    f'<th scope="row" style="text-align:left;font-weight:normal">{name}</th>'
                    f'<td style="text-align:left;white-space:nowrap;font-weight:{weight}">{verdict}</td>'
                    f'<td style="text-align:left">{evidence}</td></tr>'
                )
        head = "".join(
            f'<th scope="col" style="text-align:left">{text}</th>'
            for text in ("Test", "Compared", "Verdict", "Evidence")
        )
        return (
            f'<table style="text-align:left"><caption style="text-align:left;font-weight:bold;caption-side:top">'
            f"{html.escape(self.sentence)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )


def audit(original: Any, clone: Any, inputs: Any, targets: Any = None) -> Report:
    """Judge whether a clone is true: Same start, Same future, Own life.

    Both models are trained for a few steps on the way, and put back afterwards: weights, optimizer, metrics and the
    random state of the process are as they were, also if an error is raised.

    Args:
        original: a model of keras or tf_keras that has its weights.
        clone: the model to judge, of the same generation.
        inputs: a batch of inputs that both take, (samples, ...), or a list or dict of such arrays.
        targets: targets for the loss that the models were compiled with, (samples, ...). Without them, or if neither
            model is compiled, the training reduces the mean square of the outputs.

    Returns:
        A ``Report`` with ``.ok``, ``.failures`` and one ``Check`` for each thing compared.

    Raises:
        ValueError: the two are of different generations, the original has no weights yet, or does not take ``inputs``
            or ``targets``.
        TypeError: one of them is not a Keras model.

    Example:
        >>> report = audit(model, keras.models.clone_model(model), x, y)   # doctest: +SKIP
        >>> report.failures                                                # doctest: +SKIP
        ['weights', 'outputs', 'optimizer state', 'training steps']
    """
    kinds = [generations.generation(model) for model in (original, clone)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"The original is a model of {kinds[0]}, the clone one of {kinds[1]}. Audit two models of one generation."
        )
    if not original.built:
        raise ValueError(f"The model {original.name!r} has no weights yet. Call it once on inputs before the audit.")
    with divergence.kept_as_they_are(original, clone):
        checks = [
            _weights(original, clone),
            _other_state(original, clone),
            _outputs(original, clone, inputs),
            _compile_settings(original, clone),
            _optimizer_state(original, clone),
        ]
    return Report(checks + _in_training(original, clone, inputs, targets))


def _check(test: str, name: str, passed: bool | None, evidence: str) -> Check:
    return Check(test, name, passed, evidence)


def _number(distance: float) -> str:
    return "0 exactly" if distance == 0 else f"{distance:.3g}"


def _weights(original: Any, clone: Any) -> Check:
    distances = divergence.distance_per_weight(original, clone)
    if len(generations.weights(clone)) != len(generations.weights(original)):
        counts = [len(generations.weights(model)) for model in (original, clone)]
        evidence = f"the original has {counts[0]} weights, the clone {counts[1]}"
        return _check(SAME_START, "weights", False, evidence)
    different = {name: distance for name, distance in distances.items() if distance != 0.0}
    if not different:
        return _check(SAME_START, "weights", True, f"all {len(distances)} are equal, bit for bit")
    unlike = next((name for name, distance in different.items() if distance is None), None)
    if unlike is not None:
        evidence = f"{len(different)} of {len(distances)} weights differ; {unlike} has another shape"
    else:
        worst = max(different, key=different.get)
        largest = _number(different[worst])
        evidence = f"{len(different)} of {len(distances)} weights differ; largest |difference| {largest} in {worst}"
    return _check(SAME_START, "weights", False, evidence)


def _other_state(original: Any, clone: Any) -> Check:
    mine, theirs = generations.other_state(original), generations.other_state(clone)
    if not mine and not theirs:
        return _check(SAME_START, "other state", None, "no variables outside the weights")
    if len(mine) != len(theirs):
        evidence = f"the original has {len(mine)} variables outside its weights, the clone {len(theirs)}"
        return _check(SAME_START, "other state", False, evidence)
    names = [generations.variable_name(variable, original) for variable in mine]
    pairs = zip(names, divergence.values(mine), divergence.values(theirs), strict=True)
    different = [name for name, a, b in pairs if divergence.largest_difference(a, b)]
    if different:
        evidence = f"{len(different)} of {len(mine)} variables outside the weights differ, such as {different[0]}"
        return _check(SAME_START, "other state", False, evidence)
    return _check(SAME_START, "other state", True, f"{len(mine)} outside the weights, all equal")


def _outputs(original: Any, clone: Any, inputs: Any) -> Check:
    tf.random.set_seed(0)
    try:
        mine = divergence.predictions(original, inputs)
    except Exception as error:
        raise ValueError(
            f"The model {original.name!r} does not take these inputs ({_first_line(error)}). "
            "Pass inputs of the shape and dtype that it is called with."
        ) from error
    if generations.weights(original) and not generations.weights(clone):
        return _check(SAME_START, "outputs", False, "the clone has no weights yet: it was never called")
    tf.random.set_seed(0)
    try:
        theirs = divergence.predictions(clone, inputs)
    except Exception as error:
        return _check(SAME_START, "outputs", False, f"the clone cannot be called ({_first_line(error)})")
    if len(mine) != len(theirs):
        return _check(SAME_START, "outputs", False, f"the original gives {len(mine)} outputs, the clone {len(theirs)}")
    largest = divergence.largest_of(map(divergence.largest_difference, mine, theirs))
    same = not any(map(divergence.differs, mine, theirs))
    evidence = f"largest |difference| {_number(largest)} over {len(mine[0])} samples"
    return _check(SAME_START, "outputs", same, evidence)


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return f"{type(error).__name__}: {line[:160]}"


def _compile_settings(original: Any, clone: Any) -> Check:
    name = "compile settings"
    compiled = [generations.is_compiled(model) for model in (original, clone)]
    if not any(compiled):
        return _check(SAME_FUTURE, name, None, "neither model is compiled")
    if not all(compiled):
        without = "clone" if compiled[0] else "original"
        return _check(SAME_FUTURE, name, False, f"the {without} is not compiled")
    mine, theirs = (_described(model) for model in (original, clone))
    different = [key for key in mine if mine[key] != theirs.get(key)]
    if different:
        key = different[0]
        return _check(SAME_FUTURE, name, False, f"{key}: {mine[key]} against {theirs.get(key)}")
    return _check(SAME_FUTURE, name, True, f"same {', '.join(mine)}")


def _described(model: Any) -> dict[str, Any]:
    """Describe compile settings by values that two models can be compared by."""
    optimizer = model.optimizer
    settings = {key: value for key, value in optimizer.get_config().items() if key != "name"}
    try:
        config = model.get_compile_config()
    except (NotImplementedError, TypeError, ValueError):
        # A loss or metric that Keras cannot put into a config is compared as the object that it is.
        config = {"loss": model.loss, "metrics": [metric.name for metric in model.metrics]}
    return {
        "optimizer": type(optimizer).__name__,
        "learning rate": str(settings.pop("learning_rate", None)),
        "optimizer settings": str(settings),
        **{
            key: str(config.get(key))
            for key in ("loss", "loss_weights", "metrics", "weighted_metrics")
            if key in config
        },
    }


def _optimizer_state(original: Any, clone: Any) -> Check:
    name = "optimizer state"
    if not (generations.is_compiled(original) and generations.is_compiled(clone)):
        passed = None if not generations.is_compiled(original) else False
        return _check(SAME_FUTURE, name, passed, "there is none" if passed is None else "the clone has no optimizer")
    iterations = [int(model.optimizer.iterations) for model in (original, clone)]
    if iterations[0] != iterations[1]:
        evidence = f"the original has made {iterations[0]} steps, the clone {iterations[1]}"
        return _check(SAME_FUTURE, name, False, evidence)
    mine, theirs = (generations.optimizer_variables(model.optimizer) for model in (original, clone))
    if iterations[0] == 0 and len(mine) != len(theirs):
        return _check(SAME_FUTURE, name, True, "neither has made a step")
    if len(mine) != len(theirs):
        return _check(SAME_FUTURE, name, False, f"{len(mine)} variables against {len(theirs)}")
    different = [d for d in map(divergence.largest_difference, divergence.values(mine), divergence.values(theirs)) if d]
    if different:
        evidence = f"{len(different)} of {len(mine)} variables differ; largest |difference| {_number(max(different))}"
        return _check(SAME_FUTURE, name, False, evidence)
    evidence = f"all {len(mine)} variables are equal, after {iterations[0]} steps"
    return _check(SAME_FUTURE, name, True, evidence)


def _in_training(original: Any, clone: Any, inputs: Any, targets: Any) -> list[Check]:
    """Train both alike, and each alone, for a few steps."""
    storage = _separate_storage(original, clone)
    names = [(SAME_FUTURE, "training steps"), (OWN_LIFE, "clone keeps still"), (OWN_LIFE, "original keeps still")]
    if not original.trainable_weights:
        none = [_check(test, name, None, "the original has no trainable weights") for test, name in names]
        return [none[0], storage, *none[1:]]
    compiled = generations.is_compiled(original)
    targets = targets if compiled else None
    reason = ""
    if not generations.weights(clone):
        reason = "it has no weights"
    elif compiled and not generations.is_compiled(clone):
        reason = "it is not compiled"
    else:
        tests = divergence.ThreeTests(original, clone, inputs, targets)
        try:
            tests.advance(STEPS)
        except Exception as error:
            # Whether the inputs or the clone is to blame shows when the original is trained alone, below.
            reason = _first_line(error)
    if reason:
        alone = divergence.ThreeTests(original, clone, inputs, targets)
        try:
            alone.advance(STEPS, train="original")
        except Exception as error:
            raise ValueError(
                f"The model {original.name!r} cannot be trained on these inputs and targets ({_first_line(error)}). "
                "Pass targets of the kind that its loss takes, or none."
            ) from error
        reason = f"the clone cannot be trained: {reason}"
        return [
            _check(SAME_FUTURE, "training steps", False, reason),
            storage,
            _still("clone", alone.moved_while("original")),
            _check(OWN_LIFE, "original keeps still", None, reason),
        ]
    allowed = max(map(divergence.tolerance, divergence.values(generations.weights(original))))
    allowed = max(allowed, 1e-3 * tests.moved[-1])
    evidence = f"after {STEPS} steps alike, largest |difference| {_number(tests.future[-1])}"
    evidence += f"; training moved {_number(tests.moved[-1])}"
    return [
        _check(SAME_FUTURE, "training steps", max(tests.future) <= allowed, evidence),
        storage,
        _still("clone", tests.moved_while("original")),
        _still("original", tests.moved_while("clone")),
    ]


def _still(watched: str, moved: float) -> Check:
    trained = "original" if watched == "clone" else "clone"
    evidence = f"while the {trained} made {STEPS} steps alone, the {watched} moved {_number(moved)}"
    return _check(OWN_LIFE, f"{watched} keeps still", moved == 0.0, evidence)


def _separate_storage(original: Any, clone: Any) -> Check:
    mine, theirs = ({id(generations.storage(v)) for v in divergence.all_variables(m)} for m in (original, clone))
    shared = len(mine & theirs)
    parts = []
    if original is clone:
        parts.append("both names stand for one object")
    elif shared:
        parts.append(f"{shared} of {len(mine)} variables are shared")
    optimizers = [getattr(model, "optimizer", None) for model in (original, clone)]
    if original is not clone and optimizers[0] is not None and optimizers[0] is optimizers[1]:
        parts.append("the optimizer is shared")
    evidence = "; ".join(parts) or f"none of {len(mine)} variables (weights, optimizer, metrics) is shared"
    return _check(OWN_LIFE, "separate storage", not parts, evidence)
