"""Set up the Model Cloning Workbook and run it. Needs git, Python 3.10 to 3.13 and nothing else.

Kept to the standard library and to what Python 3.6 can read: an old Python has to get as far as being told so.
"""

import glob
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

HELP = """\
python3 run.py COMMAND ...        (on Windows: py run.py COMMAND ...)

  lab        open the workbook in JupyterLab; options go to it (lab --no-browser --port 8899)
  test       run all tests; options go to pytest (test -k clone)
  notebooks  execute all notebooks, or those named, and store their outputs in them
  site       make a site of all notebooks, to read without Python or a network, in the folder site
  slides     make slides of all notebooks, or of those named (slides 02), in site/slides
  lint       check the code and the notebooks with ruff; lint --fix mends what it can
  lock       bring requirements.lock and environment.yml in line with pyproject.toml; lock --upgrade renews all
  classroom  start a JupyterHub for a class on this machine; options go to it (see classroom/README.md)
  links      write the links that open the notebooks on Binder, for the repository that pyproject.toml names;
             links --hub https://HUB prints one that copies the workbook to a user of that JupyterHub
  check      say whether this Python and this computer will do
  doctor     look at all that the notebooks need, and say how to mend what is wrong

The first run installs into the folder .venv, which belongs to this script: to start afresh, delete it."""

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
PYPROJECT = ROOT / "pyproject.toml"
STAMP = VENV / "workbook-stamp"
NOTEBOOKS = ROOT / "notebooks"
PAGES = ROOT / "tools" / "site"
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")


class Problem(Exception):
    """One sentence for the user: what is wrong and what to do."""


# --- Will this Python and this computer do? ---------------------------------------------------------------------


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
    """Say in a sentence why TensorFlow cannot be installed, or return None; `advise` finds another Python."""
    version = f"{f['version'][0]}.{f['version'][1]}"
    elsewhere = "use another computer (Linux on x86-64 or ARM64, a Mac with Apple silicon, Windows on x86-64)"
    if (f["system"], f["machine"]) == ("Darwin", "x86_64"):
        return f"TensorFlow has no packages for Intel Macs: {elsewhere} or, on Apple silicon, a Python made for arm64."
    if f["kind"] != "CPython" or f["bits"] != 64 or not (3, 10) <= f["version"] <= (3, 13):
        mine = f"{f['kind']} {version}".replace("CPython", "Python") + (", 32-bit" if f["bits"] != 64 else "")
        return f"TensorFlow has packages for the 64-bit Python 3.10 to 3.13, and this is {mine}: {advise()}."
    if (f["system"], f["machine"]) not in {
        ("Linux", "x86_64"),
        ("Linux", "aarch64"),
        ("Darwin", "arm64"),
        ("Windows", "win-amd64"),
    }:
        return f"TensorFlow has no packages for {f['system']} on {f['machine']}: {elsewhere}."
    name, number = f["libc"]
    if f["system"] == "Linux" and (name != "glibc" or [int(n) for n in number.split(".")[:2]] < [2, 27]):
        found = f"{name} {number}" if name else "another C library (musl?)"
        return (
            f"TensorFlow needs a Linux with glibc 2.27 or newer, and this has {found}: use a newer Debian, Ubuntu, ..."
        )
    if not f["ensurepip"]:
        package = f"python{version}-venv"
        return (
            f"This Python cannot make a .venv, for it has no ensurepip: `sudo apt install {package}`, then try again."
        )
    return None


def advise():
    """Name a Python on this machine that would do; each is really run, for a shim can be found and yet not work."""
    names = [f"python3.{minor}" for minor in (12, 11, 13, 10)]
    candidates = [[path] for path in map(shutil.which, names) if path]
    candidates += [["py", name.replace("python", "-")] for name in names if WINDOWS]
    for place in (
        (os.environ.get("PYENV_ROOT") or "~/.pyenv") + "/versions/3.1*/bin/python",
        "~/.local/share/uv/python/cpython-3.1*/bin/python3",
        "/opt/homebrew/bin/python3.1?",
        "/usr/local/bin/python3.1?",
        "/usr/bin/python3.1?",
    ):
        candidates += [[path] for path in sorted(glob.glob(os.path.expanduser(place)))]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for candidate in candidates:
        try:
            if subprocess.call([*candidate, str(ROOT / "run.py"), "check"], timeout=20, **quiet) == 0:
                return f"run `{' '.join([*candidate, 'run.py', *sys.argv[1:]])}` instead"
        except (OSError, subprocess.TimeoutExpired):
            continue
    return "install Python 3.12 (from python.org or your system's packages) and run the same command with it"


