"""The true clone of a model: a copy of its objects, checked before it is returned.

A clone can be rebuilt from the config or copied object by object. The config is public API and the recipe of the
lessons, but it restores only what it records: of about 150 kinds of models, 41 % of the clones were true, and 18 %
differed silently, with arguments, ties, edits after construction, seeds or optimizers lost. A copy of the objects (see
`graph_copy`) was true for all of them. It relies on private attributes of Keras, so these are named in `tf_private`
only, with a test for each, and every clone is checked:

1. Structure: the same layers of the same classes, with weights of the same shapes, dtypes and flags.
2. Bits: every variable is equal bit for bit.
3. Isolation: the garbage collector confirms that no mutable object is reachable from both.
4. Answers: both return the same outputs for the same inputs, the clone also while the original has other weights. Then
   both are restored. Models built only from library classes, which the tests cover, skip this check unless inputs are
   given: for an image network it takes longer than all the other checks.
"""

import contextlib
import gc
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from helpers import distances, graph_copy, keras_compat, model_parts, snapshot, tf_private, tracing
from helpers.graph_copy import CloneError
from helpers.random_state import random_state_kept, same_random_state
from helpers.text import reason

__all__ = ["CloneError", "clone"]

Model = TypeVar("Model")


def clone(model: Model, inputs: Any = None, name: str | None = None) -> Model:
    """Return an independent clone of a model, or of several models.

    The clone has the same classes and the same values: weights, other state such as random seeds and recurrent states,
    vocabularies, trainable flags, compile settings, optimizers with their slots, metrics, and every attribute, also
    those set after construction. It shares no variable, layer, optimizer or other mutable object with the original.
    The original does not change, not even its random state. Compiled functions are not copied: the clone compiles its
    own when it is first used, with the settings that the model has now. If a compiled function of the model still has
    earlier settings, this is refused, provided that inputs are given or the model has classes or functions of your own.

    Args:
        model: A model or layer of keras or tf_keras, trained or not, built or not; or any `tf.Module`: a distribution,
            joint distribution or bijector of TensorFlow Probability, or a module of your own. Or a list, tuple or dict
            of them: what these models share, their clones share among themselves.
        inputs: A batch of example inputs, (samples, ...), or a list or dict of such arrays. If given, the outputs of
            both are compared before the clone is returned. If not, a model with classes or functions of your own is
            called on random inputs, provided that it knows their shape, and a distribution on a sample of its own.
            For several models, one batch for each, in the same kind of list or dict.
        name: A name for the clone, if it is not to have that of the original. Its layers and variables keep theirs.

    Returns:
        The clone, of the same class; for several models, a list, tuple or dict of their clones.

    Raises:
        CloneError: The clone would not be true. The message names the layer or class and says what to do.
        TypeError: `model` is neither a model nor a module, nor a list, tuple or dict of them; or `inputs` or `name`
            does not fit several models.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> copied = clone(model, name="copied")
        >>> bool(np.all(copied(np.ones((1, 3))) == model(np.ones((1, 3)))))
        True
        >>> copied.layers[0].kernel is model.layers[0].kernel
        False
    """
    models, batches = _listed(model), [inputs]
    if models is None:
        models = [model]
    else:
        batches = _batch_for_each(models, inputs, model)
        if name is not None:
            raise TypeError("A name is for one clone. Clone several models without it, and one by one with it.")
    for each in models:
        _require_model(each)
    # Weights that nobody has set are drawn when they are created: the copy of an unbuilt model draws the same ones.
    with random_state_kept(), _without_garbage_collection():
        copy = graph_copy.Copy(model)
        _refuse_outdated_training(copy, model)
        clones = _listed(copy.clone) or [copy.clone]
        for original, cloned in zip(models, clones, strict=True):
            _check_structure(original, cloned)
        _check_bits(copy)
        _check_isolation(copy)
        if copy.holds_own_code or inputs is not None:
            for each in models:
                _refuse_outdated_functions(each)
        for original, cloned, batch in zip(models, clones, batches, strict=True):
            _check_answers(copy, original, cloned, batch)
    if name is not None:
        tf_private.rename(copy.clone, name)
    copied: Model = copy.clone
    return copied


