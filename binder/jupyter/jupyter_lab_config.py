"""JupyterLab's settings for the workbook, found through JUPYTER_CONFIG_PATH (run.py and binder/start set it)."""

from pathlib import Path

# Asked of the disk, because JupyterLab answers a link to a notebook that is not there with an empty page.
workbook = Path(__file__).resolve().parents[2]
notebooks = sorted(workbook.glob("my_notebooks/*.ipynb")) or sorted(workbook.glob("notebooks/*.ipynb"))
if notebooks:
    c.LabApp.default_url = f"/lab/tree/{notebooks[0].parent.name}/{notebooks[0].name}"  # noqa: F821 (`c` is given by JupyterLab)

# A model that is uploaded comes in one message, and the usual limit of 10 MB would end the connection silently.
# What is larger than the own-model panel takes is then refused by the panel, which says so.
c.ServerApp.tornado_settings = {"websocket_max_message_size": 256_000_000}  # noqa: F821
