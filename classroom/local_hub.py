"""Start the classroom's JupyterHub on 127.0.0.1, with free ports and its own folder, for tests and measurements."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
NO_PROXY = (
    "JupyterHub's proxy is not installed: install Node.js 18 or newer with npm (Debian, Ubuntu: `sudo apt install npm`)"
    ", then run `npm ci --prefix classroom`"
)


def has_proxy() -> bool:
    """Return True if JupyterHub's proxy, an npm package, is installed."""
    local = HERE / "node_modules" / ".bin" / "configurable-http-proxy"
    found = local.exists() or shutil.which("configurable-http-proxy")
    return bool(found and shutil.which("node"))


def free_ports(number: int) -> list[int]:
    """Return ports that are not in use."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class LocalHub:
    """The classroom's hub with a shared password.

    Args:
        folder: The folder of the hub's state and the students' homes.
        seats: Number of students who share the machine; by default as many as the configuration finds memory for.
        options: More options of `jupyterhub`.
        subdomains: Whether each student gets a separate origin. Browsers resolve `*.localhost` to this machine.

    Raises:
        RuntimeError: If the hub did not start; the message is its log.

    Example:
        >>> with LocalHub(folder, seats=2) as hub:   # doctest: +SKIP
        ...     print(hub.url, hub.password)
    """

    def __init__(
        self, folder: Path, seats: int | None = None, options: tuple[str, ...] = (), subdomains: bool = False
    ) -> None:
        self.folder = Path(folder)
        self.password = secrets.token_hex(8)
        public, hub, proxy = free_ports(3)
        listen = f"http://127.0.0.1:{public}"
        self.url = f"http://class.localhost:{public}" if subdomains else listen
        environment = dict(
            os.environ,
            CLASSROOM_PASSWORD=self.password,
            CLASSROOM_FOLDER=str(self.folder),
            CLASSROOM_SEATS=str(seats or ""),
            CLASSROOM_SUBDOMAIN_HOST=self.url if subdomains else "",
            CLASSROOM_ALLOW_ROOT="1",  # safe, because only this machine can reach the hub and its password is random
        )
        command = [sys.executable, "-m", "jupyterhub", "--config", str(HERE / "jupyterhub_config.py")]
        command += [f"--JupyterHub.bind_url={listen}", f"--JupyterHub.hub_port={hub}"]
        command += [f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{proxy}", *options]
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self.log: list[str] = []
        try:
            self._wait_until_it_runs()
        except BaseException:
            self.process.kill()
            raise
        # Read continuously, because a full pipe would block the hub.
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()

    def _wait_until_it_runs(self) -> None:
        for line in self.process.stderr:
            self.log.append(line)
            if "JupyterHub is now running" in line:
                return
        raise RuntimeError("JupyterHub did not start:\n" + "".join(self.log))

    def home(self, student: str) -> Path:
        """Return the home of a student, which need not exist yet."""
        return self.folder / "students" / student

    def __enter__(self) -> LocalHub:
        """Return the hub."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the hub, and with it the proxy and the students' servers."""
        self.stop()

    def stop(self) -> None:
        """Stop the hub, and with it the proxy and the students' servers."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
