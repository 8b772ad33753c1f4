from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import png
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

XMP = "XML:com.adobe.xmp"
IHDR_END = 33


def picture(mode: str = "RGB", info: PngInfo | None = None, *, exif: bytes | None = None, frames: int = 1) -> bytes:
    noise = np.random.default_rng(7).integers(0, 256, (24, 32, 4), dtype=np.uint8)
    images = [Image.fromarray(np.roll(noise, shift)).convert(mode) for shift in range(frames)]
    file = io.BytesIO()
    more = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(file, "PNG", pnginfo=info, exif=exif, **more)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(*chunks: bytes, after_pixels: bool = False) -> bytes:
    plain = picture()
    at = len(plain) - 12 if after_pixels else IHDR_END
    return plain[:at] + b"".join(chunks) + plain[at:]


def written(file: bytes) -> bytes:
    return joined(png.write(memoryview(file), IMPRINT))


def text(*, itxt: bool = False, compressed: bool = False, **values: str) -> PngInfo:
    info = PngInfo()
    for keyword, value in values.items():
        if itxt:
            info.add_itxt(keyword, value, zip=compressed)
        else:
            info.add_text(keyword, value, zip=compressed)
    return info


def xmp_info(packet: str = ELEMENT, *, compressed: bool = False) -> PngInfo:
    info = PngInfo()
    info.add_itxt(XMP, packet, zip=compressed)
    return info


def profile(name: str, body: bytes, kind: bytes = b"zTXt") -> bytes:
    """ImageMagick's way to keep a profile."""
    lines = "\n".join(body.hex()[at : at + 72] for at in range(0, 2 * len(body), 72))
    value = f"\n{name}\n{len(body):8}\n{lines}\n".encode()
    packed = b"\0" + zlib.compress(value) if kind == b"zTXt" else value
    return chunk(kind, f"Raw profile type {name}".encode() + b"\0" + packed)


