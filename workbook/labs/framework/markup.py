"""The little Markdown that questions and exercises use, as HTML: ipywidgets has no widget that shows Markdown."""

from __future__ import annotations

import html
import re

__all__ = ["to_html"]

_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_BULLET = re.compile(r"[-*] +")
_NUMBER = re.compile(r"\d+\. +")
_INLINE = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|\*\*(?P<strong>[^*]+)\*\*"
    r"|\*(?P<emphasis>[^*\s](?:[^*]*[^*\s])?)\*"
    r"|\[(?P<label>[^\]]+)\]\((?P<address>[^)\s]+)\)"
)
_SAFE_ADDRESS = re.compile(r"https?://|[\w./#-]+$")


def to_html(markdown: str) -> str:
    """Turn paragraphs, lists, fenced code, `code`, **strong**, *emphasis* and links into HTML; the rest stays as it is.

    Args:
        markdown: The text.

    Returns:
        HTML in which nothing of the text can act as a tag.
    """
    parts = []
    # Splitting at a pattern with one group gives text, code, text, code, ..., text.
    for position, part in enumerate(_FENCE.split(markdown)):
        if position % 2:
            parts.append(f"<pre><code>{html.escape(part.rstrip())}</code></pre>")
        else:
            parts.extend(_block(block) for block in re.split(r"\n\s*\n", part) if block.strip())
    return "".join(parts)


def _block(block: str) -> str:
    """One paragraph, or a paragraph that runs into a list."""
    lead: list[str] = []
    items: list[str] = []
    tag = "ul"
    for line in block.strip().splitlines():
        line = line.strip()
        marker = _BULLET.match(line) or _NUMBER.match(line)
        if marker:
            if not items and _NUMBER.match(line):
                tag = "ol"
            items.append(line[marker.end() :])
        elif items:
            items[-1] += f" {line}"
        else:
            lead.append(line)
    paragraph = f"<p>{_inline(' '.join(lead))}</p>" if lead else ""
    return paragraph + (f"<{tag}>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</{tag}>" if items else "")


def _inline(text: str) -> str:
    """The marks inside a line; what lies between them is escaped."""
    result, end = [], 0
    for match in _INLINE.finditer(text):
        result.append(html.escape(text[end : match.start()]))
        end = match.end()
        if match["code"]:
            result.append(f"<code>{html.escape(match['code'])}</code>")
        elif match["strong"]:
            result.append(f"<strong>{_inline(match['strong'])}</strong>")
        elif match["emphasis"]:
            result.append(f"<em>{_inline(match['emphasis'])}</em>")
        elif _SAFE_ADDRESS.match(match["address"]):
            result.append(f'<a href="{html.escape(match["address"])}">{_inline(match["label"])}</a>')
        else:
            result.append(html.escape(match[0]))
    result.append(html.escape(text[end:]))
    return "".join(result)
