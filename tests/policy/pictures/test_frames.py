"""A picture file becomes few plain images: bounded, upright, readable, whatever a stranger sends."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from hanlin.errors import BadFile
from hanlin.policy.pictures.frames import Frame, frames

RED, BLUE = (255, 0, 0), (0, 0, 255)


def coded(image: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


PNG = coded(Image.linear_gradient("L"))


def seen(picture: bytes) -> list[Frame]:
    return list(frames(picture))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_each_kind_is_one_frame_of_plain_colour(kind: str) -> None:
    (frame,) = seen(coded(Image.new("RGB", (300, 200), RED), kind))
    assert (frame.whole.mode, frame.whole.size, frame.pieces) == ("RGB", (300, 200), ())
    red, green, _ = frame.whole.getpixel((150, 100))  # type: ignore[misc]
    assert red > 240
    assert green < 20


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    (frame,) = seen(coded(Image.new(mode, (40, 30)), kind))
    assert (frame.whole.mode, frame.whole.size) == ("RGB", (40, 30))


def test_what_is_transparent_lies_on_white() -> None:
    (frame,) = seen(coded(Image.new("RGBA", (40, 30), (0, 0, 0, 0))))
    assert frame.whole.getpixel((5, 5)) == (255, 255, 255)


def test_a_picture_is_turned_as_viewers_turn_it() -> None:
    image = Image.new("RGB", (40, 20), RED)
    image.paste(BLUE, (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    (frame,) = seen(coded(image, exif=exif))
    assert frame.whole.size == (20, 40)
    assert frame.whole.getpixel((10, 2)) == BLUE


def test_a_large_picture_is_looked_at_smaller_and_in_one_piece() -> None:
    (frame,) = seen(coded(Image.new("RGB", (4000, 3000), RED)))
    assert (frame.whole.size, frame.pieces) == ((1280, 960), ())


@pytest.mark.parametrize(("size", "pieces"), [((1080, 6000), 5), ((6000, 1080), 5), ((400, 30_000), 8), ((1, 9000), 8)])
def test_a_long_screenshot_is_looked_at_in_pieces_that_overlap_and_leave_nothing_out(
    size: tuple[int, int], pieces: int
) -> None:
    image = Image.linear_gradient("L").resize(size)
    if size[0] > size[1]:
        image = Image.linear_gradient("L").rotate(90).resize(size)
    (frame,) = seen(coded(image))
    assert len(frame.pieces) == pieces
    assert all(max(piece.size) <= 1280 for piece in frame.pieces)
    shades = [piece.convert("L").getextrema() for piece in frame.pieces]
    assert len(set(shades)) == pieces  # each begins elsewhere
    assert {min(shades)[0], max(shades)[1]} == {0, 255}


@pytest.mark.parametrize(("count", "looked_at"), [(1, 1), (2, 2), (4, 4), (50, 4)])
@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_of_an_animation_at_most_four_frames_are_looked_at_the_last_among_them(
    kind: str, count: int, looked_at: int
) -> None:
    images = [Image.new("RGB", (64, 48), (number * 5, 0, 0)) for number in range(count - 1)]
    images.append(Image.new("RGB", (64, 48), BLUE))
    more = {"lossless": True} if kind == "WEBP" else {}
    found = seen(coded(images[0], kind, save_all=True, append_images=images[1:], **more))
    assert len(found) == looked_at
    assert found[-1].whole.getpixel((9, 9)) == BLUE


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is that large, of a few bytes."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("size", [(8193, 8192), (9800, 9800), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(BadFile):
        seen(bomb(*size))


def test_an_animation_with_too_many_pixels_in_all_is_refused() -> None:
    images = [Image.new("L", (1200, 1200), number) for number in range(50)]
    with pytest.raises(BadFile, match="1200 x 1200 pixels and 50 frames"):
        seen(coded(images[0], "GIF", save_all=True, append_images=images[1:]))


@pytest.mark.parametrize("picture", [b"", b"\0" * 100, b"%PDF-1.7", coded(Image.new("RGB", (9, 9)), "BMP"), PNG[:60]])
def test_what_is_no_picture_of_a_known_kind_is_refused_with_a_sentence(picture: bytes) -> None:
    with pytest.raises(BadFile, match="Expected a whole PNG, JPEG, WebP or GIF picture"):
        seen(picture)


@given(some.data())
def test_a_broken_picture_is_refused_or_looked_at_and_nothing_else(data: some.DataObject) -> None:
    kind = data.draw(some.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]))
    picture = bytearray(coded(Image.linear_gradient("L").convert("RGB").resize((40, 30)), kind))
    for place in data.draw(some.lists(some.integers(0, len(picture) - 1), max_size=6)):
        picture[place] = data.draw(some.integers(0, 255))
    try:
        seen(bytes(picture[: data.draw(some.integers(1, len(picture)))]))
    except BadFile:
        pass
