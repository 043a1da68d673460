"""Private attributes of TensorFlow, Keras and TensorFlow Probability: the only module that names them.

Each entry says in which version it was seen. `tests/helpers/test_tf_private.py` has a test for each and fails when a
new version no longer has it.
"""

import inspect
import random
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, GetSetDescriptorType, ModuleType
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.distribute import distribute_lib
from tensorflow.python.distribute.ps_values import AggregatingVariable
from tensorflow.python.eager import context
from tensorflow.python.eager.polymorphic_function import eager_function_run
from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction
from tensorflow.python.framework import ops
from tensorflow.python.ops import gen_array_ops, gen_resource_variable_ops
from tensorflow.python.ops.resource_variable_ops import BaseResourceVariable, ResourceVariable
from tensorflow.python.trackable import data_structures
from tensorflow.python.trackable.autotrackable import AutoTrackable
from tensorflow.python.trackable.base import Trackable

from helpers import graphs
from helpers.caching import cached

# -- layers and models ------------------------------------------------------------------------------------------------

# How many batches a Keras 2 model has seen, which only its callbacks read (tf_keras 2.21.0).
COUNTERS = {"_train_counter", "_test_counter", "_predict_counter", "_steps_per_execution"}

# Where Keras 3 keeps what the last call of `fit` left behind (keras 3.15.1).
LEFT_BY_FIT = {"history", "_eval_epoch_iterator"}

# What objects of the libraries keep for their own use: locks, trackers, the parents of a node in the graph
# (keras 3.15.1, tf_keras 2.21.0, tensorflow-probability 0.25.0).
LIBRARY_INTERNALS = {"_graph_parents", "_tracker", "_lock", "_path", "_distribution_strategy", "_used"}
LIBRARY_INTERNALS |= {"_parameters_sanitized"}

# Attributes that TensorFlow's tracking adds to any object (tensorflow 2.21.0).
TRACKING_PREFIX = "_self_"

# Functions that a model compiles when it is first trained or called on data. The original's variables are inside them
# (keras 3.15.1, tf_keras 2.21.0).
_COMPILED_FUNCTIONS = frozenset({"train_function", "test_function", "predict_function", "train_tf_function"})

# What a layer notes when it is loaded from a folder: compiled functions, which only classes that could not be rebuilt
# use (tf_keras 2.21.0).
_LEFT_BY_LOADING = frozenset({"_serialized_attributes"})

# The lists in which a layer records its calls, and whether a call is identified by its position in the list
# (`_inbound_nodes` in keras 3.15.1, `_inbound_nodes_value` in tf_keras 2.21.0).
_CALL_RECORDS = {
    "_inbound_nodes": True,
    "_outbound_nodes": False,
    "_inbound_nodes_value": True,
    "_outbound_nodes_value": False,
}


def flat_layers(model: Any) -> list[Any]:
    """Return the model and every layer inside it, outer before inner, each once.

    `Model.layers` is public but leaves out layers inside custom layers.
    Private: `Layer._flatten_layers` (keras 3.15.1, tf_keras 2.21.0).
    """
    unique = {id(layer): layer for layer in model._flatten_layers(include_self=True, recursive=True)}
    return list(unique.values())


@cached
def is_operation_class(cls: type) -> bool:
    """Return True for a class of layers, models or other operations of Keras."""
    kinds = [sys.modules[name].layers.Layer for name in ("keras", "tf_keras") if name in sys.modules]
    if "keras" in sys.modules:
        kinds.append(sys.modules["keras"].Operation)
    return issubclass(cls, tuple(kinds))


@cached
def has_records(cls: type) -> bool:
    """Return False if `made_by`, `call_records` and `tracking_notes` are empty for all objects of a class.

    Private: the base class `Trackable` (tensorflow 2.21.0).
    """
    return _is_class_of_symbols(cls) or is_operation_class(cls) or issubclass(cls, Trackable)


def tracking_notes(value: Any) -> list[Any]:
    """Return the list and the dict in which TensorFlow notes what an object holds, for checkpoints.

    What they name may have been removed from the object since.

    Private: `Trackable._self_unconditional_checkpoint_dependencies` and `_self_unconditional_dependency_names`
    (tensorflow 2.21.0).
    """
    own = attributes(value) or {}
    names = ("_self_unconditional_checkpoint_dependencies", "_self_unconditional_dependency_names")
    return [own[name] for name in names if name in own]


