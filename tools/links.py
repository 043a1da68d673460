"""Write the links that open the notebooks on Binder: `run.py links`, which needs no .venv.

Like `run.py`, this module uses only the standard library and syntax that an old Python can read.
"""

import json
import re
import sys
from urllib.parse import quote, urlencode, urlsplit

from run import PYPROJECT, ROOT, Problem, main

NOTEBOOKS = ROOT / "notebooks"
README = ROOT / "README.md"
COPY = "my_notebooks"  # the folder that binder/start makes: the same notebooks without outputs


def repository():
    """Return the address of the repository in pyproject.toml in a standard form, or an empty text.

    Raises:
        Problem: If it is not an address from which git can clone.
    """
    declared = re.search(
        r'^\[tool\.workbook\]$.*?^repository = "(.*?)"', PYPROJECT.read_text(encoding="utf-8"), re.M | re.S
    )
    address = re.sub(r"(\.git)?/*$", "", declared.group(1).strip()) if declared else ""
    parts = urlsplit(address)
    if address and (parts.scheme != "https" or not re.match(r"/[^/]+/.*[^/]$", parts.path) or parts.query):
        wanted = "https://github.com/ORGANISATION/REPOSITORY"
        raise Problem(f"The repository {address!r} in pyproject.toml is not an address to clone from: write {wanted}.")
    return address


def binder_link(address, path):
    """Return the link that opens a file of a repository on Binder.

    Args:
        address: The repository, as `repository` returns it.
        path: The file, relative to the root of the repository.

    Example:
        >>> binder_link("https://github.com/some-org/some-repo", "my_notebooks/00_start_here.ipynb")
        'https://mybinder.org/v2/gh/some-org/some-repo/HEAD?urlpath=lab/tree/my_notebooks/00_start_here.ipynb'
    """
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
    """Return the link that gives a user of a JupyterHub a copy of a repository and opens a file in it."""
    folder = urlsplit(address).path.rsplit("/", 1)[1]
    return f"{hub.rstrip('/')}/hub/user-redirect/git-pull?" + urlencode(
        {"repo": address, "urlpath": f"lab/tree/{folder}/{path}"}
    )


def with_link(markdown, address, path):
    """Return a text with the link below its title, or without a link if there is no address."""
    text = re.sub(
        r"\n\n<!-- links: made by run.py links -->\n.*?\n<!-- end of links -->(?=\n|\Z)", "", markdown, flags=re.S
    )
    if not address:
        return text
    title, rest = re.match(r"(# .*)((?:\n.*)*)", text).groups()
    link = f"[Open it on Binder]({binder_link(address, path)}): nothing to install, and ready in a few minutes."
    return f"{title}\n\n<!-- links: made by run.py links -->\n{link}\n<!-- end of links -->{rest}"


def links(args):
    """Update the links in the README and in each notebook's first cell from the repository's address."""
    address = repository()
    first = min(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    if args[:1] == ["--hub"]:
        if len(args) != 2 or urlsplit(args[1]).scheme not in ("http", "https") or not urlsplit(args[1]).netloc:
            raise Problem("The hub's address is missing: write it as in `run.py links --hub https://hub.example.org`.")
        if not address:
            raise Problem(
                "A hub has to know what to copy: name the repository in pyproject.toml, under [tool.workbook]."
            )
        print(hub_link(args[1], address, f"notebooks/{first}"))
        return 0
    if args:
        raise Problem(f"run.py links does not know {args[0]!r}: leave it out, or name a hub with --hub.")
    README.write_bytes(with_link(README.read_text(encoding="utf-8"), address, f"{COPY}/{first}").encode("utf-8"))
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cell = notebook["cells"][0]
        changed = with_link("".join(cell["source"]), address, f"{COPY}/{path.name}")
        cell["source"] = changed.splitlines(keepends=True)
        # In the format of nbformat, so that only the link differs.
        text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        path.write_bytes(text.encode("utf-8"))
    print(f"The links lead to {address}." if address else "pyproject.toml names no repository: there are no links.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], links))
