"""Files made to hang, fill or break what reads them; each is small, and a file of its kind up to the trick."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from tests.reading.samples import LETTER, W, docx_of, epub, pdf, zipped

MIB = 1024 * 1024
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _bomb(head: bytes, mebibytes: int) -> bytes:
    packer = zlib.compressobj(9)
    blanks = b" " * MIB
    return packer.compress(head) + b"".join(packer.compress(blanks) for _ in range(mebibytes)) + packer.flush()


def _laughs() -> str:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE x [<!ENTITY l0 "ha">{levels}]>'


def _document(text: str) -> str:
    return f"<w:document {W}><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"


def _outside_entity() -> str:
    entity = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    return entity + _document("a &e;")


def _scattered_words() -> bytes:
    words = (b"1 0 0 1 %d %d Tm (ab) Tj " % (number % 83, number % 89) for number in range(40_000))
    return _page(b"BT /F 9 Tf " + b"".join(words) + b"ET")


def _scattered_cells(count: int) -> bytes:
    letters = [chr(65 + number) for number in range(26)]
    places = (f"{letters[n % 26]}{letters[n // 26 % 26]}{n}" for n in range(1, count))
    return _xlsx("".join(f'<row r="{n}"><c r="{place}"><v>1</v></c></row>' for n, place in enumerate(places, 1)))


def _rules() -> bytes:
    pairs = ((number % 97, number % 91) for number in range(9000))
    return _page(b"".join(b"%d 0 m %d 99 l S 0 %d m 99 %d l S " % (x, x, y, y) for x, y in pairs))


def _xlsx(rows: str, strings: str = "") -> bytes:
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="a" Type="{R}/worksheet" Target="s.xml"/>'
        f'<Relationship Id="b" Type="{R}/sharedStrings" Target="t.xml"/></Relationships>'
    )
    book = f'<workbook {S}><sheets><sheet name="a" r:id="a" xmlns:r="{R}"/></sheets></workbook>'
    return zipped(
        {"xl/workbook.xml": book, "xl/_rels/workbook.xml.rels": relations, "xl/t.xml": f"<sst {S}>{strings}</sst>"}
        | {"xl/s.xml": f"<worksheet {S}><sheetData>{rows}</sheetData></worksheet>"}
    )


def _many_parts() -> bytes:
    """60,000 entries of the directory that all name the same bytes."""
    file = bytearray(docx_of("<w:p/>"))
    end = file.rindex(b"PK\5\6")
    size, start = (int.from_bytes(file[at : at + 4], "little") for at in (end + 12, end + 16))
    entry = file[start : file.index(b"PK\1\2", start + 4)]
    whole = file[start : start + size] + entry * 60_000
    tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 60_002, 60_002, len(whole), start, 0)
    return bytes(file[:start]) + bytes(whole) + tail


def _overlapping() -> bytes:
    """9,000 names for one part of 8 MiB of blanks."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", b" " * (8 * MIB))
        info = package.getinfo("word/document.xml")
        for number in range(9000):
            copy = zipfile.ZipInfo(f"word/header{number}.xml")
            for name in ("header_offset", "file_size", "compress_size", "CRC", "compress_type"):
                setattr(copy, name, getattr(info, name))
            package.filelist.append(copy)
    return file.getvalue()


def _page(content: bytes, filter_: bytes = b"") -> bytes:
    """A PDF of one page with these drawing commands."""
    font = b"/F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<<%b>>>>>>" % font,
        b"<</Length %d%b>>stream\n%b\nendstream" % (len(content), filter_, content),
    )
    return _pdf(*objects)


def _pdf(*objects: bytes) -> bytes:
    file, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    size = len(objects) + 1
    return file + head + b"trailer <</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(file))


def _pages(count: int) -> bytes:
    kids = b"3 0 R " * count
    return _pdf(
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count %d/Kids[%b]>>" % (count, kids), b"<</Type/Page>>"
    )


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def _tiff(entries: int) -> bytes:
    """Directories in a chain, each a picture of one pixel."""
    size = 2 + 12 * 3 + 4
    one = struct.pack("<HHIHH", 0x100, 3, 1, 1, 0) + struct.pack("<HHIHH", 0x101, 3, 1, 1, 0)
    one += struct.pack("<HHII", 0x111, 4, 1, 8)
    chain = (struct.pack("<H", 3) + one + struct.pack("<I", 8 + size * number) for number in range(1, entries + 1))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(chain)


def _nested_letter(depth: int) -> bytes:
    head = b"From: a@b\nSubject: x\n"
    parts = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(depth))
    return head + parts + b"\nend"


