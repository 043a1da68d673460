"""Set up the Model Cloning Workbook and run it: `python3 run.py COMMAND` (on Windows: `py run.py COMMAND`).

  lab        open the workbook in JupyterLab; options go to it (lab --no-browser --port 8899)
  test       run the tests; options go to pytest (test -k clone)
  notebooks  execute all notebooks, or those named, and store their outputs in them
  site       make a site of all notebooks, to read without Python or a network, in the folder site
  slides     make slides of all notebooks, or of those named (slides 02), in site/slides
  lint       check the code and the notebooks with ruff; lint --fix corrects what it can
  lock       update requirements.lock and environment.yml from pyproject.toml; lock --upgrade takes new versions
  versions   try the claims of the lessons on TensorFlow 2.0 to 2.21, and store the verdicts; --only 2.6 renews one
  classroom  start a JupyterHub for a class on this machine; options go to it (see classroom/README.md)
  links      write links to Binder for the repository in pyproject.toml; links --hub https://HUB prints one to a hub
  check      say whether the workbook can run with this Python on this computer
  doctor     check everything that the notebooks need, and say how to fix what is wrong

The first run installs into the folder .venv, which belongs to this script: to start again, delete it.
"""

# Keep to the standard library and to what Python 3.6 can read: an old Python has to be able to say that it is too old.
import glob
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
PYPROJECT = ROOT / "pyproject.toml"
STAMP = VENV / "workbook-stamp"
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")
# Commands that need nothing of this file but the set-up: each is a program in tools/.
TOOLS = ("lab", "test", "notebooks", "site", "slides", "lint", "lock", "versions", "classroom", "links")


class Problem(Exception):
    """One sentence for the user: what is wrong and what to do."""


