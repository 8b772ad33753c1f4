"""The explicit label of a document, where its reader meets it (GB 45438-2025, 5.1), by format."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

from hanlin.errors import BadFile
from hanlin.labels.explicit import office, page, text
from hanlin.labels.formats import html, markdown
from hanlin.labels.formats.xmp import spliced

FONT = Path(__file__).with_name("label-font.ttf")

_ENCODINGS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_INLINE = frozenset(
    b"a abbr b bdi bdo big cite code del em font i ins mark q s small span strong sub sup u wbr".split()
)
_NOTE = (
    '<div role="note" style="margin:0 0 1em;padding:.25em .75em;text-align:right;font:14px/1.5 system-ui,sans-serif;'
    'color:#4b5563;background:#fff">{}</div>'
)
_LABEL_LINE = re.compile(r"^[ \t]*AIGC[ \t]*[:=]?[ \t]*\{[^\n]*$", re.MULTILINE)
_EDGE_CHARACTERS = 64 * 1024


def add(file: bytes, format_name: str, language: str, *, font: Path = FONT) -> bytes:
    """The document with a label in view, or as it is when one stands in it already.

    A line above the text in Word, Markdown, HTML and plain text; a corner of the first and last page or slide in PDF
    and PowerPoint; a sheet and the page header in Excel. `font` is a TrueType font for PDF. Raises BadFile for a format
    without such a place, for a document whose signature would break, and where the label would not be seen.
    """
    adder = _ADDERS.get(format_name)
    if adder is None:
        raise BadFile(
            f"A {format_name} file has no place for a visible label.", action=f"Known are {', '.join(sorted(_ADDERS))}."
        )
    if stands_in(file, format_name):
        return file
    made = adder(file, language, font)
    if not stands_in(made, format_name):  # inside a title that is never closed, for one, nobody would see it
        raise BadFile("A visible label could not be put on the document.", action="Save it again in its program.")
    return made


def can_carry(format_name: str) -> bool:
    return format_name in _ADDERS


def stands_in(file: bytes, format_name: str) -> bool:
    """Whether a label stands in view at the beginning or end of a document. False for other formats; raises BadFile."""
    finder = _FINDERS.get(format_name)
    return finder is not None and finder(file)


def _add_pdf(file: bytes, language: str, font: Path) -> bytes:
    return page.add(file, language, font)


def _add_word(file: bytes, language: str, _: Path) -> bytes:
    return office.add_word(file, language)


def _add_slides(file: bytes, language: str, _: Path) -> bytes:
    return office.add_slides(file, language)


def _add_sheets(file: bytes, language: str, _: Path) -> bytes:
    return office.add_sheets(file, language)


def _add_text(file: bytes, language: str, _: Path) -> bytes:
    mark, encoding = _encoding(file)
    return mark + text.add(file[len(mark) :].decode(encoding), language, "start").encode(encoding)


def _in_text(file: bytes) -> bool:
    mark, encoding = _encoding(file)
    return _in_lines(file[len(mark) :].decode(encoding))


def _in_lines(words: str) -> bool:
    """The line with the implicit label is not counted as text: it would push the end away."""
    start, end = words[:_EDGE_CHARACTERS], words[-_EDGE_CHARACTERS:]
    return text.stands_in(start) or text.stands_in(_LABEL_LINE.sub("", end))


def _encoding(file: bytes) -> tuple[bytes, str]:
    """Byte order mark and encoding. Text that is neither Unicode nor GB 18030 cannot be told from noise: BadFile."""
    for mark, encoding in _ENCODINGS:
        if file.startswith(mark) and _is(file[len(mark) :], encoding):
            return mark, encoding
    for encoding in ("utf-8", "gb18030"):
        if _is(file, encoding):
            return b"", encoding
    raise BadFile("Expected text in UTF-8, UTF-16 or GB 18030.", action="Save it as UTF-8.")


def _is(file: bytes, encoding: str) -> bool:
    try:
        file.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _add_markdown(file: bytes, language: str, _: Path) -> bytes:
    mark, encoding = _encoding(file)
    if encoding.startswith("utf-16"):
        raise BadFile("Expected Markdown in UTF-8, got UTF-16.", action="Save it as UTF-8.")
    start = markdown.body_start(memoryview(file))
    newline = b"\r\n" if b"\r\n" in file else b"\n"
    before = b"" if start <= len(mark) else newline
    line = f"> {text.sentence(language)}".encode(encoding)
    return file[:start] + before + line + newline * 2 + file[start:].lstrip(b"\r\n")


def _in_markdown(file: bytes) -> bool:
    body = file[markdown.body_start(memoryview(file)) :]
    return _in_lines(body.decode(_encoding(file)[1], "replace"))


def _add_html(file: bytes, language: str, _: Path) -> bytes:
    view, restored = html.as_ascii(memoryview(file))
    note = _NOTE.format(text.sentence(language)).encode("ascii", "xmlcharrefreplace")
    start = _html_start(view)
    return b"".join(restored(spliced(view, [(start, start, b"\n" + note + b"\n")])))


def _html_start(view: memoryview) -> int:
    """Behind `<body>`, or where one would begin."""
    place = 3 if bytes(view[:3]) == b"\xef\xbb\xbf" else 0
    for token in html.TOKEN.finditer(view):
        name = (token["name"] or b"").lower()
        if name == b"body" and not token["close"]:
            return token.end()
        if name in (b"!doctype", b"?xml", b"html", b"head", b"meta", b"link", b"base"):
            place = token.end()
        elif token["raw"] is not None:  # a title, style or script: still in the head
            place = html.element_end(view, token)
        elif name:
            return place
    return place


def _in_html(file: bytes) -> bool:
    view, _ = html.as_ascii(memoryview(file))
    markup = html.TOKEN.sub(_unmarked, view)
    words = unescape(markup.decode("utf-8" if _is(markup, "utf-8") else "gb18030", "replace"))
    return _in_lines(re.sub(r"\s*\n\s*", "\n", words))


def _unmarked(token: re.Match[bytes]) -> bytes:
    return b"" if (token["name"] or b"").lower() in _INLINE else b"\n"


_ADDERS: dict[str, Callable[[bytes, str, Path], bytes]] = {
    "pdf": _add_pdf,
    **dict.fromkeys(("docx", "dotx", "docm", "dotm"), _add_word),
    **dict.fromkeys(("pptx", "potx", "pptm", "potm"), _add_slides),
    **dict.fromkeys(("xlsx", "xltx", "xlsm", "xltm"), _add_sheets),
    "md": _add_markdown,
    "html": _add_html,
    "txt": _add_text,
}
_FINDERS: dict[str, Callable[[bytes], bool]] = {
    "pdf": page.stands_in,
    **dict.fromkeys(("docx", "dotx", "docm", "dotm"), office.in_word),
    **dict.fromkeys(("pptx", "potx", "pptm", "potm"), office.in_slides),
    **dict.fromkeys(("xlsx", "xltx", "xlsm", "xltm"), office.in_sheets),
    "md": _in_markdown,
    "html": _in_html,
    "txt": _in_text,
}
