"""The classroom: preparation of a student's server, logging in, and the settings for larger hubs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import nbformat
import notebook_checks
import psutil
import pytest
import yaml
import zmq
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets.config.loader import KVArgParseConfigLoader, PyFileConfigLoader
from zmq.utils.monitor import recv_monitor_message

ROOT = Path(__file__).resolve().parents[2]
CLASSROOM = ROOT / "classroom"
sys.path.insert(0, str(CLASSROOM))
if sys.platform != "linux":
    pytest.skip("the classroom's hub is for Linux", allow_module_level=True)
import grp  # noqa: E402 (there is none on Windows)
import resource  # noqa: E402

import load  # noqa: E402 (in the folder that was put on the path above)
import student_server  # noqa: E402

README = (CLASSROOM / "README.md").read_text(encoding="utf-8")
FIRST = Path("notebooks/00_start_here.ipynb")


# --- A student's own copy ---------------------------------------------------------------------------------------------


def test_a_student_gets_every_notebook_and_no_link_leads_nowhere(tmp_path):
    student_server.hand_out(ROOT, tmp_path)
    names = {path.name for path in (tmp_path / "notebooks").glob("*.ipynb")}
    assert names == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")} and len(names) > 1
    for path in tmp_path.glob("notebooks/*.ipynb"):
        assert notebook_checks.broken_links(nbformat.read(path, as_version=4), path.parent) == []


def test_what_a_student_wrote_stays(tmp_path):
    student_server.hand_out(ROOT, tmp_path)
    (tmp_path / FIRST).write_text("mine", encoding="utf-8")
    assert student_server.hand_out(ROOT, tmp_path) == []
    assert (tmp_path / FIRST).read_text(encoding="utf-8") == "mine"


# --- A student's server -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cores", "threads"), [(None, None), ("0.25", "1"), ("1.0", "1"), ("1.5", "2"), ("4", "4")])
def test_a_kernel_starts_as_many_threads_as_the_student_has_cores(tmp_path, cores, threads):
    environment = {"JUPYTER_CONFIG_PATH": "/hub", **({"CPU_LIMIT": cores} if cores else {})}
    student_server.hand_out(ROOT, tmp_path)
    student_server.settle(environment, tmp_path)
    assert environment.get("TF_NUM_INTRAOP_THREADS") == environment.get("OMP_NUM_THREADS") == threads
    assert environment["JUPYTERHUB_DEFAULT_URL"] == f"/lab/tree/{FIRST}"
    assert environment["JUPYTERHUB_ROOT_DIR"] == str(tmp_path)
    assert environment["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(ROOT / "binder" / "jupyter"), "/hub"]


def test_too_much_memory_is_an_error_of_the_one_who_wants_it():
    program = f"""
import sys
sys.path.insert(0, {str(CLASSROOM)!r})
import student_server
student_server.limit_memory({{"MEM_LIMIT": str(300 * 1024**2)}})
kept = bytearray(100 * 1024**2)
try:
    bytearray(300 * 1024**2)
except MemoryError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")


RAISE = """
import os, resource
if os.geteuid() == 0:  # root can raise any limit, and a student of a machine with accounts is not root
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print(*resource.getrlimit(resource.RLIMIT_DATA))
for limits in ((600 * 1024**2,) * 2, (600 * 1024**2, 300 * 1024**2), (resource.RLIM_INFINITY,) * 2):
    try:
        resource.setrlimit(resource.RLIMIT_DATA, limits)
    except ValueError:
        print("refused")
try:
    bytearray(400 * 1024**2)
except MemoryError:
    print("no memory")
"""


