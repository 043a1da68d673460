"""Programs that a lab shows and runs: each is executed as a module without a file."""

from __future__ import annotations

import sys
import types
import zlib

GENERATIONS = {"keras": "Keras 3 (keras)", "tf_keras": "Keras 2 (tf_keras)"}
"""Both Keras versions with their packages, as a lab offers them."""

MODULE = "layer_lab_model"
_KEPT = 32  # modules whose models may still be in use; older ones are released


class _Loader:
    """Gives `inspect`, tracebacks and TensorFlow's AutoGraph the source of a module without a file."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_source(self, name: str) -> str:
        return self.text


def empty_module(text: str) -> types.ModuleType:
    """Make a module for a program whose source Python and TensorFlow can look up, without running the program.

    Args:
        text: The program.

    Returns:
        An empty module.

    Example:
        >>> empty_module("model = 1").__file__.startswith(MODULE)
        True
    """
    # Each program needs its own module name, because classes are looked up in sys.modules by the name of their module.
    module = types.ModuleType(f"{MODULE}_{zlib.crc32(text.encode()):08x}")
    module.__file__ = f"{module.__name__}.py"
    module.__loader__ = _Loader(text)
    sys.modules.pop(module.__name__, None)
    kept = [name for name in sys.modules if name.startswith(f"{MODULE}_")]
    for old in kept[: len(kept) - _KEPT + 1]:
        del sys.modules[old]
    sys.modules[module.__name__] = module
    return module


def execute(text: str) -> types.ModuleType:
    """Run a program as a new module without a file.

    Args:
        text: The program.

    Returns:
        The module, with all names that the program defines.

    Example:
        >>> execute("answer = 6 * 7").answer
        42
    """
    module = empty_module(text)
    exec(compile(text, module.__file__, "exec"), module.__dict__)
    return module
