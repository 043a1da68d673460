"""Clone Keras models truly, and audit whether a clone is true.

Each module is loaded when it is first used, so `import helpers` costs nothing until then:

>>> import helpers
>>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
>>> clone = helpers.clone(model)
>>> helpers.audit(model, clone, np.ones((4, 3)), np.ones((4, 2))).passed("Same start")
True
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors and type checkers read; `__getattr__` below loads the same names at run time
    from helpers.auditing import assert_true_clone, audit
    from helpers.cloning import CloneError, clone
    from helpers.engine import three_tests
    from helpers.report import Report

__all__ = ["CloneError", "Report", "assert_true_clone", "audit", "clone", "three_tests"]

_WHERE = {
    "assert_true_clone": "auditing",
    "audit": "auditing",
    "clone": "cloning",
    "CloneError": "cloning",
    "Report": "report",
    "three_tests": "engine",
}


def __getattr__(name: str) -> Any:
    """Load the module that defines `name` when it is first asked for (PEP 562)."""
    if name in _WHERE:
        return getattr(importlib.import_module(f"helpers.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'helpers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