def test_no_later_process_of_a_student_can_raise_the_limit():
    program = f"""
import os, sys
sys.path.insert(0, {str(CLASSROOM)!r})
import student_server
student_server.limit_memory({{"MEM_LIMIT": str(300 * 1024**2)}})
os.execv(sys.executable, [sys.executable, "-c", {RAISE!r}])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    limits, *answers = done.stdout.splitlines()
    assert limits.split() == [str(300 * 1024**2)] * 2
    assert (answers, done.stderr) == (["refused"] * 3 + ["no memory"], "")


def test_without_a_limit_memory_is_as_it_was(monkeypatch):
    monkeypatch.setattr(resource, "setrlimit", lambda *limits: pytest.fail("a limit was set"))
    student_server.limit_memory({})


@pytest.mark.parametrize("full", [False, True])
def test_the_server_comes_up_with_the_hubs_options_even_if_the_disk_is_full(tmp_path, monkeypatch, capsys, full):
    def no_room(source, target):
        raise OSError(28, "No space left on device")

    started = []
    monkeypatch.setattr(student_server.Path, "home", lambda: tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(student_server.os, "execv", lambda path, command: started.extend(command))
    monkeypatch.setattr(student_server.sys, "argv", ["student_server.py", "--from=the hub"])
    monkeypatch.setattr(student_server.os, "environ", {})
    if full:
        monkeypatch.setattr(student_server.working_copy, "_write", no_room)
    student_server.main()
    assert started[0] == sys.executable and started[2] == "jupyterhub.singleuser" and started[-1] == "--from=the hub"
    assert (tmp_path / student_server.COPY).is_dir()
    assert ("No space left" in capsys.readouterr().err) == full


def test_the_servers_options_are_known():
    from jupyter_client.manager import KernelManager
    from jupyter_server.serverapp import ServerApp
    from jupyter_server.services.kernels.kernelmanager import MappingKernelManager

    known = {"ServerApp": ServerApp, "MappingKernelManager": MappingKernelManager, "KernelManager": KernelManager}
    channels = ["--KernelManager.transport=ipc", "--KernelManager.transport_encryption=auto"]
    options = [option for option in student_server.command(channels) if "=" in option]
    assert len(options) == 6
    for option in options:
        name, trait = re.fullmatch(r"--(\w+)\.(\w+)=.*", option).groups()
        assert trait in known[name].class_trait_names(config=True), option


# --- Output of a student's kernels ------------------------------------------------------------------------------------


def can_subscribe(port):
    """Return True if a stranger can connect to a TCP port of this machine and subscribe to its messages."""
    with zmq.Context() as context, context.socket(zmq.SUB) as stranger:
        stranger.subscribe(b"")
        failed = zmq.Event.HANDSHAKE_FAILED_PROTOCOL | zmq.Event.HANDSHAKE_FAILED_NO_DETAIL | zmq.Event.DISCONNECTED
        monitor = stranger.get_monitor_socket(zmq.Event.HANDSHAKE_SUCCEEDED | failed)
        stranger.connect(f"tcp://127.0.0.1:{port}")
        found = recv_monitor_message(monitor)["event"] == zmq.Event.HANDSHAKE_SUCCEEDED
        stranger.disable_monitor()
        return found


def with_a_kernel(options, folder, what):
    """Start a real kernel like a student's server with these options, and call a function with it and a client."""

    async def main():
        manager = AsyncMappingKernelManager(
            config=KVArgParseConfigLoader(options).load_config(), connection_dir=str(folder)
        )
        kernel = manager.get_kernel(await manager.start_kernel(kernel_name="python3"))
        client = kernel.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            return await what(kernel, client)
        finally:
            client.stop_channels()
            await manager.shutdown_all()

    return asyncio.run(main())


async def printed(client, code):
    """Run code in a kernel, and return what it printed."""
    texts = []
    await client.execute_interactive(code, output_hook=lambda m: texts.append(m["content"].get("text")), timeout=60)
    return "".join(filter(None, texts))


def listening(kernel):
    """Return the TCP ports on which a kernel and its child processes listen."""
    process = psutil.Process(kernel.provisioner.pid)
    found = [each for one in [process, *process.children(recursive=True)] for each in one.net_connections("tcp")]
    return {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}


