"""The checks that need no training: what two models are made of, and what they answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from helpers import distances, keras_compat, model_diff, random_state, sharing, snapshot, tracing
from helpers.report import OWN_LIFE, SAME_FUTURE, SAME_START, Check
from helpers.text import digits
from helpers.training import Batches


def first_line(error: Exception) -> str:
    """Return the class of an error and the first line of its message, shortened."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return f"{type(error).__name__}: {line if len(line) <= 160 else line[:159] + '…'}"


# -- at rest -----------------------------------------------------------------------------------------------------------


class Counterparts:
    """Pairs of variables: each variable of the original with the one at the same place in the clone.

    Variables that the walk through the models does not pair are paired by their position in the two lists.

    Args:
        originals: Variables of the original.
        candidates: Variables of the clone.
        walk: The walk through both models.

    Attributes:
        places: For each variable of the original, the position of its counterpart in `candidates`, or None.
        extra: The variables of the clone that have no counterpart.
    """

    def __init__(self, originals: Sequence[Any], candidates: Sequence[Any], walk: model_diff.Comparison):
        self.originals, self.candidates = list(originals), list(candidates)
        places = {id(keras_compat.storage(v)): place for place, v in enumerate(candidates)}
        partner = {id(keras_compat.storage(a)): places.get(id(keras_compat.storage(b))) for _, _, a, b in walk.pairs}
        self.places: list[Any] = [
            partner.get(id(keras_compat.storage(v)), place if place < len(candidates) else None)
            for place, v in enumerate(originals)
        ]
        taken = set(self.places)
        self.extra = [v for place, v in enumerate(candidates) if place not in taken]

    @property
    def complete(self) -> bool:
        """Whether each variable has exactly one counterpart."""
        return not self.extra and None not in self.places and len(self.originals) == len(self.candidates)

    def apart(self, original: Any, clone: Any) -> dict[str, float | None]:
        """Measure the distance between each variable of the original and its counterpart.

        Returns:
            The largest absolute difference by name, such as `dense/kernel`; None where there is no counterpart of
            the same shape and dtype. Names that occur twice get a number. Variables that only the clone has follow.
        """
        found: dict[str, float | None] = {}

        def note(name: str, distance: float | None) -> None:
            unique, count = name, 2
            while unique in found:
                unique, count = f"{name} #{count}", count + 1
            found[unique] = distance

        for variable, place in zip(self.originals, self.places, strict=True):
            distance = None
            if place is not None:
                a, b = distances.values([variable, self.candidates[place]])
                alike = a.shape == b.shape and a.dtype == b.dtype
                distance = distances.largest_difference(a, b) if alike else None
            note(keras_compat.variable_name(variable, original), distance)
        for variable in self.extra:
            note(f"{keras_compat.variable_name(variable, clone)} (clone only)", None)
        return found


def at_rest(original: Any, clone: Any, walk: model_diff.Comparison, weights: dict[str, float | None]) -> list[Check]:
    """Compare what two models are made of, without calling them.

    Args:
        original: A model.
        clone: The model to judge.
        walk: The walk through both models.
        weights: The distance of each weight (see `Counterparts.apart`).
    """
    return [
        of_weights(original, clone, weights),
        _other_state(original, clone, walk),
        _of_findings(SAME_START, "structure", walk.of(model_diff.STRUCTURE), "same layers, connected alike"),
        _of_findings(SAME_START, "layer settings", walk.of(model_diff.SETTING), "all are equal"),
        _compile_settings(original, clone, walk),
        _optimizer_state(original, clone, walk),
        _separate_storage(original, clone),
        *_compiled_functions(original, clone),
    ]


def _of_findings(test: str, name: str, findings: list[Any], otherwise: str) -> Check:
    if not findings:
        return Check(test, name, True, otherwise)
    return Check(test, name, False, _listed(findings))


def _listed(findings: list[Any], most: int = 3) -> str:
    more = f"; and {len(findings) - most} more" if len(findings) > most else ""
    return "; ".join(map(str, findings[:most])) + more


