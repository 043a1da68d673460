"""Clone Keras models truly, and audit whether a clone is true.

Everything is loaded when it is first used, so that ``import helpers`` costs nothing beyond what you ask of it:

>>> import helpers
>>> twin = helpers.clone(model)                       # doctest: +SKIP
>>> helpers.audit(model, twin, inputs, targets).ok    # doctest: +SKIP
True
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors and type checkers read; `__getattr__` below loads the same names at run time
    from helpers.auditing import audit
    from helpers.cloning import CloneError, clone
    from helpers.engine import three_tests
    from helpers.methods import METHODS
    from helpers.report import Report

__all__ = ["METHODS", "CloneError", "Report", "audit", "clone", "three_tests"]

_WHERE = {
    "audit": "auditing",
    "clone": "cloning",
    "CloneError": "cloning",
    "METHODS": "methods",
    "Report": "report",
    "three_tests": "engine",
}


def __getattr__(name: str) -> Any:
    """Load the module that holds ``name`` when it is first asked for (PEP 562)."""
    if name in _WHERE:
        return getattr(importlib.import_module(f"helpers.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'helpers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
