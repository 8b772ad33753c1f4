from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from PIL import Image, ImageSequence

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import gif
from hanlin.labels.found import Fault
from tests.labels.formats.test_xmp import ELEMENT, IMPRINT, LABEL, OTHER, joined, mutated, seen_by_exiftool

FRAMES = [
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 33, 3), dtype=np.uint8)).quantize(64)
    for seed in range(3)
]
MAGIC = bytes([1]) + bytes(range(255, -1, -1)) + b"\0"


def picture(*, frames: int = 1, **options: object) -> bytes:
    file = io.BytesIO()
    more = {"save_all": True, "append_images": FRAMES[1:frames], "loop": 0} if frames > 1 else {}
    FRAMES[0].save(file, "GIF", **more, **options)
    return file.getvalue()


def blocks(body: bytes) -> bytes:
    return (
        b"".join(bytes([len(part)]) + part for part in (body[at : at + 255] for at in range(0, len(body), 255))) + b"\0"
    )


def before_end(*extensions: bytes) -> bytes:
    return picture()[:-1] + b"".join(extensions) + b";"


def written(file: bytes) -> bytes:
    return joined(gif.write(memoryview(file), IMPRINT))


XMP = b"!\xff\x0bXMP DataXMP"
LABELLED = {
    "XMP": (before_end(XMP + ELEMENT.encode() + MAGIC), "GIF XMP", ()),
    "XMP in sub-blocks": (before_end(XMP + blocks(ELEMENT.encode())), "GIF XMP", ()),
    "comment": (picture(comment=wrap(OTHER)), "GIF comment", (Fault.PLACE,)),
    "application": (
        before_end(b"!\xff\x0bAIGC....1.0" + blocks(wrap(OTHER))),
        "GIF application extension", (Fault.PLACE, Fault.NOT_JSON)),
}  # fmt: skip


@pytest.mark.parametrize("frames", [1, 3])
def test_pixels_stay_and_the_label_stands_before_them(frames: int) -> None:
    file = picture(frames=frames)
    labelled = written(file)
    (found,) = gif.read(memoryview(labelled))
    assert (found.label, found.place, found.faults) == (LABEL, "GIF XMP", ())
    before, after = Image.open(io.BytesIO(file)), Image.open(io.BytesIO(labelled))
    assert after.info.get("loop") == before.info.get("loop")
    shown, shown_before = ([image.tobytes() for image in ImageSequence.Iterator(one)] for one in (after, before))
    assert len(shown) == frames
    assert shown == shown_before
    assert labelled.startswith(b"GIF89a")
    assert labelled.index(b"XMP DataXMP") > labelled.find(b"NETSCAPE2.0")
    assert written(labelled) == labelled


def test_a_reader_that_knows_no_xmp_gets_over_it() -> None:
    """Adobe's 258 bytes lead from every byte of the packet to the end of the extension."""
    labelled = written(picture())
    start = labelled.index(XMP) + len(XMP)
    end = labelled.index(MAGIC) + len(MAGIC)
    for entry in range(start, end - 258):
        at = entry
        while labelled[at]:
            at += 1 + labelled[at]
        assert at + 1 == end


def test_an_independent_reader_sees_the_label(tmp_path: Path) -> None:
    seen_by_exiftool(written(picture(frames=3)), tmp_path, "gif")


@pytest.mark.parametrize("form", LABELLED)
def test_a_label_is_read_wherever_it_stands(form: str) -> None:
    file, place, faults = LABELLED[form]
    (found,) = gif.read(memoryview(file))
    assert (found.label, found.place) == (OTHER, place)
    assert set(found.faults) == set(faults)


@pytest.mark.parametrize("form", LABELLED)
def test_a_label_anywhere_is_replaced(form: str) -> None:
    labelled = written(LABELLED[form][0])
    assert [found.label for found in gif.read(memoryview(labelled))] == [LABEL]
    assert b"doubao" not in labelled
    assert (b"image/png" in labelled) == form.startswith("XMP")
    assert Image.open(io.BytesIO(labelled)).tobytes() == Image.open(io.BytesIO(picture())).tobytes()


def test_a_second_packet_keeps_what_is_not_the_label() -> None:
    labelled = written(before_end(*[XMP + ELEMENT.encode() + MAGIC] * 2))
    assert [found.label for found in gif.read(memoryview(labelled))] == [LABEL]
    assert labelled.count(b"image/png") == 2


def test_comments_and_unknown_extensions_stay() -> None:
    file = before_end(
        b"!\xfe" + blocks(b"AIGC, as they say"), b"!\x42" + blocks(b"AIGC" * 200), b"!\x01" + blocks(b"x")
    )
    labelled = written(file)
    start = labelled.index(XMP)
    rest = labelled[:start] + labelled[labelled.index(MAGIC) + len(MAGIC) :]
    assert rest[6:] == file[6:]


def test_the_old_version_becomes_the_one_with_extensions() -> None:
    assert written(b"GIF87a" + picture()[6:]).startswith(b"GIF89a")


def test_a_missing_trailer_and_bytes_behind_it_stay_as_they_are() -> None:
    assert not written(picture()[:-1]).endswith(b";")
    assert written(picture() + b"behind").endswith(b";behind")


def test_broken_files_are_refused() -> None:
    for file in (b"", b"GIF89a", picture()[:20], picture()[:-30], before_end(b"\x77")):
        with pytest.raises(BadFile):
            gif.read(memoryview(file))
    with pytest.raises(BadFile, match="sub-blocks"):
        gif.read(memoryview(picture()[:-1] + b"!\xfe" + b"\1a" * 5_000_000))


@given(mutated([file for file, _, _ in LABELLED.values()]))
def test_any_file_ends_with_this_one_label_or_is_refused(file: bytes) -> None:
    try:
        labelled = written(file)
    except BadFile:
        return
    assert [found.label for found in gif.read(memoryview(labelled))] == [LABEL]


@given(mutated([file for file, _, _ in LABELLED.values()]))
def test_any_file_is_read_or_refused(file: bytes) -> None:
    try:
        gif.read(memoryview(file))
    except BadFile:
        pass
