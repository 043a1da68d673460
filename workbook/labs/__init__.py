"""The panels of the notebooks: prediction questions, exercises, and labs that change a model and compare its clones.

Each name is loaded when it is first used, so that `from workbook import labs` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

# Public name -> the module that holds it. A new lab is one more line.
_WHERE = {
    "BirthLab": "workbook.labs.birth.lab",
    "InterruptionLab": "workbook.labs.interruption.lab",
    "LayerLab": "workbook.labs.layer.lab",
    "MethodTablePanel": "workbook.labs.method_table.lab",
    "OwnModelPanel": "workbook.labs.own_model.lab",
    "PosteriorsLab": "workbook.labs.posteriors.lab",
    "SaveLoadLab": "workbook.labs.save_load.lab",
    "ask": "workbook.lessons.panels",
    "exercise": "workbook.lessons.panels",
    "show_progress": "workbook.lessons.progress_panel",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_WHERE)}.")
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value  # so that the next use does not call __getattr__
    return value


def __dir__() -> list[str]:
    """The public names, so that completion offers them before they are loaded."""
    return sorted({*globals(), *_WHERE})
