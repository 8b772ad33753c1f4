from __future__ import annotations

import hashlib
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from PIL import Image, ImageSequence

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import jpeg
from hanlin.labels.found import Fault
from tests.labels.formats.test_exif import block
from tests.labels.formats.test_xmp import (
    ELEMENT,
    IMPRINT,
    INNER,
    LABEL,
    OTHER,
    data,
    joined,
    mutated,
    seen_by_exiftool,
)

NOISE = np.random.default_rng(7).integers(0, 256, (24, 32, 3), dtype=np.uint8)
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
JFIF_END = 20
EXIF = block(b"ASCII\0\0\0" + wrap(OTHER))


def picture(mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(*segments: bytes) -> bytes:
    plain = picture()
    return plain[:JFIF_END] + b"".join(segments) + plain[JFIF_END:]


def extended(packet: bytes, step: int = 200) -> tuple[bytes, list[bytes]]:
    """The name of an extended packet, and its segments, the last first."""
    guid = hashlib.md5(packet).hexdigest().upper().encode()
    heads = {at: EXTENSION + guid + struct.pack(">II", len(packet), at) for at in range(0, len(packet), step)}
    return guid, [segment(0xE1, head + packet[at : at + step]) for at, head in reversed(heads.items())]


def written(file: bytes) -> bytes:
    return joined(jpeg.write(memoryview(file), IMPRINT))


def markers(file: bytes) -> list[bytes]:
    """Marker and first bytes of every segment before the scan."""
    found, at = [], 2
    while file[at + 1] != 0xDA:
        found.append(file[at + 1 : at + 2] + file[at + 4 : at + 8])
        at += 2 + int.from_bytes(file[at + 2 : at + 4], "big")
    return found


GLUED = b"AIGC" + INNER.encode()
JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
LABELLED = {
    "XMP": (picture(xmp=ELEMENT.encode()), "JPEG APP1 XMP", ()),
    "EXIF": (picture(exif=EXIF), "JPEG EXIF UserComment", ()),
    "comment": (picture(comment=wrap(OTHER)), "JPEG COM", (Fault.PLACE,)),
    "behind JFIF": (picture().replace(segment(0xE0, JFIF), segment(0xE0, JFIF + GLUED)), "JPEG APP0", (Fault.PLACE,)),
    "a segment of its own": (with_segments(segment(0xEB, GLUED)), "JPEG APP11", (Fault.PLACE,)),
    "among other bytes": (
        with_segments(segment(0xED, b"Photoshop \xff" + GLUED + b"\xfe..")), "JPEG APP13", (Fault.PLACE,)),
    "extended XMP": (with_segments(*extended(ELEMENT.encode())[1]), "JPEG APP1 extended XMP", (Fault.PLACE,)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("L", {}),
        ("CMYK", {}),
        ("RGB", {"progressive": True}),
        ("RGB", {"exif": block(), "icc_profile": b"x"}),
    ],
)
def test_scans_stay_and_the_label_stands_after_jfif_and_exif(mode: str, options: dict[str, object]) -> None:
    file = picture(mode, **options)
    labelled = written(file)
    (found,) = jpeg.read(memoryview(labelled))
    assert (found.label, found.place, found.faults) == (LABEL, "JPEG APP1 XMP", ())
    assert Image.open(io.BytesIO(labelled)).tobytes() == Image.open(io.BytesIO(file)).tobytes()
    new = next(at for at, head in enumerate(markers(labelled)) if head[1:] == b"http")
    assert all(head[0] in (0xE0, 0xE1) for head in markers(labelled)[:new])
    assert written(labelled) == labelled


def test_an_independent_reader_sees_the_label(tmp_path: Path) -> None:
    seen_by_exiftool(written(picture(exif=EXIF)), tmp_path, "jpg")


@pytest.mark.parametrize("name", ["rapidocr_en.jpg", "kreuzberg_chi_sim_image.jpeg"])
def test_a_real_picture_keeps_all_its_other_bytes(name: str) -> None:
    file = data("images", name).read_bytes()
    labelled = written(file)
    at = labelled.index(XMP) - 4
    (size,) = struct.unpack_from(">H", labelled, at + 2)
    assert labelled[:at] + labelled[at + 2 + size :] == file


@pytest.mark.parametrize("form", LABELLED)
def test_a_label_is_read_wherever_it_stands(form: str) -> None:
    file, place, faults = LABELLED[form]
    (found,) = jpeg.read(memoryview(file))
    assert (found.label, found.place, found.faults) == (OTHER, place, faults)


@pytest.mark.parametrize("form", LABELLED)
def test_a_label_anywhere_is_replaced(form: str) -> None:
    labelled = written(LABELLED[form][0])
    assert [found.label for found in jpeg.read(memoryview(labelled))] == [LABEL]
    assert b"doubao" not in labelled
    assert Image.open(io.BytesIO(labelled)).tobytes() == Image.open(io.BytesIO(picture())).tobytes()


def test_removing_leaves_the_rest_of_a_segment() -> None:
    assert segment(0xE0, JFIF) in written(LABELLED["behind JFIF"][0])
    assert b"Photoshop \xff" + b" " * len(GLUED) + b"\xfe.." in written(LABELLED["among other bytes"][0])
    assert b"\xff\xeb" not in written(LABELLED["a segment of its own"][0])
    assert b"Camera" in written(LABELLED["EXIF"][0])


def test_a_second_packet_and_extended_xmp_keep_what_is_not_the_label() -> None:
    guid, segments = extended(ELEMENT.encode())
    main = ELEMENT.replace(
        "dc:format=", f'xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="{guid.decode()}" dc:format='
    )
    packet = segment(0xE1, XMP + main.encode())
    labelled = written(with_segments(packet, *segments, packet))
    assert [found.label for found in jpeg.read(memoryview(labelled))] == [LABEL]
    start = labelled.index(EXTENSION) + len(EXTENSION)
    name, size = labelled[start : start + 32], int.from_bytes(labelled[start + 32 : start + 36], "big")
    assert hashlib.md5(labelled[start + 40 : start + 40 + size]).hexdigest().upper().encode() == name
    assert labelled.count(b'HasExtendedXMP="' + name) == 1
    assert labelled.count(b"image/png") == 3


def test_extended_xmp_without_a_label_stays_byte_for_byte() -> None:
    _, segments = extended(b"<x/>" * 200)
    assert b"".join(segments) in written(with_segments(segment(0xE1, XMP + ELEMENT.encode()), *segments))


@pytest.mark.parametrize("old", [{}, {"xmp": ELEMENT.encode()}, {"exif": EXIF}])
def test_a_multi_picture_file_keeps_all_its_pictures(old: dict[str, bytes]) -> None:
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, "MPO", save_all=True, append_images=[Image.fromarray(NOISE[::-1])], **old)
    labelled = written(file.getvalue())
    shown, shown_before = (
        [image.tobytes() for image in ImageSequence.Iterator(Image.open(one))] for one in (io.BytesIO(labelled), file)
    )
    assert len(shown) == 2
    assert shown == shown_before
    picture: Any = Image.open(io.BytesIO(labelled))
    first = picture.mpinfo[0xB002][0]
    assert labelled[first["Size"] - 2 : first["Size"] + 2] == b"\xff\xd9\xff\xd8"