@pytest.fixture
def home(monkeypatch):
    """A student's home, with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="home-", dir="/tmp") as home:
        monkeypatch.setenv("HOME", home)
        monkeypatch.setattr(tempfile, "tempdir", home)
        yield Path(home)


@pytest.mark.parametrize("depth", [0, 1], ids=["in the home", "too long a path"])
def test_what_a_kernel_prints_goes_through_sockets_that_only_the_student_can_reach(home, monkeypatch, depth):
    if depth:
        monkeypatch.setenv("HOME", str(home / ("x" * 60)))
    environment = {}
    options = student_server.private_channels(environment)
    folder = Path(environment["JUPYTER_RUNTIME_DIR"])
    assert folder.parent == home if depth else folder.is_relative_to(home / ".local")
    assert options == ["--KernelManager.transport=ipc"] and list(folder.iterdir()) == []

    async def check(kernel, client):
        assert kernel.transport == "ipc" and await printed(client, "print(6 * 7)") == "42\n"
        sockets = [path for path in folder.iterdir() if path.is_socket()]
        assert len(sockets) == 5 and folder.stat().st_mode & 0o077 == 0
        # One port remains, to which forked processes of the kernel send their output. Nobody can read from it.
        ports = listening(kernel)
        assert len(ports) <= 1 and not any(map(can_subscribe, ports))
        await kernel.restart_kernel(now=True)
        await client.wait_for_ready(timeout=60)
        assert await printed(client, "print(6 * 9)") == "54\n"
        return [str(path) for path in sockets]

    sockets = with_a_kernel(options, folder, check)
    assert list(folder.iterdir()) == [] and len(sockets) == 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as another user")
def test_another_user_cannot_connect_to_a_kernels_socket(home):
    home.chmod(0o755)
    environment = {}
    student_server.private_channels(environment)
    path = Path(environment["JUPYTER_RUNTIME_DIR"]) / "kernel"
    program = f"""
import os, socket
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    socket.socket(socket.AF_UNIX).connect({str(path)!r})
    print("connected")
except PermissionError:
    print("refused")
"""
    with socket.socket(socket.AF_UNIX) as kernel:
        kernel.bind(str(path))
        kernel.listen(1)
        path.chmod(0o777)  # so that only the folder protects the sockets
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")


def test_where_no_socket_can_be_had_what_a_kernel_prints_is_encrypted(home, monkeypatch):
    monkeypatch.setenv("HOME", str(home / ("x" * 60)))
    monkeypatch.setattr(tempfile, "tempdir", str(home / ("y" * 60)))
    (home / ("y" * 60)).mkdir()
    environment = {}
    options = student_server.private_channels(environment)
    assert environment == {}

    async def check(kernel, client):
        assert kernel.transport == "tcp" and await printed(client, "print(6 * 7)") == "42\n"
        ports = listening(kernel)
        assert len(ports) >= 5 and not any(map(can_subscribe, ports))

    with_a_kernel(options, home, check)


def test_a_stranger_who_could_read_what_a_kernel_prints_would_be_noticed(home):
    async def check(kernel, client):
        assert [port for port in listening(kernel) if can_subscribe(port)] == [kernel.iopub_port]

    with_a_kernel([], home, check)


@pytest.mark.parametrize("kind", ["a link", "a file", "a folder of somebody else's"])
def test_a_folder_that_somebody_else_made_first_is_not_used(home, monkeypatch, kind):
    monkeypatch.setenv("HOME", str(home / ("x" * 60)))
    environment = {}
    student_server.private_channels(environment)
    folder = Path(environment["JUPYTER_RUNTIME_DIR"])
    again = {}
    student_server.private_channels(again)
    assert again == environment  # otherwise each start would leave a folder behind
    folder.rmdir()
    if kind == "a link":
        (home / "theirs").mkdir()
        folder.symlink_to(home / "theirs")
    elif kind == "a file":
        folder.write_text("")
    else:
        folder.mkdir()
        owner = folder.stat().st_uid
        monkeypatch.setattr(
            student_server.Path, "lstat", lambda path: SimpleNamespace(st_uid=owner + 1, st_mode=0o40700)
        )
    assert student_server.private_channels({}) == ["--KernelManager.transport_encryption=auto"]


def test_a_home_that_cannot_be_written_still_has_private_channels(home, monkeypatch):
    (home / "file").write_text("")
    monkeypatch.setenv("HOME", str(home / "file"))
    environment = {}
    assert student_server.private_channels(environment) == ["--KernelManager.transport=ipc"]
    assert Path(environment["JUPYTER_RUNTIME_DIR"]).parent == home
    monkeypatch.setattr(tempfile, "tempdir", str(home / "file"))
    assert student_server.private_channels({}) == ["--KernelManager.transport_encryption=auto"]


# --- Logging in -------------------------------------------------------------------------------------------------------


@pytest.fixture
def configure(monkeypatch, tmp_path):
    """A function that reads the hub's configuration with given variables and groups, as root or not."""

    def configure(root=False, groups=(), **variables):
        for name in list(os.environ):
            if name.startswith("CLASSROOM_"):
                monkeypatch.delenv(name)
        for name, value in {"FOLDER": str(tmp_path / "hub"), **variables}.items():
            monkeypatch.setenv(f"CLASSROOM_{name}", value)
        monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
        monkeypatch.setattr(grp, "getgrall", lambda: [SimpleNamespace(gr_name=name) for name in groups])
        monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
        return PyFileConfigLoader("jupyterhub_config.py", str(CLASSROOM)).load_config()

    return configure


