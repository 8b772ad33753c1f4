"""HTML: one file that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from hanlin.writing.part import Part

_STYLE = (
    "body{max-width:46rem;margin:2rem auto;padding:0 1rem;font:16px/1.6 system-ui,sans-serif;color:#1f2937}"
    "h1,h2,h3,h4,h5,h6{line-height:1.3}table{border-collapse:collapse}"
    "td,th{border:1px solid #9ca3af;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "blockquote{margin:1rem 0;padding-left:1rem;border-left:3px solid #9ca3af;color:#4b5563}"
)
_PAGE = (
    '<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{style}</style>\n</head>\n<body>\n'
    "{body}\n</body>\n</html>\n"
)


def written(content: Sequence[Part], title: str, language: str) -> bytes:
    """The page as UTF-8."""
    pieces: list[str] = []
    for is_list, group in groupby(content, key=lambda part: part.kind == "list"):
        parts = list(group)
        pieces += [_items(parts)] if is_list else map(_element, parts)
    page = _PAGE.format(language=escape(language), title=escape(title), style=_STYLE, body="\n".join(pieces))
    return page.encode()


def _items(items: Sequence[Part]) -> str:
    """Items as lists in lists: one that lies deeper belongs to the item before it."""
    output, depth = "", 0
    for item in items:
        level = min(max(item.level, 1), depth + 1)
        if level > depth:
            output += "<ul>"
        else:
            output += "</li></ul>" * (depth - level) + "</li>"
        output += f"\n<li>{_led(item)}"
        depth = level
    return output + "</li></ul>" * depth


def _element(part: Part) -> str:
    if part.kind == "table":
        return _table(part.rows)
    if part.kind == "rule":
        return "<hr>"
    name = {"title": "h1", "text": "p", "quote": "blockquote"}.get(part.kind) or f"h{min(part.level + 1, 6)}"
    return f"<{name}>{_led(part)}</{name}>"


def _led(part: Part) -> str:
    text = escape(part.text).replace("\r\n", "\n").replace("\n", "<br>\n")
    return f"<strong>{escape(part.lead)}</strong> {text}" if part.lead.strip() else text


def _table(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = [_row(row, width, "td" if number else "th") for number, row in enumerate(rows)]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _row(row: Sequence[str], width: int, cell: str) -> str:
    filled = [*row, *[""] * (width - len(row))]
    return "<tr>" + "".join(f"<{cell}>{escape(text)}</{cell}>" for text in filled) + "</tr>"
