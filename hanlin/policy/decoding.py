"""Decoding: what a text says once escapes, entities, percent-encoding and base64 in it are read, and where."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_DEPTH = 2
"""An encoding inside an encoding is read; a third is left alone."""
_LEAST_BASE64 = 12
"""Characters: three Chinese ones encoded."""
_ESCAPED = r"u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|[0-9a-fA-F]{4})"
_ESCAPE = re.compile(rf"\\{_ESCAPED}")
_HALF_ESCAPE = re.compile(r"(?:\\u[dD][89abAB][0-9a-fA-F]{2})?(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z")
_HALF_CHARACTERS = 11
_ENTITY = r"(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
_PERCENT = r"[0-9a-fA-F]{2}(?:%[0-9a-fA-F]{2})*+"
_MARKED = re.compile(rf"[\\&%](?:(?<=\\){_ESCAPED}|(?<=&){_ENTITY}|(?<=%){_PERCENT})")
_KINDS = bytes(
    ord("x" if chr(code).isalnum() or chr(code) in "+/-_" else "m" if chr(code) in "\\&%" else ".")
    for code in range(128)
).ljust(256, b".")
"""ASCII -> `x` for what base64 is written with, in either alphabet, `m` for what other encodings begin with."""
_RUN = re.compile(rb"x+")

Run = tuple[int, int, str]
"""An encoded run, from and to, and what it says."""


class Decoded(NamedTuple):
    """A text as it reads; character `i` of it is written by the characters `starts[i]` to `ends[i]` of the original."""

    text: str
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]

    def written(self, start: int, end: int) -> tuple[int, int]:
        """Where in the original what stands from `start` to `end` is written."""
        return int(self.starts[start]), int(self.ends[end - 1])

    def encoded(self, start: int, end: int) -> bool:
        """Whether something encoded was read between `start` and `end`."""
        return bool((self.ends[start:end] - self.starts[start:end]).max() > 1)

    def after(self, index: int) -> int:
        """Where in the original what stands from `index` on begins."""
        return int(self.starts[index]) if index < len(self.starts) else int(self.ends[-1])


def unescaped(text: str) -> Decoded | None:
    r"""The text with its `\uXXXX` escapes read; None if it has none. Also done where a text is watched as it grows."""
    if "\\u" not in text:
        return None
    runs = [(run.start(), run.end(), _escaped(run[0])) for run in _ESCAPE.finditer(text)]
    return _decoded(text, runs, 0, len(text)) if runs else None


def may_escape(text: str) -> bool:
    """Whether the text may hold an escape, or end in half of one."""
    return "\\u" in text or half_escape(text) < len(text)


def half_escape(text: str) -> int:
    r"""From where the text ends in what may become a `\uXXXX` escape, or half of a pair of them."""
    begin = max(0, len(text) - _HALF_CHARACTERS)
    found = _HALF_ESCAPE.search(text, begin)
    return found.start() if found else len(text)


def decodings(text: str, margin: int) -> Iterator[Decoded]:
    """What is encoded in the text, read once and twice, each with `margin` characters around; nearly always nothing.

    Takes time and memory in proportion to what is encoded: no encoding here is shorter than what it stands for.
    """
    yield from _windows(text, margin, _DEPTH)


def _windows(text: str, margin: int, depth: int) -> Iterator[Decoded]:
    kinds = text.encode("ascii", "replace").translate(_KINDS)  # a byte a character, many times faster to search
    for group in _near(sorted([*_marked(text, kinds), *_base64(text, kinds)]), margin):
        outer = _decoded(text, group, max(0, group[0][0] - margin), min(len(text), group[-1][1] + margin))
        yield outer
        if depth > 1:
            for inner in _windows(outer.text, margin, depth - 1):
                yield Decoded(inner.text, outer.starts[inner.starts], outer.ends[inner.ends - 1])


def _near(runs: list[Run], margin: int) -> Iterator[list[Run]]:
    """The runs in groups whose surroundings touch."""
    group: list[Run] = []
    for run in runs:
        if group and run[0] - group[-1][1] > 2 * margin:
            yield group
            group = []
        group.append(run)
    if group:
        yield group


def _decoded(text: str, runs: list[Run], place: int, stop: int) -> Decoded:
    """The text from `place` to `stop` with the runs read."""
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    for start, end, said in [*runs, (stop, stop, "")]:
        if start >= place:  # else it lies in the run before
            pieces += [text[place:start], said]
            spans += [(place, 0), (start, end)]
            place = end
    lengths = np.array([len(piece) for piece in pieces])
    firsts, lasts = np.repeat(np.array(spans, np.int32), lengths, axis=0).T
    within = np.arange(len(firsts), dtype=np.int32) - np.repeat(np.cumsum(lengths) - lengths, lengths).astype(np.int32)
    literal = lasts == 0
    starts = firsts + np.where(literal, within, 0)
    return Decoded("".join(pieces), starts, np.where(literal, starts + 1, lasts))


def _marked(text: str, kinds: bytes) -> Iterator[Run]:
    start = 0
    while (start := kinds.find(b"m", start)) >= 0:
        run = _MARKED.match(text, start)
        if run and (said := _said(run[0])):
            yield start, run.end(), said
        start = run.end() if run else start + 1


def _said(run: str) -> str | None:
    if run[0] == "\\":
        return _escaped(run)
    if run[0] == "&":
        said = html.unescape(run)
        return said if said != run else None
    try:
        return bytes.fromhex(run.replace("%", "")).decode()
    except UnicodeDecodeError:
        return None


def _escaped(run: str) -> str:
    return bytes.fromhex(run.replace("\\u", "")).decode("utf-16-be", "surrogatepass")


def _base64(text: str, kinds: bytes) -> Iterator[Run]:
    start, needle = 0, b"x" * _LEAST_BASE64
    while (start := kinds.find(needle, start)) >= 0 and (run := _RUN.match(kinds, start)):
        end = run.end()
        if said := _said_by_base64(text[start:end]):
            padding = text[end : end + 2]
            yield start, end + len(padding) - len(padding.lstrip("=")), said
        start = end


def _said_by_base64(run: str) -> str | None:
    letters = run.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
