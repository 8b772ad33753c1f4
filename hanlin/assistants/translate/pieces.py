"""Texts cut where sentences end, so that a small model sees little at a time."""

from __future__ import annotations

import re
from itertools import pairwise

from hanlin.assistants.translate.markup import ANY
from hanlin.reading import sentences

PIECE_CHARACTERS = 700
"""Longest text of one call: a small model loses its thread in longer ones."""


def cut(text: str, limit: int = PIECE_CHARACTERS) -> list[str]:
    """The text as pieces of whole sentences of at most `limit` characters where that is possible; joined they are it.

    Pairs of markers are not cut open. A sentence longer than `limit` stays whole.
    """
    pieces = [""]
    for one in _sentences(text):
        if pieces[-1] and len(pieces[-1]) + len(one) > limit:
            pieces.append("")
        pieces[-1] += one
    return pieces


def lines(text: str) -> list[tuple[str, str]]:
    """The paragraphs of a text, each with the line breaks behind it: (text, breaks)."""
    parts = re.split(r"([ \t]*(?:\r?\n)+[ \t]*)", text)
    return list(zip(parts[::2], [*parts[1::2], ""], strict=True))


def _sentences(text: str) -> list[str]:
    bounds = [start for start, _ in sentences(text)][1:]
    allowed = [bound for bound in bounds if _depth(text[:bound]) == 0 and not _inside_mark(text, bound)]
    return [text[start:end] for start, end in pairwise([0, *allowed, len(text)])]


def _depth(text: str) -> int:
    return sum(-1 if mark[0][1] == "/" else 1 for mark in ANY.finditer(text) if "g" in mark[0])


def _inside_mark(text: str, bound: int) -> bool:
    return any(mark.start() < bound < mark.end() for mark in ANY.finditer(text))
