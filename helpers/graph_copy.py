"""Copy a graph of Python objects: everything that one object reaches, each part once, without running its constructors.

`Copy` works in three passes over one memo. The first finds every mutable object. The second creates an empty object of
the same class for each, by `__new__` and without a constructor. The third fills them: attributes and the cells of
closures first, then lists, dicts and sets, since a key has to be complete before it can be hashed. Immutable values
(tuples, bound methods, weak references) are built again while their holders are filled.

One memo for the whole walk makes special cases unnecessary: an object that is in two places of the original is one
object in two places of the copy. This covers tied weights, optimizers and their variables, and edits after
construction. What cannot be copied is refused by name, see `CloneError`.
"""

import collections
import contextlib
import copy
import dis
import enum
import functools
import gc
import inspect
import logging
import numbers
import operator
import re
import struct
import sys
import threading
import types
import typing
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from helpers import keras_compat, model_parts, tf_private
from helpers.caching import cached
from helpers.containers import CONTAINERS, base_of, has_slots, items_of, set_items, slots_of

# How a part is reached, such as "." or "[]", its name, and the part.
Children = Iterator[tuple[str, Any, Any]]
Copied = Callable[[Any], Any]


class CloneError(ValueError):
    """A model cannot be cloned truly. The message names the layer or class and says what to do."""


# -- what is shared, and what is refused -------------------------------------------------------------------------------

_SHARED = (
    *(type(None), type(...), type(NotImplemented), bool, int, float, complex, str, bytes, range, slice),
    *(numbers.Number, type, enum.Enum, re.Pattern, logging.Logger, inspect.Signature, inspect.Parameter),
    *(types.ModuleType, types.CodeType, types.GenericAlias, types.WrapperDescriptorType),
    *(types.MethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType, types.UnionType),
    *(typing.TypeVar, type(typing.Any), type(typing.List[int]), type(typing.Union[int, str])),  # noqa: UP006, UP007
    *(np.dtype, np.generic, np.ufunc, struct.Struct),
)
# The most frequent of them: `Copy` skips these first. A number or text may be the identity of an object.
_PLAIN = frozenset({type(None), bool, float, bytes, complex})
_PLAIN_OR_IDENTITY = _PLAIN | {int, str}
_LOCKS = {type(threading.Lock()): threading.Lock, type(threading.RLock()): threading.RLock}
_WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
_IDENTITY = re.compile(r"\d{9,}")


def _is_importable(function: Any) -> bool:
    """Return True if a function can be imported by its module and name: such a function is shared, not copied."""
    found: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    for name in getattr(function, "__qualname__", "").split("."):
        found = getattr(found, name, None)
    return found is function


@cached
def _is_shared_class(cls: type) -> bool:
    return cls is object or issubclass(cls, _SHARED) or tf_private.is_constant_class(cls)


@cached
def _may_have_attributes(cls: type) -> bool:
    """Return True for a class of numbers or texts that the reader may have derived: its instances may hold anything."""
    return issubclass(cls, (numbers.Number, str, bytes)) and not issubclass(cls, enum.Enum)


def _is_shared(value: Any) -> bool:
    cls = type(value)
    if _is_shared_class(cls):
        if _may_have_attributes(cls):
            return not (tf_private.attributes(value) or slots_of(value))
        return not tf_private.is_handle(value)
    if cls is types.MappingProxyType:
        return "__module__" in value and "__doc__" in value  # the attributes of a class
    if cls is types.FunctionType:
        nothing_inside = not (value.__closure__ or value.__defaults__ or value.__kwdefaults__ or value.__dict__)
        return nothing_inside or _is_importable(value)
    if cls is types.BuiltinFunctionType:
        return value.__self__ is None or isinstance(value.__self__, (types.ModuleType, type))
    # Functions written in C, or wrapped by an object that is.
    return _kind(cls) is _Reduced and callable(value) and _is_importable(value)


# -- kinds -------------------------------------------------------------------------------------------------------------


class _Kind:
    """How the objects of one class are copied. It belongs to one `Copy`: what is true of all of them is found out once.

    Args:
        cls: The class.
    """

    def __init__(self, cls: type):
        self.needs_a_look = _needs_a_look(cls)

    def children(self, old: Any) -> Children:
        """Return what an object holds, and how."""
        return iter(())

    def held(self, old: Any) -> list[Any]:
        """Return what an object holds."""
        return [child for _, _, child in self.children(old)]


class _Filled(_Kind):
    """A mutable kind: created empty, then filled."""

    def empty(self, old: Any, walk: "Copy") -> Any:
        """Return a new object of the same class."""
        raise NotImplementedError

    def fill(self, old: Any, new: Any, copied: Copied) -> None:
        """Give the new object copies of attributes, slots and cells."""

    def fill_items(self, old: Any, new: Any, copied: Copied) -> None:
        """Give the new object copies of items, once all objects have their attributes."""


class _Rebuilt(_Kind):
    """An immutable kind: built again from copied parts."""

    def rebuilt(self, old: Any, copied: Copied) -> Any:
        """Return the object made of copied parts."""
        raise NotImplementedError


# -- mutable kinds -----------------------------------------------------------------------------------------------------


