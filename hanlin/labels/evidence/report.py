"""The evidence pack that app stores and regulators ask for (Measures, Article 7): one PDF, and a folder of samples.

The samples are made and sealed here and now, in the operator's name and by the same code that marks what is served; the
dumps beside them are what `inspect` reads back from them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import msgspec
from msgspec import Struct

from hanlin import __version__
from hanlin.errors import BadFile, Misconfigured
from hanlin.labels.evidence.samples import SAMPLES
from hanlin.labels.evidence.words import PLACES, WORDS
from hanlin.labels.inspect import Inspection, Trust, inspect
from hanlin.labels.seal import Order, Sealed, numbered, seal

FONT = Path(__file__).parents[1] / "explicit" / "label-font.ttf"
PICTURE = "picture.png"
INK, SEAL, LINE = "#211f1b", "#a8322a", "#cdc4b1"


class Offered(Struct, frozen=True):
    """One service, as the report names it."""

    name: str
    scope: str
    models: str
    filing: str


class Operator(Struct, frozen=True):
    """Who reports."""

    name: str
    social_credit_code: str
    verify_url: str
    services: tuple[Offered, ...]
    models: tuple[tuple[str, str], ...]
    """(name, provider code of what it generates)."""


class Sample(Struct, frozen=True):
    name: str
    sealed: Sealed
    inspection: Inspection


class Making(Struct, frozen=True):
    """With what the samples are made."""

    order: Order
    trust: Trust
    number: Callable[[], str]
    """Gives a fresh content number."""


def write_report(folder: Path, operator: Operator, making: Making, language: str) -> list[Sample]:
    """Write `report.pdf`, `samples/` and `metadata/` into a new or empty folder; returns the samples.

    Raises Misconfigured when the folder holds anything.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Misconfigured(f"{folder} is not empty.", action="Name a new folder.")
    for name in ("samples", "metadata"):
        (folder / name).mkdir()
    samples = [one for name, make in SAMPLES.items() if (one := _sample(folder, name, make, making)) is not None]
    (folder / "report.pdf").write_bytes(render(operator, samples, language, folder / "samples" / PICTURE))
    return samples


def _sample(folder: Path, name: str, make: Callable[[], bytes], making: Making) -> Sample | None:
    """One sealed file and its dump; None for a kind whose optional library is missing."""
    try:
        file, sealed = seal(make(), numbered(making.order, making.number()), name)
    except Misconfigured:
        return None
    seen = inspect(memoryview(file), name, making.trust)
    if [found.label for found in seen.labels] != [sealed.label]:
        raise BadFile(f"The sample {name} does not carry its label.", code="label_not_kept")
    (folder / "samples" / name).write_bytes(file)
    dump = {key: value for key, value in msgspec.to_builtins(seen).items() if key != "prints"}
    (folder / "metadata" / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(dump), indent=2))
    return Sample(name, sealed, seen)


