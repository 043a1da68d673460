"""Judge a clone by the three tests, with evidence, and leave both models as they were."""

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import distances as divergence
from helpers import keras_compat, model_diff, random_state, sharing, snapshot
from helpers.text import digits

SAME_START, SAME_FUTURE, OWN_LIFE = "Same start", "Same future", "Own life"

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
        tried = {check.name for check in self.checks if check.passed is not None}
        if self.ok and not tried & {"outputs", "training steps"}:
            return "✓ No difference found so far: the models could not be tried out yet."
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


def audit(original: Any, clone: Any, inputs: Any, targets: Any = None, steps: int = 3) -> Report:
    """Judge whether a clone is true: Same start, Same future, Own life.

    Both models are walked through side by side, object by object; then each answers the inputs and is trained for a
    few steps under the same random state, while the other is watched. Everything is put back afterwards, also if an
    error is raised: values, attributes, optimizers, metrics and the random state of the process.

    Args:
        original: a model of keras or tf_keras.
        clone: the model to judge, of the same generation.
        inputs: a batch of inputs that both take, (samples, ...), or a list or dict of such arrays.
        targets: targets for the loss that the models were compiled with, (samples, ...). Without them the training
            is the model's own as far as it needs none, and otherwise reduces the mean square of the outputs.
        steps: how many training steps each model makes, at least 1.

    Returns:
        A ``Report`` with ``.ok``, ``.failures`` and one ``Check`` for each thing compared.

    Raises:
        ValueError: the two are of different generations, or the original does not take ``inputs`` or ``targets``, or
            ``steps`` is no such number.
        TypeError: one of them is not a Keras model.

    Example:
        >>> report = audit(model, keras.models.clone_model(model), x, y)   # doctest: +SKIP
        >>> report.failures                                                # doctest: +SKIP
        ['weights', 'outputs', 'outputs in training mode', 'optimizer state', 'training steps']
    """
    kinds = [keras_compat.generation(model) for model in (original, clone)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"The original is a model of {kinds[0]}, the clone one of {kinds[1]}. Audit two models of one generation."
        )
    if steps < 1:
        raise ValueError(f"The models cannot be trained for {steps} steps. Let them make 1 or more.")
    data = _Data(original, inputs, targets, steps)
    walk = model_diff.compare(original, clone)
    checks = [
        _weights(original, clone, walk),
        _other_state(original, clone, walk),
        _of_findings(SAME_START, "structure", walk.of(model_diff.STRUCTURE), "same layers, connected alike"),
        _of_findings(SAME_START, "layer settings", walk.of(model_diff.SETTING), "all are equal"),
        _compile_settings(original, clone, walk),
        _optimizer_state(original, clone, walk),
        _separate_storage(original, clone),
    ]
    checks += _in_use(original, clone, data, walk)
    order = [*QUESTIONS]
    return Report(sorted(checks, key=lambda check: (order.index(check.test), _ORDER.index(check.name))))


_ORDER = [
    "weights",
    "other state",
    "structure",
    "layer settings",
    "outputs",
    "outputs in training mode",
    "compile settings",
    "optimizer state",
    "added losses",
    "training steps",
    "separate storage",
    "clone keeps still",
    "original keeps still",
]


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return f"{type(error).__name__}: {line[:160]}"


# -- at rest -----------------------------------------------------------------------------------------------------------


def _of_findings(test: str, name: str, findings: list, otherwise: str) -> Check:
    if not findings:
        return Check(test, name, True, otherwise)
    return Check(test, name, False, _listed(findings))


def _listed(findings: list, most: int = 3) -> str:
    more = f"; and {len(findings) - most} more" if len(findings) > most else ""
    return "; ".join(map(str, findings[:most])) + more


