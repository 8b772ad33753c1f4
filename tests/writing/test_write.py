"""What is written is what is read again, in every kind of file; nothing in a text is markup."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser
from pathlib import Path

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from hanlin.errors import BadRequest
from hanlin.writing import KINDS, Kind, Part, fonts, write

HOSTILE = "*a* _b_ [c](d) <script>e</script> `f` | g & h ~~i~~ # j 1. k - l"
PARTS = [
    Part("title", "年度 Report"),
    Part("heading", "第一章 Beginning"),
    Part("text", HOSTILE, lead="[00:12] Anna:"),
    Part("list", "first"),
    Part("list", "deeper", level=2),
    Part("list", "last"),
    Part("table", rows=(("谁", "What"), ("Bo", "a | b"), ("Anna",))),
    Part("quote", "Đã có kế hoạch"),
    Part("rule"),
    Part("text", "one line\nand another"),
]


async def written(tmp_path: Path, kind: Kind, parts: list[Part] = PARTS) -> bytes:
    path = tmp_path / f"out.{kind}"
    await write(parts, kind, path, title="Report <1>", language="zh")
    return path.read_bytes()


class Seen(HTMLParser):
    """Text and tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


async def test_word_has_styles_tables_and_properties(tmp_path: Path) -> None:
    await written(tmp_path, "docx")
    document = docx.Document(str(tmp_path / "out.docx"))
    read = [(one.style.name, one.text) for one in document.paragraphs if one.style is not None and one.text]
    assert read[:3] == [
        ("Title", "年度 Report"),
        ("Heading 1", "第一章 Beginning"),
        ("Normal", f"[00:12] Anna: {HOSTILE}"),
    ]
    assert ("List Bullet 2", "deeper") in read
    assert document.paragraphs[2].runs[0].bold
    assert [[cell.text for cell in row.cells] for row in document.tables[0].rows] == [
        ["谁", "What"],
        ["Bo", "a | b"],
        ["Anna", ""],
    ]
    assert (document.core_properties.title, document.core_properties.author) == ("Report <1>", "")


async def test_markdown_shows_every_text_as_it_is(tmp_path: Path) -> None:
    page = MarkdownIt("commonmark").enable("table").render((await written(tmp_path, "md")).decode())
    seen = Seen(page)
    assert {"script", "em", "a", "code"}.isdisjoint(seen.tags)
    assert HOSTILE in " ".join("".join(seen.texts).split())
    assert (seen.tags.count("h1"), seen.tags.count("h2"), seen.tags.count("ul"), seen.tags.count("td")) == (1, 1, 2, 4)
    assert "a | b" in seen.texts


async def test_html_loads_and_runs_nothing(tmp_path: Path) -> None:
    page = (await written(tmp_path, "html")).decode()
    seen = Seen(page)
    assert {"script", "img", "link", "iframe", "em"}.isdisjoint(seen.tags)
    assert HOSTILE in "".join(seen.texts)
    assert '<html lang="zh">' in page
    assert "<title>Report &lt;1&gt;</title>" in page
    assert (seen.tags.count("ul"), seen.tags.count("li"), seen.tags.count("br")) == (2, 3, 1)


async def test_pdf_holds_chinese_vietnamese_and_markup_as_text(tmp_path: Path) -> None:
    import pypdfium2

    parts = PARTS if _shows("ế") else [part for part in PARTS if part.kind != "quote"]
    await written(tmp_path, "pdf", parts)
    with pypdfium2.PdfDocument(tmp_path / "out.pdf") as document:
        text = document[0].get_textpage().get_text_bounded()
        assert document.get_metadata_dict()["Title"] == "Report <1>"
    assert "第一章 Beginning" in text
    assert "<script>e</script>" in text
    assert "\ufffd" not in text


async def test_a_long_table_and_text_run_over_pages(tmp_path: Path) -> None:
    import pypdfium2

    long = [Part("table", rows=tuple((str(n), "long cell " * 300) for n in range(4))), Part("text", "句子。" * 4000)]
    await written(tmp_path, "pdf", long)
    with pypdfium2.PdfDocument(tmp_path / "out.pdf") as document:
        assert len(document) > 5


async def test_what_no_font_shows_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as refused:
        await written(tmp_path, "pdf", [Part("text", "\U00013000")])
    assert (refused.value.code, "U+13000" in refused.value.message) == ("no_font", True)
    assert "\U00013000" in (await written(tmp_path, "html", [Part("text", "\U00013000")])).decode()


async def test_plain_text_reads_as_paragraphs(tmp_path: Path) -> None:
    text = (await written(tmp_path, "txt")).decode()
    assert f"[00:12] Anna: {HOSTILE}\n\n- first\n  - deeper\n- last\n\n谁\tWhat\nBo\ta | b\n" in text


async def test_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        await write(PARTS, "odt", tmp_path / "x")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=60))
def test_markdown_brings_any_line_back(text: str) -> None:
    line = " ".join(text.split())
    if not line:
        return
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(_markdown(line))
    seen = Seen(page)
    assert (seen.tags, "".join(seen.texts).strip()) == (["p"], line.strip())


@settings(max_examples=25)
@given(st.text(min_size=0, max_size=80))
def test_no_text_breaks_a_file(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Control characters included; the letters are those that a PDF shows everywhere."""
    path = tmp_path_factory.getbasetemp() / "any"
    shown = "".join(letter if ord(letter) < 0x7F else "字" for letter in text)
    parts = [
        *(replace(part, text=shown, lead=shown) for part in PARTS),
        Part("table", rows=((shown, "b"), ("", ""), ())),
        Part("table"),
    ]
    for kind in KINDS:
        asyncio.run(write(parts, kind, path, title=shown))
        assert path.stat().st_size > 0


def _markdown(line: str) -> str:
    from hanlin.writing import markdown

    return markdown.written([Part("text", line)], "", "en").decode()


def _shows(character: str) -> bool:
    try:
        return bool(list(fonts.runs(character)))
    except BadRequest:
        return False
