from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import heif
from hanlin.labels.formats.isobmff import IsoFile, boxed
from hanlin.labels.formats.mp4 import XMP_BOX
from hanlin.labels.found import Fault
from tests.labels.formats.test_exif import block
from tests.labels.formats.test_isobmff import full
from tests.labels.formats.test_mp4 import av, decoded, format_of, hostile, mux_frame, survives
from tests.labels.formats.test_xmp import (
    ELEMENT,
    IMPRINT,
    INNER,
    LABEL,
    OTHER,
    joined,
    mutated,
    seen_by_exiftool,
)

PLACE = "HEIF XMP item"
HEIC, AVIF = heif.FORMATS
FRAMES = [
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)) for seed in range(3)
]


@cache
def avif(*, frames: int = 1, xmp: bytes = b"", exif: bytes = b"", mode: str = "RGB") -> bytes:
    if not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    file = io.BytesIO()
    more: dict[str, Any] = {"save_all": True, "append_images": FRAMES[1:frames]} if frames > 1 else {}
    FRAMES[0].convert(mode).save(file, "AVIF", **more, **{"xmp": xmp} if xmp else {}, **{"exif": exif} if exif else {})
    return file.getvalue()


@cache
def heic() -> bytes:
    """A picture of one HEVC frame, put together here: ffmpeg writes no HEIC."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.mp4"
        with av.open(str(path), "w", format="mp4") as container:
            quiet = {"x265-params": "log-level=none:bframes=0"}
            stream = container.add_stream("libx265", rate=1, width=64, height=48, pix_fmt="yuv420p", options=quiet)
            mux_frame(container, stream, None, 0)
            container.mux(stream.encode(None))
        movie = path.read_bytes()
    at = movie.index(b"hvcC") - 4
    configuration = movie[at : at + int.from_bytes(movie[at : at + 4])]
    (media,) = IsoFile(memoryview(movie)).all(b"mdat")
    return heif_of(b"hvc1", configuration, movie[media.body : media.end])


def heif_of(kind: bytes, configuration: bytes, frame: bytes, *more: bytes, at: int = 0) -> bytes:
    extents = full(b"iloc", b"\x44\0", pack(">HHHHII", 1, 1, 0, 1, at, len(frame)))
    properties = boxed(b"ipco", configuration, full(b"ispe", pack(">II", 64, 48)))
    association = full(b"ipma", pack(">IHBBB", 1, 1, 2, 0x81, 2))
    meta = full(
        b"meta",
        full(b"hdlr", bytes(4), b"pict", bytes(13)),
        full(b"pitm", pack(">H", 1)),
        extents,
        full(b"iinf", pack(">H", 1), full(b"infe", pack(">HH", 1, 0), kind, b"\0", version=2)),
        boxed(b"iprp", properties, association),
        *more,
    )
    before = boxed(b"ftyp", b"heic", bytes(4), b"mif1heic") + meta
    return before + boxed(b"mdat", frame) if at else heif_of(kind, configuration, frame, *more, at=len(before) + 8)


def pixels(file: bytes) -> list[bytes]:
    with Image.open(io.BytesIO(file)) as picture:
        found = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            found.append(picture.tobytes())
        return found


def labelled(file: bytes) -> bytes:
    """The file with LABEL in its XMP item, and the same again when it is labelled again."""
    new = joined(heif.write(memoryview(file), IMPRINT))
    (found,) = heif.read(memoryview(new))
    assert (found.label, found.place, found.faults) == (LABEL, PLACE, ())
    assert joined(heif.write(memoryview(new), IMPRINT)) == new
    return new


PICTURES: dict[str, Callable[[], bytes]] = {
    "plain": avif,
    "with an alpha plane": lambda: avif(mode="RGBA"),
    "with XMP": lambda: avif(xmp=ELEMENT.encode()),
    "with EXIF": lambda: avif(exif=block()),
    "a sequence": lambda: avif(frames=3),
    "a sequence with XMP": lambda: avif(frames=3, xmp=ELEMENT.encode()),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_pixels_stay_and_exiftool_reads_the_label(kind: str, tmp_path: Path) -> None:
    file = PICTURES[kind]()
    new = labelled(file)
    assert pixels(new) == pixels(file)
    assert decoded(new) == decoded(file)
    seen_by_exiftool(new, tmp_path, "avif")


def test_heic_decodes_as_before(tmp_path: Path) -> None:
    new = labelled(heic())
    assert len(decoded(heic())) == 1
    assert decoded(new) == decoded(heic())
    seen_by_exiftool(new, tmp_path, "heic")


def test_the_packet_describes_the_primary_picture() -> None:
    new = labelled(heic())
    assert boxed(b"cdsc", pack(">HHH", 2, 1, 1)) in new
    assert new.endswith(IsoFile(memoryview(new)).file[IsoFile(memoryview(new)).all(b"mdat")[1].start :])


@pytest.mark.parametrize("frames", [1, 3])
def test_other_properties_of_xmp_stay_and_the_old_label_goes(frames: int) -> None:
    """In a sequence, the item of the picture and that of the track are the same bytes."""
    new = labelled(avif(frames=frames, xmp=ELEMENT.encode()))
    assert INNER.encode() not in new
    with Image.open(io.BytesIO(new)) as picture:
        assert picture.info["xmp"].count(b"<TC260:AIGC>") == 1
        assert b"image/png" in picture.info["xmp"]


def test_a_packet_with_padding_is_replaced_where_it_is() -> None:
    file = avif(xmp=ELEMENT.encode() + b" " * 2000)
    new = labelled(file)
    assert len(new) == len(file)
    assert new[:200] == file[:200]


def test_a_label_in_exif_is_read_as_out_of_place_and_blanked() -> None:
    file = avif(exif=block(b"ASCII\0\0\0" + wrap(OTHER)))
    (found,) = heif.read(memoryview(file))
    assert (found.label, found.place, found.faults) == (OTHER, "HEIF EXIF UserComment", (Fault.PLACE,))
    new = labelled(file)
    assert b"doubao" not in new
    assert pixels(new) == pixels(file)


def item_in_idat(packet: bytes, *, extents: int = 1) -> bytes:
    """A picture whose XMP lies in `idat`, in some extents."""
    share = -(-len(packet) // extents)
    runs = b"".join(pack(">II", at, min(share, len(packet) - at)) for at in range(0, len(packet), share))
    iloc = full(b"iloc", b"\x44\0", pack(">HHHHH", 1, 7, 1, 0, extents), runs, version=1)
    infe = full(b"infe", pack(">HH", 7, 0), b"mime\0application/rdf+xml\0", version=2)
    meta = full(b"meta", full(b"hdlr", bytes(20)), full(b"iinf", pack(">H", 1), infe), iloc, boxed(b"idat", packet))
    return boxed(b"ftyp", b"mif1") + meta + boxed(b"mdat", b"pixels")


@pytest.mark.parametrize("extents", [1, 3])
def test_a_packet_in_idat_moves_to_the_end(extents: int) -> None:
    file = item_in_idat(ELEMENT.encode(), extents=extents)
    assert [found.label for found in heif.read(memoryview(file))] == [OTHER]
    new = joined(heif.write(memoryview(file), IMPRINT))
    assert [found.label for found in heif.read(memoryview(new))] == [LABEL]
    assert INNER.encode() not in new
    assert len(IsoFile(memoryview(new)).top) == 4


def test_media_data_open_to_the_end_gets_a_size() -> None:
    file = avif()
    at = file.index(b"mdat") - 4
    assert pixels(labelled(file[:at] + bytes(4) + file[at + 4 :])) == pixels(file)


def test_a_label_in_a_box_of_xmp_is_blanked() -> None:
    beside = boxed(XMP_BOX[:4], XMP_BOX[4:], ELEMENT.encode(), b" " * 300)
    (found,) = heif.read(memoryview(avif() + beside))
    assert (found.label, found.faults) == (OTHER, (Fault.PLACE,))
    assert pixels(labelled(avif() + beside)) == pixels(avif())


@pytest.mark.parametrize(
    "file",
    [
        boxed(b"ftyp", b"avif"),
        boxed(b"ftyp", b"avif") + full(b"meta", full(b"hdlr", bytes(20))),
        item_in_idat(ELEMENT.encode()).replace(b"idat", b"free"),
        item_in_idat(ELEMENT.encode()).replace(pack(">HH", 1, 7), pack(">HH", 9, 7)),
        full(b"meta", full(b"hdlr", bytes(20)), full(b"iinf", pack(">H", 0)), full(b"iloc", bytes(4))),
        full(b"meta", full(b"hdlr", bytes(20))) * 2,
    ],
)
def test_items_that_cannot_be_end_in_bad_file(file: bytes) -> None:
    with pytest.raises(BadFile):
        heif.write(memoryview(file), IMPRINT)


@hostile
@given(st.data())
def test_a_broken_file_gives_labels_or_bad_file(draws: st.DataObject) -> None:
    made = avif(frames=3, xmp=ELEMENT.encode(), exif=block(b"ASCII\0\0\0" + wrap(OTHER)))
    files = [heif_of(b"hvc1", boxed(b"hvcC"), b"pixels"), item_in_idat(ELEMENT.encode(), extents=2), made[:1600]]
    survives(format_of(heif.FORMATS, "heic"), draws.draw(mutated(files)))


def test_what_cannot_keep_a_label_is_refused() -> None:
    whole = heif_of(b"hvc1", boxed(b"hvcC"), b"pixels")
    assert heif.write(memoryview(whole), IMPRINT)
    item = pack(">H", 1) + full(b"infe", pack(">HH", 1, 0), b"hvc1", b"\0", version=2)
    for broken in (
        whole + b"rest",
        whole.replace(item, pack(">H", 2) + item[2:]),
        whole.replace(item[2:6], pack(">I", 14)),
    ):
        assert broken != whole
        with pytest.raises(BadFile):
            heif.write(memoryview(broken), IMPRINT)


def test_a_packet_that_lies_in_other_boxes_is_not_written_over() -> None:
    file = (
        item_in_idat(ELEMENT.encode())
        .replace(b"idat", b"free")
        .replace(pack(">HHHHH", 1, 7, 1, 0, 1), pack(">HHHHH", 1, 7, 0, 0, 1))
    )
    with pytest.raises(BadFile, match="media data"):
        heif.write(memoryview(file), IMPRINT)


def test_the_first_place_of_an_item_goes_in_front_of_what_is_no_place() -> None:
    file = item_in_idat(ELEMENT.encode()).replace(pack(">HHHHH", 1, 7, 1, 0, 1), pack(">HHHHH", 0, 7, 1, 0, 1))
    new = joined(heif.write(memoryview(file), IMPRINT))
    assert [found.label for found in heif.read(memoryview(new))] == [LABEL]
