"""Walk the objects of two models side by side and report where they differ.

`model_parts` says what the objects are made of. Here, `_COMPARISONS` is an open list of handlers: the first that
applies to a pair of values compares it.
"""

import contextlib
import functools
import types
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from helpers import distances, graphs, keras_compat, random_state
from helpers.model_parts import (
    PLAIN,
    REFERENCE,
    WEAK,
    Parts,
    added_attributes,
    defines_equality,
    has_attributes,
    is_array,
    is_bare,
    is_function,
    is_generator,
    is_graph,
    is_iterator,
    is_mapping,
    is_of_library,
    is_plain,
    is_sequence,
    is_set,
    is_table,
    is_trace,
    join_path,
    keras_kind,
    parts,
    parts_of_compilation,
    table_items,
    walked,
)
from helpers.text import digits

# The identity of an object, and the key of one of its parts.
Place = tuple[int, Any]

# Where in a model something was found.
STRUCTURE, SETTING, WEIGHT, STATE = "structure", "setting", "weight", "state"
COMPILATION, OPTIMIZER, METRIC = "compilation", "optimizer", "metric"


@dataclass(frozen=True)
class Finding:
    """One difference between two models.

    Attributes:
        kind: What differs, one of the constants above.
        path: Where, such as `dropout_1.rate`.
        text: How, such as `0.5 against 0.3`.
        distance: The largest absolute difference, if the values are numbers.
    """

    kind: str
    path: str
    text: str
    distance: float | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


def compare(original: Any, clone: Any, notes: Collection[Place] = ()) -> "Comparison":
    """Walk two models side by side.

    Args:
        original: A model.
        clone: The model to compare with it, of the same Keras version.
        notes: The places to leave out, of both models (see `notes_of`).

    Returns:
        A `Comparison` with the differences found, and the variables of both in pairs.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5, name="dropout")])
        >>> clone = keras.models.clone_model(model)
        >>> clone.get_layer("dropout").rate = 0.3
        >>> print(*compare(model, clone).of(SETTING))
        dropout.rate: 0.5 against 0.3
    """
    walk = Comparison(original, clone, notes)
    walk.run()
    return walk


def notes_of(model: Any, call: Callable[[], Any]) -> set[Place]:
    """Return the places in which a model only notes what its last call computed.

    Every call replaces what is there, and what it was before does not matter: after a second call alike, an equal value
    is there. A place that was empty may also be filled once, with a number or a text.

    Args:
        model: A model.
        call: What to do twice. It calls the model on the same inputs, from the same random state.
    """
    alive = []  # an id is valid only as long as its object lives

    def held() -> dict[Place, Any]:
        found = list(walked(model))
        alive.append(found)
        return {(id(owner), key): value for owner, key, value in found}

    at_rest, before = held(), held()
    call()
    first = held()
    call()
    second = held()
    walk = Comparison(model, model)

    def is_note(place: Place, value: Any) -> bool:
        old, new = before.get(place), second.get(place)
        if old is not at_rest.get(place) or value is old or not walk.alike(value, new):
            return False
        if isinstance(value, PLAIN):
            return old is None and not isinstance(value, bool)
        return value is not new

    return {place for place, value in first.items() if is_note(place, value)}


class _Pair(NamedTuple):
    """Two values that have the same place, and the area of the model that they belong to."""

    a: Any
    b: Any
    path: str
    area: str

    @property
    def structure(self) -> str:
        """The kind of a finding that concerns which objects there are, not their values."""
        return STRUCTURE if self.area == SETTING else self.area


