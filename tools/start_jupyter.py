"""Start a program of Jupyter in less than half the time: `python tools/start_jupyter.py jupyterlab --no-browser`.

Jupyter checks its events with jsonschema, which loads rfc3987_syntax if it is installed. That package builds a grammar
of addresses with international letters, which takes more time than all the rest of Jupyter's start, and no schema of
Jupyter has such an address (https://github.com/jupyter-server/jupyter_server/issues/1559). Without it, jsonschema does
not check the formats "iri" and "iri-reference". Binder starts Jupyter itself, so binder/postBuild uninstalls it there.
"""

from __future__ import annotations

import os
import runpy
import sys


def main() -> None:
    """Run the module that the first argument names as a program, with the other arguments."""
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]  # its modules are no packages
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