def call_records(value: Any) -> list[tuple[list[Any], bool]]:
    """Return the lists in which a layer records its calls, and whether a call is identified by its position."""
    if not is_operation_class(type(value)):
        return []
    own = vars(value)
    return [(own[name], by_position) for name, by_position in _CALL_RECORDS.items() if name in own]


def is_symbolic(value: Any) -> bool:
    """Return True for a symbolic tensor of Keras, as `keras.Input` returns it."""
    return _is_class_of_symbols(type(value))


@cached
def _is_class_of_symbols(cls: type) -> bool:
    """Private: in tf_keras the class has no public name (tf_keras 2.21.0)."""
    return cls.__name__ == "KerasTensor" or hasattr(cls, "_keras_history")


def made_by(value: Any) -> list[Any]:
    """Return the recorded call that made a symbolic tensor, in a list; an empty one for any other value.

    Private: see `history`.
    """
    made = getattr(value, "_keras_history", None) if is_symbolic(value) else None
    return [] if made is None else [made[0]._inbound_nodes[made[1]]]


def history(tensor: Any) -> tuple[Any, int, list[Any], dict[str, Any]]:
    """Return the call that made a symbolic tensor: the layer, the index of its output, the call's arguments.

    Private: `KerasTensor._keras_history`, `Layer._inbound_nodes`, `Node.arguments` (keras 3.15.1), `Node.call_args`
    (tf_keras 2.21.0).
    """
    layer, node_index, tensor_index = tensor._keras_history
    node = layer._inbound_nodes[node_index]
    arguments = getattr(node, "arguments", None)
    if arguments is None:
        return layer, tensor_index, list(node.call_args), dict(node.call_kwargs)
    return layer, tensor_index, list(arguments.args), dict(arguments.kwargs)


def rename(model: Any, name: str) -> None:
    """Give a model, layer or module a different name.

    Private: `_name` (tensorflow 2.21.0, tf_keras 2.21.0, tensorflow-probability 0.25.0); Keras 3 has it as `name`.
    """
    setattr(model, "_name" if "_name" in vars(model) else "name", name)


def compile_arguments(model: Any) -> dict[str, Any]:
    """Return what a model was compiled with, as live objects, without the optimizer.

    Private: `Model._compile_config` (keras 3.15.1, tf_keras 2.21.0).
    """
    config = getattr(getattr(model, "_compile_config", None), "config", None)
    if config is None:
        return {"loss": model.loss} if getattr(model, "optimizer", None) is not None else {}
    return {key: value for key, value in config.items() if key != "optimizer"}


def compiled_trainable_flags(model: Any) -> dict[Any, bool]:
    """Return each layer's trainable flag as it was when a Keras 3 model was compiled.

    Private: `Trainer._compiled_trainable_state` (keras 3.15.1).
    """
    return dict(getattr(model, "_compiled_trainable_state", {}))


def learning_rate(optimizer: Any) -> Any:
    """Return the learning rate as the optimizer holds it, a variable or a schedule, or None.

    `optimizer.learning_rate` evaluates a schedule.
    Private: `_learning_rate` (keras 3.15.1, tf_keras 2.21.0), `_hyper` of legacy optimizers (tf_keras 2.21.0).
    """
    own = vars(optimizer)
    rate = own.get("_learning_rate")
    if rate is None and isinstance(own.get("_hyper"), dict):
        rate = own["_hyper"].get("learning_rate")
    return rate


# -- variables, tables, functions and constants -----------------------------------------------------------------------

# Public classes, and the classes of TensorFlow that have no public name (tensorflow 2.21.0). A proxy passes for the
# dictionary or tuple that it wraps.
VARIABLES = (BaseResourceVariable,)
# The strategy of a model that was made without one (tensorflow 2.21.0).
NO_STRATEGY = distribute_lib._DefaultDistributionStrategy
# What other strategies make instead: it holds one variable for each replica, or one for all of them.
REPLICATED = (tf.distribute.DistributedValues, AggregatingVariable)
TABLES = (tf.lookup.StaticHashTable, tf.lookup.experimental.MutableHashTable, tf.lookup.experimental.DenseHashTable)
TRACED_FUNCTION = type(tf.function(lambda: None))
PROXY = data_structures.wrapt.ObjectProxy