ROOM = {"PASSWORD": "a long one"}
MACHINE = {"root": True, "groups": ["workbook", "workbook-teachers"]}


@pytest.mark.parametrize(
    ("given", "what", "remedy"),
    [
        ({}, "Nobody could log in", "set CLASSROOM_PASSWORD"),
        ({"PASSWORD": "short"}, "fewer than 8", "longer"),
        ({**ROOM, "TEACHER_PASSWORD": "not long enough"}, "fewer than 32", "longer"),
        ({**ROOM, "root": True}, "that is root", "start it as another user"),
        ({"root": True}, "no group 'workbook'", "groupadd workbook"),
    ],
)
def test_a_hub_that_would_be_of_no_use_or_unsafe_is_refused(configure, given, what, remedy):
    with pytest.raises(SystemExit) as caught:
        configure(**given)
    assert what in str(caught.value) and remedy in str(caught.value)


def test_a_room_without_accounts(configure, tmp_path):
    room = configure(**ROOM)
    assert room.JupyterHub.authenticator_class == "shared-password"
    assert room.SharedPasswordAuthenticator.user_password == ROOM["PASSWORD"]
    assert "admin_users" not in room.Authenticator
    assert room.SimpleLocalProcessSpawner.home_dir_template == f"{tmp_path}/hub/students/{{username}}"
    assert (tmp_path / "hub").stat().st_mode & 0o077 == 0
    names = re.compile(room.Authenticator.username_pattern)
    assert all(names.match(name) for name in ("ada", "student12", "a-b_c"))
    assert not any(names.match(name) for name in ("", "..", "../ada", "a/b", "a.b", "ada\n", ".ada", "x" * 33))
    taught = configure(**ROOM, TEACHER_PASSWORD="t" * 32)
    assert taught.Authenticator.admin_users == {"teacher"}
    # Containers often have no other user, and root was allowed explicitly.
    assert configure(root=True, **ROOM, ALLOW_ROOT="1").JupyterHub.spawner_class == "simple"


def test_a_machine_with_accounts(configure):
    machine = configure(**MACHINE)
    assert machine.JupyterHub.authenticator_class == "pam"
    assert machine.JupyterHub.spawner_class == "localprocess"
    assert machine.PAMAuthenticator.allowed_groups == {"workbook"}
    assert machine.PAMAuthenticator.admin_groups == {"workbook-teachers"}
    assert "allow_all" not in machine.Authenticator
    assert configure(root=True, groups=["workbook"]).PAMAuthenticator.admin_groups == set()


def test_only_this_machine_is_let_in_until_the_teacher_says_otherwise(configure):
    assert configure(**ROOM).JupyterHub.bind_url == "http://127.0.0.1:8000"


def test_each_student_can_have_an_origin_of_their_own(configure):
    assert "subdomain_host" not in configure(**ROOM).JupyterHub
    for host in ("https://class.example.org", "http://class.localhost:8000"):
        assert configure(**ROOM, SUBDOMAIN_HOST=host).JupyterHub.subdomain_host == host


@pytest.mark.parametrize(
    "host", ["class.example.org", "http://192.168.0.7:8000", "https://a.org/hub", "http://machine"]
)
def test_a_host_that_can_have_no_subdomains_is_refused(configure, host):
    with pytest.raises(SystemExit, match=r"host with a name: give one such as https://"):
        configure(**ROOM, SUBDOMAIN_HOST=host)


@pytest.mark.parametrize(("seats", "cores", "each"), [("20", 8, 1.0), ("2", 8, 4.0), ("8", 2, 1.0)])
def test_students_share_the_cores(configure, monkeypatch, seats, cores, each):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    room = configure(**ROOM, SEATS=seats, MEMORY="3G")
    assert room.JupyterHub.active_server_limit == int(seats)
    assert (room.Spawner.cpu_limit, room.Spawner.mem_limit) == (each, "3G")


