"""Make the reader's own copy of the notebooks, without outputs, and keep it up to date.

`run.py lab`, Binder (`binder/start`) and the hub (`classroom/student_server.py`) open the copy. This module needs only
the standard library, because a hub may run its server in a separate environment.

    python tools/working_copy.py [FOLDER]      # my_notebooks, if no folder is named
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "my_notebooks"
RECORD = ".handed_out.json"
"""File with a digest of the cells of each notebook at the last update, by the name of the notebook."""


def update(notebooks: Path, folder: Path) -> list[str]:
    """Update a copy of the notebooks, except for those that the reader has changed.

    A notebook counts as changed if a cell was edited, added, removed or moved, but not if it was only run. If there is
    a newer version of a changed notebook, it is put beside it, once.

    Args:
        notebooks: The folder of the workbook's notebooks.
        folder: The copy, which need not exist.

    Returns:
        A sentence for each changed notebook that has a newer version beside it.

    Raises:
        OSError: If the copy cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = _read_record(folder / RECORD)
    messages = []
    for path in sorted(notebooks.glob("*.ipynb")):
        own, newer = folder / path.name, folder / f"{path.stem}.newer.ipynb"
        notebook = without_outputs(json.loads(path.read_text(encoding="utf-8")))
        latest = _digest(notebook)
        before = record.get(path.name)
        if not own.exists() or (before != latest and before == _digest_of(own)):
            _write(own, notebook)
        elif before != latest and _digest_of(own) != latest:
            _write(newer, notebook)
            messages.append(f"{own.name} stays as you changed it. There is a newer one beside it: {newer.name}.")
        record[path.name] = latest
    _write(folder / RECORD, record)
    return messages


def without_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook without outputs, and with the fields that JupyterLab would add and count as a change.

    Args:
        notebook: The notebook, as its file has it; it is changed in place.
    """
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    notebook["metadata"]["language_info"] = {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": platform.python_version(),
    }
    return notebook


def _digest(notebook: dict[str, Any]) -> str:
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _digest_of(path: Path) -> str:
    try:
        return _digest(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, LookupError, TypeError, AttributeError):  # a file of the reader that is not a valid notebook
        return ""


def _read_record(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    # In two steps, because a half-written file would later count as changed by the reader.
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def main(arguments: Sequence[str]) -> None:
    """Make or update the copy, and print the newer notebooks; an error is only printed, as the workbook can be read.

    Args:
        arguments: The folder of the copy, or nothing.
    """
    folder = Path(arguments[0]) if arguments else ROOT / FOLDER
    try:
        messages = update(ROOT / "notebooks", folder)
    except OSError as error:
        messages = [f"The notebooks could not be copied to {folder} ({error}). Open those in the folder notebooks."]
    for message in messages:
        print(message, file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