class Comparison:
    """The result of a walk through two models.

    Attributes:
        findings: The differences, in the order in which they were found.
        pairs: The pairs of variables that have the same place: (kind, name, the original's, the clone's).
    """

    def __init__(self, original: Any, clone: Any, notes: Collection[Place] = ()):
        self.findings: list[Finding] = []
        self.pairs: list[tuple[str, str, Any, Any]] = []
        self._models, self._notes = (original, clone), notes
        self._weights = {id(keras_compat.storage(weight)) for weight in keras_compat.weights(original)}
        self._keys = _identities(original), _identities(clone)
        self._clone_of: dict[int, int] = {}
        self._original_of: dict[int, int] = {}
        self._seen: set[tuple[int, int]] = set()
        self._queue: deque[_Pair] = deque()
        self._alive: list[Any] = []  # an id is valid only as long as its object lives

    def run(self) -> None:
        """Walk until nothing is left to compare."""
        original, clone = self._models
        self._push(original, clone, "", SETTING)
        if keras_compat.is_compiled(original) and keras_compat.is_compiled(clone):
            of_original, of_clone = parts_of_compilation(original), parts_of_compilation(clone)
            for key in of_original:
                self._push(of_original[key], of_clone.get(key), key, COMPILATION)
            self._push(original.optimizer, clone.optimizer, "optimizer", COMPILATION)
            for a, b in _metrics_in_pairs(original, clone):
                if len(a.variables) == len(b.variables):  # they are created at the first training step
                    self._push(a, b, a.name, METRIC)
        self._walk()

    def alike(self, a: Any, b: Any) -> bool:
        """Return True if two values, apart from where they are, have no difference."""
        trial = Comparison(*self._models, self._notes)
        trial._push(a, b, "", SETTING)
        trial._walk()
        return not trial.findings

    def _walk(self) -> None:
        while self._queue:
            self._compare(self._queue.popleft())

    def of(self, *kinds: str) -> list[Finding]:
        """Return the findings of some kinds."""
        return [finding for finding in self.findings if finding.kind in kinds]

    def _push(self, a: Any, b: Any, path: str, area: str, again: bool = False) -> None:
        """Put a pair in the queue, each once, except values that many places share, such as True and False.

        Args:
            a: A value of the original.
            b: The value of the clone that has the same place.
            path: The place.
            area: The area of the model that the place belongs to.
            again: True to compare the pair again if it was already compared in a different place.
        """
        if again or isinstance(a, PLAIN) or isinstance(b, PLAIN) or (id(a), id(b)) not in self._seen:
            self._seen.add((id(a), id(b)))
            self._alive += [a, b]
            self._queue.append(_Pair(a, b, path, area))

    def _note(self, area: str, path: str, text: str, distance: float | None = None) -> None:
        kind = COMPILATION if area in (OPTIMIZER, METRIC) else area
        self.findings.append(Finding(kind, path or "the model", text, distance))

    def _compare(self, pair: _Pair) -> None:
        kind = keras_kind(pair.a)[1]
        if kind in ("layer", "model") and pair.path:
            pair = pair._replace(path=pair.a.name)
        if kind in ("optimizer", "metric"):
            pair = pair._replace(area=OPTIMIZER if kind == "optimizer" else METRIC)
        a, b = pair.a, pair.b
        if is_trace(a) or is_trace(b):
            return  # left behind by the last trace of a function
        if keras_compat.is_variable(a) and keras_compat.is_variable(b):
            self._compare_variables(pair)
        elif kind in ("layer", "model", "optimizer", "metric") and not isinstance(b, PLAIN) and self._breaks_tie(a, b):
            self._note(pair.structure, pair.path, "one object in two places of the original, but two in the clone")
        elif a is not b:
            compare = next(compare for applies, compare in _COMPARISONS if applies(a, b))
            found = len(self.findings)
            compare(self, pair)
            if compare in _BY_CONTENT and len(self.findings) == found and not (is_bare(a) and is_bare(b)):
                self._compare_by_name(pair, added_attributes(a), added_attributes(b))

    def _breaks_tie(self, a: Any, b: Any) -> bool:
        """Return True if either object was already paired with a different one (a broken tie)."""
        return self._clone_of.setdefault(id(a), id(b)) != id(b) or self._original_of.setdefault(id(b), id(a)) != id(a)

    # -- variables ----------------------------------------------------------------------------------------------------

    def _compare_variables(self, pair: _Pair) -> None:
        a, b, path, area = pair
        of_original, of_clone = keras_compat.storage(a), keras_compat.storage(b)
        name = keras_compat.variable_name(a, self._models[0])
        if self._breaks_tie(of_original, of_clone):
            self._note(pair.structure, name, "one variable in two places of the original, but two in the clone")
            return
        is_rate = area == OPTIMIZER and path.endswith("learning rate")
        kind = STATE
        if area == OPTIMIZER:
            kind = COMPILATION if is_rate else OPTIMIZER
        elif area == SETTING:
            kind = WEIGHT if id(of_original) in self._weights else STATE
            for flag in ("trainable", "constraint", "regularizer"):
                if hasattr(a, flag) and hasattr(b, flag):
                    self._push(getattr(a, flag), getattr(b, flag), f"{name}.{flag}", area, again=True)
        self.pairs.append((kind, name, a, b))
        difference = _difference_of_variables(of_original, of_clone, area)
        if difference is not None:
            self.findings.append(Finding(kind, path if is_rate else name, *difference))

    # -- one handler for each kind of value, in the order of _COMPARISONS ---------------------------------------------

    def _compare_plain(self, pair: _Pair) -> None:
        if not self._equal_plain(pair.a, pair.b):
            self._note_values(pair)

    def _compare_arrays(self, pair: _Pair) -> None:
        a, b, path, area = pair
        if not (is_array(a) and is_array(b)):
            self._note_values(pair)
            return
        of_original, of_clone = _leaves(a), _leaves(b)
        if [leaf.dtype for leaf in of_original] != [leaf.dtype for leaf in of_clone]:
            self._note(area, path, f"{of_original[0].dtype} against {of_clone[0].dtype}")
            return
        distance = distances.largest_of(map(distances.largest_difference, of_original, of_clone))
        if distance:
            self._note(area, path, f"|difference| {digits(distance)}", distance)

    def _compare_sets(self, pair: _Pair) -> None:
        of_original, of_clone = (
            {_place(v, keys) for v in values} for keys, values in zip(self._keys, (pair.a, pair.b), strict=True)
        )
        alone, others = [v for v in of_original if v not in of_clone], [v for v in of_clone if v not in of_original]
        for value in list(alone):
            match = next((other for other in others if not is_plain(value) and self.alike(value, other)), None)
            if match is not None:
                alone.remove(value)
                others.remove(match)
        if alone or others:
            text = f"{len(alone)} members only in the original, {len(others)} only in the clone"
            self._note(pair.area, pair.path, text)

    def _compare_tables(self, pair: _Pair) -> None:
        of_original, of_clone = table_items(pair.a), table_items(pair.b)
        if of_original != of_clone:
            key = next((key for key in [*of_original, *of_clone] if of_original.get(key) != of_clone.get(key)), None)
            text = f"a table of {len(of_original)} entries against one of {len(of_clone)}, such as {key!r}: "
            self._note(STATE, pair.path, f"{text}{of_original.get(key)!r} against {of_clone.get(key)!r}")

    def _compare_graphs(self, pair: _Pair) -> None:
        if graphs.fingerprint(pair.a) != graphs.fingerprint(pair.b):
            self._note(pair.area, pair.path, f"{_shown(pair.a)} with different operations or constants")
        self._compare_parts(pair)

    def _compare_generators(self, pair: _Pair) -> None:
        if not distances.equal_states(random_state.state_of(pair.a), random_state.state_of(pair.b)):
            self._note(STATE, pair.path, f"a different state of the random generator {type(pair.a).__name__}")

    def _compare_classes(self, pair: _Pair) -> None:
        if not _same_class(pair.a, pair.b):
            self._note_values(pair)

    def _compare_functions(self, pair: _Pair) -> None:
        if _same_function(pair.a, pair.b):
            self._compare_parts(pair)
        else:
            self._note_values(pair)

    def _compare_objects(self, pair: _Pair) -> None:
        a, b, path, area = pair
        if not (_same_class(type(a), type(b)) or (is_iterator(a) and is_iterator(b))):
            self._note(pair.structure, path, f"{_shown(a)} against {_shown(b)}")
            return
        if type(a) is not type(b):
            self._push(_methods(type(a)), _methods(type(b)), path, area)
        self._compare_parts(pair)

    def _compare_parts(self, pair: _Pair) -> None:
        a, b = pair.a, pair.b
        of_original, of_clone = parts(a), parts(b)
        if of_original is None or of_clone is None:
            if not _equal_opaque(a, b):
                self._note_values(pair)
            return
        if keras_kind(a)[1] == "optimizer":
            _leave_out_missing_slots(a, b, of_original, of_clone)
        self._compare_by_name(pair, of_original, of_clone)

    def _compare_by_name(self, pair: _Pair, of_original: Parts, of_clone: Parts) -> None:
        a, b, path, area = pair
        of_original, of_clone = self._by_place(of_original, of_clone)
        for key, other in _alone_in_pairs(of_original, of_clone):  # the keys themselves are compared as parts
            of_clone[key] = of_clone.pop(other)
        is_object = has_attributes(a)
        for key in [*of_original, *(key for key in of_clone if key not in of_original)]:
            place = join_path(path, key, is_object)
            if (id(a), key) in self._notes or (id(b), key) in self._notes:
                continue
            if key in of_original and key in of_clone:
                self._push(of_original[key], of_clone[key], place, area)
            elif _matters_alone(a, of_original.get(key, of_clone.get(key))):
                owner, value = (
                    ("the original", of_original[key]) if key in of_original else ("the clone", of_clone[key])
                )
                self._note(pair.structure, place, f"only {owner} has it, as {_shown(value)}")

    # -- values that identify others ----------------------------------------------------------------------------------

    def _note_values(self, pair: _Pair) -> None:
        self._note(pair.area, pair.path, f"{_shown(pair.a)} against {_shown(pair.b)}")

    def _equal_plain(self, a: Any, b: Any) -> bool:
        for one, two in ((a, b), (b, a)):
            if isinstance(one, str) and is_function(two):
                return getattr(two, "__name__", None) == one
        of_original, of_clone = self._keys
        if isinstance(a, str) and a in of_original:
            return of_original[a] == of_clone.get(b)
        if not (isinstance(a, PLAIN) and isinstance(b, PLAIN)):
            return False
        return bool(np.all(a == b) or np.all((a != a) & (b != b)))  # NaN counts as equal to NaN

    def _by_place(self, of_original: Parts, of_clone: Parts) -> tuple[Parts, Parts]:
        """Match keys that are identities of variables or layers, or names that Keras made up."""
        if of_original.keys() == of_clone.keys():
            return of_original, of_clone
        keys, other_keys = self._keys
        if any(_place(key, keys) is not key for key in of_original):
            return {_place(k, keys): v for k, v in of_original.items()}, {
                _place(k, other_keys): v for k, v in of_clone.items()
            }
        named = all(getattr(v, "name", None) == k for d in (of_original, of_clone) for k, v in d.items())
        if named and len(of_original) == len(of_clone):
            return of_original, dict(zip(of_original, of_clone.values(), strict=True))
        return of_original, of_clone


