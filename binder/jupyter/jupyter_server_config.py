"""The Jupyter server's settings for the workbook, whether JupyterLab, Notebook or a hub starts it."""

import importlib.util

# Only where memory has a limit does this manager do anything: see its first lines. A hub may run its server in an
# environment of its own, without the workbook's packages.
if importlib.util.find_spec("workbook") and importlib.util.find_spec("psutil"):
    c.ServerApp.kernel_manager_class = "workbook.server.kernel_manager.MemoryLimitedKernelManager"  # noqa: F821 (`c` is given by Jupyter)
