"""The explicit label in Word, PowerPoint and Excel files, put in without touching what else a part says."""

from __future__ import annotations

import re
from html import escape, unescape

from hanlin.errors import BadFile
from hanlin.labels.explicit import text
from hanlin.labels.formats import ooxml
from hanlin.labels.formats.archive import PART_BYTES, Archive, content, open_archive, patched

SHEETS = 1_000
"""Most sheets or slides looked at."""

_EDGE_BYTES = 512 * 1024
"""How much of a part's beginning and end is looked at for a label."""
_GREY = "4B5563"
_TAB = {"zh": "AI生成", "en": "AI-generated"}
_TRANSITIONAL, _STRICT = "http://schemas.openxmlformats.org/", "http://purl.oclc.org/ooxml/"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_RUN = re.compile(rb"<(?:\w+:)?t(?:\s[^>]*+)?>([^<]*+)</|</(?:\w+:)?(?:p|si|c)>|<(?:\w+:)?(?:br|cr|tab)\s*/>")
_BODY = re.compile(rb"<(?:\w+:)?body(?:\s[^>]*+)?>")
_SHAPE_END = re.compile(
    rb"</(?:\w+:)?(?:sp|pic|graphicFrame|grpSp|cxnSp|contentPart|grpSpPr|AlternateContent)>|<(?:\w+:)?grpSpPr\s*/>"
)
_TREE_END = re.compile(rb"</(?:\w+:)?spTree>")
_SHAPE_ID = re.compile(rb'<(?:\w+:)?cNvPr\s[^>]*?\bid="(\d{1,9})"')
_SLIDE = re.compile(rb'<(?:\w+:)?sldId\s[^>]*?:id="([^"]{1,64})"')
_SIZE = re.compile(rb'<(?:\w+:)?sldSz\s(?=[^>]*?\bcx="(\d{1,9})")(?=[^>]*?\bcy="(\d{1,9})")')
_SHEET = re.compile(rb'<(?:\w+:)?sheet\s[^>]*?\bname="([^"]{1,400})"')
_SHEET_ID = re.compile(rb'\bsheetId="(\d{1,9})"')
_SHEETS_END = re.compile(rb"</(?:\w+:)?sheets>")
_MARGINS = re.compile(rb"<(?:\w+:)?pageMargins\b[^>]*+(?<=/)>(?:\s*+<(?:\w+:)?pageSetup\b[^>]*+(?<=/)>)?")
_PRINTED = re.compile(rb"<(?:\w+:)?(?:odd|even|first)(?:Header|Footer)>([^<]*+)</")


def add_word(file: bytes, language: str) -> bytes:
    """A line of its own above the first one, to the right, small and grey."""
    archive = _open(file)
    part = ooxml.main_part(archive)
    data = _utf8(archive, part)
    body = _BODY.search(data)
    if body is None or data[body.end() - 2 : body.end()] == b"/>":
        raise BadFile("The document has no body.", action="Save it again in its program.")
    paragraph = (
        f'<h:p xmlns:h="{_namespace(data, "wordprocessingml", "2006/main", "main")}"><h:pPr>'
        '<h:spacing h:before="0" h:after="120"/><h:ind h:left="0" h:right="0" h:firstLine="0"/><h:jc h:val="right"/>'
        f'</h:pPr><h:r><h:rPr><h:rFonts h:hint="eastAsia"/><h:color h:val="{_GREY}"/><h:sz h:val="18"/>'
        f'<h:szCs h:val="18"/></h:rPr><h:t>{escape(text.sentence(language))}</h:t></h:r></h:p>'
    )
    return _written(archive, {part: _inserted(data, body.end(), paragraph)})


def in_word(file: bytes) -> bool:
    archive = open_archive(memoryview(file))
    parts = [
        ooxml.main_part(archive),
        *(name for name in archive.entries if re.match(r"word/(header|footer)\d*\.xml$", name)),
    ]
    return any(_in_part(archive, part) for part in parts[:SHEETS])


def add_slides(file: bytes, language: str) -> bytes:
    """A small text on a light plate in the upper right corner of the first and the last slide."""
    archive = _open(file)
    presentation = _utf8(archive, ooxml.main_part(archive))
    size = _SIZE.search(presentation)
    width, height = (int(size[1]), int(size[2])) if size else (9_144_000, 6_858_000)
    slides = _slides(archive, presentation)
    if not slides:
        raise BadFile("The presentation has no slide.", action="Add one first.")
    parts = {}
    for part in {slides[0], slides[-1]}:
        data = _utf8(archive, part)
        tree_end = _TREE_END.search(data)
        shapes = [shape.end() for shape in _SHAPE_END.finditer(data, 0, tree_end.start())] if tree_end else []
        if not shapes:
            raise BadFile("A slide has no shape tree.", action="Save it again in its program.")
        parts[part] = _inserted(data, shapes[-1], _shape(data, language, width, height))
    return _written(archive, parts)


