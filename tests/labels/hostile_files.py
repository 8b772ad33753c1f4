"""Files made to hang, fill or break what reads them; each is small and a whole file of its kind up to the trick."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from struct import pack

from hanlin.labels.evidence.samples import SAMPLES
from hanlin.labels.formats import xmp
from hanlin.labels.formats.isobmff import boxed

MIB = 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n"
WORDS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
AIGC = b'{"AIGC":{"Label":"1","ContentProducer":"x","ProduceID":"1"}}'


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))


def _png(*chunks: bytes, width: int = 8, height: int = 8) -> bytes:
    pixels = zlib.compress(bytes(9) * 8)
    header = _chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG + header + b"".join(chunks) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _bomb(head: bytes, mebibytes: int) -> bytes:
    """Deflated, with zeros behind its head; a thousandth as long."""
    packer = zlib.compressobj(9)
    zeros = bytes(MIB)
    return packer.compress(head) + b"".join(packer.compress(zeros) for _ in range(mebibytes)) + packer.flush()


def _itxt(packet: bytes) -> bytes:
    return _png(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet))


def _docx(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(SAMPLES["document.docx"]())) as plain,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package,
    ):
        for name in plain.namelist():
            package.writestr(name, parts.get(name, plain.read(name)))
        for name in parts.keys() - set(plain.namelist()):
            package.writestr(name, parts[name])
    return file.getvalue()


def _many_entries() -> bytes:
    """60,000 entries of the directory that all name the same bytes."""
    file = bytearray(SAMPLES["document.docx"]())
    end = file.rindex(b"PK\5\6")
    size, start = (int.from_bytes(file[at : at + 4], "little") for at in (end + 12, end + 16))
    entry = file[start : file.index(b"PK\1\2", start + 4)]
    whole = file[start : start + size] + entry * 60_000
    tail = pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 60_003, 60_003, len(whole), start, 0)
    return bytes(file[:start]) + bytes(whole) + tail


def _nested_boxes(kind: bytes, depth: int) -> bytes:
    """Each in the one before, eight bytes apart."""
    heads = b"".join(pack(">I4s", 8 * (depth - level), kind) for level in range(depth))
    return boxed(b"ftyp", b"isom", bytes(4)) + heads


def _tiff_loop(entries: int) -> bytes:
    """A directory whose next is itself, and whose EXIF directories are itself too."""
    rows = b"".join(pack("<HHII", 0x8769, 4, 1, 8) for _ in range(entries))
    return b"II*\0" + pack("<IH", 8, entries) + rows + pack("<I", 8)


def _tiff_chain() -> bytes:
    """100,000 directories in a chain, each with a text that may be a label."""
    size = 2 + 12 + 4
    chain = (pack("<HHHIII", 1, 0x10E, 2, 1800, 8, 8 + size * number) for number in range(1, 100_001))
    return b"II*\0" + pack("<I", 8) + b"".join(chain)


def _gif(blocks: bytes) -> bytes:
    return b"GIF89a" + pack("<HHBBB", 8, 8, 0, 0, 0) + blocks + b"\x3b"


def _riff(kind: bytes, *chunks: bytes, size: int | None = None) -> bytes:
    content = kind + b"".join(chunks)
    return b"RIFF" + pack("<I", len(content) if size is None else size) + content


_FMT = b"fmt " + pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
_SAMPLES = b"data" + pack("<I", 64) + bytes(64)


def _ebml(*elements: bytes) -> bytes:
    return b"\x1aE\xdf\xa3\x87\x42\x82\x84webm" + b"".join(elements)


def _ogg(pages: int) -> bytes:
    """Pages without a packet."""
    head = b"OggS\0\2" + bytes(8) + pack("<III", 1, 0, 0) + b"\1\x1e\1vorbis" + bytes(23)
    empty = b"OggS\0\0" + bytes(8) + pack("<III", 1, 1, 0) + b"\0"
    return head + empty * pages


def _pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    file, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    return (
        file
        + head
        + b"trailer <</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n"
        % (
            len(objects) + 1,
            trailer,
            len(file),
        )
    )


_ROOT = b"<</Type/Catalog/Pages 2 0 R>>"
_PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"


def _page(content: bytes, filter_: bytes = b"") -> bytes:
    stream = b"<</Length %d%b>>stream\n%b\nendstream" % (len(content), filter_, content)
    return _pdf(_ROOT, _PAGES, b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R>>", stream)


def _laughs() -> bytes:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    entities = f'<!DOCTYPE x [<!ENTITY l0 "AIGC">{levels}]>'
    inside = f'<rdf:Description xmlns:TC260="{xmp.NAMESPACE}"><TC260:AIGC>&l11;</TC260:AIGC></rdf:Description>'
    return f'{entities}<rdf:RDF xmlns:rdf="{xmp.RDF}">{inside}</rdf:RDF>'.encode()


def _deep_xml(mebibytes: int) -> bytes:
    return f'<rdf:RDF xmlns:rdf="{xmp.RDF}"><AIGC>'.encode() + b"<a>" * (mebibytes * MIB // 3)


def _id3(size: bytes, frames: bytes = b"") -> bytes:
    return b"ID3\3\0\0" + size + frames + SAMPLES["sound.mp3"]()[:4000]


def _png_and_zip() -> bytes:
    return SAMPLES["picture.png"]() + SAMPLES["document.docx"]()


PICTURES: dict[str, Callable[[], bytes]] = {
    "zTXt bomb.png": lambda: _png(_chunk(b"zTXt", b"AIGC\0\0" + _bomb(AIGC, 64))),
    "iTXt bomb.png": lambda: _png(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + _bomb(b"<rdf:RDF>AIGC", 64))),
    "many bombs.png": lambda: _png(_chunk(b"zTXt", b"AIGC\0\0" + _bomb(AIGC, 2)) * 300),
    "iCCP bomb.png": lambda: _png(_chunk(b"iCCP", b"x\0\0" + _bomb(b"", 64))),
    "many chunks.png": lambda: _png(_chunk(b"tEXt", b"AIGC\0" + AIGC) * 100_000),
    "empty chunks.png": lambda: _png(_chunk(b"teXt", b"") * 500_000),
    "long chunk.png": lambda: PNG + pack(">I4s", 0xFFFFFFFF, b"IHDR") + bytes(99),
    "huge.png": lambda: _png(width=60_000, height=60_000),
    "wide.png": lambda: _png(width=2**31 - 1, height=1),
    "billion laughs.png": lambda: _itxt(_laughs()),
    "nested XMP.png": lambda: _itxt(_deep_xml(10)),
    "nested XMP of 1 MB.png": lambda: _itxt(_deep_xml(1)[:1_000_000]),
    "XMP of fields.png": lambda: _itxt(_deep_xml(0) + b'<AIGC a="{">{' * 60_000),
    "XMP of braces.png": lambda: _itxt(b"AIGC{" * 200_000),
    "XMP of attributes.png": lambda: _itxt(_deep_xml(0) + b"<b " + b" ".join(b'a%d="AIGC"' % n for n in range(60_000))),
    "and a ZIP.png": _png_and_zip,
    "blocks.gif": lambda: _gif(b"\x21\xff\x0bXMP DataXMP" + b"\1A" * 1_000_000 + b"\0"),
    "extensions.gif": lambda: _gif(b"\x21\xfe\0" * 500_000),
    "comments.gif": lambda: _gif((b"\x21\xfe" + bytes([len(AIGC)]) + AIGC + b"\0") * 60_000),
    "never ends.gif": lambda: _gif(b"\x21\xfe" + b"\xff" * MIB),
    "loop.tif": lambda: _tiff_loop(2),
    "wide loop.tif": lambda: _tiff_loop(4000),
    "chain.tif": _tiff_chain,
    "count.tif": lambda: b"II*\0" + pack("<IHHHIII", 8, 1, 0x10E, 2, 0xFFFFFFFF, 8, 8),
    "segments.jpg": lambda: b"\xff\xd8" + (b"\xff\xfe\0\x02") * 500_000 + b"\xff\xda",
    "comments.jpg": lambda: b"\xff\xd8" + (b"\xff\xfe" + pack(">H", len(AIGC) + 2) + AIGC) * 50_000 + b"\xff\xda",
    "markers.jpg": lambda: b"\xff\xd8" + b"\xff" * (4 * MIB),
    "size lies.webp": lambda: _riff(b"WEBP", b"VP8X\xff\xff\xff\xff", bytes(40), size=0xFFFFFFFF),
    "chunks.webp": lambda: _riff(b"WEBP", b"VP8X" + pack("<I", 10) + bytes(10), b"ABCD\0\0\0\0" * 400_000),
    "items.heic": lambda: (
        boxed(b"ftyp", b"heic", bytes(4))
        + boxed(b"meta", bytes(4), boxed(b"hdlr", bytes(24)), boxed(b"iloc", b"\1\0\0\0\0\0\xff\xff", bytes(8 * MIB)))
    ),
}
SOUNDS: dict[str, Callable[[], bytes]] = {
    "size lies.wav": lambda: _riff(b"WAVE", _FMT, b"data\xff\xff\xff\x7f", bytes(64), size=0xFFFFFFF0),
    "list lies.wav": lambda: _riff(b"WAVE", _FMT, _SAMPLES, b"LIST\xff\xff\xff\xffINFOAIGC\xff\xff\xff\xff{"),
    "chunks.wav": lambda: _riff(b"WAVE", _FMT, b"ABCD\0\0\0\0" * 400_000, _SAMPLES),
    "labels.wav": lambda: _riff(b"WAVE", _FMT, _SAMPLES, (b"AIGC" + pack("<I", len(AIGC)) + AIGC) * 100_000),
    "rate.wav": lambda: _riff(b"WAVE", b"fmt " + pack("<IHHIIHH", 16, 1, 65535, 2**31, 2**31, 65535, 16), _SAMPLES),
    "giant ID3.mp3": lambda: _id3(b"\x7f\x7f\x7f\x7f"),
    "ID3 of frames.mp3": lambda: _id3(b"\0\x57\x70\0", b"TXXX\0\0\0\1\0\0\0" * 131_072),
    "frame lies.mp3": lambda: _id3(b"\0\0\x10\0", b"TXXX\xff\xff\xff\xff\0\0\0AIGC\0{" + bytes(2048)),
    "no frame.mp3": lambda: b"\xff\xfb" * MIB,
    "pages.ogg": lambda: _ogg(500_000),
    "comment lies.ogg": lambda: SAMPLES["sound.ogg"]().replace(
        b"\3vorbis", b"\3vorbis\xff\xff\xff\xff\xff\xff\xff\xff"
    ),
    "blocks.flac": lambda: b"fLaC" + b"\4\0\0\4" * 400_000,
    "comments.flac": lambda: b"fLaC\0\0\0\x22" + bytes(34) + b"\x84\xff\xff\xff" + bytes(4) + b"\xff" * MIB,
}
FILMS: dict[str, Callable[[], bytes]] = {
    "nested.mp4": lambda: _nested_boxes(b"moov", 200_000),
    "nested meta.mp4": lambda: _nested_boxes(b"udta", 500_000),
    "size 2^32.mp4": lambda: boxed(b"ftyp", b"isom") + pack(">I4s", 0xFFFFFFFF, b"moov") + bytes(64),
    "size 2^64.mp4": lambda: boxed(b"ftyp", b"isom") + pack(">I4sQ", 1, b"moov", 2**64 - 1) + bytes(64),
    "boxes.mp4": lambda: boxed(b"ftyp", b"isom") + pack(">I4s", 8, b"free") * 500_000,
    "tracks.mp4": lambda: boxed(b"ftyp", b"isom") + boxed(b"moov", boxed(b"trak", boxed(b"udta")) * 150_000),
    "tags.mp4": lambda: (
        boxed(b"ftyp", b"isom")
        + boxed(b"moov", boxed(b"udta", (boxed(b"\xa9cmt", pack(">HH", len(AIGC), 0), AIGC)) * 60_000))
    ),
    "unknown sizes.webm": lambda: _ebml(b"\x18\x53\x80\x67\xff" * 400_000),
    "unknown tags.webm": lambda: _ebml(b"\x18\x53\x80\x67\xff", b"\x12\x54\xc3\x67\xff" * 200_000),
    "nested tags.webm": lambda: _ebml(
        b"\x18\x53\x80\x67\xff\x12\x54\xc3\x67\xff\x73\x73\xff", b"\x67\xc8\xff" * 300_000
    ),
    "void.webm": lambda: _ebml(b"\x18\x53\x80\x67\xff", b"\xec\x80" * 1_000_000),
    "size 2^56.webm": lambda: _ebml(b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xfe", bytes(64)),
    "tags.flv": lambda: b"FLV\1\5" + pack(">I", 9) + bytes(4) + (b"\x12" + bytes(14)) * 400_000,
    "size lies.avi": lambda: _riff(b"AVI ", b"LIST\xff\xff\xff\xffhdrl", bytes(64), size=0xFFFFFFFF),
}
DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "bomb.docx": lambda: _docx({"word/document.xml": f"<w:document {WORDS}><w:body>".encode() + b" " * (200 * MIB)}),
    "properties bomb.docx": lambda: _docx({"docProps/custom.xml": b"<Properties>" + b" " * (200 * MIB)}),
    "types bomb.docx": lambda: _docx({"[Content_Types].xml": b"<Types>" + b"<Default/>" * (10 * MIB)}),
    "paragraphs.docx": lambda: _docx(
        {"word/document.xml": f"<w:document {WORDS}><w:body>".encode() + b"<w:p/>" * 800_000}
    ),
    "nested.docx": lambda: _docx({"word/document.xml": f"<w:document {WORDS}>".encode() + b"<w:p>" * 2_000_000}),
    "laughs.docx": lambda: _docx({"docProps/custom.xml": _laughs()}),
    "entries.docx": _many_entries,
    "loop.pdf": lambda: _pdf(_ROOT, b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>"),
    "references.pdf": lambda: _pdf(b"2 0 R", b"1 0 R"),
    "info loop.pdf": lambda: _pdf(_ROOT, b"<</Type/Pages/Kids[]/Count 0>>", b"3 0 R", trailer=b"/Info 3 0 R/Prev 9"),
    "nested.pdf": lambda: _pdf(_ROOT, b"[" * 500_000),
    "states.pdf": lambda: _page(b"q " * 900_000),
    "bomb.pdf": lambda: _page(_bomb(b"q ", 256), b"/Filter/FlateDecode"),
    "double bomb.pdf": lambda: _page(zlib.compress(_bomb(b"q ", 1024)), b"/Filter[/FlateDecode/FlateDecode]"),
    "pages.pdf": lambda: _pdf(
        _ROOT, b"<</Type/Pages/Count 200000/Kids[" + b"3 0 R " * 200_000 + b"]>>", b"<</Type/Page>>"
    ),
    "strings.pdf": lambda: _page(b"BT" + b"(a)Tj " * 300_000),
    "and HTML.pdf": lambda: b"<html><body><!--" + SAMPLES["document.pdf"]() + b"-->",
}
TEXTS: dict[str, Callable[[], bytes]] = {
    "opened.md": lambda: b"<" * MIB,
    "front matter.md": lambda: b"---\n" + b"AIGC: {" * 200_000,
    "brackets.md": lambda: b"[" * MIB,
    "quotes.md": lambda: b"> " * MIB,
    "opened.html": lambda: b"<html>" + b"<" * MIB,
    "comments.html": lambda: b"<html>" + b"<!--" * (MIB // 4),
    "quotes.html": lambda: b"<html>" + b"<a b='" * (MIB // 4),
    "scripts.html": lambda: b"<html>" + b"<script AIGC>" * 100_000,
    "metas.html": lambda: b"<html>" + b"<meta name=AIGC content='{" * 50_000,
    "nested.html": lambda: b"<html><body>" + b"<div>" * 400_000,
    "spaces.html": lambda: b"<html><body" + b" " * (4 * MIB),
    "nested.json": lambda: b'{"a":' * 100_000,
    "nested lists.json": lambda: b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested labels.json": lambda: b'{"AIGC":' * 100_000 + b"1" + b"}" * 100_000,
    "strings.json": lambda: b'{"AIGC":"' + b"\\" * MIB,
    "keys.json": lambda: b"{" + b'"AIGC":{"Label":"1"},' * 100_000 + b'"a":1}',
    "events.sse": lambda: b"data: {\n\n" * 300_000,
    "labels.sse": lambda: (b"data: " + AIGC + b"\n\n") * 50_000,
    "labels.txt": lambda: (b"AIGC: " + AIGC + b"\n") * 50_000,
    "braces.txt": lambda: b"AIGC{" * 400_000,
    "a line.txt": lambda: b"a" * (8 * MIB),
}
FILES: dict[str, Callable[[], bytes]] = PICTURES | SOUNDS | FILMS | DOCUMENTS | TEXTS
