"""Markdown as HTML, because ipywidgets has no widget that shows Markdown."""

from __future__ import annotations

import html
import re

import mistune

__all__ = ["to_html", "with_code"]


class _Renderer(mistune.HTMLRenderer):
    """HTML without line breaks inside a paragraph."""

    def softbreak(self) -> str:
        return " "


_render = mistune.create_markdown(renderer=_Renderer(escape=True))


def to_html(markdown: str) -> str:
    """Convert Markdown to HTML.

    Args:
        markdown: The text. HTML in it is escaped, and so are links to anything but web pages and mail.

    Returns:
        HTML without line breaks, except in code blocks.

    Example:
        >>> to_html("`a < b` is **true**")
        '<p><code>a &lt; b</code> is <strong>true</strong></p>'
    """
    # Every second part is a code block. The other parts have line breaks only between tags.
    parts = re.split(r"(<pre>.*?</pre>)", _render(markdown).replace("'", "&#x27;"), flags=re.DOTALL)
    parts[::2] = [part.replace("\n", "") for part in parts[::2]]
    return "".join(parts)


def with_code(text: str) -> str:
    """Convert plain text to HTML, with code where backticks are: what the label of an option may have.

    Args:
        text: The text, one line.

    Returns:
        HTML.

    Example:
        >>> with_code("Call `a < b`, not *this*")
        'Call <code>a &lt; b</code>, not *this*'
    """
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))
