from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from PIL import Image, ImageSequence, TiffImagePlugin

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import exif, tiff
from hanlin.labels.found import Fault
from tests.labels.formats.test_xmp import ELEMENT, IMPRINT, LABEL, OTHER, joined, mutated, seen_by_exiftool

NOISE = np.random.default_rng(7).integers(0, 256, (24, 33, 3), dtype=np.uint8)


def picture(*, pages: int = 1, big: bool = False, order: str = "<", **tags: bytes | str) -> bytes:
    """A TIFF as Pillow writes it; tags of the first page as `t010E=…`, of the others as `later_t010E=…`."""
    file = io.BytesIO()
    first, later = (TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II" if order == "<" else b"MM") for _ in range(2))
    for name, value in tags.items():
        directory = later if name.startswith("later_") else first
        number = int(name.rpartition("t")[2], 16)
        directory.tagtype[number] = 2 if isinstance(value, str) else 7
        directory[number] = value
    images = [Image.fromarray(np.roll(NOISE, shift)) for shift in range(pages)]
    for image in images[1:]:
        image.encoderinfo = {"tiffinfo": later}
    mode = "I;16B" if order == ">" else None
    base = Image.new(mode, (9, 7), 3) if mode else images[0]
    base.save(file, "TIFF", tiffinfo=first, big_tiff=big, save_all=pages > 1, append_images=images[1:])
    return file.getvalue()


def written(file: bytes) -> bytes:
    return joined(tiff.write(memoryview(file), IMPRINT))


def same_pixels(before: bytes, after: bytes) -> bool:
    one, two = (
        [page.tobytes() for page in ImageSequence.Iterator(Image.open(io.BytesIO(file)))] for file in (before, after)
    )
    return one == two


LONG = ELEMENT.encode().ljust(4000)
LABELLED = {
    "XMP": (picture(t02BC=ELEMENT.encode()), "TIFF XMP", ()),
    "XMP with room": (picture(t02BC=LONG), "TIFF XMP", ()),
    "description": (picture(t010E=wrap(OTHER).decode()), "TIFF ImageDescription", (Fault.PLACE,)),
    "XMP of another page": (picture(pages=2, later_t02BC=LONG), "TIFF XMP", (Fault.PLACE,)),
    "BigTIFF": (picture(big=True, t02BC=ELEMENT.encode()), "TIFF XMP", ()),
    "big-endian": (picture(order=">", t02BC=ELEMENT.encode()), "TIFF XMP", ()),
}


@pytest.mark.parametrize("options", [{}, {"big": True}, {"order": ">"}, {"pages": 3}])
def test_strips_never_move(options: dict[str, Any]) -> None:
    file = picture(**options)
    labelled = written(file)
    (found,) = tiff.read(memoryview(labelled))
    assert (found.label, found.place, found.faults) == (LABEL, "TIFF XMP", ())
    assert same_pixels(file, labelled)
    assert labelled[16 : len(file)] == file[16:]
    assert written(labelled) == labelled


@pytest.mark.parametrize("options", [{}, {"order": ">"}, {"big": True, "pages": 2}, {"order": ">", "big": True}])
def test_an_independent_reader_sees_the_label(options: dict[str, Any], tmp_path: Path) -> None:
    seen_by_exiftool(written(picture(**options)), tmp_path, "tif")


def test_the_new_directory_is_sorted_and_keeps_every_tag() -> None:
    labelled = memoryview(written(picture(t010E="a picture", t013B="somebody")))
    directory = next(exif.directories(labelled, exif.layout(labelled)))
    tags = [entry.tag for entry in directory.entries]
    assert tags == sorted(tags)
    assert directory.start % 2 == 0
    plain = memoryview(picture(t010E="a picture", t013B="somebody"))
    assert set(tags) - {entry.tag for entry in next(exif.directories(plain, exif.layout(plain))).entries} == {0x02BC}


@pytest.mark.parametrize("form", LABELLED)
def test_a_label_is_read_wherever_it_stands(form: str) -> None:
    file, place, faults = LABELLED[form]
    (found,) = tiff.read(memoryview(file))
    assert (found.label, found.place, found.faults) == (OTHER, place, faults)


@pytest.mark.parametrize("form", LABELLED)
def test_a_label_anywhere_is_replaced(form: str) -> None:
    file = LABELLED[form][0]
    labelled = written(file)
    assert [found.label for found in tiff.read(memoryview(labelled))] == [LABEL]
    assert b"doubao" not in labelled
    assert (b"image/png" in labelled) == (b"image/png" in file)
    assert same_pixels(file, labelled)


def test_a_packet_that_fits_takes_the_place_of_the_old_one() -> None:
    file = picture(t02BC=LONG)
    assert len(written(file)) == len(file)


def test_pages_that_share_a_packet_end_with_one_label() -> None:
    file = memoryview(picture(pages=2, t02BC=LONG, later_t02BC=ELEMENT.encode()))
    form = exif.layout(file)
    one, two = (next(entry for entry in page.entries if entry.tag == 0x02BC) for page in exif.directories(file, form))
    row = struct.pack("<HHII", two.tag, two.kind, two.size, two.start)
    shared = bytes(file).replace(row, struct.pack("<HHII", one.tag, one.kind, one.size, one.start))
    assert len(tiff.read(memoryview(shared))) == 2
    assert [found.label for found in tiff.read(memoryview(written(shared)))] == [LABEL]


def test_pixels_are_never_copied() -> None:
    file = picture()
    views = [piece for piece in tiff.write(memoryview(file), IMPRINT) if isinstance(piece, memoryview)]
    assert sum(len(view) for view in views) == len(file) - 4


def test_a_directory_full_of_fields_is_read_and_not_written() -> None:
    rows = b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + struct.pack("<HHII", 0x0110, 2, 4, 0) * 65_535 + bytes(4)
    assert tiff.read(memoryview(rows)) == []
    with pytest.raises(BadFile, match="no room"):
        written(rows)


def test_many_fields_on_one_text_are_refused() -> None:
    text = b"x" * 1_000_000
    rows = struct.pack("<HHII", 0x010E, 2, len(text), 720_014) * 60_000
    with pytest.raises(BadFile, match="too much text"):
        tiff.read(memoryview(b"II*\0\x08\0\0\0" + struct.pack("<H", 60_000) + rows + bytes(4) + text))


def test_broken_files_are_refused() -> None:
    for file in (b"", b"II*\0", b"II*\0\xff\xff\0\0" + bytes(40), picture()[:8], b"XX*\0" + bytes(60)):
        with pytest.raises(BadFile):
            tiff.read(memoryview(file))
        with pytest.raises(BadFile):
            written(file)


@given(mutated([file for file, _, _ in LABELLED.values()]))
def test_any_file_is_read_and_written_or_refused(file: bytes) -> None:
    for act in (tiff.read, lambda view: tiff.write(view, IMPRINT)):
        try:
            act(memoryview(file))
        except BadFile:
            pass