# -- what can be cloned ------------------------------------------------------------------------------------------------


def _listed(models: Any) -> list[Any] | None:
    """Return the models in a list, tuple or dict; None for anything else, or if there are none."""
    if not isinstance(models, (list, tuple, dict)):
        return None
    return list(models.values() if isinstance(models, dict) else models) or None


def _batch_for_each(models: list[Any], inputs: Any, container: Any) -> list[Any]:
    """Return one batch of inputs for each of several models."""
    if inputs is None:
        return [None] * len(models)
    if isinstance(container, dict) and isinstance(inputs, dict) and inputs.keys() <= container.keys():
        return [inputs.get(key) for key in container]
    if isinstance(container, dict) or not isinstance(inputs, (list, tuple)) or len(inputs) != len(models):
        kind = "dict" if isinstance(container, dict) else "list"
        raise TypeError(f"There are {len(models)} models: `inputs` must be a {kind} with one batch for each of them.")
    return list(inputs)


def _require_model(value: Any) -> None:
    if isinstance(value, tf.Module):
        return
    try:
        keras_compat.generation(value)
    except TypeError as error:
        instead = _what_to_pass(value) if "is not a Keras model" in str(error) else ""
        if not instead:
            raise
        raise TypeError(f"An object of type {type(value).__name__} is not a Keras model. {instead}") from error


def _what_to_pass(value: Any) -> str:
    """Return what to pass to `clone` instead of a value that is not a model, or an empty string."""
    kind = model_parts.keras_kind(value)[1]
    if kind:
        attribute = {"optimizer": "optimizer", "loss": "loss"}.get(kind, "metrics")
        return f"Clone the model that was compiled with it: helpers.clone(model).{attribute} is its clone."
    if isinstance(value, (str, bytes)) or hasattr(value, "__fspath__"):
        return "Load the file first, and pass the model: helpers.clone(keras.models.load_model(path))."
    if isinstance(value, (list, tuple, dict)):
        return "Pass a model, or a list, tuple or dict that holds models only."
    held = tf_private.attributes(value) or {}
    inside = [name for name, part in held.items() if isinstance(part, tf.Module) or keras_compat.has_name(part)]
    if inside and not isinstance(value, type):
        return f"Pass the model that it holds: helpers.clone(it.{inside[-1]})."
    if inspect.isroutine(value):
        return "Pass the model that it returns."
    if not held or isinstance(value, (type, types.ModuleType)):
        return ""
    return (
        "Put it into a tf.Module, and clone that:\n\n"
        "    holder = tf.Module()\n    holder.held = it\n    copied = helpers.clone(holder).held\n"
    )


def _refuse_outdated_training(copy: graph_copy.Copy, whole: Any) -> None:
    """Refuse a model whose compiled training function still trains a layer that was frozen later, or the reverse.

    The model may be inside the one that is cloned, as the critic of a GAN is.
    """
    for model, _ in copy.pairs:
        for layer in keras_compat.changed_since_compiled(model) if keras_compat.has_name(model) else []:
            title = keras_compat.title(model)
            line = "    model.train_function = None"
            if model is not whole:
                line = f"    part.train_function = None  # part is {title}"
            raise CloneError(
                f"The trainable flag of {keras_compat.title(layer)} was changed after {title} had been trained. "
                f"{title} keeps training as it was compiled, a clone would not. Compile it again, or let it forget "
                f"its compiled training. Then both train with the flags as they are now:\n\n{line}\n"
                "    copied = helpers.clone(model)\n"
            )


def _refuse_outdated_functions(model: Any) -> None:
    """Refuse a model with a compiled function that keeps attributes as they were before they were changed."""
    name = tracing.outdated(model)
    if name:
        raise CloneError(
            f"{keras_compat.title(model)} has changed since {name} was compiled, which goes on as it was then: a clone "
            "would do what the model is set to do now. Let the model compile its functions again. Where call itself is "
            "a tf.function, keep what changes in a tf.Variable.\n\n"
            "    model.train_function = model.test_function = model.predict_function = None\n"
            "    copied = helpers.clone(model)\n"
        )


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Disable garbage collection: allocating many objects would trigger it repeatedly with nothing to collect."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_REPORT = (
    "This is a bug in clone, not in your model. Please report it with the model's code, in the issue form "
    "'clone refused my model' of this repository."
)


