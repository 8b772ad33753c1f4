"""Pictures of pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hanlin.errors import BadFile
from hanlin.reading.document import Limits, Picture
from hanlin.reading.kinds.pdf import opened as opened_pdf
from hanlin.reading.kinds.picture import opened as opened_picture
from hanlin.reading.kinds.picture import seek
from hanlin.reading.package import too_large
from hanlin.reading.reader import is_pdf, is_picture


def render(path: str, name: str, page: int, width_px: int, target: str) -> Picture:
    """Write a PNG of a PDF's page or a picture's frame (from 1), `width_px` wide, to `target`.

    A picture is never made wider than it is. Raises BadFile: `no_page_picture` for kinds that have no pages to look at,
    `no_such_page` for a page that is not there, `too_large_file` for more pixels than `Limits.pixels`.
    """
    with Path(path).open("rb") as file:
        head = file.read(1024)
    if is_pdf(head):
        return _pdf_page(path, page, width_px, target)
    if is_picture(head):
        return _frame(path, page, width_px, target)
    raise BadFile(f"{name!r} has no page pictures.", code="no_page_picture", action="Show its text instead.")


def _pdf_page(path: str, page: int, width_px: int, target: str) -> Picture:
    with opened_pdf(path) as pdf:
        if not 1 <= page <= len(pdf):
            raise _no_page(page)
        sheet = pdf[page - 1]
        width, height = sheet.get_size()
        _check(width_px, width, height)
        return _saved(sheet.render(scale=width_px / width).to_pil(), target)


def _frame(path: str, page: int, width_px: int, target: str) -> Picture:
    with opened_picture(path, Limits()) as picture:
        if page < 1 or not seek(picture, page):
            raise _no_page(page)
        width, height = picture.size
        _check(width, width, height)
        shown = picture.convert("RGB")
        width_px = min(width_px, width)
        return _saved(shown.resize((width_px, max(1, round(height * width_px / width)))), target)


def _check(width_px: int, width: float, height: float) -> None:
    if min(width, height, width_px) <= 0 or width_px * width_px * height / width > Limits().pixels:
        raise too_large(f"a page of {width:,.0f} × {height:,.0f}, {width_px:,} pixels wide,")


def _saved(picture: Any, target: str) -> Picture:
    picture.convert("RGB").save(target, "PNG")
    return Picture(picture.width, picture.height)


def _no_page(page: int) -> BadFile:
    return BadFile(f"The file has no page {page}.", code="no_such_page", action="Ask for one that it has.")
