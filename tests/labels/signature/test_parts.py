"""Files of more parts than can be signed in time are told from ordinary ones."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.labels.signature.parts import too_many


def box(name: bytes, inside: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(inside)) + name + inside


def png(parts: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + (b"\0\0\0\0teSt" + bytes(4)) * parts


def jpeg(parts: int) -> bytes:
    return b"\xff\xd8" + b"\xff\xfe\0\2" * parts + b"\xff\xda\0\2" + b"\xff\xfe\0\2" * 100_000


def riff(parts: int) -> bytes:
    return b"RIFF" + bytes(4) + b"WAVE" + b"junk\1\0\0\0\0\0" * parts


def listed(parts: int) -> bytes:
    return b"RIFF" + bytes(4) + b"AVI LIST\xff\xff\0\0INFO" + b"junk" + bytes(4) + b"junk\0\0\0\0" * parts


def tiff(parts: int) -> bytes:
    return b"II*\0\x08\0\0\0" + struct.pack("<H", parts) + bytes(12 * parts) + bytes(4)


def film(parts: int) -> bytes:
    return box(b"ftyp", b"isom") + box(b"free") * parts


def nested(parts: int) -> bytes:
    return box(b"ftyp", b"isom") + box(b"moov", box(b"udta", box(b"meta", bytes(4) + box(b"free") * parts)))


@pytest.mark.parametrize(
    ("make", "limit"),
    [(png, 32_768), (jpeg, 4_096), (riff, 32_768), (listed, 32_768), (tiff, 8_192), (film, 8_192), (nested, 8_192)],
)
def test_the_limit_is_where_it_says(make: Callable[[int], bytes], limit: int) -> None:
    assert not too_many(make(limit - 16))
    assert too_many(make(limit + 1))


def test_directories_that_follow_one_another_for_ever_are_too_many() -> None:
    entry = bytes(12)
    assert too_many(b"MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\x08")


@pytest.mark.parametrize("name", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF", "GIF"])
def test_pictures_have_few(name: str) -> None:
    from PIL import Image

    file = io.BytesIO()
    Image.effect_noise((600, 600), 90).convert("RGB").save(file, name)
    assert not too_many(file.getvalue())


@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF", b"II*\0", b"MM\0+", b"\0\0\0\x08ftyp"]), st.binary()
)
def test_any_bytes_are_counted(start: bytes, rest: bytes) -> None:
    assert too_many(start + rest) in {True, False}


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF", b"II*\0", b"\0\0\0\x08ftyp"])
def test_counting_ends_quickly(start: bytes) -> None:
    begun = time.perf_counter()
    for filling in (b"\0", b"\xff", b"\1", b"\0\0\0\x08moov"):
        too_many(start + filling * 500_000)
    assert time.perf_counter() - begun < 4