# The first handler that applies to two values compares them. To compare a new kind, add a line.
_COMPARISONS: list[tuple[Callable[[Any, Any], bool], Callable[[Comparison, _Pair], None]]] = [
    (lambda a, b: isinstance(a, PLAIN) or isinstance(b, PLAIN), Comparison._compare_plain),
    (lambda a, b: is_array(a) or is_array(b), Comparison._compare_arrays),
    (lambda a, b: is_set(a) and is_set(b), Comparison._compare_sets),
    (lambda a, b: is_table(a) and is_table(b), Comparison._compare_tables),
    (lambda a, b: is_graph(a) and is_graph(b), Comparison._compare_graphs),
    (lambda a, b: is_generator(a) and type(a) is type(b), Comparison._compare_generators),
    (lambda a, b: isinstance(a, type) or isinstance(b, type), Comparison._compare_classes),
    (lambda a, b: is_function(a) and is_function(b), Comparison._compare_functions),
    (lambda a, b: is_mapping(a) and is_mapping(b), Comparison._compare_parts),
    (lambda a, b: is_sequence(a) and is_sequence(b), Comparison._compare_parts),
    (lambda a, b: True, Comparison._compare_objects),
]
# These do not look at the attributes that a number, an array or a set of the reader's own class has beside its content.
_BY_CONTENT = (
    *(Comparison._compare_plain, Comparison._compare_arrays, Comparison._compare_sets, Comparison._compare_tables),
    Comparison._compare_generators,
)


