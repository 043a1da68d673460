"""The few calls in which Keras 3 (``keras``) and Keras 2 (``tf_keras``) differ.

Private attributes stand here and nowhere else. Each was seen in keras 3.15.1 or tf_keras 2.21.0, and
``tests/helpers/test_keras_compat.py`` fails when one of them goes.
"""

import collections
import functools
import importlib
import inspect
import itertools
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction
from tensorflow.python.ops.resource_variable_ops import BaseResourceVariable
from tensorflow.python.trackable import data_structures

GENERATIONS = ("keras", "tf_keras")

# How many batches a Keras 2 model has seen: for its callbacks only (tf_keras 2.21.0).
COUNTERS = {"_train_counter", "_test_counter", "_predict_counter", "_steps_per_execution"}


def namespace(name: str) -> ModuleType:
    """Return the package of a generation, imported when first asked for.

    Args:
        name: ``"keras"`` (Keras 3) or ``"tf_keras"`` (Keras 2).
    """
    if name not in GENERATIONS:
        raise ValueError(f"There is no Keras generation {name!r}. Use one of {', '.join(GENERATIONS)}.")
    return importlib.import_module(name)


def generation(layer: Any) -> str:
    """Tell whether a layer or model is of Keras 3 (``"keras"``) or of Keras 2 (``"tf_keras"``).

    Raises:
        TypeError: it is neither, or it is a class where an instance is wanted.
    """
    for name in GENERATIONS:
        package = sys.modules.get(name)
        if package is not None and isinstance(layer, package.layers.Layer):
            return name
    if isinstance(layer, type):
        raise TypeError(f"{layer.__name__} is a class, not a model. Make an instance of it first: {layer.__name__}().")
    raise TypeError(
        f"An object of type {type(layer).__name__} is not a Keras model. Pass a model of keras or of tf_keras."
    )


def flat_layers(model: Any) -> list[Any]:
    """List the model and every layer inside it, outer before inner, each once.

    ``Model.layers`` is public but leaves out layers inside custom layers.
    Private: ``Layer._flatten_layers`` (keras 3.15.1, tf_keras 2.21.0).
    """
    unique = {id(layer): layer for layer in model._flatten_layers(include_self=True, recursive=True)}
    return list(unique.values())


def is_variable(value: Any) -> bool:
    """Tell whether a value is a variable of TensorFlow or of Keras 3."""
    if isinstance(value, tf.Variable):
        return True
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.Variable)


def weights(model: Any) -> list[Any]:
    """List the weights of a model or layer; none for a model that was never built, where Keras 2 raises.

    Keras 2 lists the vocabulary of a lookup layer among them, which is no variable: it is left out.
    """
    try:
        return [weight for weight in model.weights if is_variable(weight)]
    except ValueError:
        return []


def storage(variable: Any) -> Any:
    """Return the TensorFlow variable that holds the numbers of a variable.

    A Keras 3 variable wraps it as ``.value``, so that two Keras variables can share one storage.
    """
    return variable if isinstance(variable, tf.Variable) else variable.value


def other_state(model: Any) -> list[Any]:
    """List the variables that change what a model does but are not in ``model.weights``.

    These are the random states of Keras 3, the state of a stateful recurrent layer of Keras 3, and raw
    ``tf.Variable`` attributes.
    """
    seen = {id(storage(weight)) for weight in weights(model)}
    found = []

    def collect(value: Any) -> None:
        if is_variable(value):
            if id(storage(value)) not in seen:
                seen.add(id(storage(value)))
                found.append(value)
        elif isinstance(value, (list, tuple)):
            for item in value:
                collect(item)
        elif isinstance(value, dict):
            for item in value.values():
                collect(item)

    collect(list(model.variables) if seen else [])
    for layer in flat_layers(model):
        collect([value for name, value in vars(layer).items() if name not in COUNTERS])
    return found


def variable_name(variable: Any, model: Any) -> str:
    """Return a readable name such as ``dense/kernel``, without the model's own name in front.

    Keras 3 has it as ``variable.path``, Keras 2 as ``variable.name`` with a device index behind.
    """
    name = getattr(variable, "path", None) or variable.name
    return name.split(":")[0].removeprefix(f"{model.name}/")


def is_compiled(model: Any) -> bool:
    """Tell whether ``compile`` was called on a model."""
    return getattr(model, "optimizer", None) is not None


