"""Where the notebooks ask what: file and heading of a question or an exercise, and a link to it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

__all__ = ["Place", "first_place"]


@dataclass(frozen=True)
class Place:
    """A place in a notebook.

    Attributes:
        file: The name of the notebook's file.
        heading: The heading above the place, as it is shown; None for the notebook as a whole.
    """

    file: str
    heading: str | None = None

    @property
    def link(self) -> str:
        """The address of the place, seen from the notebook's folder.

        JupyterLab goes to the heading if the notebook is open. A notebook that it opens for the link begins at the top.

        Example:
            >>> Place("02_cloning.ipynb", "A frozen layer").link
            '02_cloning.ipynb#heading=A-frozen-layer'
        """
        # JupyterLab compares what is in the address, so nothing is encoded that need not be.
        anchor = "" if self.heading is None else f"#heading={quote(self.heading.replace(' ', '-'), safe=':?.,!()')}"
        return quote(self.file) + anchor


def first_place(file: Path, names: Collection[str] = ()) -> Place | None:
    """Find where a notebook first uses one of some questions and exercises.

    Args:
        file: The notebook.
        names: Their names in the module of the lesson; by default any place will do.

    Returns:
        The place; the notebook as a whole if it uses none of them or is unreadable; None if there is no such file.

    Example:
        >>> first_place(Path("notebooks/02_cloning_subclassed_models.ipynb"), ["TRAIN_THE_CLONE"])   # doctest: +SKIP
        Place(file='02_cloning_subclassed_models.ipynb', heading='A frozen layer')
    """
    if not file.is_file():
        return None
    heading = None
    for kind, source in _cells(file) if names else ():
        if kind == "markdown":
            heading = next(iter(re.findall(r"^##+ +(.+?) *$", source, re.M)[::-1]), heading)
        elif re.search(rf"\blesson\.({'|'.join(names)})\b", source):
            return Place(file.name, heading and re.sub(r"[`*]", "", heading))
    return Place(file.name)


def _cells(file: Path) -> list[tuple[str, str]]:
    """Return kind and source of each cell; none if a reader has left anything else in the file."""
    try:
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
