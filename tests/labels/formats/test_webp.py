from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import webp
from hanlin.labels.found import Fault
from tests.labels.formats.test_exif import block
from tests.labels.formats.test_xmp import ELEMENT, IMPRINT, INNER, LABEL, OTHER, joined, mutated, seen_by_exiftool

NOISE = np.random.default_rng(7).integers(0, 256, (24, 33, 4), dtype=np.uint8)
EXIF = block(b"ASCII\0\0\0" + wrap(OTHER))


def picture(mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE).convert(mode).save(file, "WEBP", **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def with_chunks(file: bytes, *chunks: bytes) -> bytes:
    whole = file + b"".join(chunks)
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def chunks(file: bytes) -> dict[bytes, bytes]:
    found, at = {}, 12
    while at < len(file):
        size = int.from_bytes(file[at + 4 : at + 8], "little")
        found[file[at : at + 4]] = file[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def written(file: bytes) -> bytes:
    return joined(webp.write(memoryview(file), IMPRINT))


LABELLED = {
    "XMP": (picture(xmp=ELEMENT.encode()), "WebP XMP", ()),
    "EXIF": (picture(exif=EXIF), "WebP EXIF UserComment", ()),
    "EXIF without its word": (picture(exif=EXIF[6:], lossless=True), "WebP EXIF UserComment", ()),
    "a chunk of its own": (with_chunks(picture(), chunk(b"AIGC", INNER.encode())), "WebP AIGC", (Fault.PLACE,)),
}


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("RGBA", {}),
        ("RGB", {"lossless": True}),
        ("RGBA", {"lossless": True}),
        ("RGB", {"exif": block(), "icc_profile": b"profile"}),
        ("RGBA", {"save_all": True, "append_images": [Image.fromarray(NOISE[::-1])], "duration": 40}),
    ],
)
def test_pixels_stay_and_the_file_says_that_it_has_xmp(mode: str, options: dict[str, object]) -> None:
    file = picture(mode, **options)
    labelled = written(file)
    (found,) = webp.read(memoryview(labelled))
    assert (found.label, found.place, found.faults) == (LABEL, "WebP XMP", ())
    before, after = Image.open(io.BytesIO(file)), Image.open(io.BytesIO(labelled))
    assert (after.mode, after.size) == (before.mode, before.size)
    for frame in range(getattr(before, "n_frames", 1)):
        before.seek(frame)
        after.seek(frame)
        assert after.tobytes() == before.tobytes()
    assert int.from_bytes(labelled[4:8], "little") == len(labelled) - 8
    assert next(iter(chunks(labelled))) == b"VP8X"
    assert written(labelled) == labelled


@pytest.mark.parametrize(
    ("mode", "lossless", "flags"),
    [("RGB", False, 0x04), ("RGB", True, 0x04), ("RGBA", True, 0x14), ("RGBA", False, 0x14)],
)
def test_the_extended_header_holds_canvas_and_flags(mode: str, lossless: bool, flags: int) -> None:
    body = chunks(written(picture(mode, lossless=lossless)))[b"VP8X"]
    assert body[0] == flags
    assert (body[4:7], body[7:10]) == ((32).to_bytes(3, "little"), (23).to_bytes(3, "little"))


def test_an_independent_reader_sees_the_label(tmp_path: Path) -> None:
    seen_by_exiftool(written(picture("RGBA", exif=EXIF)), tmp_path, "webp")


@pytest.mark.parametrize("form", LABELLED)
def test_a_label_is_read_wherever_it_stands(form: str) -> None:
    file, place, faults = LABELLED[form]
    (found,) = webp.read(memoryview(file))
    assert (found.label, found.place, found.faults) == (OTHER, place, faults)


@pytest.mark.parametrize("form", LABELLED)
def test_a_label_anywhere_is_replaced(form: str) -> None:
    labelled = written(LABELLED[form][0])
    assert [found.label for found in webp.read(memoryview(labelled))] == [LABEL]
    assert b"doubao" not in labelled
    assert Image.open(io.BytesIO(labelled)).tobytes() == Image.open(io.BytesIO(LABELLED[form][0])).tobytes()


def test_every_other_chunk_stays() -> None:
    before = chunks(with_chunks(picture("RGBA", exif=block(), icc_profile=b"profile"), chunk(b"abcd", b"odd")))
    after = chunks(written(with_chunks(picture("RGBA", exif=block(), icc_profile=b"profile"), chunk(b"abcd", b"odd"))))
    assert after.pop(b"XMP ")
    assert after.pop(b"VP8X")[1:] == before.pop(b"VP8X")[1:]
    assert after == before


@pytest.mark.parametrize("form", ["XMP", "none"])
def test_a_last_chunk_without_its_even_byte_gets_it(form: str) -> None:
    packet = ELEMENT + " " * (1 - len(ELEMENT) % 2)
    whole = with_chunks(picture(), chunk(b"XMP ", packet.encode()) if form == "XMP" else chunk(b"abcd", b"odd"))
    labelled = written(with_chunks(whole[:-1]))
    assert int.from_bytes(labelled[4:8], "little") == len(labelled) - 8
    assert labelled.endswith((b"?>", b"?>\0"))
    assert [found.label for found in webp.read(memoryview(labelled))] == [LABEL]
    Image.open(io.BytesIO(labelled)).load()


def test_what_stands_behind_the_file_stays_outside_it() -> None:
    labelled = written(picture() + b"behind the file")
    assert labelled.endswith(b"behind the file")
    assert int.from_bytes(labelled[4:8], "little") == len(labelled) - 8 - 15


def test_pixels_are_never_copied() -> None:
    whole = picture(lossless=True)
    pieces = webp.write(memoryview(whole), IMPRINT)
    assert max(len(piece) for piece in pieces if isinstance(piece, memoryview)) > len(whole) - 30


def test_broken_files_are_refused() -> None:
    whole = picture()
    for file in (b"", b"RIFF", whole[:11], whole[:30], whole[:12], whole[:12] + b"JUNK\0\0\0\0"):
        with pytest.raises(BadFile):
            written(file)
    with pytest.raises(BadFile, match="0 by 0"):
        written(whole[:26] + bytes(4) + whole[30:])
    with pytest.raises(BadFile):
        webp.read(memoryview(with_chunks(whole, chunk(b"abcd", b"") * 1_000_000)))


@given(mutated([file for file, _, _ in LABELLED.values()]))
def test_any_file_ends_with_this_one_label_or_is_refused(file: bytes) -> None:
    try:
        labelled = written(file)
    except BadFile:
        return
    assert [found.label for found in webp.read(memoryview(labelled))] == [LABEL]


@given(mutated([file for file, _, _ in LABELLED.values()]))
def test_any_file_is_read_or_refused(file: bytes) -> None:
    try:
        webp.read(memoryview(file))
    except BadFile:
        pass
