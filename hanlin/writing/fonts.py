"""Which font shows which character in a PDF.

Letters of western languages come from a TrueType font, whose used glyphs go into the file: one of the machine's, or the
one that comes with reportlab (Latin-1 only, so no Vietnamese). Chinese is set in STSong-Light, one of the fonts that a
PDF may name without holding it: every reader brings one. What neither can show is looked for in the machine's TrueType
fonts (OpenType with PostScript outlines, as Noto CJK, is none that reportlab embeds). Thai is set without the shaping
of its marks: readable, not beautiful.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from hanlin.errors import BadRequest

log = logging.getLogger("hanlin.writing")

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
LOOKED_AT = 300
"""Most font files of a machine that are opened; one takes some 20 ms, once."""
CHINESE = "STSong-Light"
_OTHER_STYLES = ("bold", "italic", "oblique", "mono", "condensed", "narrow", "light", "thin", "black", "serif")
_ZERO_WIDTH = frozenset("\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f")


def runs(text: str) -> Iterator[tuple[str, str]]:
    """The text in stretches, each with the font that shows it. BadRequest (`no_font`) when none does."""
    shown = "".join(character for character in text if character not in _ZERO_WIDTH)
    fonts = _chosen(shown)
    for font, group in groupby(zip(shown, fonts, strict=True), key=lambda pair: pair[1]):
        yield "".join(character for character, _ in group), font


def _chosen(text: str) -> list[str]:
    """A font for every character; blanks stay with the word before them."""
    chosen: list[str] = []
    for character in text:
        chosen.append(chosen[-1] if character.isspace() and chosen else _font(character))
    return chosen


@cache
def _font(character: str) -> str:
    if character.isspace() or ord(character) < 0x20:
        return _latin()
    if ord(character) in _covered(_latin()):
        return _latin()
    if _in_chinese_font(character):
        return _chinese()
    for path in _machine_fonts():
        if ord(character) in _characters(path):
            return _registered(path)
    raise BadRequest(
        f"No font on this server shows the character U+{ord(character):04X} in a PDF.",
        action="Choose DOCX or HTML, or have the operator install a TrueType font with this script.",
        code="no_font",
        param="kind",
    )


@cache
def _latin() -> str:
    """The machine's font with the letters of Vietnamese, else the one that reportlab brings."""
    for path in _machine_fonts():
        if {*map(ord, "aéßłếưЖ")} <= _characters(path):
            return _registered(path)
    import reportlab

    return _registered(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf")


@cache
def _chinese() -> str:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))
    return CHINESE


def _in_chinese_font(character: str) -> bool:
    """Whether Adobe-GB1 holds it: GB 18030's characters of two bytes, which GBK has too."""
    try:
        return len(character.encode("gbk")) == 2
    except UnicodeEncodeError:
        return False


@cache
def _registered(path: Path) -> str:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont(path.stem, str(path)))
    _names[path.stem] = path
    return path.stem


_names: dict[str, Path] = {}


def _covered(name: str) -> frozenset[int]:
    return _characters(_names[name])


@cache
def _characters(path: Path) -> frozenset[int]:
    """The characters of a font; none of one that cannot be embedded."""
    from reportlab.pdfbase.ttfonts import TTFError, TTFontFile

    try:
        return frozenset(TTFontFile(str(path)).charToGlyph)
    except (TTFError, OSError, ValueError, KeyError, IndexError) as error:
        log.debug("%s is no font for PDF (%s)", path.name, type(error).__name__)
        return frozenset()


@cache
def _machine_fonts() -> tuple[Path, ...]:
    """TrueType files of the machine, upright sans-serif ones first."""
    found: Iterable[Path] = (path for folder in FOLDERS if folder.is_dir() for path in folder.rglob("*.tt[fc]"))
    return tuple(sorted(found, key=_rank)[:LOOKED_AT])


def _rank(path: Path) -> tuple[int, str]:
    name = path.stem.lower()
    return sum(style in name for style in _OTHER_STYLES) + ("sans" not in name), name