def classes():
    from jupyterhub import auth, proxy, spawner
    from jupyterhub.app import JupyterHub
    from jupyterhub.authenticators.shared import SharedPasswordAuthenticator

    found = (JupyterHub, auth.Authenticator, auth.PAMAuthenticator, SharedPasswordAuthenticator)
    found += (spawner.Spawner, spawner.SimpleLocalProcessSpawner, proxy.ConfigurableHTTPProxy)
    return {each.__name__: each for each in found}


ORIGINS = {"SUBDOMAIN_HOST": "https://class.example.org"}


@pytest.mark.parametrize("given", [{**ROOM, "TEACHER_PASSWORD": "t" * 32, **ORIGINS}, MACHINE])
def test_the_hubs_settings_are_known(configure, given):
    """JupyterHub ignores unknown settings, so a misspelt one would have no effect."""
    for name, settings in configure(**given).items():
        for setting, value in settings.items():
            trait = classes()[name].class_traits(config=True)[setting]
            trait.validate(classes()[name].__new__(classes()[name]), value)


def test_the_readme_explains_each_variable():
    used = set(re.findall(r"CLASSROOM_[A-Z_]+", (CLASSROOM / "jupyterhub_config.py").read_text(encoding="utf-8")))
    assert used == set(re.findall(r"^\| `(CLASSROOM_[A-Z_]+)`", README, re.M))


# --- The command, and the proxy that it installs ----------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch, tmp_path):
    """The command in a different folder, with a stand-in for the process that it starts."""
    from tools import classroom as command

    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "WINDOWS", False)
    monkeypatch.setattr(command, "become", lambda *command: list(map(str, command)))
    monkeypatch.setattr(command, "call", lambda *command: pytest.fail("something was run"))
    monkeypatch.setattr(command.shutil, "which", lambda name: None)
    return command


