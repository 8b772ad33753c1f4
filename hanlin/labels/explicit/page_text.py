"""What text stands where on a PDF page: enough to find a label, and a corner without text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

CONTENT_BYTES = 512 * 1024
"""How much of a page's description is read; a page of text has below 100,000."""
SPANS = 20_000
FORM_DEPTH = 3
FORMS, FONTS, STATES = 200, 64, 64
"""Most forms drawn, fonts looked into, and graphics states put by."""
MEANINGS, CMAP_BYTES = 65_536, 1024 * 1024

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points."""
Matrix = tuple[float, float, float, float, float, float]
_UNIT: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_HEX = rb"<([0-9A-Fa-f]{2,64})>\s*"
_CHARACTER, _RANGE = re.compile(_HEX * 2), re.compile(_HEX * 3)
_RANGES = re.compile(rb"begin(bfchar|bfrange)(.*?)endbf", re.DOTALL)
_WORD_GAP = -180
"""From here on, in thousandths of an em, a move to the right inside a line is a space."""


class Span(NamedTuple):
    """Text drawn at once, as far as its font says what it means."""

    text: str
    box: Box
    """As the page is seen, from its lower left corner."""


class _Font(NamedTuple):
    code_bytes: int = 1
    meanings: Mapping[int, str] = {}
    encoding: str = "cp1252"
    """What codes without a meaning are in."""


def frame(page: Any) -> Box:
    """The part of the page that is shown: left, bottom, width, height, in its own directions."""
    x0, y0, x1, y1 = (float(number) for number in page.cropbox)
    return min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0)


def spans(pdf: Any, page: Any) -> list[Span]:
    """The text of a page in the order it is drawn; what cannot be read is left out."""
    import pikepdf

    reader = _Reader(pdf)
    try:
        reader.read(page.obj.get("/Contents"), page.resources, _UNIT, FORM_DEPTH)
    except (pikepdf.PikepdfError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError):
        pass  # half a page of text is better than none
    shown = frame(page)
    return [Span(one.text, _seen(one.box, page.rotation, shown)) for one in reader.found]


class _Reader:
    """The text operators of ISO 32000-2, 9.4, and as much of the graphics state as they need."""

    def __init__(self, pdf: Any) -> None:
        self.found: list[Span] = []
        self._pdf = pdf
        self._left_bytes, self._forms = CONTENT_BYTES, 0
        self._saved: list[Matrix] = []
        self._at = self._line = self._whole = _UNIT
        self._font, self._size, self._leading = _Font(), 1.0, 0.0
        self._fonts: dict[Any, _Font] = {}

    def read(self, contents: Any, resources: Any, whole: Matrix, depth: int) -> None:
        import pikepdf

        stream = pikepdf.Stream(self._pdf, self._joined(contents))
        self._whole, self._saved = whole, []
        for instruction in pikepdf.parse_content_stream(stream, _WANTED):
            if len(self.found) >= SPANS:
                return
            name, operands = str(instruction.operator), instruction.operands
            if name == "Do" and depth:
                self._form(resources.get("/XObject", {}).get(str(operands[0])), resources, depth)
            elif name == "Tf":
                self._font, self._size = self._named(resources, str(operands[0])), float(operands[1])
            elif name in _OPERATORS:
                _OPERATORS[name](self, *operands)

    def _joined(self, contents: Any) -> bytes:
        """The end of the page's description, as far as may be read: what was drawn last lies on top."""
        import pikepdf

        parts: list[bytes] = []
        for part in reversed(list(contents)) if isinstance(contents, pikepdf.Array) else [contents]:
            data = part.read_bytes()
            if len(data) > self._left_bytes:
                cut = data[len(data) - self._left_bytes :]
                return b"\n".join([cut[cut.find(b"\n") + 1 :], *parts])
            self._left_bytes -= len(data)
            parts.insert(0, data)
        return b"\n".join(parts)

    def _form(self, form: Any, resources: Any, depth: int) -> None:
        self._forms += 1
        if form is None or form.get("/Subtype") != "/Form" or self._forms > FORMS:
            return
        kept = self._whole, self._saved
        matrix = _matrix(form.get("/Matrix", _UNIT))
        self.read(form, form.get("/Resources", resources), _product(matrix, self._whole), depth - 1)
        self._whole, self._saved = kept

    def _named(self, resources: Any, name: str) -> _Font:
        font = resources.get("/Font", {}).get(name)
        if font is None:
            return _Font()
        key = font.objgen if font.is_indirect else name
        if key not in self._fonts:
            self._fonts[key] = _font(font) if len(self._fonts) < FONTS else _Font()
        return self._fonts[key]

    def save(self) -> None:
        self._saved = [*self._saved[-STATES:], self._whole]

    def restore(self) -> None:
        self._whole = self._saved.pop() if self._saved else self._whole

    def transform(self, *numbers: Any) -> None:
        self._whole = _product(_matrix(numbers), self._whole)

    def begin(self) -> None:
        self._at = self._line = _UNIT

    def lead(self, down: Any) -> None:
        self._leading = float(down)

    def move(self, right: Any, up: Any) -> None:
        self._at = self._line = _product((1, 0, 0, 1, float(right), float(up)), self._line)

    def move_leading(self, right: Any, up: Any) -> None:
        self._leading = -float(up)
        self.move(right, up)

    def place(self, *numbers: Any) -> None:
        self._at = self._line = _matrix(numbers)

    def next_line(self) -> None:
        self.move(0, -self._leading)

    def show(self, codes: Any) -> None:
        self._shown(_decoded(self._font, bytes(codes)))

    def show_next(self, *operands: Any) -> None:
        self.next_line()
        self.show(operands[-1])

    def show_pieces(self, pieces: Any) -> None:
        import pikepdf

        words = ""
        for piece in pieces:
            if isinstance(piece, pikepdf.String):
                words += _decoded(self._font, bytes(piece))
            elif float(piece) < _WORD_GAP and not words.endswith(" "):
                words += " "
        self._shown(words)

    def _shown(self, words: str) -> None:
        """Widths are guessed: the fonts' own would take ten times as long to find and change no answer."""
        width = sum(1.0 if ord(character) > 0x2E7F else 0.52 for character in words) * self._size
        matrix = _product(self._at, self._whole)
        corners = [_point(matrix, x, y) for x in (0.0, width) for y in (-0.25 * self._size, 0.95 * self._size)]
        xs, ys = zip(*corners, strict=True)
        if words.strip():
            self.found.append(Span(words, (min(xs), min(ys), max(xs), max(ys))))
        self._at = _product((1, 0, 0, 1, width, 0), self._at)