def optimizer_variables(optimizer: Any) -> list[Any]:
    """List an optimizer's variables: iterations, slots and, on Keras 3, the learning rate."""
    variables = optimizer.variables
    return list(variables() if callable(variables) and not isinstance(variables, list) else variables)


def metric_variables(model: Any) -> list[Any]:
    """List the variables of a model's metrics, the running loss included."""
    return [variable for metric in model.metrics for variable in metric.variables]


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Put the random state of the process back as it was when the body ends: Python's, NumPy's, TensorFlow's, Keras's.

    TensorFlow can set its eager seed but offers no way to read it.
    Private: ``tensorflow.python.eager.context.context()._seed`` and ``._rng`` (tensorflow 2.21.0).
    """
    from tensorflow.python.eager import context

    # Neither exists before the first seed is set or asked for.
    eager = vars(context.context())
    python_state, numpy_state = random.getstate(), np.random.get_state()
    tensorflow_state = {name: eager[name] for name in ("_seed", "_rng") if name in eager}
    held = [(holder, name, getattr(holder, name, None)) for holder, name in _homes_of_generators()]
    generators = [eager.get("_rng"), *(generator for _, _, generator in held)]
    states = [(generator, _state_of(generator)) for generator in generators if generator is not None]
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        for name in ("_seed", "_rng"):
            eager.pop(name, None)
        eager.update(tensorflow_state)
        for holder, name, generator in held:
            setattr(holder, name, generator)
        for generator, state in states:
            _set_state_of(generator, state)


def _homes_of_generators() -> list[tuple[Any, str]]:
    """List where the random generators stand that belong to the process, each once it was first used.

    These are TensorFlow's global one, Keras 3's for ``keras.random`` without a seed, and Keras 2's source of seeds.
    Private: ``stateful_random_ops.global_generator`` (tensorflow 2.21.0), ``global_state.GLOBAL_STATE_TRACKER`` (keras
    3.15.1), ``backend._SEED_GENERATOR`` (tf_keras 2.21.0).
    """
    from tensorflow.python.ops import stateful_random_ops

    found = [(stateful_random_ops, "global_generator")]
    if "keras" in sys.modules:
        from keras.src.backend.common import global_state

        found.append((global_state.GLOBAL_STATE_TRACKER, "global_seed_generator"))
    if "tf_keras" in sys.modules:
        from tf_keras.src import backend

        found.append((backend._SEED_GENERATOR, "generator"))
    return found


def _state_of(generator: Any) -> Any:
    return generator.getstate() if isinstance(generator, random.Random) else value_of(storage(generator.state))


def _set_state_of(generator: Any, state: Any) -> None:
    if isinstance(generator, random.Random):
        generator.setstate(state)
    else:
        storage(generator.state).assign(state)


# Numbers that no one else uses as a seed: random operations of equal seeds share their state.
_UNUSED_SEEDS = itertools.count(2_023_112_700)


@contextmanager
def same_random_state(draws: list | None = None) -> Iterator[list]:
    """Let bodies draw the same random numbers, and put the random state of the process back when each ends.

    A random operation of TensorFlow that gets a seed once more goes on from where it was. ``tf.random.set_seed`` would
    start it anew, but also those inside every compiled function of the process. So the operations get a seed that was
    never used, and what they draw is noted, and handed out again to the next body. Compiled functions run as plain
    code meanwhile.
    Private: ``tensorflow.python.eager.context.context()._seed`` and ``._rng``, and the modules ``gen_random_ops`` and
    ``gen_candidate_sampling_ops``, through which every random operation is called (tensorflow 2.21.0).

    Args:
        draws: what an earlier body drew, to be drawn again in the same order.

    Yields:
        A list that fills with what the body draws from TensorFlow's random operations.

    Example:
        >>> with same_random_state() as draws:
        ...     first = tf.random.uniform([])
        >>> with same_random_state(draws):
        ...     bool(tf.random.uniform([]) == first)
        True
    """
    from tensorflow.python.eager import context
    from tensorflow.python.ops import gen_candidate_sampling_ops, gen_random_ops

    noted: list[tuple[str, Any]] = []
    waiting = collections.deque(draws or [])

    def noting(draw: Any) -> Any:
        @functools.wraps(draw)
        def drawn(*args: Any, **kwargs: Any) -> Any:
            result = draw(*args, **kwargs)
            if not tf.executing_eagerly():
                return result
            entry = draw.__name__, result
            if waiting and _described_draw(waiting[0]) == _described_draw(entry):
                entry = waiting.popleft()
            noted.append(entry)
            return entry[1]

        return drawn

    operations = [
        (module, name, value)
        for module in (gen_random_ops, gen_candidate_sampling_ops)
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and name.islower() and "seed2" in inspect.signature(value).parameters
    ]
    eagerly = tf.config.functions_run_eagerly()
    with random_state_kept():
        tf.config.run_functions_eagerly(True)
        random.seed(0)
        np.random.seed(0)
        seed = next(_UNUSED_SEEDS)
        vars(context.context()).update(_seed=seed, _rng=random.Random(seed))
        for holder, name in _homes_of_generators():
            generator = getattr(holder, name, None)
            if isinstance(generator, random.Random):
                generator.seed(0)
            elif generator is not None:
                generator.state.assign(tf.ones_like(storage(generator.state)))
        for module, name, operation in operations:
            setattr(module, name, noting(operation))
        try:
            yield noted
        finally:
            for module, name, operation in operations:
                setattr(module, name, operation)
            tf.config.run_functions_eagerly(eagerly)


@contextmanager
def seeded_tracing(seed: int) -> Iterator[None]:
    """Let functions that are traced in the body draw alike if they are built alike.

    Random operations take their seeds from TensorFlow's global one while they are traced. ``tf.random.set_seed`` would
    also restart the random operations inside every other compiled function of the process.
    Private: ``tensorflow.python.eager.context.context()._seed`` and ``._rng`` (tensorflow 2.21.0).
    """
    from tensorflow.python.eager import context

    with random_state_kept():
        random.seed(seed)
        np.random.seed(seed)
        vars(context.context()).update(_seed=seed, _rng=random.Random(seed))
        for holder, name in _homes_of_generators():
            generator = getattr(holder, name, None)
            if isinstance(generator, random.Random):
                generator.seed(seed)
        yield


def _described_draw(entry: tuple[str, Any]) -> tuple:
    return entry[0], [(tensor.shape, tensor.dtype) for tensor in tf.nest.flatten(entry[1])]


# -- what helpers.graph_copy has to know about objects of TensorFlow and Keras ---------------------------------------

# Private: the classes, in tensorflow 2.21.0. A proxy pretends to be the dictionary or tuple that it wraps.
VARIABLES = (BaseResourceVariable,)
TABLES = (tf.lookup.StaticHashTable, tf.lookup.experimental.MutableHashTable, tf.lookup.experimental.DenseHashTable)
TRACED_FUNCTION = type(tf.function(lambda: None))
PROXY = data_structures.wrapt.ObjectProxy

# What a variable's copy gets anew: the handle of its memory, its unique name, and how its first value came about,
# which leads into the graph of a compiled function if it was made there (tensorflow 2.21.0).
_OF_HANDLE = frozenset({"_handle", "_unique_id", "_in_graph_mode", "_graph_key", "_cached_value", "_graph_element"})
_OF_HANDLE |= {"_initial_value", "_initializer_op", "_is_initialized_op"}
# Functions that a model compiles when it is first trained or asked: with the original's variables inside them
# (keras 3.15.1, tf_keras 2.21.0).
_COMPILED = frozenset({"train_function", "test_function", "predict_function", "train_tf_function"})
_CALL_RECORDS = {
    "_inbound_nodes": True,
    "_outbound_nodes": False,
    "_inbound_nodes_value": True,
    "_outbound_nodes_value": False,
}
_CONSTANTS = (
    *(
        tf.Tensor,
        tf.DType,
        tf.TensorShape,
        tf.TensorSpec,
        tf.Graph,
        tf.Operation,
        tf.data.Dataset,
        tf.distribute.Strategy,
    ),
    *(tf.distribute.StrategyExtended, type(tf.add._tf_type_based_dispatcher)),
)
# TFP compares these marks by identity: with copies of them, a clone would be fitted by another gradient than its
# original (tensorflow-probability 0.25.0).
_CONSTANTS_OF_TFP = {("tensorflow_probability.python.internal.reparameterization", "ReparameterizationType")}


@functools.cache
def is_constant_class(cls: type) -> bool:
    """Tell whether objects of a class of TensorFlow never change, so that a copy may share them: tensors, graphs."""
    return issubclass(cls, _CONSTANTS) or (cls.__module__, cls.__name__) in _CONSTANTS_OF_TFP


def is_handle(value: Any) -> bool:
    """Tell whether a tensor is no value but a handle to a resource, which lives elsewhere and can change."""
    return isinstance(value, tf.Tensor) and value.dtype == tf.resource


def why_not_copied(value: Any) -> str:
    """Say why an object of TensorFlow cannot be copied, or nothing."""
    if isinstance(value, ConcreteFunction):
        return "it is a compiled function, and works on the variables of the original for ever"
    if is_handle(value):
        return "it is a handle to a resource, which a copy would share"
    return ""


@functools.cache
def own_attributes(cls: type) -> frozenset[str]:
    """Name the attributes that a copy must not take over: those that it has itself, or has to make anew."""
    if issubclass(cls, VARIABLES):
        return _OF_HANDLE
    return _COMPILED if is_operation_class(cls) and hasattr(cls, "fit") else frozenset()


def call_records(value: Any) -> list[tuple[list, bool]]:
    """List where a layer notes the calls that it was part of, and whether a call is known by its place there.

    Private: ``Operation._inbound_nodes`` (keras 3.15.1), ``Layer._inbound_nodes_value`` (tf_keras 2.21.0).
    """
    if not is_operation_class(type(value)):
        return []
    attributes = vars(value)
    return [(attributes[name], counts) for name, counts in _CALL_RECORDS.items() if name in attributes]


def text_keys(old: Any, new: Any) -> dict[str, str]:
    """Map the text by which optimizers know a variable to the text that stands for its copy.

    Private: ``_unique_id`` (tensorflow 2.21.0).
    """
    return {old._unique_id: new._unique_id} if isinstance(old, VARIABLES) else {}


def copied_variable(old: Any) -> Any:
    """Make a variable of its own with the same value, copied on the device where it is."""
    with tf.device(old.device):
        # A tensor that is only assigned shares its memory with the original until one of the two is written.
        value = tf.raw_ops.DeepCopy(x=value_of(old))
        return tf.Variable(value, trainable=old.trainable, dtype=old.dtype, shape=old.shape)


def value_of(variable: Any) -> tf.Tensor:
    """Read a variable, past all that TensorFlow does around it for gradients: a tenth of the time."""
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)


def copied_table(old: Any) -> Any:
    """Make a table of its own with the same entries; one that was never filled is shared, as it cannot change.

    Private: ``_default_value``, ``_empty_key`` and ``_deleted_key`` (tensorflow 2.21.0).
    """
    if isinstance(old, tf.lookup.StaticHashTable):
        try:
            entries = tf.lookup.KeyValueTensorInitializer(*old.export())
        except tf.errors.FailedPreconditionError:
            return old
        return tf.lookup.StaticHashTable(entries, old._default_value)
    keys = {}
    if isinstance(old, tf.lookup.experimental.DenseHashTable):
        keys = {"empty_key": old._empty_key, "deleted_key": old._deleted_key}
    new = type(old)(old.key_dtype, old.value_dtype, old._default_value, **keys)
    entries = old.export()
    if keys:
        unused = [np.asarray(entries[0] == key) for key in keys.values()]
        entries = [part[~np.logical_or(*unused)] for part in entries]
    new.insert(*entries)
    return new


def retraced(function: Any, python_function: Any) -> Any:
    """Make a ``tf.function`` like another around another Python function. Private: ``_clone`` (tensorflow 2.21.0)."""
    return function._clone(python_function)


class ValuesKept:
    """The values of variables, remembered without copying them, until they are put back.

    A tensor that was read keeps its numbers: TensorFlow copies the memory when the variable is written to.
    """

    def __init__(self, variables: list[Any]):
        self._values = [(variable, value_of(variable)) for variable in variables]

    def put_back(self) -> None:
        """Write the values back."""
        for variable, value in self._values:
            tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)


@functools.cache
def is_operation_class(cls: type) -> bool:
    """Tell whether a class is of layers, models or other operations of Keras."""
    kinds = [sys.modules[name].layers.Layer for name in GENERATIONS if name in sys.modules]
    if "keras" in sys.modules:
        kinds.append(sys.modules["keras"].Operation)
    return issubclass(cls, tuple(kinds))


def has_name(value: Any) -> bool:
    """Tell whether a value is a layer, model or other operation of Keras, which has a name to be called by."""
    return is_operation_class(type(value))


def title(value: Any) -> str:
    """Return what a message calls an object: its class, and its name if it has one."""
    name = getattr(value, "name", None)
    return f"{type(value).__name__} {name!r}" if isinstance(name, str) else f"a {type(value).__name__}"


def is_stateful(value: Any) -> bool:
    """Tell whether sharing a value would be sharing state: a variable, layer, optimizer, metric or table."""
    kinds = [tf.Variable, tf.random.Generator, *TABLES]
    for name in GENERATIONS:
        if name in sys.modules:
            package = sys.modules[name]
            kinds += [package.layers.Layer, package.metrics.Metric, package.optimizers.Optimizer]
    return is_variable(value) or isinstance(value, tuple(kinds))


def parts(model: Any) -> list[Any]:
    """List a model with every layer inside it, or a ``tf.Module`` with every module inside it."""
    return flat_layers(model) if has_name(model) else [model, *model.submodules]


def changed_since_compiled(model: Any) -> list[Any]:
    """List layers whose trainable flag is not what it was when a model compiled the function that it is trained by.

    Keras 2 goes on with the flags of ``compile`` whenever it makes that function, so that it does not matter there.
    Private: ``Trainer._compiled_trainable_state`` (keras 3.15.1).
    """
    # A module of TensorFlow may have an attribute ``optimizer`` and is no model.
    if getattr(model, "train_function", None) is not None and is_compiled(model) and generation(model) == "keras":
        flags = getattr(model, "_compiled_trainable_state", {})
        return [layer for layer, flag in flags.items() if layer.trainable != flag]
    return []


def symbolic_inputs(model: Any) -> Any:
    """Return the symbols that stand for the inputs of a model made from them, in their structure, or None.

    A Sequential of Keras 3 has them as ``inputs`` only.
    """
    for name in ("input", "inputs"):
        try:
            symbols = getattr(model, name)
        except (AttributeError, RuntimeError, ValueError):
            continue
        if symbols is not None:
            return symbols[0] if isinstance(symbols, (list, tuple)) and len(symbols) == 1 else symbols
    return None


def told(output: Any) -> Any:
    """Return what can be compared of an output: of a distribution, as layers of TFP give, its mean."""
    if hasattr(output, "log_prob"):
        try:
            return output.mean()
        except NotImplementedError:
            return tf.convert_to_tensor(output)
    return output


def same_bits(a: Any, b: Any) -> bool:
    """Tell whether two variables are equal bit for bit, a piece at a time, so that no second copy of both is made."""
    if tuple(a.shape) != tuple(b.shape) or a.dtype != b.dtype:
        return False
    # On a CPU this is a view of the variable's own memory.
    mine, theirs = (np.asarray(value_of(either)) for either in (a, b))
    if mine.dtype == object:
        return np.array_equal(mine, theirs)
    mine, theirs = (array.reshape(-1).view(np.uint8) for array in (mine, theirs))
    step = 2**24
    return all(np.array_equal(mine[i : i + step], theirs[i : i + step]) for i in range(0, len(mine), step))


# -- what helpers.auditing has to know ---------------------------------------------------------------------------------


@functools.cache
def bookkeeping(name: str, kind: str) -> frozenset[str]:
    """Name the attributes that Keras itself keeps in every layer, model, optimizer, loss or metric.

    They hold names, trackers, caches and call histories, which may differ between equal models. What matters of
    them has a public property. They are read off bare objects, so that a new version of Keras brings its own.

    Args:
        name: ``"keras"`` or ``"tf_keras"``.
        kind: ``"layer"``, ``"model"``, ``"optimizer"``, ``"loss"`` or ``"metric"``.
    """
    package = namespace(name)
    if kind == "optimizer":
        return frozenset(key for key in vars(package.optimizers.SGD(name="bare")) if key.startswith("_")) | {"name"}
    if kind == "loss":
        return frozenset({"name"})
    if kind == "metric":
        nothing = dict.fromkeys(("update_state", "result"), lambda self, *args: None)
        return frozenset(vars(type("Bare", (package.metrics.Metric,), nothing)(name="bare"))) | {"name", "built"}
    bare = frozenset(vars(package.layers.Layer(name="bare")))
    if kind == "layer":
        return bare
    inputs = package.Input((1,), name="bare_input")

    class Bare(package.Model):
        pass

    models = [Bare(name="bare"), package.Model(inputs, inputs, name="bare"), package.Sequential([inputs], name="bare")]
    models[0].compile("sgd")
    return bare.union(*map(vars, models)) | {"history", "_eval_epoch_iterator"}


def is_symbolic(value: Any) -> bool:
    """Tell whether a value is a symbolic tensor of Keras, as ``keras.Input`` makes it.

    Private: in tf_keras the class has no public name; it is the one that ``Input`` returns (tf_keras 2.21.0).
    """
    return type(value).__name__ == "KerasTensor" or hasattr(type(value), "_keras_history")


def history(tensor: Any) -> tuple[Any, int, list[Any], dict[str, Any]]:
    """Tell from which call a symbolic tensor came: the layer, which of its outputs, the call's arguments.

    Private: ``KerasTensor._keras_history``, ``Layer._inbound_nodes``, ``Node.arguments`` (keras 3.15.1),
    ``Node.call_args`` (tf_keras 2.21.0).
    """
    layer, node_index, tensor_index = tensor._keras_history
    node = layer._inbound_nodes[node_index]
    arguments = getattr(node, "arguments", None)
    if arguments is None:
        return layer, tensor_index, list(node.call_args), dict(node.call_kwargs)
    return layer, tensor_index, list(arguments.args), dict(arguments.kwargs)


def compile_arguments(model: Any) -> dict[str, Any]:
    """Return what a model was compiled with, as live objects, without the optimizer.

    Private: ``Model._compile_config`` (keras 3.15.1, tf_keras 2.21.0).
    """
    config = getattr(getattr(model, "_compile_config", None), "config", None)
    if config is None:
        return {"loss": model.loss} if is_compiled(model) else {}
    return {key: value for key, value in config.items() if key != "optimizer"}


def loaded() -> list[str]:
    """Name the generations that are imported."""
    return [name for name in GENERATIONS if name in sys.modules]


def optimizer_classes(name: str) -> tuple[type, ...]:
    """Return the base classes of a generation's optimizers, Keras 2's legacy ones included."""
    optimizers = namespace(name).optimizers
    legacy = [optimizers.legacy.Optimizer] if name == "tf_keras" else []
    return (optimizers.Optimizer, *legacy)


def variable_keys(variable: Any) -> list[Any]:
    """Return what an optimizer may know a variable by.

    Private: ``tf.Variable._unique_id`` (tensorflow 2.21.0).
    """
    inner = storage(variable)
    return [id(variable), id(inner), inner._unique_id]


def unwrapped(value: Any) -> Any:
    """Return the list or dict inside one of TensorFlow's tracking wrappers, anything else as it is.

    Private: ``ListWrapper._storage``, ``_DictWrapper.__wrapped__`` (tensorflow 2.21.0).
    """
    if isinstance(value, list):
        return vars(value).get("_storage", value) if hasattr(value, "__dict__") else value
    return getattr(value, "__wrapped__", value) if isinstance(value, dict) else value


def is_wrapper(value: Any) -> bool:
    """Tell whether a value is one of the list, dict or tuple wrappers that TensorFlow tracks variables with.

    Private: the module ``tensorflow.python.trackable.data_structures`` (tensorflow 2.21.0).
    """
    return type(value).__module__ == "tensorflow.python.trackable.data_structures" and hasattr(value, "__dict__")


def rounding(model: Any) -> tuple[float, str]:
    """Return the coarsest unit of rounding that the layers of a model compute with, and the name of its dtype."""
    units = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
    dtypes = {str(layer.compute_dtype) for layer in flat_layers(model)}
    worst = max(dtypes, key=lambda dtype: units.get(dtype, 0.0))
    return units.get(worst, 2.0**-23), worst


def attributes(value: Any) -> dict[str, Any]:
    """Return the live dict of an object's own attributes, also of a wrapper that stands for a dict.

    Private: ``_DictWrapper`` and ``_TupleWrapper`` hide theirs behind the wrapped object's (tensorflow 2.21.0).
    """
    try:
        return vars(value)
    except TypeError:
        return object.__getattribute__(value, "__dict__")
