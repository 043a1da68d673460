"""The Jupyter server's settings for the workbook, whether JupyterLab, Notebook or a hub starts it."""

import importlib.util

# It keeps a kernel ready (off with c.PreparingKernelManager.prepare = False) and makes room where memory is limited. A
# hub may run its server in an environment of its own, without the workbook's packages.
if importlib.util.find_spec("workbook") and importlib.util.find_spec("psutil"):
    c.ServerApp.kernel_manager_class = "workbook.server.prepared_kernel.PreparingKernelManager"  # noqa: F821 (`c` is given by Jupyter)