_OPERATORS: dict[str, Callable[..., None]] = {
    "q": _Reader.save,
    "Q": _Reader.restore,
    "cm": _Reader.transform,
    "BT": _Reader.begin,
    "TL": _Reader.lead,
    "Td": _Reader.move,
    "TD": _Reader.move_leading,
    "Tm": _Reader.place,
    "T*": _Reader.next_line,
    "Tj": _Reader.show,
    "'": _Reader.show_next,
    '"': _Reader.show_next,
    "TJ": _Reader.show_pieces,
}


_WANTED = " ".join([*_OPERATORS, "Do", "Tf"])


def _font(font: Any) -> _Font:
    composite = font.get("/Subtype") == "/Type0"
    encoding = str(font.get("/Encoding", "")) if composite else ""
    codec = "utf-16-be" if re.search("UCS2|UTF16", encoding) else "gb18030" if "GB" in encoding else "cp1252"
    meanings = dict(_meanings(font["/ToUnicode"].read_bytes()[:CMAP_BYTES])) if "/ToUnicode" in font else {}
    return _Font(2 if composite else 1, meanings, "" if composite and codec == "cp1252" else codec)


def _meanings(cmap: bytes) -> Iterator[tuple[int, str]]:
    """Code and text of a ToUnicode map (9.10.3), ranges written out."""
    left = MEANINGS
    for kind, body in _RANGES.findall(cmap):
        found = _RANGE.findall(body) if kind == b"bfrange" else [(a, a, b) for a, b in _CHARACTER.findall(body)]
        for first, last, text in found:
            low, meaning = int(first, 16), bytes.fromhex(text.decode()).decode("utf-16-be", "replace")
            for code in range(low, min(int(last, 16) + 1, low + left) if meaning else low):
                yield code, meaning[:-1] + chr(min(ord(meaning[-1]) + code - low, 0x10FFFF))
                left -= 1


def _decoded(font: _Font, codes: bytes) -> str:
    if not font.meanings:
        return codes.decode(font.encoding, "replace") if font.encoding else ""
    step = font.code_bytes
    numbers = (int.from_bytes(codes[place : place + step], "big") for place in range(0, len(codes), step))
    return "".join(font.meanings.get(number, chr(number) if step == 1 else "") for number in numbers)


def _matrix(numbers: Any) -> Matrix:
    a, b, c, d, e, f = (float(number) for number in numbers)
    return a, b, c, d, e, f


def _product(one: Matrix, two: Matrix) -> Matrix:
    a, b, c, d, e, f = one
    p, q, r, s, t, u = two
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u


def _point(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _seen(box: Box, rotation: int, shown: Box) -> Box:
    """A box as it is seen on the page, which is turned clockwise by a number of degrees."""
    left, bottom, width, height = shown
    points = [(box[0] - left, box[1] - bottom), (box[2] - left, box[3] - bottom)]
    turned = {
        90: [(y, width - x) for x, y in points],
        180: [(width - x, height - y) for x, y in points],
        270: [(height - y, x) for x, y in points],
    }.get(rotation % 360, points)
    (x0, y0), (x1, y1) = turned
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