def in_slides(file: bytes) -> bool:
    archive = open_archive(memoryview(file))
    slides = _slides(archive, _utf8(archive, ooxml.main_part(archive)))
    return any(_in_part(archive, part, anywhere=True) for part in {*slides[:1], *slides[-1:]})


def add_sheets(file: bytes, language: str) -> bytes:
    """A last sheet whose tab and first cell say it, and the page header of what is printed.

    A line among the cells would move what formulas, names and programs point at; a tab is always in view.
    """
    archive = _open(file)
    workbook = ooxml.main_part(archive)
    data = _utf8(archive, workbook)
    end = _SHEETS_END.search(data)
    if end is None:
        raise BadFile("The workbook has no sheet.", action="Save it again in its program.")
    parts = _printed(archive, workbook, language)
    main = _namespace(data, "spreadsheetml", "2006/main", "main")
    office = _namespace(data, "officeDocument", "2006/relationships", "relationships")
    part = _free(archive, workbook)
    number, relations = ooxml.related(archive, workbook, f"{office}/worksheet", f"/{part}")
    sheet_id = max(map(int, _SHEET_ID.findall(data)), default=0) + 1
    entry = (
        f'<h:sheet xmlns:h="{main}" xmlns:d="{office}" name="{_TAB.get(language, _TAB["en"])}" sheetId="{sheet_id}"'
        f' d:id="{number}"/>'
    )
    parts |= {
        workbook: _inserted(data, end.start(), entry),
        ooxml.relations_of(workbook): relations,
        ooxml.TYPES: ooxml.typed(archive, part, _SHEET_TYPE),
        part: _sheet(main, language).encode(),
    }
    return _written(archive, parts)


def in_sheets(file: bytes) -> bool:
    """In the name of a sheet, in what is printed on the first one, or among the first and last texts of the cells."""
    archive = open_archive(memoryview(file))
    workbook = ooxml.main_part(archive)
    names = _SHEET.findall(_utf8(archive, workbook))[:SHEETS]
    if any(text.stands_in(unescape(name.decode("utf-8", "replace"))) for name in names):
        return True
    first = [one.target for one in _worksheets(archive, workbook)][:1]
    printed = [re.sub(r"&(?:[LCRPNDTFAGUSXYEBI&]|\"[^\"]*\"|\d+)", "\n", line) for line in _headers(archive, first)]
    strings = [name for name in archive.entries if name.endswith("xl/sharedstrings.xml")]
    return any(text.stands_in(line) for line in printed) or any(_in_part(archive, part) for part in [*strings, *first])


def _open(file: bytes) -> Archive:
    """Raises BadFile for a signed package: its signature covers what people see."""
    archive = open_archive(memoryview(file))
    if any(name.startswith("_xmlsignatures/") and name.endswith(".sigs") for name in archive.entries):
        raise BadFile("The document is signed, and its signature would break.", action="Label it before it is signed.")
    return archive


def _written(archive: Archive, parts: dict[str, bytes]) -> bytes:
    return b"".join(patched(archive, parts))


def _utf8(archive: Archive, part: str) -> bytes:
    data = content(archive, part)
    if data is None or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadFile(f"The part {part!r} is missing or not in UTF-8.", action="Save it again in its program.")
    return data


def _namespace(data: bytes, family: str, transitional: str, strict: str) -> str:
    is_strict = f'"{_STRICT}{family}/'.encode() in data[:8192]
    return f"{_STRICT}{family}/{strict}" if is_strict else f"{_TRANSITIONAL}{family}/{transitional}"


def _inserted(data: bytes, place: int, markup: str) -> bytes:
    return data[:place] + markup.encode("ascii", "xmlcharrefreplace") + data[place:]


def _in_part(archive: Archive, part: str, *, anywhere: bool = False) -> bool:
    """Whether a label stands in the first or last texts of a part, or in any of its paragraphs."""
    data = content(archive, part) or b""
    start, end = _text(data[:_EDGE_BYTES]), _text(data[-_EDGE_BYTES:])
    lines = [line for line in start.split("\n") if line.strip()] if anywhere else []
    return text.stands_in(start) or text.stands_in(end) or any(text.stands_in(line) for line in lines)


