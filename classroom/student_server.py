"""Make a student's own copy of the workbook, then run their Jupyter server.

JupyterHub starts this program instead of `jupyterhub-singleuser`, as the student and in the student's home, both on one
machine and in containers. It passes the limits in `MEM_LIMIT` (bytes) and `CPU_LIMIT` (cores).
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import resource
import shutil
import socket
import stat
import sys
import tempfile
import uuid
from collections.abc import MutableMapping
from pathlib import Path

WORKBOOK = Path(__file__).resolve().parents[1]
COPY = "model-cloning-workbook"
"""Name of the copy in the student's home."""

IDLE = 3600
"""Seconds until an idle kernel is ended, and then again until the server is ended. Notebooks are not affected."""

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LINK = re.compile(r"\]\(\.\./([^)#\s\\]+)\)")
sys.path.insert(0, str(WORKBOOK / "tools"))
import working_copy  # noqa: E402 (in the folder that was put on the path above)


def linked_files(workbook: Path) -> list[Path]:
    """Return the files that the notebooks link to, as paths below the workbook.

    Args:
        workbook: The repository.
    """
    texts = (notebook.read_text(encoding="utf-8") for notebook in workbook.glob("notebooks/*.ipynb"))
    links = {Path(link) for text in texts for link in _LINK.findall(text)}
    return sorted(link for link in links if (workbook / link).is_file())


def hand_out(workbook: Path, copy: Path) -> list[str]:
    """Update the student's copy, except for notebooks that the student has changed.

    Args:
        workbook: The repository.
        copy: The student's folder, which need not exist.

    Returns:
        A sentence for each changed notebook that has a newer version beside it.

    Raises:
        OSError: If the copy cannot be written.
    """
    messages = working_copy.update(workbook / "notebooks", copy / "notebooks")
    for path in linked_files(workbook):
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(workbook / path, target)
    return messages


def settle(environment: MutableMapping[str, str], copy: Path) -> None:
    """Set the environment of the server and its kernels: first page, settings of JupyterLab, number of threads.

    Args:
        environment: The variables, which are changed in place.
        copy: The student's folder.
    """
    first = min(copy.glob("notebooks/*.ipynb"), default=None)
    environment["JUPYTERHUB_ROOT_DIR"] = str(copy)
    environment["JUPYTERHUB_DEFAULT_URL"] = f"/lab/tree/notebooks/{first.name}" if first else "/lab"
    paths = [str(WORKBOOK / "binder" / "jupyter"), environment.get("JUPYTER_CONFIG_PATH")]
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(path for path in paths if path)
    if cores := environment.get("CPU_LIMIT"):
        # By default TensorFlow starts a thread for each core of the machine, in each kernel of each student.
        environment.update(dict.fromkeys(_THREADS, str(max(1, math.ceil(float(cores))))))


def limit_memory(environment: MutableMapping[str, str]) -> None:
    """Limit the memory of each process of the student; a process above it gets a MemoryError, and no other is affected.

    The limit is a hard limit, so processes started later cannot raise it unless they run as root.

    Args:
        environment: The variables; only `MEM_LIMIT` is read.
    """
    if limit := environment.get("MEM_LIMIT"):
        # The limit is on private memory, of which a kernel with TensorFlow has 0.5 GB. Its address space (RLIMIT_AS) is
        # five times as large, and mostly unused.
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = int(limit) if hard == resource.RLIM_INFINITY else min(int(limit), hard)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, wanted))


def takes_sockets(folder: Path) -> bool:
    """Make a folder that only this user can enter, and test whether it can hold the sockets of kernels.

    The path of a socket can have at most 107 bytes on Linux, and some network file systems do not support sockets.

    Args:
        folder: The folder, which need not exist.

    Returns:
        True if a socket with a name as long as that of a kernel can be bound in the folder and connected to.
    """
    path = folder / f"kernel-{uuid.uuid4()}-ipc-10"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Under /tmp, somebody else may have made this folder first, or a link with its name.
        if (status := folder.lstat()).st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
            return False
        folder.chmod(0o700)
        with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:
            one.bind(str(path))
            one.listen(1)
            other.connect(str(path))
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
    return True


def private_channels(environment: MutableMapping[str, str]) -> list[str]:
    """Choose a connection between server and kernels that no other user of the machine can read.

    Over TCP, which is Jupyter's default, every process of the machine can subscribe to the output of a kernel.

    Args:
        environment: The variables; `JUPYTER_RUNTIME_DIR` is set to the folder of the sockets.

    Returns:
        Options of the server: sockets in a private folder of the student, or encrypted TCP if those do not work.
    """
    home = Path.home()
    # A path in a student's home may be too long. The second folder has a short path, and the same one at each start.
    short = f"kernels-{os.geteuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
    folders = (home / ".local" / "share" / "jupyter" / "runtime", Path(tempfile.gettempdir(), short))
    folder = next(filter(takes_sockets, folders), None)
    if folder is None:
        return ["--KernelManager.transport_encryption=auto"]
    environment["JUPYTER_RUNTIME_DIR"] = str(folder)
    return ["--KernelManager.transport=ipc"]


def command(arguments: list[str]) -> list[str]:
    """Return the command of the server.

    Args:
        arguments: The options that JupyterHub passes; they come last, so they take precedence.
    """
    options = [
        f"--MappingKernelManager.cull_idle_timeout={IDLE}",
        # Kernels with an open page are also culled, because each tab of an earlier lesson would keep 0.5 GB.
        "--MappingKernelManager.cull_connected=True",
        "--MappingKernelManager.cull_interval=300",
        f"--ServerApp.shutdown_no_activity_timeout={IDLE}",
    ]
    if os.geteuid() == 0:
        options.append("--allow-root")  # the hub has already checked whether root is allowed
    return [sys.executable, str(WORKBOOK / "tools" / "start_jupyter.py"), "jupyterhub.singleuser", *options, *arguments]


def main() -> None:
    """Update the copy, set the environment, and replace this process with the server."""
    copy = Path.home() / COPY
    try:
        print(*hand_out(WORKBOOK, copy), sep="\n", file=sys.stderr)
    except OSError as error:
        # The server must start even if the disk is full, because the student needs it to delete files.
        print(f"The workbook could not be copied to {copy}: {error}. Make room there and start again.", file=sys.stderr)
        with contextlib.suppress(OSError):
            copy.mkdir(exist_ok=True)
        if not copy.is_dir():
            copy = Path.home()
    settle(os.environ, copy)
    limit_memory(os.environ)
    server = command([*private_channels(os.environ), *sys.argv[1:]])
    os.execv(server[0], server)


if __name__ == "__main__":
    main()
