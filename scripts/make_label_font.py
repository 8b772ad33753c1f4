"""Make hanlin/labels/explicit/label-font.ttf, the one typeface shipped: `python scripts/make_label_font.py`.

A subset of Noto Sans CJK SC (SIL Open Font License 1.1, Debian's fonts-noto-cjk) with every character that stands in
the code, the words and the pages of Hanlin. Run it again when a label or a report says something new. It needs
fonttools and the Debian package, or the collection's path as its one argument.

The outlines become quadratic (TrueType), for PDF writers that embed no CFF. "Noto" is a trademark, so the changed font
is called Hanlin Label; the licence reserves no name.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable

ROOT = Path(__file__).parents[1]
SOURCE = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
SIMPLIFIED = 2
"""Place of `Noto Sans CJK SC` in the collection."""
TARGET = ROOT / "hanlin" / "labels" / "explicit" / "label-font.ttf"
NAME = "Hanlin Label"
PUNCTUATION = "，。、；：？！“”‘’（）《》【】—…·–×％￥©®°→←↑↓✓✗①②③④⑤⑥⑦⑧⑨⑩"
UNITS_OFF = 1.0
"""Largest distance between the cubic and the quadratic outline, in thousandths of an em."""
KEPT_NAMES = (0, 8, 9, 10, 13, 14)
"""Name records of authorship and licence (OpenType `name` table)."""


def characters() -> str:
    """Every character an ordinary page, label or report of Hanlin can say, and printable ASCII."""
    files = [path for kind in ("*.py", "*.toml", "*.html", "*.jinja") for path in (ROOT / "hanlin").rglob(kind)]
    said = "".join(path.read_text("utf-8") for path in files)
    return "".join(sorted({*map(chr, range(0x20, 0x7F)), *PUNCTUATION, *said} - set("\n\r\t")))


def cut(font: TTFont, text: str) -> None:
    """Leave only the glyphs of a text; layout features and vertical metrics go, for a label needs neither."""
    options = subset.Options(
        layout_features=[], hinting=False, notdef_outline=True, drop_tables=["BASE", "VORG", "vhea", "vmtx", "DSIG"]
    )
    cutter = subset.Subsetter(options)
    cutter.populate(text=text)
    cutter.subset(font)


def quadratic(font: TTFont) -> None:
    """Replace cubic outlines (`CFF `) by quadratic ones (`glyf`)."""
    glyphs = font.getGlyphSet()
    order = font.getGlyphOrder()
    outlines = {}
    for name in order:
        pen = TTGlyphPen(glyphs)
        glyphs[name].draw(Cu2QuPen(pen, UNITS_OFF, reverse_direction=True))
        outlines[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, outlines
    font["maxp"].tableVersion = 0x00010000
    for field in ("Zones", "TwilightPoints", "Storage", "FunctionDefs", "InstructionDefs", "StackElements"):
        setattr(font["maxp"], f"max{field}", 2 if field == "Zones" else 0)
    font["maxp"].maxSizeOfInstructions = font["maxp"].maxComponentElements = 0
    font["post"].formatType = 3.0
    font["head"].glyphDataFormat = 0
    del font["CFF "]
    font.sfntVersion = "\x00\x01\x00\x00"


def rename(font: TTFont) -> None:
    """Give the font its own name, and keep authors and licence."""
    table = font["name"]
    table.names = [record for record in table.names if record.nameID in KEPT_NAMES and record.langID == 0x409]
    own = {
        1: NAME,
        2: "Regular",
        3: f"{NAME}; from Noto Sans CJK SC 2.004",
        4: NAME,
        5: "Version 2.004",
        6: "HanlinLabel",
    }
    for number, text in own.items():
        table.setName(text, number, 3, 1, 0x409)


def main(source: Path = SOURCE) -> None:
    font = TTFont(source, fontNumber=SIMPLIFIED, recalcTimestamp=False)
    text = characters()
    cut(font, text)
    quadratic(font)
    rename(font)
    font.save(TARGET)
    sys.stdout.write(f"{TARGET.name}: {len(font.getBestCmap())} characters, {TARGET.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