def render(operator: Operator, samples: Sequence[Sample], language: str, picture: Path) -> bytes:
    """The PDF, in `zh` or else in English, with one sample picture."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import SimpleDocTemplate

    words = WORDS["zh" if language == "zh" else "en"]
    page = Page(words)
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer, pagesize=A4, leftMargin=22 * mm, rightMargin=22 * mm, topMargin=20 * mm, bottomMargin=20 * mm,
        title=words["title"], author=operator.name,
    )  # fmt: skip
    document.build(
        [*_about(page, operator), *_scheme(page), *_evidence(page, samples, picture), *_duties(page, operator)]
    )
    return buffer.getvalue()


def _about(page: Page, operator: Operator) -> list[Any]:
    words = page.words
    facts = [
        (words["operator"], operator.name),
        (words["credit_code"], operator.social_credit_code or words["none"]),
        (words["made"], f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · Hanlin {__version__}"),
        (words["verify"], operator.verify_url),
    ]
    services = [(one.name, one.scope, one.models, one.filing or words["none"]) for one in operator.services]
    return [
        page.title(words["title"]),
        page.prose(words["lead"]),
        page.table(facts, (0.3, 0.7)),
        page.heading(words["offered"]),
        page.table([tuple(words["offered_columns"].split("|")), *services], (0.25, 0.15, 0.3, 0.3), head=True),
        page.table([tuple(words["model_columns"].split("|")), *operator.models], (0.5, 0.5), head=True),
    ]


def _scheme(page: Page) -> list[Any]:
    words = page.words
    explicit = [tuple(row.split("|")) for row in words["explicit_rows"].splitlines()]
    return [
        page.heading(words["explicit"]),
        page.table([tuple(words["explicit_columns"].split("|")), *explicit], (0.18, 0.52, 0.3), head=True),
        page.heading(words["implicit"]),
        page.prose(words["implicit_text"]),
        page.table([tuple(words["implicit_columns"].split("|")), *PLACES], (0.3, 0.7), head=True),
        page.heading(words["more"]),
        *[page.prose(line) for line in words["more_text"].splitlines()],
    ]


def _evidence(page: Page, samples: Sequence[Sample], picture: Path) -> list[Any]:
    words = page.words
    rows = [(one.name, ", ".join(words[f"{layer}_layer"] for layer in one.sealed.layers)) for one in samples]
    parts = [
        page.heading(words["samples"]),
        page.prose(words["samples_text"]),
        page.picture(picture),
        page.table([tuple(words["sample_columns"].split("|")), *rows], (0.25, 0.75), head=True),
    ]
    if samples:
        parts += [
            page.prose(words["dump_text"].format(name=samples[0].name)),
            page.code(samples[0].inspection.labels[0].text),
        ]
    return parts


def _duties(page: Page, operator: Operator) -> list[Any]:
    words = page.words
    terms = [page.prose(line.format(operator=operator.name)) for line in words["terms_text"].splitlines()]
    return [page.heading(words["terms"]), *terms]


class Page:
    """The report's type: one font, three sizes, one colour beside ink."""

    def __init__(self, words: dict[str, str]) -> None:
        from reportlab.lib.colors import HexColor
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.cidfonts import UnicodeCIDFont
        from reportlab.pdfbase.ttfonts import TTFont

        if "HanlinLabel" not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont("HanlinLabel", str(FONT)))
        pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
        self._font = pdfmetrics.getFont("HanlinLabel")
        self.words = words
        ink = HexColor(INK)
        self._text = ParagraphStyle(
            "text", fontName="HanlinLabel", fontSize=9.5, leading=14.5, textColor=ink, wordWrap="CJK", spaceAfter=4
        )
        self._title = ParagraphStyle("title", self._text, fontSize=20, leading=26, spaceAfter=8)
        self._heading = ParagraphStyle(
            "heading", self._text, fontSize=13, leading=18, spaceBefore=14, spaceAfter=6, textColor=HexColor(SEAL)
        )
        self._head = ParagraphStyle("head", self._text, fontSize=8.5, leading=12, textColor=HexColor("#746d61"))
        self._code = ParagraphStyle("code", self._text, fontSize=8, leading=11.5, leftIndent=8)

    def title(self, text: str) -> Any:
        return self._paragraph(text, self._title)

    def heading(self, text: str) -> Any:
        return self._paragraph(text, self._heading)

    def prose(self, text: str) -> Any:
        return self._paragraph(text, self._text)

    def code(self, text: str) -> Any:
        return self._paragraph(text, self._code)

    def picture(self, file: Path) -> Any:
        """A picture of 4 to 3, half as wide as the text."""
        from reportlab.lib.units import mm
        from reportlab.platypus import Image

        return Image(str(file), 80 * mm, 60 * mm, hAlign="LEFT")

    def table(self, rows: Sequence[Sequence[str]], shares: Sequence[float], *, head: bool = False) -> Any:
        """Rows of texts; `shares` of the width, 1 in all."""
        from reportlab.lib.colors import HexColor
        from reportlab.lib.units import mm
        from reportlab.platypus import Table, TableStyle

        cells = [
            [self._paragraph(cell, self._head if head and not number else self._text) for cell in row]
            for number, row in enumerate(rows)
        ]
        rule = ("LINEBELOW", (0, 0), (-1, -1), 0.5, HexColor(LINE))
        style = TableStyle([rule, ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])
        return Table(cells, [share * 166 * mm for share in shares], style=style, repeatRows=int(head), hAlign="LEFT")

    def _paragraph(self, text: str, style: Any) -> Any:
        from reportlab.platypus import Paragraph

        return Paragraph(self._spelled(text), style)

    def _spelled(self, text: str) -> str:
        """Characters that our subset lacks, as in names, come from the reader's own font."""
        known = self._font.face.charToGlyph
        return "".join(
            escape(character) if ord(character) in known else f'<font name="STSong-Light">{escape(character)}</font>'
            for character in text
        )