def of_weights(original: Any, clone: Any, apart: dict[str, float | None]) -> Check:
    """Compare the weights of two models, from the distance of each (see `Counterparts.apart`)."""
    of_original, of_clone = keras_compat.weights(original), keras_compat.weights(clone)
    if not of_original and not of_clone:
        return Check(SAME_START, "weights", None, "neither model has weights (yet)")
    if len(of_original) != len(of_clone):
        evidence = f"the original has {len(of_original)} weights, the clone {len(of_clone)}"
        return Check(SAME_START, "weights", False, evidence)
    different = {name: distance for name, distance in apart.items() if distance != 0.0}
    if not different:
        return Check(SAME_START, "weights", True, f"all {len(apart)} are equal, bit for bit")
    unlike = next((name for name, distance in different.items() if distance is None), None)
    if unlike is not None:
        what = "shape, dtype or number of replicas"
        evidence = f"{len(different)} of {len(apart)} weights differ; {unlike} has a different {what}"
    else:
        worst = max(different, key=lambda name: different[name] or 0.0)
        largest = digits(different[worst] or 0.0)
        evidence = f"{len(different)} of {len(apart)} weights differ; largest |difference| {largest} in {worst}"
    return Check(SAME_START, "weights", False, evidence)


def _other_state(original: Any, clone: Any, walk: model_diff.Comparison) -> Check:
    name = "other state"
    of_original, of_clone = keras_compat.other_state(original), keras_compat.other_state(clone)
    findings = walk.of(model_diff.STATE)
    if findings:
        return Check(SAME_START, name, False, _listed(findings))
    if len(of_original) != len(of_clone):
        evidence = f"the original has {len(of_original)} variables outside its weights, the clone {len(of_clone)}"
        return Check(SAME_START, name, False, evidence)
    if not of_original:
        return Check(SAME_START, name, None, "no variables outside the weights")
    return Check(SAME_START, name, True, f"{len(of_original)} outside the weights, all equal")


def _compile_settings(original: Any, clone: Any, walk: model_diff.Comparison) -> Check:
    name = "compile settings"
    findings = walk.of(model_diff.COMPILATION)
    compiled = [keras_compat.is_compiled(model) for model in (original, clone)]
    if not any(compiled):
        # A model with a train_step of its own may hold an optimizer or a metric as an attribute.
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
        iterations = [keras_compat.steps_made(model.optimizer) for model in (original, clone)]
        if iterations[0] != iterations[1]:
            evidence = f"the original has made {iterations[0]} steps, the clone {iterations[1]}"
            return Check(SAME_FUTURE, name, False, evidence)
        counts = [len(keras_compat.optimizer_variables(model.optimizer)) for model in (original, clone)]
        if counts[0] != counts[1] and not findings:
            if iterations[0] == 0:
                return Check(SAME_FUTURE, name, True, "neither has made a step")
            return Check(SAME_FUTURE, name, False, f"{counts[0]} variables against {counts[1]}")
        after = f", after {iterations[0]} steps"
        count = count or counts[0]  # the walk does not enter an optimizer that both models share
    if not count and not findings:
        return Check(SAME_FUTURE, name, None, "there is none")
    if findings:
        apart = [finding.distance for finding in findings if finding.distance is not None]
        largest = f"; largest |difference| {digits(max(apart))}" if apart else ""
        evidence = f"{len(findings)} of {count} variables differ{largest}, such as {findings[0].path}"
        return Check(SAME_FUTURE, name, False, evidence)
    return Check(SAME_FUTURE, name, True, f"all {count} variables are equal{after}")


def _compiled_functions(original: Any, clone: Any) -> list[Check]:
    """Return a failed check if a compiled function does not do what its model does now."""
    for who, model in (("original", original), ("clone", clone)):
        name = tracing.outdated(model)
        if name:
            evidence = f"the {who} was changed after its {name} was compiled, which goes on as it was then"
            return [Check(SAME_FUTURE, "compiled functions", False, evidence)]
    return []


def _separate_storage(original: Any, clone: Any) -> Check:
    name = "separate storage"
    if original is clone:
        return Check(OWN_LIFE, name, False, "both names stand for one object")
    found = sharing.shared(original, clone)
    variables = [path for path, value in found if keras_compat.is_variable(value)]
    others = [(path, value) for path, value in found if not keras_compat.is_variable(value)]
    count = len({id(keras_compat.storage(v)) for v in distances.all_variables(original)})
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


# -- in answering ------------------------------------------------------------------------------------------------------

ANSWERS = ("outputs", "outputs in training mode")


class Answers:
    """What a model answers now, in inference and in training mode, and the losses that it adds.

    The model runs eagerly, which needs no tracing, and every model draws the same random numbers.

    Args:
        model: The model.
        batches: The inputs.
        draws: The random numbers that a different model drew, to be drawn again.

    Attributes:
        by_name: The outputs, or the error that was raised, by the names in `ANSWERS`.
        losses: The losses that the model added in training mode.
        draws: The random numbers that this model drew.
    """

    def __init__(self, model: Any, batches: Batches, draws: list[Any] | None = None):
        self.losses: list[Any] = []
        with snapshot.unchanged(model), random_state.same_random_state(draws) as self.draws:
            self.by_name = {
                "outputs": _tried(lambda: distances.answers(model(batches.inputs, training=False))),
                "outputs in training mode": _tried(lambda: self._in_training_mode(model, batches)),
            }

    def _in_training_mode(self, model: Any, batches: Batches) -> list[Any]:
        outputs = distances.answers(model(batches.batch(0)[0], training=True))
        self.losses = [np.asarray(loss) for loss in model.losses]
        return outputs


