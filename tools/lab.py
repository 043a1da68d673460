"""Open the workbook in JupyterLab: `run.py lab` after the set-up."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from run import PYTHON, ROOT, WINDOWS, become, main
from tools import working_copy


def command(args: Sequence[str]) -> list[str]:
    """Return the command that starts JupyterLab, for this computer only unless `args` contains an address.

    Args:
        args: Options of JupyterLab.

    Returns:
        The program and its arguments.

    Example:
        >>> command(["--no-browser"])[-1]
        '--no-browser'
    """
    options = [f"--ServerApp.root_dir={ROOT}"]
    if not any(re.match(r"--(ServerApp\.)?ip\b", arg) for arg in args):
        options.append("--ip=127.0.0.1")
    if not WINDOWS and os.geteuid() == 0:
        options.append("--allow-root")  # containers often have no other user
    return [str(PYTHON), str(ROOT / "tools" / "start_jupyter.py"), "jupyterlab", *options, *args]


def lab(args: Sequence[str]) -> int:
    """Open JupyterLab on the reader's own copy; its settings and its start page are in `binder/jupyter`."""
    working_copy.main([])
    paths = [str(ROOT / "binder" / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(path for path in paths if path)
    return become(*command(args))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], lab))