def _identities(model: Any) -> dict[Any, str]:
    """Return the place of each weight and layer by every key that may identify it."""
    found = {id(layer): f"layer {place}" for place, layer in enumerate(keras_compat.flat_layers(model))}
    for place, weight in enumerate(keras_compat.weights(model)):
        found |= dict.fromkeys(keras_compat.variable_keys(weight), f"weight {place}")
    return found


def _place(key: Any, places: dict[Any, str]) -> Any:
    """Return the place of the weight or layer that a key identifies, or the key itself."""
    if isinstance(key, REFERENCE):
        return places.get(id(key.deref()), key)
    return places.get(key, key) if isinstance(key, (int, str)) else key


def _leaves(value: Any) -> list[np.ndarray]:
    """Return the arrays that an array or tensor consists of."""
    if isinstance(value, np.ma.MaskedArray):
        return [np.asarray(value), np.ma.getmaskarray(value), np.asarray(value.fill_value)]
    return [np.asarray(leaf) for leaf in tf.nest.flatten(value, expand_composites=True)]


# -- differences ------------------------------------------------------------------------------------------------------


def _difference_of_variables(a: Any, b: Any, area: str) -> tuple[str, float] | None:
    """Return how two TensorFlow variables differ, and how far they are apart, or None."""
    if tuple(a.shape) != tuple(b.shape):
        return f"shape {tuple(a.shape)} against {tuple(b.shape)}", float("inf")
    if a.dtype != b.dtype:
        return f"{a.dtype.name} against {b.dtype.name}", float("inf")
    if a is b:
        return None
    of_original, of_clone = distances.values([a, b])
    distance = distances.largest_difference(of_original, of_clone)
    # A metric is reset whenever training starts: one that has counted nothing is just as good.
    if not distance or (area == METRIC and not np.any(of_clone)):
        return None
    if of_original.ndim == 0:
        return f"{of_original} against {of_clone}", distance
    # Whole numbers are the state of a random generator, or stand for words: their distance says nothing.
    whole = np.issubdtype(of_original.dtype, np.integer)
    return "unequal" if whole else f"|difference| {distance:.3g}", distance