def _weights(original: Any, clone: Any, walk: model_diff.Comparison) -> Check:
    mine, theirs = keras_compat.weights(original), keras_compat.weights(clone)
    if not mine and not theirs:
        return Check(SAME_START, "weights", None, "neither model has weights (yet)")
    if len(mine) != len(theirs):
        evidence = f"the original has {len(mine)} weights, the clone {len(theirs)}"
        return Check(SAME_START, "weights", False, evidence)
    # Weights that have the same place in both are compared; any left over, by their position in the list.
    partner = {id(keras_compat.storage(a)): b for kind, _, a, b in walk.pairs if kind == model_diff.WEIGHT}
    pairs = [(a, partner.get(id(keras_compat.storage(a)), b)) for a, b in zip(mine, theirs, strict=True)]
    distances = divergence.distance_per_pair(original, pairs)
    different = {name: distance for name, distance in distances.items() if distance != 0.0}
    if not different:
        return Check(SAME_START, "weights", True, f"all {len(distances)} are equal, bit for bit")
    unlike = next((name for name, distance in different.items() if distance is None), None)
    if unlike is not None:
        evidence = f"{len(different)} of {len(distances)} weights differ; {unlike} has another shape or dtype"
    else:
        worst = max(different, key=different.get)
        largest = digits(different[worst])
        evidence = f"{len(different)} of {len(distances)} weights differ; largest |difference| {largest} in {worst}"
    return Check(SAME_START, "weights", False, evidence)


def _other_state(original: Any, clone: Any, walk: model_diff.Comparison) -> Check:
    name = "other state"
    mine, theirs = keras_compat.other_state(original), keras_compat.other_state(clone)
    findings = walk.of(model_diff.STATE)
    if findings:
        return Check(SAME_START, name, False, _listed(findings))
    if len(mine) != len(theirs):
        evidence = f"the original has {len(mine)} variables outside its weights, the clone {len(theirs)}"
        return Check(SAME_START, name, False, evidence)
    if not mine:
        return Check(SAME_START, name, None, "no variables outside the weights")
    return Check(SAME_START, name, True, f"{len(mine)} outside the weights, all equal")


def _compile_settings(original: Any, clone: Any, walk: model_diff.Comparison) -> Check:
    name = "compile settings"
    findings = walk.of(model_diff.COMPILATION)
    compiled = [keras_compat.is_compiled(model) for model in (original, clone)]
    if not any(compiled):
        # An optimizer or metric may also be an attribute of a model that trains itself.
        return Check(SAME_FUTURE, name, False if findings else None, _listed(findings) or "neither model is compiled")
    if not all(compiled):
        without = "clone" if compiled[0] else "original"
        return Check(SAME_FUTURE, name, False, f"the {without} is not compiled")
    return _of_findings(SAME_FUTURE, name, findings, "same optimizer, learning rate, loss and metrics, set alike")


def _optimizer_state(original: Any, clone: Any, walk: model_diff.Comparison) -> Check:
    name = "optimizer state"
    findings = walk.of(model_diff.OPTIMIZER)
    if keras_compat.is_compiled(original) and not keras_compat.is_compiled(clone):
        return Check(SAME_FUTURE, name, False, "the clone has no optimizer")
    count, after = sum(pair[0] == model_diff.OPTIMIZER for pair in walk.pairs), ""
    if keras_compat.is_compiled(original):
        iterations = [int(model.optimizer.iterations) for model in (original, clone)]
        if iterations[0] != iterations[1]:
            evidence = f"the original has made {iterations[0]} steps, the clone {iterations[1]}"
            return Check(SAME_FUTURE, name, False, evidence)
        counts = [len(keras_compat.optimizer_variables(model.optimizer)) for model in (original, clone)]
        if counts[0] != counts[1] and not findings:
            if iterations[0] == 0:
                return Check(SAME_FUTURE, name, True, "neither has made a step")
            return Check(SAME_FUTURE, name, False, f"{counts[0]} variables against {counts[1]}")
        after = f", after {iterations[0]} steps"
        count = count or counts[0]  # one optimizer in both is equal to itself, and not walked through
    if not count and not findings:
        return Check(SAME_FUTURE, name, None, "there is none")
    if findings:
        distances = [finding.distance for finding in findings if finding.distance is not None]
        largest = f"; largest |difference| {digits(max(distances))}" if distances else ""
        evidence = f"{len(findings)} of {count} variables differ{largest}, such as {findings[0].path}"
        return Check(SAME_FUTURE, name, False, evidence)
    return Check(SAME_FUTURE, name, True, f"all {count} variables are equal{after}")