# Attributes that a copied variable must not take over: the handle of its memory, its unique name, and how its first
# value was made, which leads into the graph of a compiled function if it was made there (tensorflow 2.21.0).
_OF_HANDLE = frozenset({"_handle", "_unique_id", "_in_graph_mode", "_graph_key", "_cached_value", "_graph_element"})
_OF_HANDLE |= {"_initial_value", "_initializer_op", "_is_initialized_op"}

# The dispatcher of an operation has no public class (tensorflow 2.21.0).
_CONSTANTS = (
    tf.Tensor,
    tf.DType,
    tf.TensorShape,
    tf.TensorSpec,
    tf.Graph,
    tf.Operation,
    tf.data.Dataset,
    ConcreteFunction,
    tf.distribute.Strategy,
    tf.distribute.StrategyExtended,
    type(tf.add._tf_type_based_dispatcher),
)
_CONSTANTS_BY_NAME = {
    # TFP compares these markers by identity. With copies of them, a clone would be fitted with a different gradient
    # estimator from its original's (tensorflow-probability 0.25.0).
    ("tensorflow_probability.python.internal.reparameterization", "ReparameterizationType"),
    # In which scope the process is, for each thread. A template notes it, and looks for its variables there
    # (tensorflow 2.21.0).
    ("tensorflow.python.ops.variable_scope", "_VariableScopeStore"),
}


@cached
def is_constant_class(cls: type) -> bool:
    """Return True if instances of a TensorFlow class never change, so that a copy may share them: tensors, graphs.

    What a data set or a compiled function has captured can change, see `captured`.
    """
    return issubclass(cls, _CONSTANTS) or (cls.__module__, cls.__name__) in _CONSTANTS_BY_NAME


_HANDLES = (tf.resource, tf.variant)


def is_handle(value: Any) -> bool:
    """Return True for a tensor that is the handle of a resource, which is stored elsewhere and can change."""
    return isinstance(value, tf.Tensor) and value.dtype in _HANDLES


@cached
def may_capture(cls: type) -> bool:
    """Return True for a class of data sets or of compiled functions."""
    return issubclass(cls, (tf.data.Dataset, ConcreteFunction))


def captured(value: Any) -> list[Any]:
    """Return what a data set or a compiled function uses and does not own: variables, handles, Python functions.

    Args:
        value: A data set or a compiled function.

    Returns:
        Variables; the handles of tables and of other data sets; and the Python functions that `tf.py_function`,
        `tf.numpy_function` or `Dataset.from_generator` call.
    """
    found: list[Any] = []
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, tf.data.Dataset):
            # The data sets that it reads from, and the functions that it maps over them.
            parts = tf.nest.flatten(list(vars(value).values()))
            waiting += [part for part in parts if isinstance(part, tf.data.Dataset)]
            waiting += [
                part.function for part in parts if isinstance(getattr(part, "function", None), ConcreteFunction)
            ]
            continue
        handles = {id(variable.handle): variable for variable in value.variables}
        found += [handles.get(id(tensor), tensor) for tensor in value.captured_inputs if is_handle(tensor)]
        found += _python_functions(value)
    return found


def _python_functions(function: ConcreteFunction) -> list[Any]:
    """Return the Python functions that a compiled function calls, in the order in which they were made.

    Private: `script_ops._py_funcs`, and `_GeneratorState._generator`, the function given to `Dataset.from_generator`
    (tensorflow 2.21.0).
    """
    from tensorflow.python.ops import script_ops

    steps = graphs.operations(graphs.definition_of(function))
    tokens = [step.attr["token"].s.decode() for step in steps if "PyFunc" in step.op]
    # TensorFlow puts a wrapper around each.
    found = [inspect.unwrap(script_ops._py_funcs.get(token)) for token in sorted(tokens, key=lambda t: (len(t), t))]
    generators = [getattr(getattr(called, "__self__", None), "_generator", None) for called in found]
    return [*found, *filter(None, generators)]