def _shown(value: Any) -> str:
    if is_function(value):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if is_plain(value):
        return repr(value)[:80]
    if is_mapping(value) or is_sequence(value) or is_set(value):
        return f"a {type(value).__name__} of {len(parts(value) or ())}"
    name = None
    with contextlib.suppress(Exception):  # a property is its author's code and may raise anything
        name = value.name
    return f"{type(value).__name__}{f' {name!r}' if isinstance(name, str) else ''}"


def _metrics_in_pairs(original: Any, clone: Any) -> list[tuple[Any, Any]]:
    """Return the metrics of two models in pairs: those of equal names, then the others by position.

    A model that was not trained yet lists fewer of them, and Keras makes up some of the names.
    """
    others = keras_compat.metrics(clone)
    found, alone = [], []
    for metric in keras_compat.metrics(original):
        match = next((other for other in others if other.name == metric.name), None)
        if match is None:
            alone.append(metric)
        else:
            found.append((metric, match))
            others.remove(match)
    return [*found, *((a, b) for a, b in zip(alone, others, strict=False) if type(a) is type(b))]


def _alone_in_pairs(of_original: Parts, of_clone: Parts) -> list[tuple[Any, Any]]:
    """Return the keys that only one of two dicts has, in pairs, if these are objects that may be equal in content."""
    alone, others = (
        [key for key in of_original if key not in of_clone],
        [key for key in of_clone if key not in of_original],
    )
    if len(alone) != len(others) or any(map(is_plain, alone)):
        return []
    return [(a, b) for a, b in zip(alone, others, strict=True) if type(a) is type(b)]