def notes(model: Any, batches: Batches) -> set[model_diff.Place]:
    """Return the places in which a model only notes what its last call computed (see `model_diff.notes_of`)."""
    if not model.built:
        return set()
    variables = distances.all_variables(model)
    values = distances.values(variables)
    changed: set[int] = set()
    draws = None

    def call() -> None:
        nonlocal draws
        distances.assign(variables, values)
        with random_state.same_random_state(draws) as draws:
            _tried(lambda: model(batches.inputs, training=False))
            moved = map(distances.largest_difference, values, distances.values(variables))
            changed.update(id(variable) for variable, distance in zip(variables, moved, strict=True) if distance)
            _tried(lambda: model(batches.batch(0)[0], training=True))

    with snapshot.unchanged(model):
        found = model_diff.notes_of(model, call)
    # A metric of Keras 2 that was given to add_metric counts each call.
    metrics = keras_compat.metrics(model)
    return found | {(id(metric), key) for metric in metrics for key, v in vars(metric).items() if id(v) in changed}


def _tried(run: Any) -> Any:
    try:
        return run()
    except Exception as error:  # whatever a model raises is part of the evidence
        return error


def of_answers(name: str, of_original: Answers, of_clone: Answers, original: Any, clone: Any) -> Check:
    """Compare what two models answer, in one of the two modes of `ANSWERS`."""
    a, b = of_original.by_name[name], of_clone.by_name[name]
    if isinstance(a, NotImplementedError):
        return Check(SAME_START, name, None, "the original has no call of its own")
    if isinstance(a, Exception):
        return Check(SAME_START, name, None, f"the original cannot be called in training mode ({first_line(a)})")
    if keras_compat.weights(original) and not keras_compat.weights(clone):
        return Check(SAME_START, name, False, "the clone has no weights yet: it was never called")
    if isinstance(b, Exception):
        return Check(SAME_START, name, False, f"the clone cannot be called ({first_line(b)})")
    if len(a) != len(b):
        return Check(SAME_START, name, False, f"the original gives {len(a)} outputs, the clone {len(b)}")
    largest = distances.largest_of(map(distances.largest_difference, a, b))
    allowed = max(map(distances.rounding, a), default=0.0)
    same = not any(map(distances.differs, a, b)) and [x.dtype for x in a] == [x.dtype for x in b]
    evidence = f"largest |difference| {digits(largest)} over {len(a[0]) if a and a[0].shape else 1} samples"
    if largest and allowed:
        evidence += f"; up to {allowed:.1g} is rounding in {a[0].dtype}"
    unlike = next(((x.dtype, y.dtype) for x, y in zip(a, b, strict=True) if x.dtype != y.dtype), None)
    if unlike:
        evidence += f"; {unlike[0]} against {unlike[1]}"
    return Check(SAME_START, name, same, evidence)


def of_added_losses(of_original: Answers, of_clone: Answers) -> Check:
    """Compare the losses that two models add in training mode."""
    a, b = of_original.losses, of_clone.losses
    name = "added losses"
    if not a and not b:
        return Check(SAME_FUTURE, name, None, "neither model adds losses or penalties of its own")
    if len(a) != len(b):
        return Check(SAME_FUTURE, name, False, f"the original adds {len(a)} losses, the clone {len(b)}")
    largest = distances.largest_of(map(distances.largest_difference, a, b))
    same = not any(map(distances.differs, a, b))
    return Check(SAME_FUTURE, name, same, f"{len(a)} losses, largest |difference| {digits(largest)}")


def outputs(model: Any, batches: Batches, draws: list[Any]) -> list[np.ndarray]:
    """Return what a model answers now, while it draws the same random numbers again."""
    with random_state.same_random_state(draws):
        return distances.answers(model(batches.inputs, training=False))


def movement(now: Sequence[np.ndarray], before: Sequence[np.ndarray]) -> float:
    """Return how far outputs have moved; 0.0 if it is no more than rounding."""
    if len(now) != len(before):
        return float("inf")
    apart = [distances.largest_difference(a, b) for a, b in zip(now, before, strict=True) if distances.differs(a, b)]
    return max(apart, default=0.0)
