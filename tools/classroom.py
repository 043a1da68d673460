"""Start a JupyterHub for a class: `run.py classroom` after the set-up."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from run import PYTHON, ROOT, WINDOWS, Problem, become, call, main


def classroom(args: Sequence[str]) -> int:
    """Start the hub with the settings in `classroom/`; install its proxy first if it is missing."""
    if WINDOWS:
        raise Problem("JupyterHub does not run on Windows: use a Linux machine, or run this command inside WSL.")
    folder = ROOT / "classroom"
    if not (folder / "node_modules").exists() and not shutil.which("configurable-http-proxy"):
        npm = shutil.which("npm")
        if not npm:
            raise Problem("JupyterHub's proxy comes from npm, which is not here: install it (`sudo apt install npm`).")
        if call(npm, "ci", "--no-audit", "--no-fund", "--prefix", folder) != 0:
            raise Problem("JupyterHub's proxy could not be installed: see what npm says above and try again.")
    return become(PYTHON, "-m", "jupyterhub", "--config", folder / "jupyterhub_config.py", *args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], classroom))