class _Thing(_Filled):
    """An object with attributes, slots or items, the common case."""

    def __init__(self, cls: type):
        super().__init__(cls)
        self.base = base_of(cls)
        self.has_slots = has_slots(cls)
        self.attributes = tf_private.reader_of_attributes(cls)
        self.own = tf_private.own_attributes(cls)

    def children(self, old: Any) -> Children:
        if self.base is dict:
            for key, value in dict.items(old):
                yield "[]", key, value
                yield "a key", key, key
            yield ".", "default_factory", getattr(old, "default_factory", None)
        elif self.base in CONTAINERS:
            yield from (("[]", i, item) for i, item in enumerate(self.base.__iter__(old)))
        elif self.base is tf_private.PROXY:
            yield ".", "__wrapped__", old.__wrapped__
        yield from ((".", member.__name__, value) for member, value in slots_of(old))
        attributes = self.attributes(old) if self.attributes else {}
        yield from ((".", name, value) for name, value in attributes.items() if name not in self.own)

    def held(self, old: Any) -> list[Any]:
        if self.has_slots or self.base is tf_private.PROXY:
            return super().held(old)
        found: list[Any] = []
        if self.base is dict:
            found += [*dict.keys(old), *dict.values(old), getattr(old, "default_factory", None)]
        elif self.base in CONTAINERS:
            found += self.base.__iter__(old)
        if self.attributes:
            found += [value for name, value in self.attributes(old).items() if name not in self.own]
        return found

    def empty(self, old: Any, walk: "Copy") -> Any:
        return self.base.__new__(type(old))

    def fill(self, old: Any, new: Any, copied: Copied) -> None:
        if self.base is tf_private.PROXY:
            self.base.__init__(new, copied(old.__wrapped__))
        attributes = self.attributes(old) if self.attributes else None
        if attributes is old:  # a dict whose attributes are its items
            new.__dict__ = new
        elif attributes:
            made: Any = tf_private.attributes(new)
            for name, value in attributes.items():
                if name in self.own:
                    value = made.get(name)
                elif type(value) not in _PLAIN:
                    value = copied(value)
                made[name] = value
        if self.has_slots:
            for member, value in slots_of(old):
                member.__set__(new, copied(value))

    def fill_items(self, old: Any, new: Any, copied: Copied) -> None:
        if self.base is list:
            list.extend(new, map(copied, list.__iter__(old)))
        elif self.base is dict:
            if isinstance(old, collections.defaultdict):
                new.default_factory = copied(old.default_factory)
            set_items(new, [(copied(key), copied(value)) for key, value in items_of(old)])
        elif self.base in CONTAINERS:
            set_items(new, list(map(copied, items_of(old))), getattr(old, "maxlen", None))


