"""Build the layers of the Binder image on this computer, without Docker, and run tests in the result.

    .venv/bin/python tools/binder_layers.py [--python PATH] [--keep FOLDER] [PYTEST ARGUMENT ...]

The layers are the packages of Binder's base image, the pins of environment.yml, a copy of all files that git tracks,
and binder/postBuild. Then pip checks for conflicts, and binder/start starts JupyterLab, which must open the first
notebook, and pytest. This takes some minutes, and 3 GB in a temporary folder.

There are three differences from Binder: the Python is from this machine instead of conda (with the same minor version),
dependencies of the base image's packages are the newest that pip finds, and memory is not limited (see
benchmarks/memory.py).
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import repo2docker
import yaml

ROOT = Path(__file__).resolve().parents[1]
# Tests of a notebook with both Keras versions, of the server, and of the installation.
TESTS = [
    "notebooks/00_start_here.ipynb",
    "tests/workbook/test_startup.py",
    "tests/workbook/server/test_kernel_manager.py",
    "tests/delivery/test_delivery.py",
]


def declared() -> tuple[str, list[str]]:
    """Return the Python and the pins for pip that binder/environment.yml names."""
    environment = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text(encoding="utf-8"))
    python, _, pins = environment["dependencies"]
    return python.removeprefix("python="), pins["pip"]


def base_image(python: str) -> list[str]:
    """Return the packages that the base image names for that Python, with the pins of repo2docker."""
    folder = Path(repo2docker.__file__).parent / "buildpacks" / "conda"
    wanted = yaml.safe_load((folder / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    lock = (folder / f"environment.py-{python}-linux-64.lock").read_text(encoding="utf-8")
    versions = dict(re.findall(r"/([^/]+)-([^-/]+)-[^-/]+\.conda#", lock))
    names = [re.match(r"[\w-]+", line).group() for line in wanted]
    return [
        # The conda package jupyterhub-singleuser is a part of jupyterhub on PyPI.
        f"{name.removesuffix('-singleuser')}=={versions[name]}"
        for name in names
        if name not in ("python", "nodejs", "pip")
    ]


def find_python(version: str) -> str:
    """Return a Python of that version on this machine."""
    home = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for candidate in filter(
        None, (shutil.which(f"python{version}"), *sorted(glob.glob(f"{home}/versions/{version}.*/bin/python")))
    ):
        # Try to run it, because a pyenv shim is found on the path even if its Python is not installed.
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([candidate, "-c", "import ensurepip"], check=True, capture_output=True)
            return candidate
    raise SystemExit(f"There is no Python {version} here: install one, or name one with --python.")


def layer(title: str, command: list, **options) -> None:
    """Run one step and print its time; exit if it fails."""
    print(f"--- {title}", flush=True)
    start = time.monotonic()
    code = subprocess.run([str(part) for part in command], **options).returncode
    print(f"--- {title}: {time.monotonic() - start:.0f} s, exit code {code}", flush=True)
    if code:
        raise SystemExit(code)


def copy_repository(target: Path) -> None:
    """Copy only the files that git tracks, with their content on disk, because Binder would clone only those."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name, follow_symlinks=False)


def opens_the_first_notebook(repository: Path, environment: dict[str, str]) -> bool:
    """Start JupyterLab through binder/start, and check that its start page is the first notebook."""
    command = [repository / "binder" / "start", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--IdentityProvider.token="]
    server = subprocess.Popen(command, cwd=repository, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        log = []
        for line in server.stderr:
            log.append(line)
            if found := re.search(r"(http://127\.0\.0\.1:[1-9]\d*)/lab", line):
                break
        else:
            raise SystemExit("JupyterLab did not start:\n" + "".join(log))
        # Jupyter prints its address a moment before it listens there.
        while True:
            try:
                answer = urllib.request.urlopen(found.group(1), timeout=60)
                break
            except urllib.error.URLError:
                if server.poll() is not None:
                    raise
        with answer:
            print("the front door leads to", answer.url.removeprefix(found.group(1)))
            first = sorted((repository / "notebooks").glob("*.ipynb"))[0]
            return answer.status == 200 and answer.url.endswith(f"/lab/tree/my_notebooks/{first.name}")
    finally:
        server.kill()
        server.wait()


def main() -> None:
    """Build the layers one after the other, then test the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="a Python of the declared version")
    parser.add_argument("--keep", type=Path, help="build in this new folder, and leave it there")
    options, tests = parser.parse_known_args()
    version, pins = declared()
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        venv, repository = folder / "venv", folder / "repository"
        layer("a fresh environment", [options.python or find_python(version), "-m", "venv", venv])
        python = venv / "bin" / "python"
        seen = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
        if not seen.startswith(version + "."):
            raise SystemExit(f"environment.yml declares Python {version}, and {options.python} is {seen}.")
        environment = {**os.environ, "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}", "PIP_USER": "0"}
        environment["VIRTUAL_ENV"] = str(venv)
        for name in ("PYTHONPATH", "PYTHONHOME", "JUPYTER_CONFIG_PATH", "JUPYTER_PATH"):
            environment.pop(name, None)
        pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        layer("what the base image carries", [*pip, *base_image(version)], env=environment)
        layer("the pins of environment.yml", [*pip, "-U", *pins], env=environment)
        copy_repository(repository)
        layer("binder/postBuild", [repository / "binder" / "postBuild"], cwd=repository, env=environment)
        layer("no conflicts", [python, "-m", "pip", "check"], env=environment)
        if not opens_the_first_notebook(repository, environment):
            raise SystemExit("JupyterLab does not open the first notebook.")
        # pytest-xdist, whose options are in pyproject.toml, is not installed.
        command = [repository / "binder" / "start", "python", "-m", "pytest", "-o", "addopts=", "-q", "--nbval"]
        command += ["--nbval-current-env", f"--nbval-sanitize-with={repository}/tests/nbval_sanitize.cfg"]
        layer("tests", [*command, *(tests or TESTS)], cwd=repository, env=environment)


if __name__ == "__main__":
    sys.exit(main())