def _separate_storage(original: Any, clone: Any) -> Check:
    name = "separate storage"
    if original is clone:
        return Check(OWN_LIFE, name, False, "both names stand for one object")
    found = sharing.shared(original, clone)
    variables = [path for path, value in found if keras_compat.is_variable(value)]
    others = [(path, value) for path, value in found if not keras_compat.is_variable(value)]
    count = len({id(keras_compat.storage(v)) for v in divergence.all_variables(original)})
    parts = []
    if variables:
        parts.append(f"{len(variables)} of {max(count, len(variables))} variables are shared, such as {variables[0]}")
    if others:
        listed = ", ".join(f"{path or 'the model'} ({type(value).__name__})" for path, value in others[:3])
        parts.append(f"shared: {listed}{f' and {len(others) - 3} more' if len(others) > 3 else ''}")
    return Check(
        OWN_LIFE,
        name,
        not parts,
        "; ".join(parts) or f"none of {count} variables (weights, optimizer, metrics) is shared",
    )


# -- in use ------------------------------------------------------------------------------------------------------------


class _Data:
    """The inputs and targets, and the small batches of them that training uses."""

    def __init__(self, model: Any, inputs: Any, targets: Any, steps: int):
        self.steps = steps
        package = keras_compat.namespace(keras_compat.generation(model))
        self.inputs = tf.nest.map_structure(_as_tensor, inputs)
        self.targets = None if targets is None else tf.nest.map_structure(_as_tensor, targets)
        self._pack = package.utils.pack_x_y_sample_weight if hasattr(package.utils, "pack_x_y_sample_weight") else _pack
        self._samples = _samples(self.inputs)
        # A model that was made for batches of one size takes no other.
        symbols = tf.nest.flatten(getattr(model, "inputs", None) or [])
        sizes = [symbol.shape[0] for symbol in symbols if len(symbol.shape)]
        self._size = next(filter(None, sizes), divergence.BATCH_SIZE)

    def check(self) -> None:
        """Raise an error if there is not one target for each input."""
        if self.targets is not None and _samples(self.targets) != self._samples:
            raise ValueError(
                f"There are {self._samples} inputs, but {_samples(self.targets)} targets. "
                "Pass one target for each input."
            )

    def batch(self, step: int) -> tuple[Any, Any]:
        """Return inputs and targets of one training step."""
        first = step % max(1, self._samples // self._size) * self._size

        def cut(array: Any) -> Any:
            return array if isinstance(array, tf.SparseTensor) else array[first : first + self._size]

        targets = None if self.targets is None else tf.nest.map_structure(cut, self.targets)
        return tf.nest.map_structure(cut, self.inputs), targets

    def packed(self, step: int) -> Any:
        """Return the batch of one training step as ``fit`` hands it to ``train_step``."""
        inputs, targets = self.batch(step)
        return self._pack(inputs, targets)


def _pack(inputs: Any, targets: Any) -> Any:
    if targets is None:
        return inputs if not isinstance(inputs, (list, tuple, dict)) else (inputs,)
    return inputs, targets


def _as_tensor(value: Any) -> Any:
    return value if tf.is_tensor(value) else tf.convert_to_tensor(value)


def _samples(data: Any) -> int:
    first = tf.nest.flatten(data)[0]
    return int(first.shape[0]) if len(first.shape) else 1


class _Answers:
    """What a model answers from where it stands, in inference and in training mode, and the losses that it adds.

    Everything is run eagerly, which needs no tracing, and under the same random state for both models.

    Args:
        model: the model.
        other: the other model, which may share parts with it.
        data: what to answer.
        draws: the random numbers that the other model drew, to be drawn again.
    """

    def __init__(self, model: Any, other: Any, data: _Data, draws: list | None = None):
        self.losses: list = []
        with snapshot.unchanged(model, other), random_state.same_random_state(draws) as self.draws:
            self.by_name = {
                "outputs": _tried(lambda: divergence.answers(model(data.inputs, training=False))),
                "outputs in training mode": _tried(lambda: self._in_training_mode(model, data)),
            }

    def _in_training_mode(self, model: Any, data: _Data) -> list:
        outputs = divergence.answers(model(data.batch(0)[0], training=True))
        self.losses = [np.asarray(loss) for loss in model.losses]
        return outputs


class _Training:
    """A few training steps of one model from where it stands, while the other is watched.

    Attributes:
        error: what the model raised, or None.
        weights: the values of the weights after each step.
        moved: how far they went.
        state: the values of the variables outside the weights, at the end.
        watched: the names of the other model's variables that moved, with the distance.
    """

    def __init__(self, model: Any, other: Any, data: _Data, own: bool, draws: list | None = None):
        self.own, self.error = own, None
        self.weights: list[list] = []
        with snapshot.unchanged(model, other), random_state.same_random_state(draws) as self.draws:
            start = divergence.values(keras_compat.weights(model))
            variables = divergence.all_variables(other)
            before = divergence.values(variables)
            try:
                for number in range(data.steps):
                    if own:
                        divergence.own_step(model, data.packed(number))
                    else:
                        divergence.stand_in_step(model, data.batch(number))
                    self.weights.append(divergence.values(keras_compat.weights(model)))
            except Exception as error:  # whatever a model raises is part of the evidence
                self.error = error
                return
            self.moved = divergence.largest_of(map(divergence.largest_difference, self.weights[-1], start))
            self.state = divergence.values(keras_compat.other_state(model))
            distances = map(divergence.largest_difference, divergence.values(variables), before)
            moved = [(v, distance) for v, distance in zip(variables, distances, strict=True) if distance]
            self.watched = {keras_compat.variable_name(v, other): distance for v, distance in moved}


def _tried(run: Any) -> Any:
    try:
        return run()
    except Exception as error:  # whatever a model raises is part of the evidence
        return error


def _in_use(original: Any, clone: Any, data: _Data, walk: model_diff.Comparison) -> list[Check]:
    if not original.built and not keras_compat.weights(original):
        reason = f"the original has no weights yet: call {original.name} once on inputs"
        names = [(SAME_START, name) for name in ("outputs", "outputs in training mode")]
        names += [(SAME_FUTURE, name) for name in ("added losses", "training steps")]
        names += [(OWN_LIFE, name) for name in ("clone keeps still", "original keeps still")]
        return [Check(test, name, None, reason) for test, name in names]
    mine = _Answers(original, clone, data)
    error = mine.by_name["outputs"]
    # A model that is only trained, as many a GAN, may do without a call of its own.
    if isinstance(error, Exception) and not isinstance(error, NotImplementedError):
        raise ValueError(
            f"The model {original.name!r} does not take these inputs ({_first_line(error)}). "
            "Pass inputs of the shape and dtype that it is called with."
        ) from error
    data.check()
    theirs = _Answers(clone, original, data, mine.draws)
    checks = [_answers(name, mine, theirs, original, clone) for name in mine.by_name]
    checks.append(_added_losses(mine, theirs))
    return checks + _training(original, clone, data, walk)


def _answers(name: str, mine: _Answers, theirs: _Answers, original: Any, clone: Any) -> Check:
    a, b = mine.by_name[name], theirs.by_name[name]
    if isinstance(a, NotImplementedError):
        return Check(SAME_START, name, None, "the original has no call of its own")
    if isinstance(a, Exception):
        return Check(SAME_START, name, None, f"the original cannot be called in training mode ({_first_line(a)})")
    if keras_compat.weights(original) and not keras_compat.weights(clone):
        return Check(SAME_START, name, False, "the clone has no weights yet: it was never called")
    if isinstance(b, Exception):
        return Check(SAME_START, name, False, f"the clone cannot be called ({_first_line(b)})")
    if len(a) != len(b):
        return Check(SAME_START, name, False, f"the original gives {len(a)} outputs, the clone {len(b)}")
    largest = divergence.largest_of(map(divergence.largest_difference, a, b))
    allowed = max(map(divergence.tolerance, a), default=0.0)
    same = not any(map(divergence.differs, a, b)) and [x.dtype for x in a] == [x.dtype for x in b]
    evidence = f"largest |difference| {digits(largest)} over {len(a[0]) if a and a[0].shape else 1} samples"
    if largest:
        evidence += f"; up to {allowed:.1g} is rounding in {a[0].dtype}"
    elif not same:
        evidence += f"; {a[0].dtype} against {b[0].dtype}"
    return Check(SAME_START, name, same, evidence)


def _added_losses(mine: _Answers, theirs: _Answers) -> Check:
    a, b = mine.losses, theirs.losses
    name = "added losses"
    if not a and not b:
        return Check(SAME_FUTURE, name, None, "neither model adds losses or penalties of its own")
    if len(a) != len(b):
        return Check(SAME_FUTURE, name, False, f"the original adds {len(a)} losses, the clone {len(b)}")
    largest = divergence.largest_of(map(divergence.largest_difference, a, b))
    same = not any(map(divergence.differs, a, b))
    return Check(SAME_FUTURE, name, same, f"{len(a)} losses, largest |difference| {digits(largest)}")


def _train_original(original: Any, clone: Any, data: _Data) -> _Training:
    """Train the original its own way, or by the stand-in if its own way needs targets and there are none."""
    if not divergence.has_own_step(original):
        return _Training(original, clone, data, own=False)
    training = _Training(original, clone, data, own=True)
    if training.error is None:
        return training
    stand_in = _Training(original, clone, data, own=False)
    # With targets, only a model that cannot be trained in any way is excused.
    if data.targets is not None and (stand_in.error is None or isinstance(stand_in.error, NotImplementedError)):
        raise ValueError(
            f"The model {original.name!r} cannot be trained on these inputs and targets "
            f"({_first_line(training.error)}). Pass targets of the kind that its loss takes, or none."
        ) from training.error
    return stand_in


def _training(original: Any, clone: Any, data: _Data, walk: model_diff.Comparison) -> list[Check]:
    names = [(SAME_FUTURE, "training steps"), (OWN_LIFE, "clone keeps still"), (OWN_LIFE, "original keeps still")]
    if not keras_compat.weights(original) or not original.trainable_weights:
        return [Check(test, name, None, "the original has no trainable weights") for test, name in names]
    mine = _train_original(original, clone, data)
    if mine.error is not None:
        reason = f"the original cannot be trained ({_first_line(mine.error)})"
        return [Check(test, name, None, reason) for test, name in names]
    reason = ""
    if not keras_compat.weights(clone):
        reason = "it has no weights"
    elif keras_compat.is_compiled(original) and not keras_compat.is_compiled(clone):
        reason = "it is not compiled"
    elif not clone.trainable_weights:
        reason = "it has no trainable weights"
    else:
        theirs = _Training(clone, original, data, mine.own, mine.draws)
        reason = _first_line(theirs.error) if theirs.error else ""
    if reason:
        reason = f"the clone cannot be trained: {reason}"
        return [
            Check(SAME_FUTURE, "training steps", False, reason),
            _still("clone", mine),
            Check(OWN_LIFE, "original keeps still", None, reason),
        ]
    return [_steps(original, clone, mine, theirs, walk), _still("clone", mine), _still("original", theirs)]


def _steps(original: Any, clone: Any, mine: _Training, theirs: _Training, walk: model_diff.Comparison) -> Check:
    name = "training steps"
    places = {id(keras_compat.storage(w)): place for place, w in enumerate(keras_compat.weights(clone))}
    partner = {id(keras_compat.storage(a)): places.get(id(keras_compat.storage(b))) for _, _, a, b in walk.pairs}
    order = [partner.get(id(keras_compat.storage(w)), place) for place, w in enumerate(keras_compat.weights(original))]
    if len(mine.weights[0]) != len(theirs.weights[0]) or None in order:
        return Check(SAME_FUTURE, name, False, "the models have different weights, so their steps cannot be alike")
    unit, precision = keras_compat.rounding(original)
    # Rounding in each step comes to a part of how far the step goes; the weights round by themselves as well.
    allowed = max(map(divergence.tolerance, mine.weights[-1]))
    allowed = max(allowed, max(1e-3, 50 * unit) * mine.moved)
    distances = [
        divergence.largest_of(
            divergence.largest_difference(a, b[place]) for a, place in zip(mine.weights[step], order, strict=True)
        )
        for step, b in enumerate(theirs.weights)
    ]
    evidence = f"after {len(distances)} steps alike, largest |difference| {digits(distances[-1])}"
    evidence += f"; training moved {digits(mine.moved)}"
    if max(distances):
        evidence += f"; up to {allowed:.1g} is rounding in {precision}"
    states = len(mine.state) == len(theirs.state) and not any(map(divergence.differs, mine.state, theirs.state))
    if max(distances) <= allowed and not states:
        return Check(SAME_FUTURE, name, False, f"{evidence}; but the state outside the weights went apart")
    return Check(SAME_FUTURE, name, max(distances) <= allowed, evidence)


def _still(watched: str, trial: _Training) -> Check:
    trained = "original" if watched == "clone" else "clone"
    moved = max(trial.watched.values(), default=0.0)
    evidence = f"while the {trained} made {len(trial.weights)} steps alone, the {watched} moved {digits(moved)}"
    if moved:
        evidence += f", such as in {max(trial.watched, key=trial.watched.get)}"
    return Check(OWN_LIFE, f"{watched} keeps still", moved == 0.0, evidence)