# --- Set up -----------------------------------------------------------------------------------------------------


def environment():
    """Return the environment for all that is started: as if .venv were activated."""
    env = dict(os.environ, VIRTUAL_ENV=str(VENV), PATH=str(BIN) + os.pathsep + os.environ.get("PATH", ""))
    env["UV_SYSTEM_CERTS"] = "1"  # uv trusts only its own certificates otherwise, and fails behind a school proxy
    env["PIP_USER"] = "0"  # a user's pip settings may say 1, which pip refuses inside .venv
    for name in ("PYTHONHOME", "PYTHONPATH"):  # they would put other packages before the locked ones
        env.pop(name, None)
    return env


def call(*command, **options):
    """Run a command to its end and return its exit code."""
    return subprocess.call([str(part) for part in command], env=environment(), **options)


def become(*command):
    """Let a command take this script's place: its exit code, its signals and its last line are the command's."""
    command = [str(part) for part in command]
    sys.stdout.flush()
    if not WINDOWS:
        os.execve(command[0], command, environment())
    process = subprocess.Popen(command, env=environment())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the command has had the same Ctrl-C, and decides what to do about it
            continue


def state():
    """Return the two lines of the stamp: what .venv is made from, and what is installed in it."""
    installed = hashlib.sha256(LOCK.read_bytes() + PYPROJECT.read_bytes())
    return [f"Python {platform.python_version()} {sys.base_prefix} {VENV}", installed.hexdigest()]


def set_up():
    """Bring .venv in line with the lock; the stamp, written last, tells a finished install from a broken one."""
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
        # Only an attempt, and pip can do without: so few retries, and no word about it.
        command = [PYTHON, "-m", "pip", "install", "--quiet", "--retries=1", "--only-binary=uv", "-r", wanted]
        call(*command, stderr=subprocess.DEVNULL)
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
        hint = "see that this computer is online (behind a proxy: that HTTPS_PROXY is set)"
        raise Problem(f"The packages could not be installed, for the reason above: {hint} and try again.")
    if call(*installer, "--no-deps", "--no-build-isolation", "-e", ROOT) != 0:
        raise Problem("The workbook's own packages could not be installed: see the reason above.")


# --- The commands -----------------------------------------------------------------------------------------------