def _check_structure(model: Any, cloned: Any) -> None:
    """Compare the layers that Keras lists, or the modules."""
    of_original, of_clone = (keras_compat.parts(either) for either in (model, cloned))
    for a, b in zip(of_original, of_clone, strict=False):
        if _description(a) != _description(b):
            raise CloneError(
                f"{keras_compat.title(a)} was copied as {_description(b)} instead of {_description(a)}. {_REPORT}"
            )
    if len(of_original) != len(of_clone):
        raise CloneError(
            f"{keras_compat.title(model)} has {len(of_original)} parts, its clone {len(of_clone)}. {_REPORT}"
        )


def _check_bits(copy: graph_copy.Copy) -> None:
    for a, b in copy.pairs:
        if isinstance(a, tf_private.VARIABLES) and not tf_private.same_bits(a, b):
            raise CloneError(f"The copy of the variable {a.name} has different numbers. {_REPORT}")


def _description(part: Any) -> tuple[Any, ...]:
    held = keras_compat.weights(part) if keras_compat.has_name(part) else part.variables
    weights = [(tuple(w.shape), str(w.dtype), w.trainable) for w in held]
    return type(part).__name__, getattr(part, "name", None), getattr(part, "trainable", None), weights


def _check_isolation(copy: graph_copy.Copy) -> None:
    for leak, holder in copy.leaks():
        raise CloneError(
            f"The clone of {keras_compat.title(copy.original)} would still reach {keras_compat.title(leak)} of the "
            f"original, through {keras_compat.title(holder)}. {_REPORT}"
        )


# -- answers -----------------------------------------------------------------------------------------------------------

Call = Callable[[Any], Any]


def _check_answers(copy: graph_copy.Copy, model: Any, cloned: Any, inputs: Any) -> None:
    """Call both models on the same inputs from the same state, and compare what they return.

    While the clone is called, the original has other weights: what the clone returns must not depend on them.
    """
    call = _call_on(inputs) if inputs is not None else _made_up_call(model, copy.holds_own_code)
    if call is None or not getattr(model, "built", True):
        return
    try:
        if _same_answers(copy, model, cloned, call, disturbed=True):
            return
    except NotImplementedError:  # a model that is only trained may have no call
        return
    except Exception as error:
        if inputs is None:
            return
        raise CloneError(
            f"{keras_compat.title(model)} does not take these inputs ({type(error).__name__}: {reason(error)}). "
            "Pass inputs of the shape and dtype that it is called with: helpers.clone(model, inputs)."
        ) from error
    if _same_answers(copy, model, cloned, call, disturbed=False):
        raise CloneError(
            f"The clone of {keras_compat.title(model)} answers with weights of the original: something that cannot be "
            "copied uses them, such as a function of another library. Make what it uses an attribute of the model, and "
            "use it from there."
        )
    apart = _first_layer_apart(copy, model, cloned, call) if keras_compat.has_name(model) else None
    first = f", and {keras_compat.title(apart)} is the first layer to do so" if apart is not None else ""
    raise CloneError(
        f"The clone of {keras_compat.title(model)} has equal weights and answers differently{first}: its call depends "
        "on something outside the model, or on the identity of an object. Make what it uses an attribute of the "
        "model, and do not look anything up by id()."
    )


def _same_answers(copy: graph_copy.Copy, model: Any, cloned: Any, call: Call, disturbed: bool) -> bool:
    """Return True if both models answer alike; afterwards both are as they were.

    Args:
        copy: The copy that the clone belongs to.
        model: The original.
        cloned: Its clone.
        call: Calls either.
        disturbed: Whether the variables of the original change before the clone is called.

    Raises:
        Exception: Whatever the original raises.
    """
    with snapshot.objects_unchanged(value for pair in copy.pairs for value in pair):
        with same_random_state() as draws:
            of_original = distances.answers(call(model))
        if disturbed:
            _disturb(old for old, _ in copy.pairs if isinstance(old, tf_private.VARIABLES))
        with same_random_state(draws):
            try:
                of_clone = distances.answers(call(cloned))
            except Exception:  # then its answers differ
                return False
    return len(of_original) == len(of_clone) and not any(map(distances.differs, of_original, of_clone))