FILES: dict[str, Callable[[], bytes]] = {
    "bomb.docx": lambda: docx_of(f"{' ' * (100 * MIB)}"),
    "paragraphs.docx": lambda: docx_of("<w:p/>" * 800_000),
    "slow bomb.docx": lambda: docx_of("".join(f"<w:p w:a='{n}'/>" for n in range(600_000))),
    "nested.docx": lambda: docx_of("<w:sdt>" * 100_000),
    "nested tables.docx": lambda: docx_of("<w:tbl><w:tr><w:tc>" * 80 + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * 80),
    "style circle.docx": lambda: docx_of(
        '<w:p><w:pPr><w:pStyle w:val="a"/></w:pPr><w:r><w:t>x</w:t></w:r></w:p>',
        styles=f'<w:styles {W}><w:style w:styleId="a"><w:basedOn w:val="a"/></w:style></w:styles>',
    ),
    "laughs.docx": lambda: zipped({"word/document.xml": f"{_laughs()}{_document('&l11;')}"}),
    "entity in an attribute.docx": lambda: zipped(
        {"word/document.xml": f"{_laughs()}<w:document {W}><w:body a='&l11;'/></w:document>"}
    ),
    "outside entity.docx": lambda: zipped({"word/document.xml": _outside_entity()}),
    "parts.docx": _many_parts,
    "overlapping.docx": _overlapping,
    "spans.docx": lambda: docx_of(
        "<w:tbl>"
        + '<w:tr><w:tc><w:tcPr><w:gridSpan w:val="999999999"/></w:tcPr></w:tc><w:tc/></w:tr>' * 2000
        + "</w:tbl>"
    ),
    "levels.docx": lambda: docx_of(
        '<w:p><w:pPr><w:numPr><w:ilvl w:val="99999999"/><w:numId w:val="1"/></w:numPr></w:pPr>'
        "<w:r><w:t>x</w:t></w:r></w:p>"
    ),
    "corners.xlsx": lambda: _scattered_cells(4000),
    "rows.xlsx": lambda: _xlsx("<row/>" * 400_000),
    "numbers.xlsx": lambda: _xlsx('<row><c><v>1E999999999</v></c><c s="99999999999"><v>-1e-99999</v></c></row>' * 1000),
    "strings.xlsx": lambda: _xlsx('<row><c t="s"><v>99999999</v></c></row><row><c t="s"><v>-1</v></c></row>'),
    "one string.xlsx": lambda: _xlsx('<row><c t="s"><v>0</v></c></row>' * 50_000, f"<si><t>{'x' * 60_000}</t></si>"),
    "chapters.epub": lambda: epub(**{"OPS/a.xhtml": "<html>" + "<p>" * 1_500_000}),
    "outside.epub": lambda: epub(**{"META-INF/container.xml": '<c><rootfile full-path="../../../etc/passwd"/></c>'}),
    "pages.pdf": lambda: _pages(200_000),
    "kids circle.pdf": lambda: _pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>"),
    "bomb.pdf": lambda: _page(_bomb(b"q ", 256), b"/Filter/FlateDecode"),
    "nested.pdf": lambda: _pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"[" * 500_000),
    "letters.pdf": lambda: _page(b"BT /F 9 Tf " + b"(a) Tj " * 300_000 + b"ET"),
    "places.pdf": _scattered_words,
    "lines.pdf": _rules,
    "large sheet.pdf": lambda: pdf([(60, 700, 10, "x")]).replace(b"595 842", b"9e9 9e9"),
    "huge.png": lambda: _png(60_000, 60_000),
    "wide.png": lambda: _png(2**31 - 1, 1),
    "frames.tif": lambda: _tiff(100_000),
    "nested.html": lambda: b"<html><body>" + b"<div>" * 400_000 + b"x",
    "tables.html": lambda: b"<html>" + b"<table><tr><td>" * 20_000 + b"x",
    "spans.html": lambda: b"<html><table>" + b"<tr><td colspan=9999 rowspan=9999>x<td>y" * 5000,
    "tags.html": lambda: b"<html>" + b"<" * (2 * MIB),
    "brackets.md": lambda: b"[" * MIB,
    "quotes.md": lambda: b"> " * MIB,
    "marks.md": lambda: b"# x\n\n```\n```\n" + b"*a _b " * 100_000,
    "table.md": lambda: b"# x\n\n" + b"|" * 50_000 + b"\n" + b"|-" * 50_000 + b"\n" + b"|\n" * 50_000,
    "cues.srt": lambda: b"1\n00:00:01,000 --> 00:00:02,000\n" + b"<" * MIB,
    "a cell.csv": lambda: b'a,b,c\n"' + b"x" * MIB,
    "columns.csv": lambda: b"," * MIB + b"\n" + b"a\n" * 500_000,
    "full stops.txt": lambda: b"." * MIB,
    "blank lines.txt": lambda: b" \n" * MIB + b"x",
    "nested.eml": lambda: _nested_letter(5000),
    "parts.eml": lambda: LETTER.split(b"--x")[0] + b"--x\n\nx\n" * 300_000,
    "headers.eml": lambda: b"From: a@b\nSubject: " + b"=?utf-8?q?a?= " * 70_000 + b"\n\nx",
    "type.eml": lambda: b"From: a@b\nSubject: x\nContent-Type: text/plain; " + b"a*1*=b; " * 100_000 + b"\n\nx",
    "streams.msg": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * MIB,
}
