"""What an error teaches: the sentence that the Layer Lab puts beside a real error of Keras.

A table from what the message says to one sentence. Where no row fits, the sentence says so: a
wrong explanation would be worse than none.
"""

from __future__ import annotations

import re

from workbook.labs.framework.program import MODULE

FALLBACK = (
    "This workbook has no explanation for this error; the last lines of the message usually name the layer or "
    "the argument that it is about."
)

MAKE_ROOM = (
    "free some room on the disk, or set TMPDIR to a folder that takes files and restart the kernel, then try again"
)
"""What to do where a file cannot be written."""

NO_ROOM = f"A file could not be written, which says nothing about the model or the method: {MAKE_ROOM}."

_NO_ROOM = r"No space left on device|Disk quota exceeded|Read-only file system|No usable temporary directory"

# The first row that fits is taken, so narrow rows stand above wide ones.
_LESSONS = (
    (
        r"NameError.*name 'tfd' is not defined|NameError.*name 'kl_lib' is not defined",
        "A layer of TensorFlow Probability is made with functions, and a config holds their byte code without the "
        "names that they use: make the model anew from its class, or copy the objects with helpers.clone.",
    ),
    (
        r"missing a required argument: '(distribution|mixture_distribution|model)'",
        "A deep copy makes a distribution without its arguments, and it needs them at once: call its class again with "
        "its parameters and fresh variables.",
    ),
    (
        r"NotImplementedError.*Layer DenseVariational",
        "DenseVariational is made with functions and has no config at all: make the model anew from its class, or copy "
        "the objects with helpers.clone.",
    ),
    (
        r"'Posterior' has no attribute 'from_config'",
        "clone_model takes models of Keras, and what holds this distribution is none: it is a module of TensorFlow, to "
        "be made anew from its class, or copied by helpers.clone.",
    ),
    (
        r"cannot add new elements of state",
        "Keras 3 wants every layer to be made in __init__ or build: one that call makes comes too late to be tracked. "
        "Keras 2 runs the same code.",
    ),
    (
        r"only supports singleton tf\.Variables|function tried to create variables",
        "A training step is compiled once, so nothing may create a variable while it runs: make layers in __init__.",
    ),
    (
        r"not made from a class of your own",
        "A second instance needs a class of your own; a Sequential or Functional model has its structure in its config "
        "only, and clone_model reads that.",
    ),
    (
        r"CloneError",
        "A true clone is refused where it cannot be certain: the message names the part that does not come along, "
        "where other ways would give a silently different model.",
    ),
    (
        r"not compatible with provided weight shape|Shape mismatch|expected shape .* received",
        "The clone was rebuilt with other sizes than the original has, so the weights do not fit: without get_config a "
        "constructor falls back on its defaults.",
    ),
    (
        r"Input to reshape|total size of (the tensor|new array) must be unchanged",
        "The clone was rebuilt with the constructor's default sizes, and a Reshape that fitted the original's sizes "
        "does not fit those: a get_config would have told them.",
    ),
    (
        r"objects could not be loaded",
        "A file matches weights to layers by structure, and the model that was rebuilt is not the one that was saved: "
        "without get_config its sizes are the constructor's defaults, or its layers do not exist yet.",
    ),
    (
        r"Unknown layer.*custom_object_scope",
        "An .h5 file has the bare name of a class and no package, so registering the class is not enough for it: save "
        "to a file that ends in .keras.",
    ),
    (
        r"HDF5 format requires the model to be a Functional",
        "An .h5 file has no place for a model that is written as a class: save to a file that ends in .keras.",
    ),
    (
        r"Invalid filepath extension for saving",
        "Keras 3 writes no folders: the name of a file that it saves to ends in .keras.",
    ),
    (
        r"has no attribute 'train_on_batch'",
        "What export writes is for answering: it holds the computation, and neither the class nor what it takes to "
        "train.",
    ),
    (
        r"Could not locate class|Unknown layer|Unknown object|not registered",
        "A copy that goes through a file holds the name of a class and not its code: register the class, and give it a "
        "get_config, so that Keras finds it again.",
    ),
    (
        r"Unable to revive model|non-serializable|could not be deserialized|when deserializing|NotImplementedError",
        "Cloning by config is only as good as the config: write a get_config that returns every constructor argument.",
    ),
    (
        r"weight list of length|expecting 0 weights|expected 0 (weights|variables)|received 0 variables",
        "The clone has no weights yet: layers create them when the model is first called on data.",
    ),
    (
        r"Received incompatible tensor with shape",
        "A checkpoint finds variables by the names of attributes and by their numbers, and what it found here has "
        "another shape: the code that reads is not the code that wrote.",
    ),
    (
        r"not bound to checkpointed values|No values were found|not found in (the )?checkpoint|Unresolved object",
        "The model has a variable that the checkpoint does not know: assert_existing_objects_matched says so, and "
        "without that line it would have kept its fresh value.",
    ),
    (
        r"Unknown variable|only be called for the variables it was originally built with",
        "An optimizer belongs to the variables that it was built for: a clone needs an optimizer of its own.",
    ),
)


def readable(error: BaseException, lines: int = 12) -> str:
    """Write an error's message for people.

    Args:
        error: The error.
        lines: How many lines to keep.

    Returns:
        The message without terminal colours, blank lines and the invented name of the model's module.

    Example:
        >>> readable(ValueError("no"))
        'no'
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = re.sub(rf"{MODULE}_[0-9a-f]{{8}}\.", "", text).replace("\t", "    ")
    text = re.sub(rf"{MODULE}_[0-9a-f]{{8}}", "__main__", text)
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    kept = [line.rstrip()[:400] for line in text.splitlines() if line.strip()]
    return "\n".join([*kept[:lines], "..."] if len(kept) > lines else kept) or "(no message)"


def lesson(error: BaseException) -> str:
    """Say in one sentence what an error teaches.

    Args:
        error: The error.

    Returns:
        The sentence of the first row that fits, or an honest fallback.

    Example:
        >>> lesson(ValueError("something new")) == FALLBACK
        True
    """
    if is_no_room(error):
        return NO_ROOM
    text = f"{type(error).__name__}: {readable(error, lines=60)}"
    for pattern, sentence in _LESSONS:
        if re.search(pattern, text, re.DOTALL):
            return sentence
    return FALLBACK


def is_no_room(error: BaseException) -> bool:
    """Tell whether an error only says that a file could not be written, for want of room or of a folder that takes it.

    Args:
        error: The error.

    Returns:
        Whether it does.

    Example:
        >>> is_no_room(OSError(28, "No space left on device"))
        True
    """
    seen: BaseException | None = error
    while seen is not None:
        if re.search(_NO_ROOM, str(seen)):
            return True
        seen = seen.__cause__ or seen.__context__  # HDF5 says at first only that it cannot close the file
    return False
