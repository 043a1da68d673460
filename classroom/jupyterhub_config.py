"""JupyterHub for one class on one machine. `python3 run.py classroom` starts it; README.md lists the settings."""

import grp
import os
import re
import shutil
import sys
from pathlib import Path

from platformdirs import user_data_path

c = get_config()  # noqa: F821 (given by JupyterHub)

HERE = Path(__file__).resolve().parent
GIGABYTE = 1024**3
ROOT = os.geteuid() == 0

password = os.environ.get("CLASSROOM_PASSWORD")
teacher = os.environ.get("CLASSROOM_TEACHER_PASSWORD")
memory = os.environ.get("CLASSROOM_MEMORY", "2G")
memory_of_machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
# One gigabyte per student and two for the system; the measurements are in README.md.
seats = int(os.environ.get("CLASSROOM_SEATS") or max(1, round(memory_of_machine / GIGABYTE) - 2))
folder = Path(os.environ.get("CLASSROOM_FOLDER") or user_data_path("model-cloning-classroom")).expanduser().resolve()
folder.mkdir(parents=True, exist_ok=True)
folder.chmod(0o700)  # it contains the keys of the hub

# -- Users and how they log in -----------------------------------------------------------------------------------------

if password:
    if ROOT and os.environ.get("CLASSROOM_ALLOW_ROOT") != "1":
        sys.exit(
            "With a shared password all students work as the user who starts the hub, and that is root: start it as "
            "another user, or, in a container where nothing else is, set CLASSROOM_ALLOW_ROOT=1."
        )
    if len(password) < 8:
        sys.exit("CLASSROOM_PASSWORD has fewer than 8 characters: choose a longer one.")
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = password
    c.Authenticator.allow_all = True
    # A user name becomes the name of a folder. JupyterHub refuses `/` and `..`, but accepts hidden names.
    c.Authenticator.username_pattern = r"[a-z][a-z0-9_-]{0,31}\Z"
    if teacher:
        if len(teacher) < 32:
            sys.exit("CLASSROOM_TEACHER_PASSWORD has fewer than 32 characters: choose a longer one.")
        c.Authenticator.admin_users = {"teacher"}
        c.SharedPasswordAuthenticator.admin_password = teacher
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "students" / "{username}")
elif ROOT:
    groups = {group.gr_name for group in grp.getgrall()}
    if "workbook" not in groups:
        sys.exit(
            "Nobody could log in, because this machine has no group 'workbook': make it with `groupadd workbook`, and "
            "put the students into it with `usermod -aG workbook NAME`."
        )
    c.JupyterHub.authenticator_class = "pam"
    c.PAMAuthenticator.allowed_groups = {"workbook"}
    # With a group that does not exist, nobody could log in.
    c.PAMAuthenticator.admin_groups = {"workbook-teachers"} & groups
    c.JupyterHub.spawner_class = "localprocess"
else:
    sys.exit(
        "Nobody could log in: set CLASSROOM_PASSWORD to a password for the room, of 8 characters or more, or start the "
        "hub as root, for the accounts of this machine."
    )

# -- The server of each student ----------------------------------------------------------------------------------------

c.Spawner.cmd = [sys.executable, str(HERE / "student_server.py")]
c.Spawner.mem_limit = memory
c.Spawner.cpu_limit = max(1.0, (os.cpu_count() or 1) / seats)
c.JupyterHub.active_server_limit = seats
# A whole class logs in within the same minute.
c.Spawner.start_timeout = 180
c.Spawner.http_timeout = 180

# -- Address and state of the hub --------------------------------------------------------------------------------------

c.JupyterHub.bind_url = "http://127.0.0.1:8000"
if subdomains := os.environ.get("CLASSROOM_SUBDOMAIN_HOST"):
    if not re.fullmatch(r"https?://(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?", subdomains):
        sys.exit(
            "CLASSROOM_SUBDOMAIN_HOST is not the address of a host with a name: give one such as "
            "https://class.example.org, and let *.class.example.org lead to this machine too."
        )
    c.JupyterHub.subdomain_host = subdomains
c.JupyterHub.db_url = f"sqlite:///{folder / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(folder / "jupyterhub_cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(folder / "proxy.pid")
local = HERE / "node_modules" / ".bin" / "configurable-http-proxy"
proxy = str(local) if local.exists() else shutil.which("configurable-http-proxy")
if proxy is None or shutil.which("node") is None:
    sys.exit(
        "JupyterHub's proxy is not installed: install Node.js 18 or newer with npm (Debian, Ubuntu: `sudo apt install "
        f"npm`), then run `npm ci --prefix {HERE}`."
    )
c.ConfigurableHTTPProxy.command = [proxy]
