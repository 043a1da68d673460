"""The code behind the pages of the workbook: start-up, the digits, labs, questions, claims.

The functions for a reader's own projects are in `helpers`. Each module is loaded when it is first used, so `import
workbook` is fast:

>>> import workbook
>>> workbook.quiet_tensorflow()
>>> images, labels = workbook.load_digits()
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers; `__getattr__` below loads the same names at run time
    from workbook import labs
    from workbook.digits import show_digits
    from workbook.lessons.claim_table import try_claims
    from workbook.lessons.versions import MethodsByVersion, WhatHolds
    from workbook.methods import METHODS
    from workbook.notebook import (
        accuracy_in_words,
        expected_error,
        load_digits,
        quiet_tensorflow,
        raised,
        set_seeds,
        table,
    )
    from workbook.server import doctor

__all__ = [
    "METHODS",
    "MethodsByVersion",
    "WhatHolds",
    "accuracy_in_words",
    "doctor",
    "expected_error",
    "labs",
    "load_digits",
    "quiet_tensorflow",
    "raised",
    "set_seeds",
    "show_digits",
    "table",
    "try_claims",
]

_MODULES = {"doctor": "workbook.server.doctor", "labs": "workbook.labs"}
_WHERE = {
    "show_digits": "workbook.digits",
    "METHODS": "workbook.methods",
    "MethodsByVersion": "workbook.lessons.versions",
    "WhatHolds": "workbook.lessons.versions",
    "try_claims": "workbook.lessons.claim_table",
}


def __getattr__(name: str) -> Any:
    """Load the module that holds `name` at the first access (PEP 562)."""
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in __all__:
        return getattr(importlib.import_module(_WHERE.get(name, "workbook.notebook")), name)
    raise AttributeError(f"module 'workbook' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "IPython" in sys.modules and (_shell := sys.modules["IPython"].get_ipython()) is not None:
    importlib.import_module("workbook.both").register(_shell)