def _matters_alone(owner: Any, value: Any) -> bool:
    """Return True if it is a difference that only one of two objects has a value."""
    if value is None or is_trace(value):
        return False
    if (is_sequence(value) or is_mapping(value) or is_set(value)) and not parts(value):
        return False
    # Many attributes of library objects are created at first use, and are empty or None until then.
    created_late = has_attributes(owner) and is_of_library(owner) and keras_kind(owner)[1] != "optimizer"
    return not created_late or _is_substantial(value)


def _is_substantial(value: Any) -> bool:
    """Return True for variables, layers, functions and tables, and lists of them."""
    if is_sequence(value):
        return any(map(_is_substantial, value))
    return keras_compat.is_variable(value) or is_table(value) or is_function(value) or bool(keras_kind(value)[1])


def _leave_out_missing_slots(a: Any, b: Any, of_original: Parts, of_clone: Parts) -> None:
    """Ignore slots before the first step: an optimizer that has created them has learned no more than one without."""
    if len(of_original["variables"]) != len(of_clone["variables"]) and int(a.iterations) == int(b.iterations) == 0:
        del of_original["variables"], of_clone["variables"]


# -- equality ---------------------------------------------------------------------------------------------------------


def _equal_opaque(a: Any, b: Any) -> bool:
    if isinstance(a, WEAK) and isinstance(b, WEAK):
        return True
    if type(a) is not type(b) or isinstance(a, types.ModuleType):
        return a is b
    if not defines_equality(a):
        return True  # nothing to compare
    try:
        equal = a == b
    except Exception:  # `__eq__` is its author's code and may raise anything
        return True
    return bool(equal) if isinstance(equal, (bool, np.bool_)) else True


def _same_class(a: Any, b: Any) -> bool:
    """Return True if two classes are the same, or come from the same lines, as in a function that was called twice."""
    if a is b or not (isinstance(a, type) and isinstance(b, type)):
        return a is b
    return (a.__module__, a.__qualname__) == (b.__module__, b.__qualname__)


def _methods(cls: type) -> dict[str, Any]:
    return {name: value for name, value in vars(cls).items() if isinstance(value, types.FunctionType)}


def _same_function(a: Any, b: Any) -> bool:
    of_original, of_clone = getattr(a, "__code__", None), getattr(b, "__code__", None)
    if of_original is not None and of_clone is not None:
        return _same_code(of_original, of_clone)
    if type(a) is not type(b):
        return False
    # What a partial function or a built-in method is bound to is compared as a part of it.
    return (
        isinstance(a, (functools.partial, functools.partialmethod))
        or bool(a == b)
        or (bool(parts(a)) and a.__name__ == b.__name__)
    )


def _same_code(a: types.CodeType, b: types.CodeType) -> bool:
    """Return True if two functions do the same, whatever file and lines they come from."""
    if (a.co_code, a.co_names, a.co_varnames, a.co_freevars, len(a.co_consts)) != (
        b.co_code, b.co_names, b.co_varnames, b.co_freevars, len(b.co_consts)
    ):  # fmt: skip
        return False
    return all(
        _same_code(x, y) if isinstance(x, types.CodeType) and isinstance(y, types.CodeType) else repr(x) == repr(y)
        for x, y in zip(a.co_consts, b.co_consts, strict=True)
    )
