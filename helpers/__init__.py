"""Clone Keras models truly, and audit whether a clone is true.

Everything is loaded when it is first used, so that ``import helpers`` costs nothing beyond what you ask of it:

>>> import helpers
>>> twin = helpers.clone(model)                       # doctest: +SKIP
>>> helpers.audit(model, twin, inputs, targets).ok    # doctest: +SKIP
True
"""

import importlib
from typing import Any

_WHERE = {
    "accuracy_in_words": "showing",
    "audit": "auditing",
    "clone": "cloning",
    "CloneError": "cloning",
    "expected_error": "showing",
    "load_digits": "datasets",
    "METHODS": "methods",
    "quiet_tensorflow": "startup",
    "raised": "showing",
    "set_seeds": "startup",
    "three_tests": "engine",
    "Verdicts": "claims",
}
_MODULES = [
    "auditing",
    "bench",
    "claims",
    "cloning",
    "comparison",
    "datasets",
    "distances",
    "doctor",
    "engine",
    "keras_generations",
    "labs",
    "matrix",
    "methods",
    "plots",
    "showing",
    "snapshot",
    "startup",
]

__all__ = [*_WHERE]


def __getattr__(name: str) -> Any:
    """Load the module that holds ``name`` when it is first asked for (PEP 562)."""
    if name in _WHERE:
        return getattr(importlib.import_module(f"helpers.{_WHERE[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"helpers.{name}")
    raise AttributeError(f"module 'helpers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_WHERE, *_MODULES])
