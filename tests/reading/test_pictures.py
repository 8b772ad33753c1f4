"""Scans, recognised pages, and pictures of pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from hanlin.errors import BadFile
from hanlin.reading import Limits, places, read, recognised, render
from hanlin.types import Line, Recognised
from tests.reading.samples import docx, pdf, scan


def test_every_frame_of_a_picture_is_a_scanned_page(tmp_path: Path) -> None:
    frames = [Image.new("L", (30 + number, 20)) for number in range(3)]
    frames[0].save(tmp_path / "fax.tif", save_all=True, append_images=frames[1:])
    document = read(str(tmp_path / "fax.tif"), "fax.tif", Limits())
    assert [(page.number, page.width, page.height, page.scanned) for page in document.pages] == [
        (1, 30, 20, True),
        (2, 31, 20, True),
        (3, 32, 20, True),
    ]


def test_what_was_recognised_takes_the_place_of_the_scan(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(scan())
    document = read(str(tmp_path / "scan.pdf"), "scan.pdf", Limits())
    lines = (
        Line("Large title", (50, 40, 400, 100)),
        Line("The first line of the text goes", (50, 150, 550, 172)),
        Line("on in a second line.", (50, 176, 300, 198)),
    )
    read_now = recognised(document, 1, Recognised(lines, 600, 800))
    assert [page.scanned for page in read_now.pages] == [False]
    assert [(block.kind, block.text) for block in read_now.blocks] == [
        ("heading", "Large title"),
        ("text", "The first line of the text goes on in a second line."),
    ]
    assert places(read_now, 1, "second line.") == ((50 / 600, 0.22, 0.5, 0.2475),) or places(
        read_now, 1, "second line."
    )
    with pytest.raises(BadFile, match="no page 9"):
        recognised(document, 9, Recognised(()))


def test_recognised_columns_are_read_one_after_the_other() -> None:
    from hanlin.reading import Document, Page

    left = [Line(f"左边第{n}行的文字都在这里。", (40, 100 + 40 * n, 440, 130 + 40 * n)) for n in range(5)]
    right = [Line(f"右边第{n}行的文字都在这里。", (520, 100 + 40 * n, 920, 130 + 40 * n)) for n in range(5)]
    mixed = tuple(line for pair in zip(left, right, strict=True) for line in pair)
    empty = Document("", "picture", (Page(1, 960, 1000, scanned=True),), ())
    text = recognised(empty, 1, Recognised(mixed, 960, 1000)).text
    assert text.index("左边第4行") < text.index("右边第0行")


def test_a_page_is_rendered_as_wide_as_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([(60, 700, 40, "Ink")]))
    picture = render(str(tmp_path / "a.pdf"), "a.pdf", 1, 300, str(tmp_path / "page.png"))
    with Image.open(tmp_path / "page.png") as page:
        assert page.size == (picture.width, picture.height) == (300, 425)
        assert page.convert("L").getextrema() == (0, 255)


def test_a_marked_sentence_covers_the_ink_of_its_line_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(
        pdf([(60, 700, 12, "Above it."), (60, 660, 12, "This one."), (60, 620, 12, "Below it.")])
    )
    document = read(str(tmp_path / "a.pdf"), "a.pdf", Limits())
    render(str(tmp_path / "a.pdf"), "a.pdf", 1, 1190, str(tmp_path / "page.png"))
    (box,) = places(document, 1, "This one.")
    with Image.open(tmp_path / "page.png") as page:
        grey = page.convert("L")
        left, top, right, bottom = (round(share * size) for share, size in zip(box, grey.size * 2, strict=True))
        assert min(grey.crop((left, top, right, bottom)).tobytes()) < 100
        assert min(grey.crop((0, top, left - 2, bottom)).tobytes()) == 255
        assert min(grey.crop((right + 2, top, grey.width, bottom)).tobytes()) == 255
        assert bottom - top < 40


def test_a_frame_is_never_made_wider_than_it_is(tmp_path: Path) -> None:
    Image.new("RGB", (50, 40), "red").save(tmp_path / "a.png")
    picture = render(str(tmp_path / "a.png"), "a.png", 1, 900, str(tmp_path / "page.png"))
    assert (picture.width, picture.height) == (50, 40)


def test_what_has_no_page_pictures_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(docx())
    (tmp_path / "a.pdf").write_bytes(pdf([(60, 700, 40, "Ink")]))
    with pytest.raises(BadFile) as refused:
        render(str(tmp_path / "a.docx"), "a.docx", 1, 300, str(tmp_path / "page.png"))
    assert refused.value.code == "no_page_picture"
    with pytest.raises(BadFile) as refused:
        render(str(tmp_path / "a.pdf"), "a.pdf", 2, 300, str(tmp_path / "page.png"))
    assert refused.value.code == "no_such_page"
    with pytest.raises(BadFile, match="pixels"):
        render(str(tmp_path / "a.pdf"), "a.pdf", 1, 50_000, str(tmp_path / "page.png"))