@cached
def own_attributes(cls: type) -> frozenset[str]:
    """Return the names of the attributes that a copy must not take over, because it has or makes its own.

    Private: `memmap._mmap`, the open file that the copy of an array does not have (numpy 2.4).
    """
    if issubclass(cls, VARIABLES):
        return _OF_HANDLE
    if issubclass(cls, np.memmap):
        return frozenset({"_mmap"})
    if not is_operation_class(cls):
        return frozenset()
    return _COMPILED_FUNCTIONS | _LEFT_BY_LOADING if hasattr(cls, "fit") else _LEFT_BY_LOADING


def unique_id(variable: Any) -> str:
    """Return the text by which optimizers identify a variable. Private: `_unique_id` (tensorflow 2.21.0)."""
    return str(variable._unique_id)


def copied_variable(old: Any) -> Any:
    """Return a new variable with the same value, copied on the device where it is.

    `tf.Variable` would make one for each replica inside the scope of a strategy, and takes several times as long.

    Private: the arguments of `BaseResourceVariable`, what an eager handle must know of its variable, and
    `context.anonymous_name`, with which each handle is for a variable of its own (tensorflow 2.21.0).
    """
    new = ResourceVariable.__new__(ResourceVariable)
    with tf.device(old.device):
        # A tensor that is only assigned shares its memory with the original until one of the two is written.
        value = gen_array_ops.deep_copy(value_of(old))
        handle = gen_resource_variable_ops.var_handle_op(old.dtype, old.shape, shared_name=context.anonymous_name())
        gen_resource_variable_ops.assign_variable_op(handle, value)
    handle._handle_data = old.handle._handle_data  # of which shape and dtype it is
    handle._parent_trackable = weakref.ref(new)
    handle._name, handle._unique_id = "Variable:0", f"Variable_{ops.uid()}"
    BaseResourceVariable.__init__(
        new,
        trainable=old.trainable,
        shape=old.shape,
        dtype=old.dtype,
        handle=handle,
        unique_id=handle._unique_id,
        handle_name="Variable",
        in_graph_mode=False,
    )
    return new


def replicas(variable: Any) -> list[Any]:
    """Return the variables that hold the numbers of a variable: itself, or one for each replica of its strategy.

    Private: `DistributedVariable.values` (tensorflow 2.21.0).
    """
    return list(variable.values) if isinstance(variable, tf.distribute.DistributedValues) else [variable]


def join_replicas(variable: Any) -> None:
    """Let the variables of all replicas know the one that holds them, once it is complete.

    Private: `handle._distributed_container` (tensorflow 2.21.0).
    """
    for replica in replicas(variable):
        if replica is not variable:
            replica.handle._distributed_container = weakref.ref(variable)


def value_of(variable: Any) -> tf.Tensor:
    """Read a variable without the bookkeeping for gradients, which takes ten times as long.

    Returns:
        Its value; of a variable with several replicas, all values, (replicas, ...).

    Private: the module `gen_resource_variable_ops`, because `tf.raw_ops` takes twice as long (tensorflow 2.21.0).
    """
    values = [gen_resource_variable_ops.read_variable_op(each.handle, each.dtype) for each in replicas(variable)]
    return values[0] if len(values) == 1 else tf.stack(values)


def set_value(variable: Any, value: Any) -> None:
    """Write what `value_of` returned, without applying constraints."""
    held = replicas(variable)
    value = tf.convert_to_tensor(value, variable.dtype)
    for replica, each in zip(held, [value] if len(held) == 1 else tf.unstack(value), strict=True):
        tf.raw_ops.AssignVariableOp(resource=replica.handle, value=each)


def same_bits(a: Any, b: Any) -> bool:
    """Return True if two variables are equal bit for bit; compares block by block, so that neither is copied whole."""
    if tuple(a.shape) != tuple(b.shape) or a.dtype != b.dtype:
        return False
    # On a CPU this is a view of the variable's own memory.
    first, second = (np.asarray(value_of(either)) for either in (a, b))
    if first.dtype == object:
        return np.array_equal(first, second)
    word = np.uint64 if first.nbytes % 8 == 0 else np.uint8
    first, second = (array.reshape(-1).view(word) for array in (first, second))
    step = 2**20
    return all(np.array_equal(first[i : i + step], second[i : i + step]) for i in range(0, len(first), step))


