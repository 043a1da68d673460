"""Remove meaningless differences between runs and between machines from notebooks.

`run.py notebooks` and the hook in .pre-commit-config.yaml use it: `python tools/tidy.py NOTEBOOK ...`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor, CoalesceStreamsPreprocessor

VIEW = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def tidy(path: Path) -> None:
    """Tidy a notebook in place. A file that is already tidy is not rewritten.

    Args:
        path: The notebook.

    Example:
        >>> tidy(Path("notebooks/00_start_here.ipynb"))
    """
    notebook = nbformat.read(path, as_version=4)
    # Tags are kept, because they mark exercises. The version of Python, times, and the state of widgets are removed.
    metadata = ClearMetadataPreprocessor(
        preserve_cell_metadata_mask={"tags"}, preserve_nb_metadata_mask={"language_info"}
    )
    # The pieces into which printed text was cut depend on how busy the machine was.
    for preprocessor in (metadata, CoalesceStreamsPreprocessor()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    notebook.metadata["kernelspec"] = KERNEL
    notebook.metadata.get("language_info", {}).pop("version", None)
    views = 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            view = output.get("data", {}).get(VIEW)
            if view:
                views += 1
                view["model_id"] = f"{views:032x}"  # replaces a random name, whose state is not stored
    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    path.write_bytes(text.encode("utf-8"))


def main(names: Sequence[str]) -> int:
    """Tidy notebooks, and return 1 if one of them changed, as pre-commit expects."""
    changed = 0
    for name in names:
        before = Path(name).read_bytes()
        tidy(Path(name))
        if Path(name).read_bytes() != before:
            print(f"tidied {name}")
            changed = 1
    return changed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