def lab(args):
    """Open JupyterLab; its settings, and which notebook comes first, are in binder/jupyter."""
    paths = [str(ROOT / "binder" / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(path for path in paths if path)
    options = [f"--ServerApp.root_dir={ROOT}"]
    if not any(re.match(r"--(ServerApp\.)?ip\b", arg) for arg in args):
        options.append("--ip=127.0.0.1")
    if not WINDOWS and os.geteuid() == 0:
        options.append("--allow-root")  # in a container there is often no other user
    return become(PYTHON, "-m", "jupyterlab", *options, *args)


def test(args):
    """Run pytest; its settings are in pyproject.toml."""
    os.environ["MODEL_CLONING_PROGRESS"] = ""  # whoever runs the tests may be a reader too
    return become(PYTHON, "-m", "pytest", *args)


def notebooks(args):
    """Execute notebooks, each in its own folder, and store the outputs in place."""
    paths = [NOTEBOOKS / (Path(arg).stem + ".ipynb") for arg in args] or sorted(NOTEBOOKS.glob("*.ipynb"))
    missing = [path.name for path in paths if not path.exists()]
    if missing or not paths:
        raise Problem(f"There is no {' and no '.join(missing) or 'notebook'} in {NOTEBOOKS}: look there for the name.")
    command = [PYTHON, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace"]
    command += [f"--ExecutePreprocessor.{option}" for option in ("record_timing=False", "store_widget_state=False")]
    failed = [path.stem for path in paths if call(*command, path) != 0 or tidy(path)]
    if failed:
        names = " ".join(failed)
        raise Problem(f"Stopped at an error and kept as before: {names}; mend it and run `run.py notebooks {names}`.")
    return 0


def tidy(path):
    """Take out of a notebook what differs from run to run, or from machine to machine, and means nothing."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"].pop("widgets", None)
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook["metadata"]["kernelspec"] = kernel
    notebook["metadata"].get("language_info", {}).pop("version", None)
    widgets = 0
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] != "code":
            continue
        cell["outputs"] = joined(cell["outputs"])
        for output in cell["outputs"]:
            view = output.get("data", {}).get("application/vnd.jupyter.widget-view+json")
            if view:
                widgets += 1
                view["model_id"] = f"{widgets:032x}"  # was a random name for a state that is not stored
    store(notebook, path)


def store(notebook, path):
    """Write a notebook as nbformat does, so that only what has changed differs."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    path.write_bytes(text.encode("utf-8"))


def joined(outputs):
    """Join printed text that arrived in pieces: where it is cut depends on how busy the machine was."""
    found = []
    for output in outputs:
        last = found[-1] if found else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            text = "".join(last["text"]) + "".join(output["text"])
            last["text"] = text.splitlines(keepends=True)
        else:
            found.append(output)
    return found


def site(args):
    """Build the static site of all notebooks."""
    return become(PYTHON, PAGES / "build.py", "site", *args)


def slides(args):
    """Build the slides of all notebooks, or of those named."""
    return become(PYTHON, PAGES / "build.py", "slides", *args)


def lint(args):
    """Check code and notebooks with ruff, or mend them."""
    check_option, format_option = ("--fix", "--quiet") if "--fix" in args else ("--no-fix", "--check")
    found = call(PYTHON, "-m", "ruff", "check", check_option, ".")
    return call(PYTHON, "-m", "ruff", "format", format_option, ".") or found


def lock(args):
    """Make requirements.lock from pyproject.toml, and from both the pins in environment.yml."""
    uv = find_uv()
    if not uv:
        raise Problem("uv, which makes the lock, could not be installed: see that this computer is online, try again.")
    resolve = [uv, "pip", "compile", "--quiet", "--no-header", "pyproject.toml", "--output-file"]
    universal = ["--universal", "--python-version", "3.10", "--generate-hashes", "--all-extras"]
    if call(*resolve, LOCK.name, *universal, *args, stdout=subprocess.DEVNULL) != 0:
        raise Problem("requirements.lock could not be made and is as it was: mend what uv says above and try again.")
    pins = VENV / "direct-pins.txt"
    direct = ["--python-version", "3.12", "--python-platform", "linux", "--no-deps", "--no-annotate", "-c", LOCK.name]
    if call(*resolve, pins, *direct, stdout=subprocess.DEVNULL) != 0:
        raise Problem("environment.yml could not be brought in line with the lock: mend what uv says above.")
    conda = ROOT / "environment.yml"
    head = re.match(r".*  - pip:\n", conda.read_text(encoding="utf-8"), re.S).group()
    lines = [f"      - {pin}\n" for pin in pins.read_text(encoding="utf-8").split()]
    conda.write_bytes("".join([head, *lines]).encode("utf-8"))
    return 0


def classroom(args):
    """Start a JupyterHub for a class; its settings are in classroom/jupyterhub_config.py."""
    if WINDOWS:
        raise Problem("JupyterHub does not run on Windows: use a Linux machine, or run this command inside WSL.")
    folder = ROOT / "classroom"
    if not (folder / "node_modules").exists() and not shutil.which("configurable-http-proxy"):
        npm = shutil.which("npm")
        if not npm:
            raise Problem("JupyterHub's proxy comes from npm, which is not here: install it (`sudo apt install npm`).")
        if call(npm, "ci", "--no-audit", "--no-fund", "--prefix", folder) != 0:
            raise Problem("JupyterHub's proxy could not be installed: see what npm says above and try again.")
    return become(PYTHON, "-m", "jupyterhub", "--config", folder / "jupyterhub_config.py", *args)


def repository():
    """Return the address of the repository that pyproject.toml names, in one form, or nothing."""
    declared = re.search(
        r'^\[tool\.workbook\]$.*?^repository = "(.*?)"', PYPROJECT.read_text(encoding="utf-8"), re.M | re.S
    )
    address = re.sub(r"(\.git)?/*$", "", declared.group(1).strip()) if declared else ""
    parts = urlsplit(address)
    if address and (parts.scheme != "https" or not re.match(r"/[^/]+/.*[^/]$", parts.path) or parts.query):
        wanted = "https://github.com/ORGANISATION/REPOSITORY"
        raise Problem(f"The repository {address!r} in pyproject.toml is no address to clone from: write {wanted}.")
    return address


def binder_link(address, path):
    """Return the link that opens a file of a repository on Binder."""
    parts = urlsplit(address)
    name = parts.path[1:]
    if parts.netloc == "github.com":
        place = "gh/" + quote(name)
    elif parts.netloc == "gitlab.com":
        place = "gl/" + quote(name, safe="")
    else:
        place = "git/" + quote(address, safe="")
    return f"https://mybinder.org/v2/{place}/HEAD?urlpath=lab/tree/{quote(path)}"


def hub_link(hub, address, path):
    """Return the link by which a user of a JupyterHub gets a copy of a repository, and opens a file of it."""
    folder = urlsplit(address).path.rsplit("/", 1)[1]
    return f"{hub.rstrip('/')}/hub/user-redirect/git-pull?" + urlencode(
        {"repo": address, "urlpath": f"lab/tree/{folder}/{path}"}
    )


def with_links(markdown, address, path):
    """Return a text with the link below its title, or without one if there is no address."""
    text = re.sub(
        r"\n\n<!-- links: made by run.py links -->\n.*?\n<!-- end of links -->(?=\n|\Z)", "", markdown, flags=re.S
    )
    if not address:
        return text
    title, rest = re.match(r"(# .*)((?:\n.*)*)", text).groups()
    link = f"[Open it on Binder]({binder_link(address, path)}): nothing to install, and ready in a few minutes."
    return f"{title}\n\n<!-- links: made by run.py links -->\n{link}\n<!-- end of links -->{rest}"


def links(args):
    """Bring the links in the README and in each notebook's first cell in line with the repository's address."""
    address = repository()
    first = "notebooks/" + min(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    if args[:1] == ["--hub"]:
        if len(args) != 2 or urlsplit(args[1]).scheme not in ("http", "https") or not urlsplit(args[1]).netloc:
            raise Problem("The hub's address is missing: write it as in `run.py links --hub https://hub.example.org`.")
        if not address:
            raise Problem(
                "A hub has to know what to copy: name the repository in pyproject.toml, under [tool.workbook]."
            )
        print(hub_link(args[1], address, first))
        return 0
    if args:
        raise Problem(f"run.py links does not know {args[0]!r}: leave it out, or name a hub with --hub.")
    readme = ROOT / "README.md"
    readme.write_bytes(with_links(readme.read_text(encoding="utf-8"), address, first).encode("utf-8"))
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cell = notebook["cells"][0]
        cell["source"] = with_links("".join(cell["source"]), address, f"notebooks/{path.name}").splitlines(
            keepends=True
        )
        store(notebook, path)
    print(f"The links lead to {address}." if address else "pyproject.toml names no repository: there are no links.")
    return 0


def doctor(args):
    """Look at all that the notebooks need; works on half a .venv, too, for it looks before anything is mended."""
    problem = find_problem(facts(), lambda: "use one of those")
    if not problem and not PYTHON.exists():
        problem = "There is no .venv yet: run `python3 run.py lab`, which makes it."
    if not problem and STAMP.exists() and STAMP.read_text(encoding="utf-8").splitlines() != state():
        problem = "The .venv was made by another Python or for another lock: run `python3 run.py lab`, which mends it."
    if not problem and not STAMP.exists():
        problem = "Making the .venv was interrupted: run `python3 run.py lab`, which makes it anew."
    if problem:
        print(f"\u2717 {problem}")
    try:
        return (call(PYTHON, "-m", "workbook.server.doctor") if PYTHON.exists() else 0) or int(bool(problem))
    except OSError as error:
        again = "delete the folder .venv and run `python3 run.py lab`"
        raise Problem(f"The Python in .venv does not run ({error}): {again}.") from error


def check(args):
    """Say whether this Python and this computer will do, without a search for another Python."""
    problem = find_problem(facts(), lambda: "use one of those")
    if problem:
        raise Problem(problem)
    print("This Python on this computer will do.")
    return 0


def main(args):
    """Run one command and return the exit code."""
    commands = {
        f.__name__: f for f in (lab, test, notebooks, site, slides, lint, lock, classroom, links, check, doctor)
    }
    try:
        if not args or args[0] in ("help", "-h", "--help"):
            print(HELP)
            return 0
        if args[0] not in commands:
            raise Problem(f"run.py has no command {args[0]!r}: use one of {', '.join(commands)}, help.")
        os.chdir(str(ROOT))
        # A lock that cannot be installed must not stand in the way of a new one.
        if args[0] not in ("links", "check", "doctor") and not (args[0] == "lock" and PYTHON.exists()):
            set_up()
        return commands[args[0]](args[1:])
    except Problem as problem:
        sys.stdout.flush()
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
