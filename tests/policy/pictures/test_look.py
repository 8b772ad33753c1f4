"""What a picture shows and says, found by the real networks in the sandbox."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageDraw, ImageFont

from hanlin.errors import BadFile
from hanlin.policy.pictures import PictureVerdict, available, look, not_installed
from hanlin.sandbox import Ceilings, Sandbox

IMAGES = Path(__file__).parents[4] / "shared" / "data" / "images"

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not available(), reason="the extra `pictures` is not installed"),
    pytest.mark.slow,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    opened = Sandbox(Ceilings(seconds=60, memory_mib=2048), processes=1)
    yield opened
    await opened.close()


def picture(*lines: str, size: tuple[int, int] = (640, 240), kind: str = "PNG") -> bytes:
    image = Image.new("RGB", size, (250, 250, 245))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(28)
    for row, line in enumerate(lines):
        draw.text((20, 20 + 60 * row), line, (20, 20, 30), font)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_printed_words_are_read_and_nothing_looks_unsafe(sandbox: Sandbox, kind: str) -> None:
    seen = await sandbox.run(look, picture("How to grow tomatoes", "in a cold country", kind=kind))
    assert isinstance(seen, PictureVerdict)
    assert seen.text.lower().replace(" ", "").splitlines() == ["howtogrowtomatoes", "inacoldcountry"]
    assert 0 <= seen.unsafe < 0.2


async def test_the_end_of_a_long_screenshot_is_read_too(sandbox: Sandbox) -> None:
    seen = await sandbox.run(look, picture("the first line", *[""] * 70, "the last line", size=(700, 4500)))
    assert seen.text.replace(" ", "").splitlines() == ["thefirstline", "thelastline"]


async def test_a_picture_without_words_has_no_text(sandbox: Sandbox) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240), (255, 219, 172)).save(buffer, "PNG")
    seen = await sandbox.run(look, buffer.getvalue())
    assert (seen.text, seen.unsafe < 0.2) == ("", True)


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (900, 2)])
async def test_the_smallest_pictures_are_looked_at(sandbox: Sandbox, size: tuple[int, int]) -> None:
    seen = await sandbox.run(look, picture(size=size))
    assert seen.text == ""


async def test_what_cannot_be_read_is_the_sender_s_fault_and_the_next_one_is_looked_at(sandbox: Sandbox) -> None:
    with pytest.raises(BadFile, match="cannot be decoded"):
        await sandbox.run(look, b"not a picture")
    assert "tomatoes" in (await sandbox.run(look, picture("tomatoes"))).text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kreuzberg_chi_sim_image.jpeg", ["新鲜甘草黄酮养分", "适用人群：适合任何肌肤"]),
        ("rapidocr_ch_doc_server.png", ["嫖娼"]),
        ("rapidocr_en.jpg", ["shot type annotation set that contains 46K shots from 7858 movies"]),
    ],
)
async def test_pictures_of_others_are_read(sandbox: Sandbox, name: str, words: list[str]) -> None:
    if not (IMAGES / name).exists():
        pytest.skip("the shared pictures are not here")
    seen = await sandbox.run(look, (IMAGES / name).read_bytes())
    text = "".join(seen.text.split())
    assert [word for word in words if "".join(word.split()) not in text] == []
    assert seen.unsafe < 0.2


async def test_without_the_extra_the_way_to_install_it_is_told() -> None:
    assert "pip install 'hanlin[pictures]'" in str(not_installed())
