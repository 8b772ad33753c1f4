"""Markdown (CommonMark with tables): blocks by markdown-it, marks inside lines taken off here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hanlin.reading.document import Block, Document, Kind, Page, table

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT = re.compile(r"\A---\n(.{0,10000}?)\n---\n", re.DOTALL)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,1000})\]\(([^()\s]{0,2000})(?: \"[^\"\n]{0,500}\")?\)")
_MARKS = re.compile(r"(\*{1,3}|_{2,3}|~~|`+)(?=\S)(.{1,2000}?)(?<=\S)\1")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_LONGEST_MARKED = 20_000
"""Characters; a paragraph that is longer is given as it is written."""
_MARK = re.compile(r"^(#{1,6} \S|[-*+] \S|\d+\. \S|```|~~~|\|.+\|\s*$|> \S)", re.MULTILINE)


def looks_like_markdown(text: str) -> bool:
    """Headings by `#`, fences or table rows, beside what plain text has too."""
    found = [mark[:3] for mark in _MARK.findall(text[:50_000])]
    return any(mark.startswith(("#", "```", "~~~")) for mark in found) and len(found) > 1


def read_markdown(text: str) -> Document:
    from markdown_it import MarkdownIt

    front = _FRONT.match(text)
    notes = [Block("note", front[1])] if front else []
    parser = MarkdownIt("commonmark", {"maxNesting": 20}).enable("table").disable("inline")
    blocks = [*notes, *_blocks(parser.parse(text[front.end() :] if front else text))]
    title = next((block.text for block in blocks if block.kind == "heading"), "")
    return Document(title, "markdown", (Page(1),), tuple(blocks))


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    rows: list[list[str]] = []
    heading, depth = 0, 0
    for token in tokens:
        kind = token.type
        depth += {"bullet_list_open": 1, "ordered_list_open": 1, "bullet_list_close": -1, "ordered_list_close": -1}.get(
            kind, 0
        )
        if kind == "heading_open":
            heading = int(token.tag[1])
        elif kind in {"fence", "code_block"}:
            yield Block("code", token.content.rstrip("\n"))
        elif kind == "html_block":
            yield from _filled("text", re.sub(r"<[^<>]{0,1000}>", " ", token.content), 0)
        elif kind == "tr_open":
            rows.append([])
        elif kind == "table_close":
            yield table(rows)
            rows = []
        elif kind == "inline" and rows:
            rows[-1].append(plain(token.content))
        elif kind == "inline":
            word: Kind = "heading" if heading else "list" if depth else "text"
            yield from _filled(word, plain(token.content), heading or max(0, depth - 1))
            heading = 0


def _filled(kind: Kind, text: str, level: int) -> Iterator[Block]:
    if text.strip():
        yield Block(kind, text.strip(), level=level)


def plain(text: str) -> str:
    """A line without its marks; a link's text stays, and its address in brackets where it says something else."""
    if len(text) > _LONGEST_MARKED:
        return text
    text = _LINK.sub(
        lambda link: link[1] if link[2] in {link[1], ""} or link[0].startswith("!") else f"{link[1]} ({link[2]})", text
    )
    for _ in range(3):
        text = _MARKS.sub(r"\2", text)
    return _ESCAPED.sub(r"\1", text)