class _Local(_Thing):
    """The attributes that a `threading.local` has in this thread. In any other thread it starts as the original did."""

    def children(self, old: Any) -> Children:
        arguments, keywords = self._arguments(old)
        yield from (("an argument", i, value) for i, value in enumerate(arguments))
        yield from (("an argument", name, value) for name, value in keywords.items())
        yield from super().children(old)

    def held(self, old: Any) -> list[Any]:
        arguments, keywords = self._arguments(old)
        return [*arguments, *keywords.values(), *super().held(old)]

    def empty(self, old: Any, walk: "Copy") -> Any:
        arguments, keywords = self._arguments(old)
        copies = {name: walk.copied(value) for name, value in keywords.items()}
        return threading.local.__new__(type(old), *map(walk.copied, arguments), **copies)

    def _arguments(self, old: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return what the constructor gets again in each thread. Only the garbage collector knows it."""
        held = gc.get_referents(old)
        arguments = next((value for value in held if type(value) is tuple), ())
        dicts = [value for value in held if type(value) is dict and all(isinstance(key, str) for key in value)]
        return arguments, next((value for value in dicts if value and value is not vars(old)), {})


class _Array(_Filled):
    def children(self, old: np.ndarray) -> Children:
        yield from (("[]", i, item) for array in self._of_objects(old) for i, item in enumerate(array.flat))
        own = tf_private.own_attributes(type(old))
        yield from ((".", name, value) for name, value in getattr(old, "__dict__", {}).items() if name not in own)

    def empty(self, old: np.ndarray, walk: "Copy") -> Any:
        return old.copy(order="K")

    def fill(self, old: np.ndarray, new: np.ndarray, copied: Copied) -> None:
        for one, other in zip(self._of_objects(old), self._of_objects(new), strict=True):
            for i, item in enumerate(one.flat):
                other.flat[i] = copied(item)
        own = tf_private.own_attributes(type(old))
        for name, value in getattr(old, "__dict__", {}).items():  # NumPy copies the numbers of a derived class only
            if name not in own:
                new.__dict__[name] = copied(value)
        new.flags.writeable = old.flags.writeable

    def _of_objects(self, array: np.ndarray) -> list[np.ndarray]:
        """Return the array, or the fields of a structured one, that hold objects."""
        if array.dtype.names and array.dtype.hasobject:
            return [found for name in array.dtype.names for found in self._of_objects(array[name])]
        return [array] if array.dtype == object else []


class _Cell(_Filled):
    def children(self, old: Any) -> Children:
        try:
            yield ".", "cell_contents", old.cell_contents
        except ValueError:  # a name that has no value yet
            return

    def empty(self, old: Any, walk: "Copy") -> Any:
        return types.CellType()

    def fill(self, old: Any, new: Any, copied: Copied) -> None:
        for _, _, value in self.children(old):
            new.cell_contents = copied(value)


class _Function(_Filled):
    """A function that cannot be imported: the same code, with a copy of each cell of its closure."""

    def children(self, old: Any) -> Children:
        for name, cell in zip(old.__code__.co_freevars, old.__closure__ or (), strict=True):
            yield "the closure over", name, cell
        yield ".", "__defaults__", old.__defaults__
        yield from ((".", name, value) for name, value in ((old.__kwdefaults__ or {}) | old.__dict__).items())

    def empty(self, old: Any, walk: "Copy") -> Any:
        cells = tuple(walk.copied(cell) for cell in old.__closure__ or ())
        new = types.FunctionType(old.__code__, old.__globals__, old.__name__, walk.copied(old.__defaults__), cells)
        if old.__kwdefaults__:
            new.__kwdefaults__ = {name: walk.copied(value) for name, value in old.__kwdefaults__.items()}
        return new

    def fill(self, old: Any, new: Any, copied: Copied) -> None:
        new.__qualname__, new.__doc__, new.__module__ = old.__qualname__, old.__doc__, old.__module__
        new.__annotations__ = dict(old.__annotations__)
        new.__dict__.update({name: copied(value) for name, value in old.__dict__.items()})


class _Lock(_Filled):
    def empty(self, old: Any, walk: "Copy") -> Any:
        return _LOCKS[type(old)]()


class _Weak(_Filled):
    """A dict with weak keys or values, or a weak set, without the entries that are not part of the copy."""

    def children(self, old: Any) -> Children:
        if isinstance(old, weakref.WeakKeyDictionary):
            yield from (("[]", "...", value) for value in old.values())
        own = vars(self.empty(old))
        yield from ((".", name, value) for name, value in vars(old).items() if name not in own)

    def empty(self, old: Any, walk: Any = None) -> Any:
        cls: Any = type(old)
        new = cls.__new__(cls)
        next(base for base in _WEAK if isinstance(old, base)).__init__(new)
        return new

    def fill(self, old: Any, new: Any, copied: Copied) -> None:
        vars(new).update({name: copied(value) for name, value in vars(old).items() if name not in vars(new)})

    def fill_items(self, old: Any, new: Any, copied: Copied) -> None:
        if isinstance(old, weakref.WeakSet):
            for item in old:
                if copied(item) is not item:
                    new.add(copied(item))
            return
        for key, value in list(old.items()):
            weak = key if isinstance(old, weakref.WeakKeyDictionary) else value
            if copied(weak) is not weak:
                new[copied(key)] = copied(value)


class _Variable(_Thing):
    def empty(self, old: Any, walk: "Copy") -> Any:
        return tf_private.copied_variable(old)


class _Replicated(_Thing):
    """A variable that holds one variable for each replica of a strategy of `tf.distribute`."""

    def fill(self, old: Any, new: Any, copied: Copied) -> None:
        super().fill(old, new, copied)
        tf_private.join_replicas(new)


class _Table(_Filled):
    def empty(self, old: Any, walk: "Copy") -> Any:
        return tf_private.copied_table(old)


# -- immutable kinds ---------------------------------------------------------------------------------------------------


class _Tuple(_Rebuilt):
    def children(self, old: Any) -> Children:
        yield from (("[]", i, item) for i, item in enumerate(tuple.__iter__(old)))
        yield from ((".", name, value) for name, value in (tf_private.attributes(old) or {}).items())

    def rebuilt(self, old: Any, copied: Copied) -> Any:
        return _with_attributes(old, tuple.__new__(type(old), [copied(item) for item in tuple.__iter__(old)]), copied)


def _with_attributes(old: Any, new: Any, copied: Copied) -> Any:
    """Return a rebuilt object of the reader's own class with copies of the attributes that the original has."""
    own: Any = tf_private.attributes(new)
    for name, value in (tf_private.attributes(old) or {}).items():
        own[name] = copied(value)
    return new


class _FrozenSet(_Rebuilt):
    def children(self, old: Any) -> Children:
        yield from (("a member", "", item) for item in frozenset.__iter__(old))
        yield from ((".", name, value) for name, value in (tf_private.attributes(old) or {}).items())

    def rebuilt(self, old: Any, copied: Copied) -> Any:
        new = frozenset.__new__(type(old), [copied(item) for item in frozenset.__iter__(old)])
        return _with_attributes(old, new, copied)


class _Method(_Rebuilt):
    """A method bound to an object, written in Python or in C: bound to the copy of the object."""

    def children(self, old: Any) -> Children:
        yield ".", "__self__", old.__self__
        if not self._by_name(old):
            yield ".", "__func__", old.__func__

    def rebuilt(self, old: Any, copied: Copied) -> Any:
        owner = copied(old.__self__)
        if self._by_name(old):
            function = getattr(old, "__func__", None)
            return types.MethodType(function, owner) if function else getattr(owner, old.__name__)
        return types.MethodType(copied(old.__func__), owner)

    def _by_name(self, old: Any) -> bool:
        """Return True if the function belongs to the class, which original and copy share."""
        function = getattr(old, "__func__", None)
        owner = old.__self__ if isinstance(old.__self__, type) else type(old.__self__)
        return function is None or any(
            vars(cls).get(getattr(function, "__name__", "")) is function for cls in owner.__mro__
        )


class _WeakReference(_Rebuilt):
    def rebuilt(self, old: Any, copied: Copied) -> Any:
        if not isinstance(old, weakref.ref):
            return self._proxy(old, copied)
        target = old()
        if target is None or copied(target) is target:
            return old
        if isinstance(old, weakref.WeakMethod):
            return weakref.WeakMethod(copied(target))
        return weakref.ref(copied(target))

    def _proxy(self, old: Any, copied: Copied) -> Any:
        try:
            target = old.__init__.__self__
        except ReferenceError:  # the object is gone
            return old
        return old if copied(target) is target else weakref.proxy(copied(target))


class _View(_Rebuilt):
    """A read-only view of a dict, or of its keys, values or items."""

    makers: typing.ClassVar[dict[type, Callable[[Any], Any]]] = {
        types.MappingProxyType: types.MappingProxyType,
        **{
            type(getattr(cls(), view)()): operator.methodcaller(view)
            for cls in (dict, collections.OrderedDict)
            for view in ("keys", "values", "items")
        },
    }

    def children(self, old: Any) -> Children:
        yield "the view of", "a mapping", gc.get_referents(old)[0]

    def rebuilt(self, old: Any, copied: Copied) -> Any:
        return self.makers[type(old)](copied(gc.get_referents(old)[0]))


class _MemoryView(_Rebuilt):
    """A view of the memory of a whole object, such as a `bytearray` or an array."""

    def children(self, old: Any) -> Children:
        yield ".", "obj", old.obj

    def rebuilt(self, old: Any, copied: Copied) -> Any:
        new = memoryview(copied(old.obj))
        if old.contiguous and (old.format, old.shape) != (new.format, new.shape) and old.nbytes == new.nbytes:
            new = new.cast("B").cast(old.format, old.shape)
        if (old.format, old.shape, old.strides) != (new.format, new.shape, new.strides):
            raise TypeError("it is a view of a part of the memory of an object")
        return new.toreadonly() if old.readonly else new


class _Descriptor(_Rebuilt):
    """A static method, class method or property that is a value, not a part of a class."""

    def children(self, old: Any) -> Children:
        yield from ((".", name, getattr(old, name)) for name in self._made_from(old))
        yield from ((".", name, value) for name, value in (tf_private.attributes(old) or {}).items())

    def rebuilt(self, old: Any, copied: Copied) -> Any:
        new = type(old)(*(copied(getattr(old, name)) for name in self._made_from(old)))
        return _with_attributes(old, new, copied)

    def _made_from(self, old: Any) -> tuple[str, ...]:
        return ("fget", "fset", "fdel", "__doc__") if isinstance(old, property) else ("__func__",)


class _TracedFunction(_Rebuilt):
    """A `tf.function`: created again around the copy of its Python function, with nothing traced yet."""

    def children(self, old: Any) -> Children:
        yield ".", "python_function", old.python_function

    def rebuilt(self, old: Any, copied: Copied) -> Any:
        return tf_private.retraced(old, copied(old.python_function))


class _Cached(_Rebuilt):
    """A function behind `functools.lru_cache`: an empty cache of the same size around the copy of the function."""

    def children(self, old: Any) -> Children:
        yield ".", "__wrapped__", old.__wrapped__

    def rebuilt(self, old: Any, copied: Copied) -> Any:
        return functools.lru_cache(**old.cache_parameters())(copied(old.__wrapped__))


class _Reduced(_Filled):
    """An object of a type written in C: taken apart and rebuilt as its own `__reduce_ex__` says."""

    def __init__(self, cls: type):
        super().__init__(cls)
        self._parts: dict[int, tuple[Any, ...]] = {}

    def parts(self, old: Any) -> tuple[Any, ...]:
        """Return a function and its arguments, the state, the items of a list, and those of a dict."""
        if id(old) not in self._parts:
            reduced = self._reduced(old)
            if isinstance(reduced, str):  # the name of the only one of its kind
                reduced = lambda: old, ()
            function, arguments, state, items, pairs, setter = (*reduced, *[None] * 4)[:6]
            if setter is not None:
                raise TypeError("its type does not say how it is rebuilt")
            self._parts[id(old)] = function, arguments, state, list(items or ()), list(pairs or ())
        return self._parts[id(old)]

    def _reduced(self, old: Any) -> Any:
        try:
            return old.__reduce_ex__(4)
        except Exception:
            if not hasattr(type(old), "__deepcopy__"):
                raise
            # Types written in C may say only how they are copied, as a `re.Match` does.
            return lambda: copy.deepcopy(old), ()

    def children(self, old: Any) -> Children:
        yield from ((".", "__reduce_ex__", part) for part in self.parts(old)[1:])
        yield from ((".", name, value) for name, value in self._left_out(old).items())

    def empty(self, old: Any, walk: "Copy") -> Any:
        function, arguments, *_ = self.parts(old)
        new = function(*map(walk.completed, arguments))
        if type(new) is not type(old) and not isinstance(old, Iterator):
            raise TypeError(f"its type rebuilds it as {_article(type(new).__name__)}")
        return new

    def fill(self, old: Any, new: Any, copied: Copied) -> None:
        for name, value in self._left_out(old).items():
            setattr(new, name, copied(value))

    def _left_out(self, old: Any) -> dict[str, Any]:
        """Return the attributes that a base from a library does not know of, such as those of one's own `datetime`."""
        cls, state = type(old), self.parts(old)[2]
        says = next(base for base in cls.__mro__ if {"__reduce_ex__", "__reduce__"} & vars(base).keys())
        if says in (object, cls) or not _is_installed(says):
            return {}
        kept = state if isinstance(state, dict) else {}
        return {name: value for name, value in (tf_private.attributes(old) or {}).items() if name not in kept}

    def fill_items(self, old: Any, new: Any, copied: Copied) -> None:
        _, _, state, items, pairs = self.parts(old)
        for item in items:
            new.append(copied(item))
        for key, value in pairs:
            new[copied(key)] = copied(value)
        state = copied(state)
        if state is None:
            return
        if hasattr(new, "__setstate__"):
            new.__setstate__(state)
            return
        # The attributes, or the attributes and the slots.
        for attributes in state if isinstance(state, tuple) else (state,):
            for name, value in (attributes or {}).items():
                setattr(new, name, value)


_KINDS: dict[type, type[_Kind]] = {
    types.CellType: _Cell,
    types.FunctionType: _Function,
    np.ndarray: _Array,
    **dict.fromkeys(_LOCKS, _Lock),
    **dict.fromkeys(_WEAK, _Weak),
    threading.local: _Local,
    **dict.fromkeys(tf_private.VARIABLES, _Variable),
    **dict.fromkeys(tf_private.REPLICATED, _Replicated),
    **dict.fromkeys(tf_private.TABLES, _Table),
    tuple: _Tuple,
    frozenset: _FrozenSet,
    **dict.fromkeys((types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType), _Method),
    **dict.fromkeys((weakref.ref, weakref.ProxyType, weakref.CallableProxyType), _WeakReference),
    **dict.fromkeys(_View.makers, _View),
    memoryview: _MemoryView,
    **dict.fromkeys((staticmethod, classmethod, property), _Descriptor),
    tf_private.TRACED_FUNCTION: _TracedFunction,
    type(functools.lru_cache(len)): _Cached,
}


@cached
def _kind(cls: type) -> type[_Kind]:
    """Return how the objects of a class are copied; `_Reduced` for a C type, which only `__reduce_ex__` can rebuild."""
    known = next((_KINDS[base] for base in cls.__mro__ if base in _KINDS), None)
    return known or (_Thing if base_of(cls) else _Reduced)


@cached
def _needs_a_look(cls: type) -> bool:
    """Return False if all objects of a class are copied, whatever they are, and belong to nothing that has a record."""
    return (
        _is_shared_class(cls)
        or cls in (types.FunctionType, types.BuiltinFunctionType, types.MappingProxyType)
        or _kind(cls) is _Reduced
        or issubclass(cls, threading.Thread)
        or tf_private.has_records(cls)
        or (_kind(cls) is _Thing and model_parts.says_how_to_copy(cls))
    )


class _Kinds(dict[type, _Kind]):
    """The kinds of all classes that a `Copy` has met."""

    def __missing__(self, cls: type) -> _Kind:
        kind = self[cls] = _kind(cls)(cls)
        return kind


# -- the walk ----------------------------------------------------------------------------------------------------------


class Copy:
    """A copy of everything that an object reaches.

    Args:
        original: Any object. Pass a tuple of several to copy them under one memo, so that what they share is shared
            by the copies.

    Attributes:
        original: The object as it was given.
        clone: Its copy, of the same class.
        pairs: Each mutable object, with its copy.
        holds_own_code: True if the object uses functions or classes that do not belong to an installed library.

    Raises:
        CloneError: Something is reached that cannot be copied safely.

    Example:
        >>> shared = [1]
        >>> clone = Copy({"a": shared, "b": shared}).clone
        >>> clone["a"] is clone["b"], clone["a"] is shared
        (True, False)
    """

    def __init__(self, original: Any):
        self.original = original
        self._kinds: dict[int, tuple[Any, Any]] = {}  # by identity: the object, to keep it alive, and its kind
        self._kind_of = _Kinds()
        self._parents: dict[int, Any] = {}
        self._functions: list[types.FunctionType] = []
        self._kept: set[int] = set()  # objects that are the only ones of their kind
        self._partial: dict[int, bool] = {}  # lists of which only a part is copied, and whether positions count
        self._notes: set[int] = set()  # containers that name parts, and are not what holds them
        self._copies: dict[int, Any] = {}
        self._completed: set[int] = set()  # containers that already have their items
        self._keys: dict[str, str] = {}
        self._plain_texts: set[str] = set()  # texts that hold no identity
        self._find()
        self._refuse_hidden_state()
        self._create_variables()
        self.clone = self.copied(original)
        self._fill()

    # First pass.

    def _find(self) -> None:
        waiting = [self.original]
        whole = True
        while waiting:
            while waiting:
                old = waiting.pop()
                if id(old) not in self._kinds:
                    try:
                        self._visit(old, waiting, whole)
                    except Exception as error:
                        raise self._named(old, error) from error
            for identity, positions_count in self._partial.items():
                # A layer records all its calls, also those in other models. Only the calls of this model are copied,
                # and those before them if a call is identified by its position.
                calls = items_of(self._kinds[identity][0]) if positions_count else []
                last = max((i for i, call in enumerate(calls) if id(call) in self._kinds), default=0)
                waiting += [call for call in calls[:last] if id(call) not in self._kinds]
            whole = False

    def _visit(self, old: Any, waiting: list[Any], whole: bool) -> None:
        """Note one object, and what it holds.

        Args:
            old: The object.
            waiting: The list that gets what it holds.
            whole: Whether the calls that made a symbolic tensor belong to the copy. Those of the calls that are only
                copied for the sake of positions do not.
        """
        kinds, parents = self._kinds, self._parents
        kind = self._kind_of[type(old)]
        if kind.needs_a_look and not self._is_copied(old, kind):
            return
        kinds[id(old)] = old, kind
        if kind.needs_a_look:
            if whole:
                waiting += tf_private.made_by(old)
            self._partial.update((id(calls), by_position) for calls, by_position in tf_private.call_records(old))
            self._notes.update(map(id, tf_private.tracking_notes(old) if type(kind) is _Thing else ()))
        if id(old) in self._partial or id(old) in self._notes:
            held = [child for form, _, child in kind.children(old) if form != "[]"]
        else:
            held = kind.held(old)
        fresh = [child for child in held if type(child) not in _PLAIN_OR_IDENTITY and id(child) not in kinds]
        for child in fresh:
            parents.setdefault(id(child), old)
        waiting += fresh

    def _is_copied(self, old: Any, kind: _Kind) -> bool:
        """Return True for an object that is copied, and False for one that is shared; refuse what can be neither."""
        if type(old) is types.FunctionType:
            self._functions.append(old)
        if _is_shared(old):
            if tf_private.may_capture(type(old)):
                self._refuse_what_is_captured(old)
            return False
        if isinstance(old, threading.Thread):
            raise self._refusal(old, "a thread runs outside the model")
        if tf_private.is_handle(old):
            raise self._refusal(old, "it is a handle to a resource, which a copy would share")
        if type(kind) is _Thing and model_parts.is_the_only_one(old) and not _state_behind(old, set()):
            self._kept.add(id(old))
            return False
        if isinstance(kind, _Reduced):
            kind.parts(old)  # which may say that it cannot be copied
        return True

    def _refuse_what_is_captured(self, old: Any) -> None:
        """Refuse a data set or compiled function that uses something that can change: a copy would use it too."""
        for part in tf_private.captured(old):
            stateful = keras_compat.is_stateful(part) or tf_private.is_handle(part)
            found = part if stateful else (_state_behind(part, set(), libraries=True) or (None, None))[1]
            if found is not None:
                used = "a resource of TensorFlow" if tf_private.is_handle(found) else keras_compat.title(found)
                raise self._refusal(old, f"it uses {used}, and a copy would use that of the original")

    def _named(self, old: Any, error: Exception) -> CloneError:
        """Return an error that names the object: what runs when it is copied may be its author's code."""
        return error if isinstance(error, CloneError) else self._refusal(old, str(error) or type(error).__name__)

    def _refusal(self, old: Any, why: str) -> CloneError:
        """Return the error that names what cannot be copied, and where the nearest layer holds it."""
        parent = self._parents.get(id(old))
        if tf_private.is_handle(old) and id(parent) in self._parents and not keras_compat.has_name(parent):
            old, why = parent, "it keeps a resource of TensorFlow, which a copy would share"
        path: list[str] = []
        holder = held = old
        while id(held) in self._parents and (holder is old or not keras_compat.has_name(holder)):
            holder = self._parents[id(held)]
            kind = self._kinds[id(holder)][1]
            form, name = next((form, name) for form, name, child in kind.children(holder) if child is held)
            step = f".{name}" if form == "." else f"[{name!r:.40}]" if form == "[]" else f" ({form} {name})"
            path.insert(0, "" if form == "." and isinstance(holder, (types.CellType, types.MethodType)) else step)
            held = holder
        return CloneError(
            f"{keras_compat.title(holder)} holds {_article(type(old).__name__)} in {''.join(path) or 'itself'}, which "
            f"cannot be copied: {why.rstrip('.')}. Create it where it is needed instead of keeping it{_without(path)}"
        )

    def _refuse_hidden_state(self) -> None:
        """Refuse functions and classes that lead to state: they are shared, so the state would be shared too."""
        seen: set[int] = set()
        classes = {type(old) for old, _ in self._kinds.values()}
        own = [function for function in self._functions if not _is_installed(function)]
        self.holds_own_code = bool(own) or not all(map(_is_installed, classes))
        for function in own:
            rebuilt = id(function) in self._kinds
            found = _state_behind(function, seen, closure=not rebuilt)
            if found:
                raise _hidden(f"The function {function.__qualname__}", *found)
        for cls in classes:
            found = _state_behind(cls, seen)
            if found:
                raise _hidden(f"The class {cls.__qualname__}", *found)

    # Second pass, on demand.

    def _create_variables(self) -> None:
        """Create the variables first: texts may be their keys."""
        for old, kind in self._kinds.values():
            if isinstance(kind, _Variable):
                self._keys[tf_private.unique_id(old)] = tf_private.unique_id(self.copied(old))

    def copied(self, value: Any) -> Any:
        """Return what takes the place of `value` in the copy. A mutable object may still be empty."""
        cls = type(value)
        if cls in _PLAIN:
            return value
        # Trackers and functional models record objects by their identity: as a number, or within a text.
        if cls is str:
            return value if value in self._plain_texts else self._copied_text(value)
        identity = id(value)
        if identity in self._copies:
            return self._copies[identity]
        if identity in self._kinds:
            old, kind = self._kinds[identity]
            try:
                new = kind.rebuilt(old, self.copied) if isinstance(kind, _Rebuilt) else kind.empty(old, self)
            except Exception as error:
                raise self._named(old, error) from error
            self._copies[identity] = new
            return new
        if cls is int and value in self._kinds:
            return id(self.copied(self._kinds[value][0]))
        return value

    def _copied_text(self, text: str) -> str:
        new = self._keys.get(text) or _IDENTITY.sub(lambda digits: str(self.copied(int(digits[0]))), text)
        if new == text:
            self._plain_texts.add(text)
        return new

    def completed(self, value: Any) -> Any:
        """Return the copy of a value with all items: what is made from a list may read it at once."""
        new = self.copied(value)
        if new is value or type(value) not in (*CONTAINERS, tuple) or id(value) in self._completed:
            return new
        self._completed.add(id(value))
        if type(value) is dict:
            set_items(new, [(self.completed(key), self.completed(item)) for key, item in value.items()])
            return new
        items = list(map(self.completed, value))
        if type(value) is not tuple:
            set_items(new, items, getattr(value, "maxlen", None))
        return new

    # Third pass.

    def _fill(self) -> None:
        copied = self.copied
        filled = [(old, copied(old), kind) for old, kind in self._kinds.values() if isinstance(kind, _Filled)]
        # An object that its own class gives back instead of a copy, such as a time zone, is as it should be.
        filled = [entry for entry in filled if entry[0] is not entry[1]]
        self.pairs = [(old, new) for old, new, _ in filled]
        for old, new, kind in filled:
            kind.fill(old, new, copied)
        # The state of a C type is set at once, so all its parts have to be complete by then.
        for old, new, kind in sorted(filled, key=lambda entry: isinstance(entry[2], _Reduced)):
            identity = id(old)
            if identity in self._partial:
                set_items(new, [copied(call) for call in items_of(old) if id(call) in self._kinds])
            elif identity in self._notes:
                set_items(new, self._copied_notes(old))
            elif identity not in self._completed:
                try:
                    kind.fill_items(old, new, copied)
                except Exception as error:
                    raise self._named(old, error) from error

    def _copied_notes(self, old: Any) -> list[Any]:
        """Return what takes the place of TensorFlow's notes about parts, without the parts that are gone."""
        if isinstance(old, dict):
            return [(name, self.copied(part)) for name, part in items_of(old) if id(part) in self._kinds]
        return [type(note)(note.name, self.copied(note.ref)) for note in old if id(note.ref) in self._kinds]

    # Checks of the finished copy.

    def leaks(self) -> list[tuple[Any, Any]]:
        """Return the mutable objects of the original that the clone still reaches: (object, what holds it).

        Uses the garbage collector's references, independently of the kinds above.
        """
        originals = {id(old) for old, _ in self.pairs}
        closed = _Closed()
        seen = {id(self), *self._kept}
        found: list[tuple[Any, Any]] = []
        holders: list[Any] = []
        held = [self.clone]
        while held:  # the clone, then all that it refers to, then all that this refers to
            fresh = {id(value): value for value in held if type(value) not in _PLAIN_OR_IDENTITY}
            for identity in fresh.keys() & seen:
                del fresh[identity]
            seen |= fresh.keys()
            for identity in fresh.keys() & originals:
                leak = fresh.pop(identity)
                holder = next((each for each in holders if any(part is leak for part in _referents([each]))), None)
                found.append((leak, holder))
            holders = [value for value in fresh.values() if not closed[type(value)]]
            held = _referents(holders)
        return found


class _Closed(dict[type, bool]):
    """Whether what the objects of a class refer to is no part of a model, for all classes that were met."""

    def __missing__(self, cls: type) -> bool:
        closed = issubclass(cls, (type, types.ModuleType, types.CodeType, types.FrameType))
        self[cls] = closed or tf_private.is_constant_class(cls)
        return self[cls]


def _referents(values: list[Any]) -> list[Any]:
    """Return what objects refer to: of a function what it holds itself, and nothing if it is shared."""
    # `_refuse_hidden_state` has checked what shared functions lead to.
    own = [value for value in values if type(value) is types.FunctionType and not _is_shared(value)]
    found = [part for each in own for part in (each.__closure__, each.__defaults__, each.__kwdefaults__, each.__dict__)]
    return [*found, *gc.get_referents(*(value for value in values if type(value) is not types.FunctionType))]


# -- state behind functions and classes --------------------------------------------------------------------------------

_INSTALLED = re.compile(r"site-packages|dist-packages|[/\\]lib[/\\]python3|^<frozen")


# What a class runs only while an object is created, so not after it is copied.
_RUN_BEFORE = ("__init__", "__new__", "__init_subclass__")


def _is_installed(code: Any) -> bool:
    """Return True if a function or class belongs to an installed library, which does not hold a model's layers."""
    module = code.__module__ or ""
    if isinstance(code, type):
        return _is_file_of_library(module, getattr(sys.modules.get(module), "__file__", None) or "")
    return _is_file_of_library(module, code.__code__.co_filename)


@functools.lru_cache(maxsize=4096)
def _is_file_of_library(module: str, filename: str) -> bool:
    return module.split(".")[0] in sys.stdlib_module_names - {"__main__"} or bool(_INSTALLED.search(filename))


def _globals_used(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Return the global values that a function uses, also those of other modules, as in `module.value`."""
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
        name, value = "", None
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                name, value = step.argval, function.__globals__.get(step.argval)
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(value, types.ModuleType):
                name, value = f"{name}.{step.argval}", getattr(value, step.argval, None)
            else:
                value = None
            if value is not None:
                yield f"the global name {name!r}", value


def _in_closure_and_defaults(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Return the values in the closure of a function, and its default arguments."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # a name that has no value yet
            yield f"its closure over {name!r}", cell.cell_contents
    for place, value in [*enumerate(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()]:
        yield f"its default argument {place!r}", value


def _led_to(value: Any, closure: bool = True, libraries: bool = False) -> Iterator[tuple[str, Any]]:
    """Return what a shared value leads to, with the name by which it does."""
    if isinstance(value, types.FunctionType):
        installed = _is_installed(value)
        if not installed:
            yield from _globals_used(value)
        if closure and (libraries or not installed):
            yield from _in_closure_and_defaults(value)
    elif isinstance(value, type):
        for cls in value.__mro__:
            if not _is_installed(cls):
                members = [entry for entry in vars(cls).items() if entry[0] not in _RUN_BEFORE]
                yield from ((f"its attribute {name!r}", member) for name, member in members)
    elif isinstance(value, (staticmethod, classmethod, types.MethodType)):
        yield "", value.__func__
        yield "", getattr(value, "__self__", None)
    elif isinstance(value, property):
        yield from (("", function) for function in (value.fget, value.fset))
    elif isinstance(value, tf_private.TRACED_FUNCTION):
        yield "", value.python_function
    elif isinstance(value, (dict, list, tuple, set, frozenset)):
        yield from (("", item) for item in (value.values() if isinstance(value, dict) else value))
    elif isinstance(value, functools.partial):
        yield from (("", item) for item in (value.func, *value.args, *value.keywords.values()))
    elif not _is_shared(value):
        yield from (("", item) for item in (tf_private.attributes(value) or {}).values())


def _state_behind(value: Any, seen: set[int], closure: bool = True, libraries: bool = False) -> tuple[str, Any] | None:
    """Return a variable, layer, optimizer or random generator that a function or class leads to, or None.

    Args:
        value: A function, a class, or an object.
        seen: The identities of what needs no look. It grows.
        closure: Whether what the closure of the function holds counts.
        libraries: Whether the closures of functions of installed libraries count.
    """
    waiting = [("", value, closure)]
    while waiting:
        how, value, closure = waiting.pop()
        if id(value) in seen or isinstance(value, types.ModuleType):
            continue
        seen.add(id(value))
        if keras_compat.is_stateful(value) or isinstance(value, (np.random.Generator, np.random.RandomState)):
            return how, value
        waiting += [(inner or how, item, True) for inner, item in _led_to(value, closure, libraries)]
    return None


def _hidden(where: str, how: str, what: Any) -> CloneError:
    return CloneError(
        f"{where} leads to {keras_compat.title(what)} through {how or 'what it holds'}. Functions and classes are "
        "shared between a model and its clone, so the two would share that as well. Make it an attribute of the layer "
        "or model that uses it, and use it from there:\n\n"
        "    def __init__(self, part, **kwargs):\n        super().__init__(**kwargs)\n        self.part = part\n\n"
        "    def call(self, inputs):\n        return self.part(inputs)\n"
    )


def _without(path: list[str]) -> str:
    """Return the end of a refusal: how to clone a model without one attribute of a layer."""
    attribute = path[0][1:] if path and path[0].startswith(".") else ""
    if not attribute.isidentifier():
        return "."
    return (
        f", or remove it while you clone the model. The clone then has None as `{attribute}`:\n\n"
        f"    kept, layer.{attribute} = layer.{attribute}, None\n"
        f"    copied = helpers.clone(model)\n"
        f"    layer.{attribute} = kept\n"
    )


def _article(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"