def _first_layer_apart(copy: graph_copy.Copy, model: Any, cloned: Any, call: Call) -> Any:
    """Return the first layer whose outputs differ from those of its clone, or None; all are as they were afterwards."""
    with snapshot.objects_unchanged(value for pair in copy.pairs for value in pair):
        with same_random_state() as draws:
            of_original = _outputs_of_layers(model, call)
        with same_random_state(draws):
            of_clone = _outputs_of_layers(cloned, call)
    for (layer, outputs), (_, others) in zip(of_original, of_clone, strict=False):
        if len(outputs) != len(others) or any(map(distances.differs, outputs, others)):
            return layer
    return None


def _outputs_of_layers(model: Any, call: Call) -> list[tuple[Any, list[np.ndarray]]]:
    """Call a model, and return each layer with its outputs, in the order in which they were ready."""
    found: list[tuple[Any, list[np.ndarray]]] = []

    def record(layer: Any) -> None:
        before = layer.call

        def recorded(*arguments: Any, **named: Any) -> Any:
            outputs = before(*arguments, **named)
            found.append((layer, distances.answers(outputs)))
            return outputs

        (tf_private.attributes(layer) or {})["call"] = recorded

    for layer in keras_compat.flat_layers(model)[1:]:
        record(layer)
    with contextlib.suppress(Exception):  # a clone that raises an error has got as far as the layer that does
        call(model)
    return found


def _disturb(variables: Iterator[Any]) -> None:
    floats = [variable for variable in variables if variable.dtype.is_floating]
    distances.assign(floats, [1 + value for value in distances.read(floats)])


def _call_on(inputs: Any) -> Call:
    """Return a function that calls a model on inputs, or asks a distribution for their density."""

    def call(model: Any) -> Any:
        if hasattr(model, "trainable_weights"):
            return model(inputs, training=False)
        return model(inputs) if callable(model) else model.log_prob(inputs)

    return call


def _made_up_call(model: Any, holds_own_code: bool) -> Call | None:
    """Return a function that calls either model on something made up, or None."""
    if keras_compat.has_name(model):
        inputs = _random_inputs(model) if holds_own_code else None
        return None if inputs is None else _call_on(inputs)
    if hasattr(model, "sample") and hasattr(model, "log_prob"):
        return _density_of_a_sample
    if hasattr(model, "forward_min_event_ndims"):
        generator = np.random.default_rng(0)
        return _call_on(generator.uniform(size=[2] * max(1, _size(model.forward_min_event_ndims))).astype("float32"))
    specification = getattr(model.__call__, "input_signature", None) if callable(model) else None
    if specification:
        return lambda either: either(*(tf.ones([n or 2 for n in spec.shape], spec.dtype) for spec in specification))
    return None


def _size(number: Any) -> int:
    return max(int(each) for each in tf.nest.flatten(number))


def _density_of_a_sample(distribution: Any) -> list[Any]:
    sample = distribution.sample()
    # A bijector remembers the tensors that it has returned, and what they were made from.
    again = tf.nest.map_structure(tf.identity, sample)
    try:
        return [sample, distribution.log_prob(again)]
    except NotImplementedError:
        return [sample]


def _random_inputs(model: Any) -> Any:
    """Return one random sample for a model that knows the shapes of its inputs, or None."""
    generator = np.random.default_rng(0)

    def sample(shape: Any, dtype: Any = "float32") -> Any:
        # A fixed batch size is kept. An axis of any length gets one that few layers are too large for.
        shape = [shape[0] or 1, *(length or 32 for length in shape[1:])]
        return generator.uniform(size=shape).astype(tf.as_dtype(dtype).as_numpy_dtype)

    try:
        symbols = keras_compat.symbolic_inputs(model)
        if symbols is not None:
            return tf.nest.map_structure(lambda symbol: sample(symbol.shape, symbol.dtype), symbols)
        shape = model.get_build_config()["input_shape"]
        return sample((1, *shape[1:]))
    except (AttributeError, KeyError, TypeError, ValueError):  # text, sparse or ragged inputs, or several of them
        return None
