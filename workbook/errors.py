"""How the workbook presents an error: its message in a readable form, and a hint of one sentence.

`HINTS` maps patterns in a message to hints. If no row matches, the hint says so, because a wrong explanation would be
worse than none.
"""

from __future__ import annotations

import re
import textwrap

from helpers.text import is_no_room
from workbook.labs.framework.program import MODULE

__all__ = ["FALLBACK", "MAKE_ROOM", "NO_ROOM", "hint_for", "is_no_room", "readable", "short_message"]

FALLBACK = (
    "This workbook has no explanation for this error; the last lines of the message usually name the layer or "
    "the argument that it is about."
)

MAKE_ROOM = (
    "free some room on the disk, or set TMPDIR to a folder that takes files and restart the kernel, then try again"
)
"""Advice if a file cannot be written."""

NO_ROOM = f"A file could not be written, which says nothing about the model or the method: {MAKE_ROOM}."

# The first row that matches is used, so specific rows come before general ones.
HINTS = (
    (
        r"NameError.*name 'tfd' is not defined|NameError.*name 'kl_lib' is not defined",
        "A layer of TensorFlow Probability is made with functions, and a config holds their byte code without the "
        "names that they use: build the model again from its class, or copy the objects with helpers.clone.",
    ),
    (
        r"missing a required argument: '(distribution|mixture_distribution|model)'",
        "A deep copy creates a distribution without its arguments, which its constructor requires: call its class "
        "again with its parameters and fresh variables.",
    ),
    (
        r"NotImplementedError.*Layer DenseVariational",
        "DenseVariational is made with functions and has no config at all: build the model again from its class, or "
        "copy the objects with helpers.clone.",
    ),
    (
        r"'Posterior' has no attribute 'from_config'",
        "clone_model takes Keras models, and this distribution is held by a TensorFlow module: build it again from its "
        "class, or copy it with helpers.clone.",
    ),
    (
        r"cannot add new elements of state",
        "Keras 3 requires every layer to be created in __init__ or build: a layer that call creates comes too late to "
        "be tracked. Keras 2 runs the same code.",
    ),
    (
        r"only supports singleton tf\.Variables|function tried to create variables",
        "A training step is compiled once, and must not create variables while it runs: create layers in __init__.",
    ),
    (
        r"not made from a class of your own",
        "A second instance needs a class of your own; a Sequential or Functional model has its structure in its config "
        "only, and clone_model reads that.",
    ),
    (
        r"CloneError",
        "helpers.clone refuses where a true clone is not certain: the message names the part that would be lost, where "
        "other methods would silently return a different model.",
    ),
    (
        r"not compatible with provided weight shape|Shape mismatch|expected shape .* received",
        "The clone was rebuilt with other sizes than the original has, so the weights do not fit: without get_config a "
        "constructor falls back on its defaults.",
    ),
    (
        r"Input to reshape|total size of (the tensor|new array) must be unchanged",
        "The clone was rebuilt with the constructor's default sizes, and a Reshape that fitted the original's sizes "
        "does not fit those: a get_config would have recorded them.",
    ),
    (
        r"objects could not be loaded",
        "A file matches weights to layers by structure, and the model that was rebuilt is not the one that was saved: "
        "without get_config its sizes are the constructor's defaults, or its layers do not exist yet.",
    ),
    (
        r"Unknown layer.*custom_object_scope",
        "An .h5 file stores the name of a class without its package, so registering the class is not enough: save to a "
        "file that ends in .keras.",
    ),
    (
        r"HDF5 format requires the model to be a Functional",
        "An .h5 file has no place for a model that is written as a class: save to a file that ends in .keras.",
    ),
    (
        r"Invalid filepath extension for saving",
        "Keras 3 does not save to folders: choose a file name that ends in .keras.",
    ),
    (
        r"has no attribute 'train_on_batch'",
        "export writes a model for inference only: it holds the computation, but neither the class nor what training "
        "needs.",
    ),
    (
        r"Could not locate class|Unknown layer|Unknown object|not registered",
        "A file holds the name of a class and not its code: register the class and give it a get_config, so that Keras "
        "finds it again.",
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
        "A checkpoint finds variables by the names of attributes and by their positions, and the variable that it "
        "found here has a different shape: the code that reads is not the code that wrote.",
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


def _clean(error: BaseException) -> str:
    """Return a message without terminal colours, memory addresses and the module names that labs make up."""
    text = re.sub(r"\x1b\[[0-9;]*m| at 0x[0-9a-fA-F]+", "", str(error))
    text = re.sub(rf"{MODULE}_[0-9a-f]{{8}}\.", "", text)
    return re.sub(rf"{MODULE}_[0-9a-f]{{8}}", "__main__", text)


def readable(error: BaseException, lines: int = 12) -> str:
    """Return an error's message with its lines as they are, for a panel.

    Args:
        error: The error.
        lines: Number of lines to keep.

    Returns:
        The message without terminal colours, memory addresses, blank lines and the made-up name of a model's module.

    Example:
        >>> readable(ValueError("no"))
        'no'
    """
    kept = [line.rstrip()[:400] for line in _clean(error).replace("\t", "    ").splitlines() if line.strip()]
    return "\n".join([*kept[:lines], "..."] if len(kept) > lines else kept) or "(no message)"


_LONGEST = 400
_CAUSE = re.compile(r"(?:Exception|Error) encountered[^:\n]*:")

# Text that Keras and TensorFlow add to a message, and that does not help a learner. "File" lines contain local paths.
_WRAPPING = (
    "Arguments received by",
    "Call arguments received by",
    "in user code:",
    "File ",
    "Example:",
    "class ",
    "def ",
)


def short_message(error: BaseException) -> str:
    r"""Return an error's message on one line, for a sentence.

    Args:
        error: The error.

    Returns:
        At most 400 letters, without colour codes, memory addresses, argument dumps and file names; empty if the error
        has no message.

    Example:
        >>> short_message(ValueError("Too wide.\n\nArguments received by Dense.call():\n  x=1"))
        'Too wide.'
    """
    message = _clean(error)
    # Keras 3 puts the cause after a paragraph of advice and the whole config.
    head, marker, cause = message.partition("could not be deserialized properly.")
    if marker:
        message = f"{head}{marker} {re.split(_CAUSE, cause)[-1].strip()}"
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", message)]
    # AutoGraph repeats the type of the error in the message.
    paragraphs = [paragraph.removeprefix(f"{type(error).__name__}: ") for paragraph in paragraphs]
    useful = [paragraph for paragraph in paragraphs if paragraph and not paragraph.startswith(_WRAPPING)]
    return textwrap.shorten(" ".join(useful), _LONGEST, placeholder=" ...")


def hint_for(error: BaseException) -> str:
    """Return a hint on an error, in one sentence.

    Args:
        error: The error.

    Returns:
        The sentence of the first row of `HINTS` that matches, or `FALLBACK`.

    Example:
        >>> hint_for(ValueError("something new")) == FALLBACK
        True
    """
    if is_no_room(error):
        return NO_ROOM
    text = f"{type(error).__name__}: {readable(error, lines=60)}"
    for pattern, sentence in HINTS:
        if re.search(pattern, text, re.DOTALL):
            return sentence
    return FALLBACK
