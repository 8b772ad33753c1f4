"""Markdown (CommonMark with the tables of GitHub): every character of a text is shown as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hanlin.writing.part import Part

_MARKUP = re.compile(r"([\\`*_\[\]<>~|&$])")
_AT_START = re.compile(r"^(\s*)(#{1,6}(?=\s|$)|[-+=](?=\s|$|[-+=])|(?:\d{1,9}(?=[.)])))", re.MULTILINE)


def written(content: Sequence[Part], _title: str, _language: str) -> bytes:
    """The text as UTF-8. Properties have no place in Markdown."""
    lines: list[str] = []
    before = None
    for part in content:
        if lines and not (part.kind == before == "list"):
            lines.append("")
        lines += _LINES[part.kind](part)
        before = part.kind
    return ("\n".join(lines) + "\n").encode()


def escaped(text: str) -> str:
    """A text so that Markdown shows it as it is; line breaks stay."""
    plain = _MARKUP.sub(r"\\\1", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _AT_START.sub(_kept, plain)


def _kept(start: re.Match[str]) -> str:
    """The beginning of a line that would be a heading, a list or a rule, its mark made a plain character."""
    if start[2].isdigit():
        return f"{start[1].strip(' ')}{start[2]}\\"
    return f"{start[1].strip(' ')}\\{start[2]}"


def _line(text: str) -> str:
    return " ".join(escaped(text).split())


def _led(part: Part) -> str:
    lines = [" ".join(line.split()) for line in escaped(part.text).split("\n")]
    text = "\\\n".join(line for line in lines if line)
    return f"**{_line(part.lead)}** {text}".rstrip() if part.lead.strip() else text


def _title(part: Part) -> list[str]:
    return [f"# {_line(part.text)}"]


def _heading(part: Part) -> list[str]:
    return [f"{'#' * min(part.level + 1, 6)} {_line(part.text)}"]


def _text(part: Part) -> list[str]:
    return _led(part).split("\n")


def _item(part: Part) -> list[str]:
    indent = "  " * (min(part.level, 6) - 1)
    first, *rest = _led(part).split("\n")
    return [f"{indent}- {first}", *(f"{indent}  {line}" for line in rest)]


def _quote(part: Part) -> list[str]:
    return [f"> {line}" for line in _led(part).split("\n")]


def _table(part: Part) -> list[str]:
    if not part.rows:
        return []
    width = max(map(len, part.rows))
    head, *body = [[_line(cell) for cell in row] + [""] * (width - len(row)) for row in part.rows]
    rows = [head, ["---"] * width, *body]
    return [f"| {' | '.join(row)} |" for row in rows]


def _rule(_: Part) -> list[str]:
    return ["---"]


_LINES = {
    "title": _title,
    "heading": _heading,
    "text": _text,
    "list": _item,
    "table": _table,
    "quote": _quote,
    "rule": _rule,
}
