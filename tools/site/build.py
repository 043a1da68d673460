"""Build the static site of all notebooks, or their slides, for `run.py site` and `run.py slides`."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from bs4 import BeautifulSoup
from pages import (
    HERE,
    ROOT,
    Problem,
    Source,
    anchor,
    embedded,
    read,
    render,
    rewrite_images,
    rewrite_links,
    table_boxes,
)
from PIL import Image
from slides import cut, cut_code

__all__ = ["build_site", "build_slides", "main"]

HOME = PurePosixPath("README.md")
OUTPUT = ROOT / "site"
ASSETS = HERE / "assets"
WITHOUT_SLIDES = {"07_recipes"}  # to be looked things up in, not to be presented


def notebook_paths() -> list[PurePosixPath]:
    """Return the notebooks in reading order.

    Returns:
        Their paths, relative to the root of the repository.

    Example:
        >>> notebook_paths()[0].name
        '00_start_here.ipynb'
    """
    return [PurePosixPath("notebooks", path.name) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]


def slide_paths() -> list[PurePosixPath]:
    """Return the notebooks that have slides, in reading order.

    Returns:
        Their paths, relative to the root of the repository.

    Example:
        >>> slide_paths()[-1].name
        '06_bring_your_own_model.ipynb'
    """
    return [path for path in notebook_paths() if path.stem not in WITHOUT_SLIDES]


def page_name(path: PurePosixPath) -> str:
    """Return the name of the page of a file.

    Args:
        path: The file, relative to the root of the repository.

    Returns:
        The file name of the page; all pages are in one folder.

    Example:
        >>> page_name(PurePosixPath("workbook/data/README.md"))
        'workbook-data-readme.html'
    """
    if path == HOME:
        return "index.html"
    if path.suffix == ".ipynb":
        return f"{path.stem}.html"
    return "-".join(path.with_suffix("" if path.suffix == ".md" else path.suffix).parts).lower() + ".html"


def build_site(folder: Path) -> list[Path]:
    """Write the site: the README as its first page, a page for each notebook, and one for each file they link to.

    Args:
        folder: The folder of the site; made if it does not exist.

    Returns:
        The pages that were written; the slides are in the folder `slides`.

    Raises:
        Problem: If a page refers to a file that does not exist.

    Example:
        >>> build_site(Path("site"))[0].name   # doctest: +SKIP
        'index.html'
    """
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for name in ("site.css", "site.js"):
        shutil.copyfile(ASSETS / name, folder / name)
    waiting = [HOME, *notebook_paths()]
    notebooks = {path: read(path) for path in waiting[1:]}
    written = []
    for path in waiting:  # the loop adds to this list
        source = notebooks.get(path) or read(path)
        soup = render(source, "page", page=_page(source, notebooks))

        def address(target: PurePosixPath) -> str:
            if target not in waiting:
                waiting.append(target)
            return page_name(target)

        def keep(name: str, data: bytes) -> str:
            (folder / "pictures" / name).write_bytes(data)
            return f"pictures/{name}"

        rewrite_links(soup, path, address)
        rewrite_images(soup, path, keep)
        _lay_out_pictures(soup, folder)
        table_boxes(soup)
        _list_headings(soup)
        written.append(folder / page_name(path))
        written[-1].write_text(str(soup), encoding="utf-8")
    with_slides = [notebooks[path] for path in slide_paths()]
    _write_slides(folder / "slides", with_slides, lambda target: f"../{page_name(target)}", home="../{}")
    return written


def _page(source: Source, notebooks: dict[PurePosixPath, Source]) -> dict[str, object]:
    """Return the variables for the template of a page."""
    order = [("index.html", "Start"), *((page_name(path), each.title) for path, each in notebooks.items())]
    name = page_name(source.path)
    place = [address for address, _ in order].index(name) if name in dict(order) else None
    return {
        "address": name,
        "title": source.title,
        "description": source.description,
        "workbook": read(HOME).title,
        "notebooks": order[1:],
        "stored": source.is_notebook,
        "slides": f"slides/{name}" if source.path in slide_paths() else None,
        "previous": order[place - 1] if place else None,
        "next": order[place + 1] if place is not None and place + 1 < len(order) else None,
    }


def _lay_out_pictures(soup: BeautifulSoup, folder: Path) -> None:
    """Give each picture its size, so that text does not move when it loads, and a link to its full size for phones."""
    for image in soup.select("main img"):
        with Image.open(io.BytesIO((folder / image["src"]).read_bytes())) as opened:
            image["width"], image["height"] = (str(side) for side in opened.size)
        image["loading"] = "lazy"
        if image.find_parent("a") is None:
            link = image.wrap(soup.new_tag("a", attrs={"class": "picture", "href": image["src"]}))
            if link.parent.name == "figure":
                link.wrap(soup.new_tag("div", attrs={"class": "scroll"}))


def _list_headings(soup: BeautifulSoup) -> None:
    """Give each heading the anchor that GitHub would give it, and list the headings at the side."""
    taken: dict[str, int] = {}
    contents = soup.select_one("#contents details")
    outline = soup.new_tag("ol")
    for heading in soup.select("main h2, main h3"):
        words = heading.get_text().strip()
        slug = anchor(words)
        taken[slug] = taken.get(slug, -1) + 1
        heading["id"] = slug + (f"-{taken[slug]}" if taken[slug] else "")
        item = soup.new_tag("li", attrs={"class": heading.name})
        link = soup.new_tag("a", attrs={"href": f"#{heading['id']}"})
        link.string = words
        item.append(link)
        outline.append(item)
        if heading.find("a") is None:
            itself = soup.new_tag("a", attrs={"class": "itself", "href": f"#{heading['id']}"})
            itself.extend(list(heading.contents))
            heading.append(itself)
    if outline.contents:
        contents.append(outline)
    else:
        contents.parent.decompose()


def build_slides(folder: Path, paths: Sequence[PurePosixPath]) -> list[Path]:
    """Write the slides of each notebook as one self-contained file.

    Args:
        folder: The folder of the slides; made if it does not exist.
        paths: The notebooks.

    Returns:
        The files that were written.

    Example:
        >>> build_slides(Path("slides"), notebook_paths()[:1])   # doctest: +SKIP
        [PosixPath('slides/00_start_here.html')]
    """
    return _write_slides(
        folder, [read(path) for path in paths], lambda target: f"{target.stem}.html" if target in paths else None
    )


def _write_slides(folder: Path, sources: Iterable[Source], address, home: str = "") -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    style = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in ("site.css", "slides.css"))
    script = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in ("site.js", "slides.js"))
    written = []
    for source in sources:
        page = {"title": source.title, "description": source.description}
        page["home"] = home.format(page_name(source.path)) if home else None
        soup = render(Source(source.path, cut_code(source.notebook)), "slides", page=page, style=style, script=script)
        rewrite_links(soup, source.path, address)
        rewrite_images(soup, source.path, embedded)
        table_boxes(soup)
        cut(soup)
        written.append(folder / f"{source.path.stem}.html")
        written[-1].write_text(str(soup), encoding="utf-8")
    return written


def named(names: Sequence[str]) -> list[PurePosixPath]:
    """Return the notebooks that match names, or all that have slides.

    Args:
        names: File names, with or without folder and extension, or their beginnings, such as `02`.

    Returns:
        Paths, relative to the root of the repository.

    Raises:
        Problem: If a name matches no notebook that has slides.

    Example:
        >>> named(["02"])[0].name
        '02_cloning_subclassed_models.ipynb'
    """
    paths = slide_paths()
    found = [[path for path in paths if path.stem.startswith(Path(name).stem)] for name in names]
    for name, fitting in zip(names, found, strict=True):
        if not fitting:
            raise Problem(f"There are no slides of {name!r}: use one of {', '.join(path.stem for path in paths)}.")
    return sorted({path for fitting in found for path in fitting}) if names else paths


def main(args: Sequence[str]) -> int:
    """Build the site or the slides, and print their place.

    Args:
        args: `site`, or `slides` and names of notebooks.

    Returns:
        The exit code.
    """
    command, *names = args
    try:
        if command == "slides":
            paths = named(names)
            written = build_slides(OUTPUT / "slides", paths)
        else:
            if names:
                raise Problem(f"The site is made of all notebooks: leave out {' '.join(names)}.")
            shutil.rmtree(OUTPUT, ignore_errors=True)  # pages of deleted notebooks must not remain
            written = build_site(OUTPUT)[:1]
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    print("Open in a browser:")
    for file in written:
        print(f"  {file.as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