def copied_table(old: Any) -> Any:
    """Return a new table with the same entries. A static table that was never filled is shared: it cannot change.

    Private: `_default_value`, `_empty_key` and `_deleted_key` (tensorflow 2.21.0).
    """
    if isinstance(old, tf.lookup.StaticHashTable):
        try:
            entries = tf.lookup.KeyValueTensorInitializer(*old.export())
        except tf.errors.FailedPreconditionError:
            return old
        return tf.lookup.StaticHashTable(entries, old._default_value)
    special = {}
    if isinstance(old, tf.lookup.experimental.DenseHashTable):
        special = {"empty_key": old._empty_key, "deleted_key": old._deleted_key}
    new = type(old)(old.key_dtype, old.value_dtype, old._default_value, **special)
    new.insert(*table_entries(old))
    return new


def table_entries(table: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the keys and values of a lookup table.

    A dense table exports the buckets that hold no entry as well, and a number as a vector of one.

    Private: `_default_value`, `_empty_key` and `_deleted_key` (tensorflow 2.21.0).
    """
    keys, values = table.export()
    if not isinstance(table, tf.lookup.experimental.DenseHashTable):
        return keys, values
    keys = tf.reshape(keys, [-1, *tf.convert_to_tensor(table._empty_key).shape])
    values = tf.reshape(values, [-1, *tf.convert_to_tensor(table._default_value).shape])
    special = (table._empty_key, table._deleted_key)
    unused = [np.asarray(keys == key).reshape(len(keys), -1).all(axis=1) for key in special]
    used = ~np.any(unused, axis=0)
    return tf.boolean_mask(keys, used), tf.boolean_mask(values, used)


def retraced(function: Any, python_function: Any) -> Any:
    """Return a `tf.function` with the same settings around a different Python function.

    Private: `_clone` (tensorflow 2.21.0).
    """
    return function._clone(python_function)


def concrete_functions(function: Any) -> list[Any]:
    """Return what a `tf.function` has traced so far. Private: `_list_all_concrete_functions` (tensorflow 2.21.0)."""
    return list(function._list_all_concrete_functions())


# -- wrappers that track variables ------------------------------------------------------------------------------------


def is_wrapper(value: Any) -> bool:
    """Return True for one of the list, dict or tuple wrappers that TensorFlow tracks variables with.

    Private: the module `tensorflow.python.trackable.data_structures` (tensorflow 2.21.0).
    """
    return type(value).__module__ == data_structures.__name__ and hasattr(value, "__dict__")


def is_tracker(value: Any) -> bool:
    """Return True for an object that tracks what it is given as attributes, such as a `tf.train.Checkpoint`.

    Private: the base class has no public name (tensorflow 2.21.0).
    """
    return isinstance(value, AutoTrackable)


def unwrapped(value: Any) -> Any:
    """Return the list, dict or tuple inside one of TensorFlow's tracking wrappers, anything else as it is.

    Private: `TrackableDataStructure._storage`, `_DictWrapper.__wrapped__` (tensorflow 2.21.0).
    """
    if isinstance(value, PROXY):
        return value.__wrapped__
    is_storage = isinstance(value, data_structures.TrackableDataStructure)
    return vars(value).get("_storage", value) if is_storage else value


def attributes(value: Any) -> dict[str, Any] | None:
    """Return the live dict of an object's own attributes, or None if it has none.

    Private: `_DictWrapper` and `_TupleWrapper` present the attributes of the wrapped object as their own
    (tensorflow 2.21.0).
    """
    read = reader_of_attributes(type(value))
    return None if read is None else read(value)


def reader_of_attributes(cls: type) -> Callable[[Any], dict[str, Any]] | None:
    """Return the function by which `attributes` reads those of the objects of a class, or None if they have none."""
    if issubclass(cls, threading.local):
        # Each thread has its own. The descriptor that a derived class has leads to a dict that nobody uses.
        return lambda value: threading.local.__getattribute__(value, "__dict__")
    place = _place_of_attributes(cls)
    return None if place is None else vars(cls.__mro__[place])["__dict__"].__get__


@cached
def _place_of_attributes(cls: type) -> int | None:
    """Return which of the bases of a class has the descriptor that leads to the attributes."""
    descriptors = (vars(base).get("__dict__") for base in cls.__mro__)
    return next((i for i, found in enumerate(descriptors) if isinstance(found, GetSetDescriptorType)), None)


# -- random state of the process --------------------------------------------------------------------------------------


def eager_attributes() -> dict[str, Any]:
    """Return the live attributes of TensorFlow's eager context: `_seed` and `_rng`, once a seed was set or drawn.

    TensorFlow can set its eager seed but has no public way to read it.
    Private: `tensorflow.python.eager.context.context()` (tensorflow 2.21.0).
    """
    return vars(context.context())


def set_eager_seed(seed: int) -> None:
    """Set the eager seed without restarting the random operations inside compiled functions."""
    eager_attributes().update(_seed=seed, _rng=random.Random(seed))


def keras_runs_on_tensorflow() -> bool:
    """Return True if Keras 3 is imported and uses TensorFlow, not JAX or PyTorch."""
    return "keras" in sys.modules and sys.modules["keras"].config.backend() == "tensorflow"


def global_generators() -> list[tuple[Any, str]]:
    """Return where the process keeps its random generators: (object, attribute). Each is made when first used.

    These are TensorFlow's global generator, the one of Keras 3 for `keras.random` without a seed, and the source of
    seeds of Keras 2.
    Private: `stateful_random_ops.global_generator` (tensorflow 2.21.0), `global_state.GLOBAL_STATE_TRACKER` (keras
    3.15.1), `backend._SEED_GENERATOR` (tf_keras 2.21.0).
    """
    from tensorflow.python.ops import stateful_random_ops

    found: list[tuple[Any, str]] = [(stateful_random_ops, "global_generator")]
    if keras_runs_on_tensorflow():
        from keras.src.backend.common import global_state

        found.append((global_state.GLOBAL_STATE_TRACKER, "global_seed_generator"))
    if "tf_keras" in sys.modules:
        from tf_keras.src import backend

        found.append((backend._SEED_GENERATOR, "generator"))
    return found


@contextmanager
def functions_run_eagerly() -> Iterator[None]:
    """Run every `tf.function` eagerly in this thread while the body runs.

    `tf.config.run_functions_eagerly` would do so in all threads.
    Private: `eager_function_run.RUN_FUNCTIONS_EAGERLY` (tensorflow 2.21.0).
    """
    before = eager_function_run.RUN_FUNCTIONS_EAGERLY
    eager_function_run.RUN_FUNCTIONS_EAGERLY = _InThisThread(before)
    try:
        yield
    finally:
        eager_function_run.RUN_FUNCTIONS_EAGERLY = before


class _InThisThread:
    """A flag that is true in the thread that made it, and unchanged in all others."""

    def __init__(self, elsewhere: Any):
        self._thread, self._elsewhere = threading.get_ident(), elsewhere

    def __bool__(self) -> bool:
        return threading.get_ident() == self._thread or bool(self._elsewhere)


@contextmanager
def random_operations_replaced(replacement: Callable[[FunctionType], Any]) -> Iterator[None]:
    """Replace the functions through which TensorFlow draws random numbers while the body runs.

    Args:
        replacement: Returns what takes the place of a function.
    """
    operations = random_operations()
    try:
        for module, name, operation in operations:
            setattr(module, name, replacement(operation))
        yield
    finally:
        for module, name, operation in operations:
            setattr(module, name, operation)


def random_operations() -> list[tuple[ModuleType, str, FunctionType]]:
    """Return the functions through which TensorFlow draws random numbers: (module, name, function).

    Private: the modules `gen_random_ops` and `gen_candidate_sampling_ops` (tensorflow 2.21.0).
    """
    from tensorflow.python.ops import gen_candidate_sampling_ops, gen_random_ops

    return [
        (module, name, value)
        for module in (gen_random_ops, gen_candidate_sampling_ops)
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and name.islower() and "seed2" in inspect.signature(value).parameters
    ]
