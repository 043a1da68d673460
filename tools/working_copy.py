"""Makes the reader's own copy of the notebooks, without answers in sight, and keeps it up to date.

`run.py lab`, Binder (`binder/start`) and the hub (`classroom/student_server.py`) open the copy. It needs only the
standard library, because a hub may run its server in an environment of its own.

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
"""What was handed out, by the name of the notebook: a digest of its cells."""


def update(notebooks: Path, folder: Path) -> list[str]:
    """Bring a copy of the notebooks up to date, and leave alone what the reader has changed.

    A notebook counts as changed if a cell was edited, added, removed or moved. To run it changes nothing. Where the
    reader has changed a notebook, and there is a newer one, the newer one is put beside it, once.

    Args:
        notebooks: The folder of the workbook's notebooks.
        folder: The copy, which need not exist.

    Returns:
        A sentence for each notebook of which there is a newer one beside the reader's own.

    Raises:
        OSError: The copy cannot be written.
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
    """Return a notebook without results, and with what JupyterLab would add on opening, which counts as a change.

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
    except (ValueError, LookupError, TypeError, AttributeError):  # whatever it is, it is the reader's
        return ""


def _read_record(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    # In two steps: half a file would count as the reader's own from then on.
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def main(arguments: Sequence[str]) -> None:
    """Make or update the copy, and say what is newer; the workbook can be read where that fails.

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
