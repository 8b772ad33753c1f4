"""Markers in a segment: `<g1>…</g1>` (XLIFF's paired tag), `<x1/>` (its lone one); on the way to a model also `<k1/>`.

What a marker stands for is known by whoever reads the file; here they are counted, peeled off, mended and put back.
"""

from __future__ import annotations

import re
from collections import Counter

MARK = re.compile(r"</?g\d{1,4}>|<x\d{1,4}/>")
KEPT = re.compile(r"<k(\d{1,4})/>")
ANY = re.compile(r"</?g\d{1,4}>|<[xk]\d{1,4}/>")
_PAIR = re.compile(r"<(/?)g(\d{1,4})>")
_WORN = re.compile(r"[<＜〈]\s{0,2}([/／]?)\s{0,2}([gxkGXK])\s{0,2}(\d{1,4})\s{0,2}([/／]?)\s{0,2}[>＞〉]")
_LEADING = re.compile(r"(?:\s|<x\d{1,4}/>)+")
_TRAILING = re.compile(r"(?:\s|<x\d{1,4}/>)+\Z")
_AROUND = re.compile(r"<g(\d{1,4})>(.*)</g\1>\Z", re.DOTALL)


def plain(text: str) -> str:
    """The text without markers."""
    return ANY.sub("", text)


def mended(answer: str) -> str:
    """A model's answer with worn markers (`< G1 >`, `＜x1＞`) as they should be."""
    return _WORN.sub(_mend, answer)


def _mend(found: re.Match[str]) -> str:
    kind = found[2].lower()
    if kind != "g":
        return f"<{kind}{found[3]}/>"
    return f"</g{found[3]}>" if found[1] else f"<g{found[3]}>"


def peeled(text: str) -> tuple[str, str, str]:
    """What stands around the words (blanks, lone markers, a pair around everything), the words, and what follows."""
    before = after = ""
    while True:
        if found := _LEADING.match(text):
            before, text = before + found[0], text[found.end() :]
        if found := _TRAILING.search(text):
            text, after = text[: found.start()], found[0] + after
        around = _AROUND.match(text)
        if around is None:
            return before, text, after
        before, text, after = f"{before}<g{around[1]}>", around[2], f"</g{around[1]}>{after}"


def intact(source: str, target: str) -> bool:
    """Whether every marker of the source stands once in the target, no other does, and pairs open before they close."""
    return Counter(MARK.findall(source)) == Counter(MARK.findall(target)) and _nested(target)


def _nested(text: str) -> bool:
    open_pairs: list[str] = []
    for found in _PAIR.finditer(text):
        if not found[1]:
            open_pairs.append(found[2])
        elif not open_pairs or open_pairs.pop() != found[2]:
            return False
    return not open_pairs


def replaced(source: str, target: str) -> str:
    """The target without its own markers, with all of the source's put where they can be found a place for.

    A pair goes around the same words when they stand in the target too (a name, an address, a number), else, empty, to
    the end, as a lone marker does: nothing of the file is lost, and the flag says that it must be looked at.
    """
    words = plain(target)
    rest: list[str] = []
    for found in re.finditer(r"<x\d{1,4}/>|<g(\d{1,4})>(.*?)</g\1>", source, re.DOTALL):
        inner = plain(found[2]) if found[1] else ""
        at = words.find(inner) if inner.strip() and "<" not in words[: words.find(inner) + 1] else -1
        if at >= 0:
            words = f"{words[:at]}<g{found[1]}>{inner}</g{found[1]}>{words[at + len(inner) :]}"
        else:
            rest += MARK.findall(found[0])
    return words + "".join(rest)
