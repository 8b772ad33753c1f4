"""Addresses in what a model wrote: kept only where the documents, or the person, wrote them."""

from __future__ import annotations

import re
import unicodedata

_IMAGE = re.compile(r"!\[([^\]\n]{0,500})\](?:\([^)\n]{0,2000}\)|\[[^\]\n]{0,200}\])")
_LINK = re.compile(r"\[([^\]\n]{0,500})\]\(\s*<?([^)\s>]{1,2000})[^)\n]{0,500}\)")
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,20}:[^\s<>]{1,2000})>")
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]\n]{1,200}\]:\s*\S.*$", re.MULTILINE)
_TAG = re.compile(r"<[A-Za-z/!][^>\n]{0,2000}>")
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}://|//|www\.|mailto:|data:|javascript:)[^\s<>\"'`)\]，。；、）】]{1,2000}", re.IGNORECASE
)
_LEFT_OUT = "[…]"


def without_foreign_links(text: str, *sources: str) -> str:
    """A text without pictures and HTML, and without addresses that stand in none of the `sources` as they are.

    A link keeps its words. Invisible characters go too: they can carry what nobody sees.
    """
    text = "".join(character for character in text if not _is_hidden(character))
    text = _IMAGE.sub(lambda found: found[1], text)
    text = _TAG.sub("", _AUTOLINK.sub(lambda found: found[1], text))
    text = _REFERENCE.sub("", text)
    text = _LINK.sub(lambda found: found[1] if _is_foreign(found[2], sources) else f"{found[1]} ({found[2]})", text)
    return _ADDRESS.sub(lambda found: _kept(found[0], sources), text)


def _kept(address: str, sources: tuple[str, ...]) -> str:
    return _LEFT_OUT if _is_foreign(address, sources) else address


def _is_foreign(address: str, sources: tuple[str, ...]) -> bool:
    """Whole, up to where it ends in the source: a longer one could carry something away."""
    bare = address.rstrip(".,;:!?…")
    whole = re.compile(re.escape(bare) + r"(?![^\s<>\"'`)\]，。；、）】.,;:!?…])")
    return not any(whole.search(source) for source in sources)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or 0xFE00 <= ord(character) <= 0xFE0F
