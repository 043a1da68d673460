"""All launch links come from the address in pyproject.toml; without an address there are none."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat
import notebook_checks as checks
import pytest

from tools import links

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
HERE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["workbook"]["repository"]
LAUNCHERS = re.compile(r"https?://[^\s)\"'>\]]*(?:mybinder|colab\.research|git-pull|binder/v2)[^\s)\"'>\]]*")


@pytest.fixture
def fork(monkeypatch, tmp_path):
    """A copy of all files with links, and of pyproject.toml, which a test may change."""
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    monkeypatch.setattr(links, "README", tmp_path / "README.md")
    monkeypatch.setattr(links, "PYPROJECT", tmp_path / "pyproject.toml")
    monkeypatch.setattr(links, "NOTEBOOKS", tmp_path / "notebooks")
    return tmp_path


def write(*args):
    """Run the command as `run.py links` does."""
    return links.main(list(args), links.links)


def declare(fork, address):
    """Set the address in pyproject.toml."""
    file = fork / "pyproject.toml"
    text, count = re.subn(r'^repository = ".*"$', f'repository = "{address}"', file.read_text("utf-8"), flags=re.M)
    assert count == 1
    file.write_text(text, encoding="utf-8")


def pages(folder):
    """Return the text of the README, and of all cells of each notebook, by path."""
    found = {"README.md": (folder / "README.md").read_text(encoding="utf-8")}
    for path in sorted((folder / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        found[f"notebooks/{path.name}"] = "\n\n".join(cell.source for cell in cells)
    assert len(found) == 1 + len(list((ROOT / "notebooks").glob("*.ipynb")))
    return found


def content(folder):
    """Return the contents of all files that may change."""
    return {path: path.read_bytes() for path in [folder / "README.md", *(folder / "notebooks").glob("*.ipynb")]}


def launchers(text):
    return LAUNCHERS.findall(text)


def test_every_link_in_the_repository_is_the_one_that_its_address_makes():
    for path, text in pages(ROOT).items():
        opens = "my_notebooks/" + ("00_start_here.ipynb" if path == "README.md" else Path(path).name)
        assert launchers(text) == ([links.binder_link(links.repository(), opens)] if HERE else []), "run `run.py links`"


def test_the_command_reads_the_address_as_a_toml_reader_does(fork):
    assert links.repository() == HERE
    declare(fork, "https://github.com/some-org/some-repo")
    assert links.repository() == "https://github.com/some-org/some-repo"


@pytest.mark.parametrize("ending", ["", "/", ".git", ".git/"])
def test_one_line_changes_every_link(fork, ending):
    declare(fork, "https://github.com/some-org/some-repo" + ending)
    assert write() == 0
    start = "https://mybinder.org/v2/gh/some-org/some-repo/HEAD?urlpath=lab/tree/my_notebooks/"
    for path, text in pages(fork).items():
        name = "00_start_here.ipynb" if path == "README.md" else Path(path).name
        assert launchers(text) == [start + name]
        assert (ROOT / "notebooks" / name).is_file()  # a link to a missing file would open an empty page
        assert text.index(start) < text.index("\n\n", text.index(start)) < 600  # below the title


def test_links_are_written_once_and_leave_no_trace(fork):
    declare(fork, "")
    write()
    without = content(fork)
    declare(fork, "https://github.com/some-org/some-repo")
    write()
    once = content(fork)
    assert all(once[path] != without[path] for path in once)
    write()
    assert content(fork) == once
    declare(fork, "https://gitlab.com/another/home")
    write()
    assert not any(b"some-org" in text for text in content(fork).values())
    declare(fork, "")
    write()
    assert content(fork) == without


def test_a_notebook_with_a_link_passes_every_check(fork):
    declare(fork, "https://github.com/some-org/some-repo")
    write()
    for path in (fork / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert {check.__name__: check(notebook) for check in checks.checks_of(path) if check(notebook)} == {}


@pytest.mark.parametrize(
    "address, place",
    [
        ("https://github.com/some-org/some-repo", "gh/some-org/some-repo"),
        ("https://gitlab.com/group/part/repo", "gl/group%2Fpart%2Frepo"),
        ("https://git.school.example/a/b", "git/https%3A%2F%2Fgit.school.example%2Fa%2Fb"),
    ],
)
def test_binder_is_told_where_the_repository_is_in_its_own_way(address, place):
    link = links.binder_link(address, "notebooks/a name & more.ipynb")
    assert link.startswith(f"https://mybinder.org/v2/{place}/HEAD?urlpath=")
    assert " " not in link and "&" not in link
    assert parse_qs(urlsplit(link).query) == {"urlpath": ["lab/tree/notebooks/a name & more.ipynb"]}


@pytest.mark.parametrize("hub", ["https://hub.example.org", "https://hub.example.org/", "http://127.0.0.1:8000/base"])
def test_a_hub_gets_a_link_that_copies_the_repository_and_opens_the_first_notebook(fork, capsys, hub):
    declare(fork, "https://github.com/some-org/some-repo.git")
    before = content(fork)
    assert write("--hub", hub) == 0
    link = capsys.readouterr().out.strip()
    assert link.startswith(hub.rstrip("/") + "/hub/user-redirect/git-pull?")
    assert parse_qs(urlsplit(link).query) == {
        "repo": ["https://github.com/some-org/some-repo"],
        "urlpath": ["lab/tree/some-repo/notebooks/00_start_here.ipynb"],
    }
    assert content(fork) == before


@pytest.mark.parametrize(
    "address, args, word",
    [
        ("git@github.com:some-org/some-repo.git", [], "https://github.com/ORGANISATION/REPOSITORY"),
        ("https://github.com/some-org", [], "https://github.com/ORGANISATION/REPOSITORY"),
        ("https://github.com/some-org/some-repo?tab=readme", [], "https://github.com/ORGANISATION/REPOSITORY"),
        ("http://github.com/some-org/some-repo", [], "https://github.com/ORGANISATION/REPOSITORY"),
        ("https://github.com/some-org/some-repo", ["--hub"], "--hub https://"),
        ("https://github.com/some-org/some-repo", ["--hub", "hub.example.org"], "--hub https://"),
        ("https://github.com/some-org/some-repo", ["now"], "'now'"),
        ("", ["--hub", "https://hub.example.org"], "pyproject.toml"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_changes_nothing(fork, capsys, address, args, word):
    declare(fork, address)
    before = content(fork)
    assert write(*args) == 1
    said = capsys.readouterr().err.strip()
    assert word in said and "\n" not in said and ": " in said and said.endswith(".")
    assert content(fork) == before


def test_links_need_no_venv_and_no_new_python(tmp_path):
    """Any Python that can read run.py writes them."""
    for name in ("run.py", "tools/links.py"):
        ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 6))
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "tools").mkdir()
    for name in ("run.py", "tools/__init__.py", "tools/links.py", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    declare(tmp_path, "https://github.com/some-org/some-repo")
    done = subprocess.run([sys.executable, "-S", "run.py", "links"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "some-org" in done.stdout and launchers((tmp_path / "README.md").read_text(encoding="utf-8"))
    assert not (tmp_path / ".venv").exists()