def facts():
    """Collect what decides whether TensorFlow can be installed here."""
    return {
        "version": sys.version_info[:2],
        "kind": "free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else platform.python_implementation(),
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "system": platform.system(),
        # An x86 Python runs on Windows for ARM too: what counts there is what Python was built for.
        "machine": sysconfig.get_platform() if WINDOWS else platform.machine(),
        "libc": platform.libc_ver(),
        # Debian leaves ensurepip out, and `python -m venv` then leaves half a .venv behind.
        "ensurepip": bool(importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")),
    }


def find_problem(f, advise):
    """Say in a sentence why TensorFlow cannot be installed, or return None; `advise` finds a different Python."""
    version = f"{f['version'][0]}.{f['version'][1]}"
    elsewhere = "use another computer (Linux on x86-64 or ARM64, a Mac with Apple silicon, Windows on x86-64)"
    if (f["system"], f["machine"]) == ("Darwin", "x86_64"):
        return f"TensorFlow has no packages for Intel Macs: {elsewhere} or, on Apple silicon, a Python made for arm64."
    if f["kind"] != "CPython" or f["bits"] != 64 or not (3, 10) <= f["version"] <= (3, 13):
        mine = f"{f['kind']} {version}".replace("CPython", "Python") + (", 32-bit" if f["bits"] != 64 else "")
        return f"TensorFlow has packages for 64-bit Python 3.10 to 3.13, and this is {mine}: {advise()}."
    if f["system"] + " " + f["machine"] not in ("Linux x86_64", "Linux aarch64", "Darwin arm64", "Windows win-amd64"):
        return f"TensorFlow has no packages for {f['system']} on {f['machine']}: {elsewhere}."
    name, number = f["libc"]
    if f["system"] == "Linux" and (name != "glibc" or [int(n) for n in number.split(".")[:2]] < [2, 27]):
        found = f"{name} {number}" if name else "another C library (musl?)"
        return f"TensorFlow needs Linux with glibc 2.27 or newer, and this has {found}: use a newer Debian, Ubuntu, ..."
    if not f["ensurepip"]:
        install = f"`sudo apt install python{version}-venv`"
        return f"This Python cannot make a .venv, because it has no ensurepip: {install}, then try again."
    return None


def advise():
    """Name a Python on this machine that would do. Each is run, because a shim can be found and still not work."""
    names = [f"python3.{minor}" for minor in (12, 11, 13, 10)]
    candidates = [[path] for path in map(shutil.which, names) if path]
    candidates += [["py", name.replace("python", "-")] for name in names if WINDOWS]
    places = [(os.environ.get("PYENV_ROOT") or "~/.pyenv") + "/versions/3.1*/bin/python"]
    places += ["~/.local/share/uv/python/cpython-3.1*/bin/python3", "/opt/homebrew/bin/python3.1?"]
    places += ["/usr/local/bin/python3.1?", "/usr/bin/python3.1?"]
    candidates += [[path] for place in places for path in sorted(glob.glob(os.path.expanduser(place)))]
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    for candidate in candidates:
        try:
            if subprocess.call([*candidate, str(ROOT / "run.py"), "check"], timeout=20, **quiet) == 0:
                return f"run `{' '.join([*candidate, 'run.py', *sys.argv[1:]])}` instead"
        except (OSError, subprocess.TimeoutExpired):
            continue
    return "install Python 3.12 (from python.org or your system's packages) and run the same command with it"


# -- Set up ------------------------------------------------------------------------------------------------------------


def environment():
    """Return the environment of every program that is started: as if .venv were activated."""
    others = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH")  # they would put other packages before the locked ones
    env = {name: value for name, value in os.environ.items() if name not in others}
    env.update(VIRTUAL_ENV=str(VENV), PATH=str(BIN) + os.pathsep + os.environ.get("PATH", ""))
    env["UV_SYSTEM_CERTS"] = "1"  # uv trusts only its own certificates otherwise, and fails behind a school's proxy
    env["PIP_USER"] = "0"  # a user's pip settings may say 1, which pip refuses inside .venv
    return env


def call(*command, **options):
    """Run a command to its end and return its exit code."""
    return subprocess.call([str(part) for part in command], env=environment(), **options)


def become(*command):
    """Replace this script by a command: its exit code, its signals and its last line are the command's."""
    command = [str(part) for part in command]
    sys.stdout.flush()
    if not WINDOWS:
        os.execve(command[0], command, environment())
    process = subprocess.Popen(command, env=environment())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the command has received the same Ctrl-C, and decides what to do about it
            continue


def state():
    """Return the two lines of the stamp: what .venv is made from, and what is installed in it."""
    installed = hashlib.sha256(LOCK.read_bytes() + PYPROJECT.read_bytes())
    return [f"Python {platform.python_version()} {sys.base_prefix} {VENV}", installed.hexdigest()]


def set_up():
    """Install what the lock names into .venv, unless the stamp, which is written last, says that this was done."""
    old = STAMP.read_text(encoding="utf-8").splitlines() if STAMP.exists() and PYTHON.exists() else []
    if old == state():
        return
    problem = find_problem(facts(), advise)
    if problem:
        raise Problem(problem)
    if old[:1] == state()[:1]:
        STAMP.unlink()
    else:
        make_venv()
    install()
    STAMP.write_text("\n".join(state()), encoding="utf-8")


def make_venv():
    """Make .venv from nothing: what an interrupted install left there cannot be trusted."""
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < 5:
        raise Problem(f"Setting up needs 5 GB of disk space, and {ROOT} has {free:.1f} GB: free some and try again.")
    print("Setting up in .venv: 700 MB to download, 2.5 GB on disk, half a minute to a few minutes.", flush=True)
    if call(sys.executable, "-m", "venv", "--clear", VENV) != 0:
        raise Problem("Making .venv failed (see above): close what uses that folder, delete it, and try again.")


def find_uv():
    """Return the path of uv, from this machine or installed into .venv as the lock has it, or None."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(BIN))
    if not uv:
        block = re.search(r"^uv==.*?(?=^\S|\Z)", LOCK.read_text(encoding="utf-8"), re.M | re.S)
        wanted = VENV / "uv.txt"
        wanted.write_text(block.group() if block else "uv", encoding="utf-8")
        # Only an attempt, because pip can do without it: few retries, and no message.
        options = ["--quiet", "--retries=1", "--only-binary=uv", "-r", wanted]
        call(PYTHON, "-m", "pip", "install", *options, stderr=subprocess.DEVNULL)
        uv = shutil.which("uv", path=str(BIN))
    return uv


def install():
    """Install the lock and the workbook's own packages: with uv, several times faster, or else with pip."""
    uv = find_uv()
    installers = [[uv, "pip", "install", "--python", PYTHON]] if uv else []
    installers.append([PYTHON, "-m", "pip", "install", "--disable-pip-version-check"])
    for installer in installers:
        if call(*installer, "--require-hashes", "-r", LOCK) == 0:
            break
        print(f"{'pip' if installer is installers[-1] else 'uv'} could not install the packages.", flush=True)
    else:
        hint = "check that this computer is online (behind a proxy: that HTTPS_PROXY is set)"
        raise Problem(f"The packages could not be installed, for the reason above: {hint} and try again.")
    if call(*installer, "--no-deps", "--no-build-isolation", "-e", ROOT) != 0:
        raise Problem("The workbook's own packages could not be installed: see the reason above.")


# -- The commands ------------------------------------------------------------------------------------------------------


def tool(name, args):
    """Run a program of tools/ with the Python of .venv; the links need none."""
    program = [ROOT / "tools" / "site" / "build.py", name] if name in ("site", "slides") else ["-m", "tools." + name]
    return become(sys.executable if name == "links" else PYTHON, *program, *args)


def doctor(args):
    """Check everything that the notebooks need. Half a .venv is checked too: nothing is installed before."""
    problem = find_problem(facts(), lambda: "use one of those")
    if not problem and not PYTHON.exists():
        problem = "There is no .venv yet: run `python3 run.py lab`, which makes it."
    if not problem and (not STAMP.exists() or STAMP.read_text(encoding="utf-8").splitlines() != state()):
        problem = "Making .venv was interrupted, or it is of another Python or another lock: run `python3 run.py lab`."
    if problem:
        print(f"\u2717 {problem}")
    try:
        return (call(PYTHON, "-m", "workbook.server.doctor") if PYTHON.exists() else 0) or int(bool(problem))
    except OSError as error:
        raise Problem(f"The Python in .venv does not run ({error}): delete .venv, run `python3 run.py lab`.") from error


def check(args):
    """Say whether the workbook can run here, without a search for a different Python."""
    problem = find_problem(facts(), lambda: "use one of those")
    if problem:
        raise Problem(problem)
    print("The workbook can run with this Python on this computer.")
    return 0


def dispatch(args):
    """Run the command that the arguments name, after the set-up if it needs one."""
    own = {f.__name__: f for f in (check, doctor)}
    name = args[0] if args else "help"
    if name in ("help", "-h", "--help"):
        print(__doc__.strip())
        return 0
    if name not in own and name not in TOOLS:
        raise Problem(f"run.py has no command {name!r}: use one of {', '.join([*TOOLS, *own])}, help.")
    os.chdir(str(ROOT))
    # A lock that cannot be installed must not prevent a new one.
    if name not in ("links", "check", "doctor") and not (name == "lock" and PYTHON.exists()):
        set_up()
    return own[name](args[1:]) if name in own else tool(name, args[1:])


def main(args, command=dispatch):
    """Run a command and return the exit code. A problem is one sentence, without a trace."""
    try:
        return command(args)
    except Problem as problem:
        sys.stdout.flush()
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