LABELLED = {
    "XMP": (picture(info=xmp_info()), "PNG iTXt XMP", ()),
    "compressed XMP": (picture(info=xmp_info(compressed=True)), "PNG iTXt XMP", (Fault.PLACE,)),
    "XMP after the pixels": (
        with_chunks(chunk(b"iTXt", XMP.encode() + bytes(5) + ELEMENT.encode()), after_pixels=True), "PNG iTXt XMP", ()),
    "tEXt": (picture(info=text(AIGC=wrap(OTHER).decode())), "PNG tEXt AIGC", ()),
    "tEXt, inner object": (picture(info=text(AIGC=INNER)), "PNG tEXt AIGC", ()),
    "zTXt": (picture(info=text(AIGC=INNER, compressed=True)), "PNG zTXt AIGC", (Fault.PLACE,)),
    "iTXt": (picture(info=text(AIGC=INNER, itxt=True)), "PNG iTXt AIGC", (Fault.PLACE,)),
    "compressed iTXt": (picture(info=text(AIGC=INNER, itxt=True, compressed=True)), "PNG iTXt AIGC", (Fault.PLACE,)),
    "EXIF": (picture(exif=block(b"ASCII\0\0\0" + wrap(OTHER))), "PNG eXIf UserComment", (Fault.PLACE,)),
    "profile of XMP": (with_chunks(profile("xmp", ELEMENT.encode())), "PNG zTXt profile XMP", (Fault.PLACE,)),
    "profile of EXIF": (
        with_chunks(profile("exif", block(b"ASCII\0\0\0" + wrap(OTHER)), b"tEXt")),
        "PNG tEXt profile UserComment", (Fault.PLACE,)),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pixels_stay_and_the_label_stands_before_them(mode: str) -> None:
    image = Image.new(mode, (9, 7), 1) if mode == "I;16" else Image.open(io.BytesIO(picture(mode)))
    file = io.BytesIO()
    image.save(file, "PNG")
    labelled = written(file.getvalue())
    (found,) = png.read(memoryview(labelled))
    assert (found.label, found.place, found.faults) == (LABEL, "PNG iTXt XMP", ())
    assert Image.open(io.BytesIO(labelled)).tobytes() == Image.open(file).tobytes()
    assert labelled[IHDR_END + 4 : IHDR_END + 8] == b"iTXt"
    assert written(labelled) == labelled


def test_an_independent_reader_sees_the_label(tmp_path: Path) -> None:
    seen_by_exiftool(written(picture()), tmp_path, "png")


def test_a_real_picture_keeps_all_its_other_bytes() -> None:
    file = data("images", "rapidocr_ch_doc_server.png").read_bytes()
    labelled = written(file)
    (size,) = struct.unpack_from(">I", labelled, IHDR_END)
    assert labelled[:IHDR_END] + labelled[IHDR_END + 12 + size :] == file


@pytest.mark.parametrize("form", LABELLED)
def test_a_label_is_read_wherever_it_stands(form: str) -> None:
    file, place, faults = LABELLED[form]
    (found,) = png.read(memoryview(file))
    assert (found.label, found.place, found.faults) == (OTHER, place, faults)


@pytest.mark.parametrize("form", LABELLED)
def test_a_label_anywhere_is_replaced(form: str) -> None:
    labelled = written(LABELLED[form][0])
    assert [found.label for found in png.read(memoryview(labelled))] == [LABEL]
    Image.open(io.BytesIO(labelled)).load()


def test_other_texts_and_properties_stay() -> None:
    info = xmp_info()
    info.add_text("AIGC", "a word, and no label")
    info.add_text("Comment", "AIGC {}")
    labelled = Image.open(io.BytesIO(written(picture(info=info))))
    assert (labelled.info["AIGC"], labelled.info["Comment"]) == ("a word, and no label", "AIGC {}")
    assert "image/png" in labelled.info[XMP]


def test_a_second_packet_keeps_what_is_not_the_label() -> None:
    packet = chunk(b"iTXt", XMP.encode() + bytes(5) + ELEMENT.encode())
    labelled = written(with_chunks(packet, packet))
    assert [found.label for found in png.read(memoryview(labelled))] == [LABEL]
    assert labelled.count(b"image/png") == 2


def test_an_animation_keeps_its_frames() -> None:
    file = picture(frames=3)
    before, after = Image.open(io.BytesIO(file)), Image.open(io.BytesIO(written(file)))
    for frame in range(3):
        before.seek(frame)
        after.seek(frame)
        assert before.tobytes() == after.tobytes()


def test_apples_chunk_before_the_header_stays_first() -> None:
    file = picture()
    apple = file[:8] + chunk(b"CgBI", b"\x50\0\x20\x06") + file[8:]
    labelled = written(apple)
    assert labelled[12:16] == b"CgBI"
    assert labelled[28:32] == b"IHDR"
    assert labelled[53:57] == b"iTXt"


def test_what_stands_behind_the_end_stays() -> None:
    assert written(picture() + b"PK\3\4").endswith(b"IEND\xaeB`\x82PK\3\4")


def test_pixels_are_never_copied() -> None:
    pieces = png.write(memoryview(picture()), IMPRINT)
    assert [isinstance(piece, memoryview) for piece in pieces] == [True, False, True]


def test_a_cut_off_file_still_says_what_it_holds_and_is_not_written() -> None:
    labelled = written(picture())[:-40]
    assert [found.label for found in png.read(memoryview(labelled))] == [LABEL]
    with pytest.raises(BadFile, match="ends at byte"):
        written(labelled)
    with pytest.raises(BadFile):
        png.read(memoryview(picture()[:-40]))


def test_texts_that_inflate_without_end_are_refused() -> None:
    bomb = zlib.compress(b"AIGC" * 50_000_000, 9)
    with pytest.raises(BadFile, match="comes to more than"):
        png.read(memoryview(with_chunks(chunk(b"zTXt", b"AIGC\0\0" + bomb))))
    assert png.read(memoryview(with_chunks(chunk(b"zTXt", b"Comment\0\0" + bomb)))) == []
    small = chunk(b"zTXt", b"AIGC\0\0" + zlib.compress(bytes(1_000_000)))
    with pytest.raises(BadFile, match="too many"):
        png.read(memoryview(with_chunks(small * 1000)))


def test_a_million_chunks_are_refused() -> None:
    with pytest.raises(BadFile, match="chunks"):
        png.read(memoryview(with_chunks(chunk(b"teSt", b"") * 1_000_000)))


@given(mutated([file for file, _, _ in LABELLED.values()]))
def test_any_file_ends_with_this_one_label_or_is_refused(file: bytes) -> None:
    try:
        labelled = written(file)
    except BadFile:
        return
    assert [found.label for found in png.read(memoryview(labelled))] == [LABEL]


@given(mutated([file for file, _, _ in LABELLED.values()]))
def test_any_file_is_read_or_refused(file: bytes) -> None:
    try:
        png.read(memoryview(file))
    except BadFile:
        pass