def test_an_index_before_the_packet_is_moved_along() -> None:
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, "MPO", save_all=True, append_images=[Image.fromarray(NOISE[::-1])])
    whole = file.getvalue()
    base = whole.index(b"MPF\0") + 4
    end = base - 6 + int.from_bytes(whole[base - 6 : base - 4], "big")
    packet = segment(0xE1, XMP + b" ")
    second = whole.index(b"\xff\xd9\xff\xd8") + 2 - base
    assert whole.count(struct.pack("<I", second)) == 1
    index = whole[:end].replace(struct.pack("<I", second), struct.pack("<I", second + len(packet)))
    fixed = index + packet + whole[end:]
    labelled = Image.open(io.BytesIO(written(fixed)))
    labelled.seek(1)
    file.seek(0)
    before = Image.open(file)
    before.seek(1)
    assert labelled.tobytes() == before.tobytes()


def test_a_packet_too_long_for_a_segment_is_refused() -> None:
    note = 'dc:title="' + "x" * 65_000 + '" dc:format='
    file = with_segments(segment(0xE1, XMP + ELEMENT.replace("dc:format=", note).encode()))
    with pytest.raises(BadFile, match="65502"):
        written(file)


def test_fill_bytes_and_markers_without_a_length_are_passed_over() -> None:
    file = with_segments(b"\xff\xff\xff" + segment(0xEB, GLUED)[1:], b"\xff\x01")
    assert [found.label for found in jpeg.read(memoryview(file))] == [OTHER]
    assert [found.label for found in jpeg.read(memoryview(written(file)))] == [LABEL]


def test_scans_are_never_copied() -> None:
    pieces = jpeg.write(memoryview(picture()), IMPRINT)
    assert [isinstance(piece, memoryview) for piece in pieces] == [True, False, True]


@pytest.mark.parametrize("cut", [0, 1, 3, 30, 200])
def test_a_file_cut_off_before_its_scan_is_refused(cut: int) -> None:
    with pytest.raises(BadFile):
        jpeg.read(memoryview(picture()[:cut]))


def test_a_cut_off_file_still_says_what_it_holds_and_is_not_written() -> None:
    cut = written(picture())[:1100]
    assert [found.label for found in jpeg.read(memoryview(cut))] == [LABEL]
    with pytest.raises(BadFile):
        written(cut)


def test_a_million_segments_are_refused() -> None:
    with pytest.raises(BadFile):
        jpeg.read(memoryview(with_segments(segment(0xE5, b"") * 1_000_000)))
    with pytest.raises(BadFile):
        jpeg.read(memoryview(with_segments(segment(0xE1, EXIF.ljust(65_000)) * 100)))


@given(mutated([file for file, _, _ in LABELLED.values()]))
def test_any_file_ends_with_this_one_label_or_is_refused(file: bytes) -> None:
    try:
        labelled = written(file)
    except BadFile:
        return
    assert [found.label for found in jpeg.read(memoryview(labelled))] == [LABEL]


@given(mutated([file for file, _, _ in LABELLED.values()]))
def test_any_file_is_read_or_refused(file: bytes) -> None:
    try:
        jpeg.read(memoryview(file))
    except BadFile:
        pass
