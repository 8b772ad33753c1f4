from __future__ import annotations

import hashlib
import io
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from struct import pack
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import mp4
from hanlin.labels.formats.format import Format
from hanlin.labels.formats.isobmff import IsoFile, boxed
from hanlin.labels.found import Fault
from hanlin.labels.imprint import Imprint
from tests.labels.formats.test_xmp import ELEMENT, IMPRINT, INNER, LABEL, OTHER, data, exiftool, joined, mutated

av: Any = pytest.importorskip("av")
TEXT = msgspec.json.encode(LABEL).decode()
SMALL = Imprint(OTHER)


@cache
def film(
    ending: str,
    *,
    video: str = "",
    sound: str = "",
    metadata: tuple[tuple[str, str], ...] = (("title", "Mountains"),),
    seconds: float = 1,
    **options: str,
) -> bytes:
    """A small file of noise, with a key frame every three pictures; `ending` is ffmpeg's name of the format."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{ending}"
        with av.open(str(path), "w", format=ending, options=options) as container:
            container.metadata.update(metadata)
            pictures = container.add_stream(video, rate=12, width=64, height=48, pix_fmt="yuv420p") if video else None
            if pictures:
                pictures.gop_size = 3
            tones = container.add_stream(sound, rate=48000, layout="mono") if sound else None
            for number in range(int(12 * seconds)):
                mux_frame(container, pictures, tones, number)
            for stream in filter(None, (pictures, tones)):
                container.mux(stream.encode(None))
        return path.read_bytes()


def mux_frame(container: Any, pictures: Any, tones: Any, number: int) -> None:
    noise = np.random.default_rng(number)
    if pictures:
        picture = av.VideoFrame.from_ndarray(noise.integers(0, 255, (48, 64, 3), dtype=np.uint8), format="rgb24")
        picture.pts = number
        container.mux(pictures.encode(picture))
    if tones:
        tone = av.AudioFrame.from_ndarray(noise.integers(-3000, 3000, (1, 4000), dtype=np.int16), "s16", "mono")
        tone.sample_rate, tone.pts = 48000, number * 4000
        container.mux(tones.encode(tone))


def decoded(file: bytes) -> Counter[tuple[int, int | None, str]]:
    """Every frame that ffmpeg makes of a file: its stream, its time, a hash of its samples."""
    with av.open(io.BytesIO(file)) as container:
        return Counter(
            (frame_stream, frame.pts, hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest())
            for packet in container.demux()
            for frame_stream, frame in ((packet.stream.index, frame) for frame in packet.decode())
        )


def after_seeking(file: bytes) -> list[int]:
    """The time of the first frame after jumps to some places of the first stream."""
    with av.open(io.BytesIO(file)) as container:
        stream = container.streams[0]
        found = []
        for part in (0.8, 0.3, 0.6):
            container.seek(int(part / stream.time_base), stream=stream)
            found.append(next(container.decode(stream)).pts)
        return found


def seen_by_ffmpeg(file: bytes) -> Mapping[str, str]:
    with av.open(io.BytesIO(file)) as container:
        tags: dict[str, str] = dict(container.metadata)
        for stream in container.streams:
            tags |= stream.metadata
        return tags


def format_of(formats: tuple[Format, ...], name: str) -> Format:
    return next(one for one in formats if one.name == name)


def labelled(format_: Format, file: bytes, place: str) -> bytes:
    """The file with LABEL, after the checks that hold for every format.

    One label, where the guide wants it; the same file when it is labelled again, and when it had another label before.
    """
    new = joined(format_.write(memoryview(file), IMPRINT))
    (found,) = format_.read(memoryview(new))
    assert (found.label, found.place, found.text, found.faults) == (LABEL, place, TEXT, ())
    assert joined(format_.write(memoryview(new), IMPRINT)) == new
    other = joined(format_.write(memoryview(joined(format_.write(memoryview(file), SMALL))), IMPRINT))
    assert [one.label for one in format_.read(memoryview(other))] == [LABEL]
    return new


def survives(format_: Format, file: bytes) -> None:
    """A broken file gives labels, or a file, or BadFile."""
    for attempt in (format_.read, lambda broken: format_.write(broken, IMPRINT)):
        with suppress(BadFile):
            attempt(memoryview(file))


hostile = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

AVC: dict[str, Any] = {"video": "libx264", "sound": "aac"}
KINDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "moov at the end": ("mp4", lambda: film("mp4", **AVC)),
    "moov first": ("mp4", lambda: film("mp4", movflags="faststart", **AVC)),
    "keys": ("mp4", lambda: film("mp4", movflags="faststart+use_metadata_tags", **AVC)),
    "fragments": ("mp4", lambda: film("mp4", movflags="frag_keyframe+empty_moov", **AVC)),
    "fragments by moof": ("mp4", lambda: film("mp4", movflags="frag_keyframe+empty_moov+default_base_moof", **AVC)),
    "index of segments": ("mp4", lambda: film("mp4", movflags="dash+global_sidx+frag_keyframe", **AVC)),
    "QuickTime": ("mov", lambda: film("mov", **AVC)),
    "QuickTime with keys": ("mov", lambda: film("mov", movflags="use_metadata_tags", **AVC)),
    "M4A": ("m4a", lambda: film("ipod", sound="aac")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_streams_stay_and_ffmpeg_reads_the_label(kind: str) -> None:
    name, make = KINDS[kind]
    new = labelled(format_of(mp4.FORMATS, name), make(), "MP4 moov.udta.meta")
    assert decoded(new) == decoded(make())
    assert after_seeking(new) == after_seeking(make())
    tags = seen_by_ffmpeg(new)
    assert (tags["AIGC"], tags["title"]) == (TEXT, "Mountains")


@pytest.mark.parametrize("kind", ["moov first", "keys", "QuickTime", "M4A"])
def test_exiftool_reads_the_label_and_the_title(kind: str, tmp_path: Path) -> None:
    name, make = KINDS[kind]
    fields = exiftool(joined(mp4.write(memoryview(make()), IMPRINT)), tmp_path, name)
    assert fields["Keys:AIGC"] == TEXT
    assert "Mountains" in fields.values()
    assert "ExifTool:Warning" not in fields


def text_item(kind: bytes, text: bytes) -> bytes:
    return boxed(kind, boxed(b"data", pack(">II", 1, 0), text))


def tag_list(handler: bytes, *more: bytes) -> bytes:
    return boxed(b"meta", bytes(4), boxed(b"hdlr", bytes(8), handler, bytes(13)), *more)


KEYS = boxed(b"keys", pack(">II", 0, 2), boxed(b"mdta", b"com.app"), boxed(b"mdta", b"AIGC"))
ONE = pack(">I", 1)
TWO = pack(">I", 2)
OUT_OF_PLACE = {
    "a meta of keys in moov": (
        tag_list(b"mdta", KEYS, boxed(b"ilst", text_item(TWO, INNER.encode()))), "MP4 moov.meta"),
    "QuickTime's meta, without a version": (
        boxed(b"meta", tag_list(b"mdta", KEYS, boxed(b"ilst", text_item(TWO, wrap(OTHER))))[12:]), "MP4 moov.meta"),
    "a list without keys": (
        boxed(b"udta", tag_list(b"mdir", boxed(b"ilst", text_item(b"\xa9cmt", INNER.encode())))),
        "MP4 moov.udta.meta"),
    "a list without keys, beside other tags": (
        boxed(b"udta", tag_list(b"mdir", boxed(b"ilst", text_item(b"\xa9nam", b"Hi"), text_item(ONE, wrap(OTHER))))),
        "MP4 moov.udta.meta"),
    "another key": (
        boxed(b"udta", tag_list(b"mdta", KEYS, boxed(b"ilst", text_item(ONE, INNER.encode())))),
        "MP4 moov.udta.meta"),
    "a meta of a track": (
        boxed(b"trak", tag_list(b"mdta", KEYS, boxed(b"ilst", text_item(TWO, INNER.encode())))),
        "MP4 moov.trak.meta"),
    "user data of QuickTime": (
        boxed(b"udta", boxed(b"\xa9cmt", pack(">HH", len(INNER), 0), INNER.encode()), bytes(4)),
        "MP4 moov.udta"),
    "XMP of QuickTime": (boxed(b"udta", boxed(b"XMP_", ELEMENT.encode())), "MP4 moov.udta XMP"),
}  # fmt: skip


@pytest.mark.parametrize("form", OUT_OF_PLACE)
def test_a_label_elsewhere_is_read_as_out_of_place_and_replaced(form: str) -> None:
    box, place = OUT_OF_PLACE[form]
    file = boxed(b"ftyp", b"isom") + boxed(b"moov", box) + boxed(b"mdat", b"media")
    (found,) = mp4.read(memoryview(file))
    assert (found.label, found.place) == (OTHER, place)
    assert found.faults == (Fault.PLACE,)
    new = labelled(mp4.FORMATS[0], file, "MP4 moov.udta.meta")
    assert INNER.encode() not in new
    assert new.endswith(boxed(b"mdat", b"media"))


def test_other_tags_stay_where_they_are() -> None:
    items = boxed(b"ilst", text_item(TWO, INNER.encode()), text_item(ONE, b"kept"))
    file = boxed(b"moov", boxed(b"udta", tag_list(b"mdta", KEYS, items), boxed(b"loci", b"here"), bytes(4)))
    new = joined(mp4.write(memoryview(file), IMPRINT))
    kept = boxed(b"ilst", text_item(ONE, b"kept"), text_item(TWO, TEXT.encode()))
    assert new == boxed(b"moov", boxed(b"udta", tag_list(b"mdta", KEYS, kept), boxed(b"loci", b"here"), bytes(4)))


def test_a_key_named_like_the_label_is_replaced_whatever_it_holds() -> None:
    file = film("mp4", metadata=(("AIGC", "yes"),), movflags="use_metadata_tags", **AVC)
    new = labelled(mp4.FORMATS[0], file, "MP4 moov.udta.meta")
    assert new.count(b"AIGC") == 1
    assert seen_by_ffmpeg(new)["AIGC"] == TEXT


def test_xmp_beside_the_film_keeps_its_other_properties_and_its_place() -> None:
    packet = boxed(mp4.XMP_BOX[:4], mp4.XMP_BOX[4:], ELEMENT.encode(), b" " * 400)
    file = film("mp4", **AVC) + packet
    assert [(one.label, one.place) for one in mp4.read(memoryview(file))] == [(OTHER, "MP4 uuid XMP")]
    new = labelled(mp4.FORMATS[0], file, "MP4 moov.udta.meta")
    assert len(new) - len(labelled(mp4.FORMATS[0], film("mp4", **AVC), "MP4 moov.udta.meta")) == len(packet)
    assert b"image/png" in new


def test_media_data_is_handed_on_and_never_copied() -> None:
    file = film("mp4", movflags="faststart", **AVC) + boxed(b"mdat", bytes(1 << 20))
    pieces = mp4.write(memoryview(file), IMPRINT)
    assert sum(len(piece) for piece in pieces if isinstance(piece, bytes)) < 4096
    assert all(piece.obj is file for piece in pieces if isinstance(piece, memoryview))


def test_moov_moves_to_the_end_where_offsets_would_need_more_than_32_bits() -> None:
    table = boxed(b"stco", pack(">III", 0, 1, (1 << 32) - 9))
    moov = boxed(b"moov", boxed(b"trak", boxed(b"mdia", boxed(b"minf", boxed(b"stbl", table)))))
    file = moov + boxed(b"mdat", b"media")
    new = labelled(mp4.FORMATS[0], file, "MP4 moov.udta.meta")
    assert new.startswith(pack(">I4s", len(moov), b"free") + bytes(len(moov) - 8) + boxed(b"mdat", b"media"))
    assert table in new
    for unlike in (file + boxed(b"moof"), moov + pack(">I4s", 0, b"mdat")):
        with pytest.raises(BadFile, match="4 GiB"):
            mp4.write(memoryview(unlike), IMPRINT)


def test_a_film_that_ends_early_is_read_and_not_written() -> None:
    file = memoryview(joined(mp4.write(memoryview(film("mp4", movflags="faststart", **AVC)), IMPRINT)))[:-100]
    assert [found.label for found in mp4.read(file)] == [LABEL]
    with pytest.raises(BadFile, match="left"):
        mp4.write(file, IMPRINT)


@pytest.mark.parametrize(
    "file", [boxed(b"ftyp", b"isom"), boxed(b"moov") * 2, boxed(b"moov", boxed(b"cmov", bytes(40)))]
)
def test_a_file_without_one_plain_moov_is_refused(file: bytes) -> None:
    with pytest.raises(BadFile):
        mp4.write(memoryview(file), IMPRINT)


@pytest.mark.parametrize("text", [b"{}", b"AIGC", b'{"Label":"1"}', b"Label ContentProducer AIGC", b"\xff\xfe{"])
def test_ordinary_tags_are_no_labels(text: bytes) -> None:
    items = boxed(b"ilst", text_item(ONE, text), text_item(TWO, text))
    file = boxed(b"moov", boxed(b"udta", tag_list(b"mdta", KEYS, items), boxed(b"\xa9cmt", text)))
    assert mp4.read(memoryview(file)) == []


@cache
def small() -> list[bytes]:
    made = [
        film("mp4", sound="aac", seconds=0.2, movflags=flags) for flags in ("faststart", "frag_keyframe+empty_moov")
    ]
    odd = [boxed(b"moov", box) + boxed(b"mdat", b"media") for box, _ in OUT_OF_PLACE.values()]
    return [*made, *(joined(mp4.write(memoryview(one), IMPRINT)) for one in made), *odd]


@hostile
@given(st.data())
def test_a_broken_file_gives_labels_or_bad_file(draws: st.DataObject) -> None:
    survives(mp4.FORMATS[0], draws.draw(mutated(small())))


@pytest.mark.slow
def test_a_real_film_keeps_every_frame() -> None:
    file = data("video", "big_buck_bunny_small.mp4").read_bytes()
    new = labelled(mp4.FORMATS[0], file, "MP4 moov.udta.meta")
    assert decoded(new) == decoded(file)
    assert len(IsoFile(memoryview(new)).top) == len(IsoFile(memoryview(file)).top)


def test_a_list_of_keys_too_short_for_its_fields_is_a_bad_file() -> None:
    handler = boxed(b"hdlr", bytes(8), b"mdta", bytes(13))
    meta = boxed(b"meta", bytes(4), handler, boxed(b"keys", bytes(3)), boxed(b"ilst"))
    file = boxed(b"ftyp", b"isom") + boxed(b"moov", boxed(b"udta", meta))
    with pytest.raises(BadFile, match="keys"):
        mp4.write(memoryview(file), IMPRINT)