def _text(data: bytes) -> str:
    runs = (run[1].decode("utf-8", "replace") if run[1] is not None else "\n" for run in _RUN.finditer(data))
    return unescape("".join(runs))


def _slides(archive: Archive, presentation: bytes) -> list[str]:
    """The parts of the slides in the order they are shown."""
    targets = {one.id: one.target for one in ooxml.relations(archive, ooxml.relations_of(ooxml.main_part(archive)))}
    numbers = [number.decode("utf-8", "replace") for number in _SLIDE.findall(presentation)[:SHEETS]]
    return [targets[number] for number in numbers if targets.get(number, "").lower() in archive.entries]


def _shape(slide: bytes, language: str, width: int, height: int) -> str:
    """Lengths in EMU, 12,700 to a point; the letters are 2 % of the slide's height."""
    words = text.sentence(language)
    letter = height // 50
    ems = sum(1.0 if ord(character) > 0x2E7F else 0.56 for character in words)
    box_width, box_height, inset = round(letter * (ems + 1.6)), letter * 2, letter * 4 // 5
    identity = max(map(int, _SHAPE_ID.findall(slide)), default=1) + 1
    return (
        f'<h:sp xmlns:h="{_namespace(slide, "presentationml", "2006/main", "main")}"'
        f' xmlns:d="{_namespace(slide, "drawingml", "2006/main", "main")}">'
        f'<h:nvSpPr><h:cNvPr id="{identity}" name="AI label" descr="{escape(words)}"/><h:cNvSpPr txBox="1"/><h:nvPr/>'
        "</h:nvSpPr>"
        f'<h:spPr><d:xfrm><d:off x="{width - box_width}" y="0"/><d:ext cx="{box_width}" cy="{box_height}"/></d:xfrm>'
        '<d:prstGeom prst="rect"><d:avLst/></d:prstGeom>'
        '<d:solidFill><d:srgbClr val="FFFFFF"><d:alpha val="85000"/></d:srgbClr></d:solidFill></h:spPr>'
        f'<h:txBody><d:bodyPr wrap="none" lIns="{inset}" tIns="0" rIns="{inset}" bIns="0" anchor="ctr"/><d:lstStyle/>'
        f'<d:p><d:pPr algn="r"/><d:r><d:rPr lang="{"zh-CN" if language == "zh" else "en-US"}" sz="{letter // 127}">'
        f'<d:solidFill><d:srgbClr val="{_GREY}"/></d:solidFill></d:rPr><d:t>{escape(words)}</d:t></d:r></d:p>'
        "</h:txBody></h:sp>"
    )


def _worksheets(archive: Archive, workbook: str) -> list[ooxml.Relation]:
    relations = ooxml.relations(archive, ooxml.relations_of(workbook))
    return [one for one in relations if one.kind.endswith("/worksheet")][:SHEETS]


def _headers(archive: Archive, parts: list[str]) -> list[str]:
    found = [line for part in parts for line in _PRINTED.findall((content(archive, part) or b"")[-_EDGE_BYTES:])]
    return [unescape(line.decode("utf-8", "replace")) for line in found]


def _printed(archive: Archive, workbook: str, language: str) -> dict[str, bytes]:
    """The sheets with a page header; those that have one of their own, no margins or no end keep what they have."""
    parts = {}
    for sheet in _worksheets(archive, workbook):
        entry = archive.entries.get(sheet.target.lower())
        data = content(archive, sheet.target) if entry and entry.size_bytes <= PART_BYTES else None
        margins = _MARGINS.search(data, max(0, len(data) - _EDGE_BYTES)) if data else None
        if data and margins and b"headerFooter" not in data[margins.end() :]:
            main = _namespace(data, "spreadsheetml", "2006/main", "main")
            header = f'<h:headerFooter xmlns:h="{main}"><h:oddHeader>{_header(language)}</h:oddHeader></h:headerFooter>'
            parts[sheet.target] = _inserted(data, margins.end(), header)
    return parts


def _header(language: str) -> str:
    return f"&amp;R{escape(text.sentence(language))}"


def _free(archive: Archive, workbook: str) -> str:
    folder = workbook.rpartition("/")[0]
    names = (f"{folder}/worksheets/sheet{number}.xml".lstrip("/") for number in range(1, len(archive.entries) + 2))
    return next(name for name in names if name.lower() not in archive.entries)


def _sheet(main: str, language: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><worksheet xmlns="{main}">'
        '<cols><col min="1" max="1" width="40" customWidth="1"/></cols><sheetData><row r="1">'
        f'<c r="A1" t="inlineStr"><is><t>{escape(text.sentence(language))}</t></is></c></row></sheetData></worksheet>'
    )