def test_the_proxy_is_installed_once(command, monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(command.shutil, "which", {"npm": "/usr/bin/npm"}.get)
    monkeypatch.setattr(command, "call", lambda *command: called.append(list(map(str, command))) or 0)
    started = command.classroom(["--port=9000"])
    assert called[0][:2] == ["/usr/bin/npm", "ci"] and called[0][-1] == str(tmp_path / "classroom")
    assert started[1:3] == ["-m", "jupyterhub"] and started[-1] == "--port=9000"
    assert started[started.index("--config") + 1] == str(tmp_path / "classroom" / "jupyterhub_config.py")
    (tmp_path / "classroom" / "node_modules").mkdir(parents=True)
    command.classroom([])
    assert len(called) == 1


@pytest.mark.parametrize("windows, npm, why", [(True, None, "Windows"), (False, None, "npm"), (False, 1, "npm")])
def test_what_is_missing_for_a_class_is_said_in_a_sentence(command, monkeypatch, windows, npm, why):
    monkeypatch.setattr(command, "WINDOWS", windows)
    if npm:
        monkeypatch.setattr(command.shutil, "which", {"npm": "/usr/bin/npm"}.get)
        monkeypatch.setattr(command, "call", lambda *command: npm)
    with pytest.raises(command.Problem) as caught:
        command.classroom([])
    assert why in str(caught.value) and ": " in str(caught.value) and "\n" not in str(caught.value)


def test_the_proxys_lock_has_hashes_and_no_addresses_of_packages():
    package = json.loads((CLASSROOM / "package.json").read_text(encoding="utf-8"))
    locked = json.loads((CLASSROOM / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    ((name, version),) = package["dependencies"].items()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert locked[f"node_modules/{name}"]["version"] == version
    packages = [entry for path, entry in locked.items() if path]
    assert len(packages) > 10
    assert all(entry["integrity"].startswith("sha512-") and "resolved" not in entry for entry in packages)


# --- Larger hubs ------------------------------------------------------------------------------------------------------

# The names of the chart's settings that are used here, from its reference:
# https://z2jh.jupyter.org/en/stable/resources/reference.html
DOCUMENTED = {
    "hub": {"config"},
    "singleuser": {"image", "cmd", "memory", "cpu", "storage", "startTimeout"},
    "singleuser.image": {"name", "tag", "pullPolicy", "pullSecrets"},
    "singleuser.memory": {"guarantee", "limit"},
    "singleuser.cpu": {"guarantee", "limit"},
    "singleuser.storage": {"capacity", "type", "homeMountPath", "dynamic", "static"},
    "cull": {"enabled", "timeout", "every", "users", "maxAge", "concurrency"},
}


@pytest.fixture(scope="module")
def values():
    return yaml.safe_load((CLASSROOM / "kubernetes.yaml").read_text(encoding="utf-8"))


def test_kubernetes_settings_are_named_as_the_chart_has_them(values):
    assert set(values) == {"hub", "singleuser", "cull"}
    for path, known in DOCUMENTED.items():
        node = values
        for key in path.split("."):
            node = node[key]
        assert set(node) <= known, path
    for name, settings in values["hub"]["config"].items():
        assert set(settings) <= set(classes()[name].class_trait_names(config=True)), name


def test_kubernetes_limits_let_the_workbook_work(values):
    from jupyterhub.traitlets import ByteSpecification

    student = values["singleuser"]
    guarantee, limit = (
        ByteSpecification().validate(None, student["memory"][kind]) / load.MEGABYTE for kind in ("guarantee", "limit")
    )
    row = measured()[-1]
    assert row["server MB"] + load.KERNELS * row["kernel MB"] < guarantee < limit
    assert student["cpu"]["guarantee"] < student["cpu"]["limit"]
    assert isinstance(student["image"]["tag"], str) and student["image"]["tag"] != "latest"


def test_the_image_keeps_the_workbook_out_of_the_home(values, dockerfile_for):
    """The student's volume is mounted over the home, and would hide the helpers and the start script of the server."""
    folder = re.search(r"--target-repo-dir (\S+)", README).group(1)
    assert not folder.startswith("/home")
    script = values["singleuser"]["cmd"][-1]
    assert (ROOT / Path(script).relative_to(folder)).is_file()
    options = re.search(r"^jupyter-repo2docker ((?:.*\\\n)*.*)\n", README, re.M).group(1).replace("\\\n", "").split()
    lines = dockerfile_for(*options[:-1]).splitlines()
    assert 'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in lines
    copied = [line.split()[-1] for line in lines if line.startswith("COPY") and " src/" in line]
    assert copied and all(target.startswith("${REPO_DIR}/") for target in copied)


def test_links_of_the_readme_lead_somewhere():
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", README) if "://" not in target]
    sections = {
        re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in re.findall(r"^##+ (.*)", README, re.M)
    }
    for target in targets:
        assert target[1:] in sections if target.startswith("#") else (CLASSROOM / target).exists(), target
    assert "classroom/README.md" in (ROOT / "README.md").read_text(encoding="utf-8")


# --- How many students ------------------------------------------------------------------------------------------------


def measured():
    """The rows of the README's table of measurements, in the form that `load` uses."""
    names = ["students", "server, last", "ready, last", "notebook, last", "cpu until ready", "server MB", "kernel MB"]
    rows = re.findall(
        r"^\| (\d+) \| (\d+) s \| (\d+) s \| (\d+) s \| (\d+) s \| (\d+) MB \| (\d+) MB \|$", README, re.M
    )
    return [dict(zip(names, map(float, row), strict=True)) for row in rows]


def test_the_readmes_table_of_machines_follows_from_its_measurements():
    rows = measured()
    assert [row["students"] for row in rows] == [2, 4, 8]
    machines = re.findall(r"^\| (\d+) GB \| (\d+) \| (\d+) \|$", README, re.M)
    assert [tuple(map(int, row)) for row in machines] == load.machines(rows[-1])


def test_a_machine_has_room_for_the_system_and_for_two_notebooks_a_student():
    row = {"server MB": 124.0, "kernel MB": 450.0, "cpu until ready": 6.0}
    table = {memory: (students, cores) for memory, students, cores in load.machines(row)}
    assert table[8] == (6, 2)  # 6 students with 1 GB each; 36 CPU seconds, in a minute of which half is available
    assert table[32] == (30, 6)


def test_the_load_is_notebook_00_without_what_is_left_to_the_learner():
    cells = load.cells_of(ROOT / load.NOTEBOOK)
    assert "import helpers" in cells[0] and any("LayerLab(" in cell for cell in cells)
    assert not any("def slower" in cell for cell in cells)
