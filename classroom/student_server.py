"""Give a student their own copy of the workbook, and become their Jupyter server.

JupyterHub starts this instead of ``jupyterhub-singleuser``, as the student and in the student's home, on one machine
and in a container alike. It passes the limits on in ``MEM_LIMIT`` (bytes) and ``CPU_LIMIT`` (cores).
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
"""Seconds after which a kernel without work is ended, and after that the server. The notebooks stay as they are."""

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LINK = re.compile(r"\]\(\.\./([^)#\s\\]+)\)")
sys.path.insert(0, str(WORKBOOK / "tools"))
import working_copy  # noqa: E402 (in the folder that was put on the path above)


def linked_files(workbook: Path) -> list[Path]:
    """Return the files that the notebooks link to, as paths below the workbook.

    Args:
        workbook: the repository.
    """
    texts = (notebook.read_text(encoding="utf-8") for notebook in workbook.glob("notebooks/*.ipynb"))
    links = {Path(link) for text in texts for link in _LINK.findall(text)}
    return sorted(link for link in links if (workbook / link).is_file())


def hand_out(workbook: Path, copy: Path) -> list[str]:
    """Bring the student's copy up to date, and leave alone what the student has changed.

    Args:
        workbook: the repository.
        copy: the student's folder, which need not exist.

    Returns:
        A sentence for each notebook of which there is a newer one beside the student's own.

    Raises:
        OSError: the copy cannot be written.
    """
    messages = working_copy.update(workbook / "notebooks", copy / "notebooks")
    for path in linked_files(workbook):
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(workbook / path, target)
    return messages


def settle(environment: MutableMapping[str, str], copy: Path) -> None:
    """Set what the server and its kernels go by: the first page, the settings of JupyterLab, the number of threads.

    Args:
        environment: the variables, which are changed in place.
        copy: the student's folder.
    """
    first = min(copy.glob("notebooks/*.ipynb"), default=None)
    environment["JUPYTERHUB_ROOT_DIR"] = str(copy)
    environment["JUPYTERHUB_DEFAULT_URL"] = f"/lab/tree/notebooks/{first.name}" if first else "/lab"
    paths = [str(WORKBOOK / "binder" / "jupyter"), environment.get("JUPYTER_CONFIG_PATH")]
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(path for path in paths if path)
    if cores := environment.get("CPU_LIMIT"):
        # Left alone, TensorFlow starts a thread for each core of the machine, in each kernel of each student.
        environment.update(dict.fromkeys(_THREADS, str(max(1, math.ceil(float(cores))))))


def limit_memory(environment: MutableMapping[str, str]) -> None:
    """Let no process of the student's have more memory than the limit: it gets a MemoryError, and the others nothing.

    The limit is a hard one, so that no process that comes after can raise it, unless it runs as root.

    Args:
        environment: the variables, of which ``MEM_LIMIT`` counts.
    """
    if limit := environment.get("MEM_LIMIT"):
        # What counts is private memory, of which a kernel with TensorFlow has 0.5 GB. Its address space (RLIMIT_AS) is
        # five times as large, and mostly empty.
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = int(limit) if hard == resource.RLIM_INFINITY else min(int(limit), hard)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, wanted))


def takes_sockets(folder: Path) -> bool:
    """Make a folder that only this user can enter, and try whether kernels can have their sockets in it.

    The path of a socket has at most 107 bytes on Linux, and some network file systems know no sockets.

    Args:
        folder: the folder, which need not exist.

    Returns:
        Whether a socket with a name as long as that of a kernel's can be bound there, and connected to.
    """
    path = folder / f"kernel-{uuid.uuid4()}-ipc-10"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Below /tmp somebody else may have made it first, or a link of that name.
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
    """Choose how the server talks to its kernels, so that no other user of the machine can read it.

    Over TCP, which is Jupyter's default, every process of the machine can subscribe to what a kernel prints.

    Args:
        environment: the variables; ``JUPYTER_RUNTIME_DIR`` is set to the folder of the sockets.

    Returns:
        Options of the server: sockets in a folder of the student's own, or else encrypted TCP.
    """
    home = Path.home()
    # A path in a room's homes is too long. The second one is short, and the same at each start.
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
        arguments: what JupyterHub asks for; it comes last, so that it counts.
    """
    options = [
        f"--MappingKernelManager.cull_idle_timeout={IDLE}",
        # A page that is left open does not count as work: tabs of earlier lessons would each hold on to 0.5 GB.
        "--MappingKernelManager.cull_connected=True",
        "--MappingKernelManager.cull_interval=300",
        f"--ServerApp.shutdown_no_activity_timeout={IDLE}",
    ]
    if os.geteuid() == 0:
        options.append("--allow-root")  # whether that may be is the hub's affair, and it was asked
    return [sys.executable, "-m", "jupyterhub.singleuser", *options, *arguments]


def main() -> None:
    """Hand out, settle, and let the server take this process's place."""
    copy = Path.home() / COPY
    try:
        print(*hand_out(WORKBOOK, copy), sep="\n", file=sys.stderr)
    except OSError as error:
        # The server has to come up all the same: only there can the student make room.
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
