from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from struct import pack
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import ogg
from hanlin.labels.found import Fault
from hanlin.labels.imprint import Imprint
from tests.labels.formats.test_flac import comments
from tests.labels.formats.test_mp4 import (
    TEXT,
    decoded,
    film,
    format_of,
    hostile,
    labelled,
    seen_by_ffmpeg,
    survives,
)
from tests.labels.formats.test_xmp import IMPRINT, INNER, LABEL, OTHER, exiftool, joined, mutated

OGG, OPUS = ogg.FORMATS
LONG = Imprint(msgspec.structs.replace(LABEL, reserved_code1="x" * 60_000))
"""As long as a label may be to be read again."""


def samples(file: bytes) -> Any:
    return soundfile.read(io.BytesIO(file))[0].tobytes()


@cache
def of_libsndfile(codec: str, frames: int = 100_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(1).uniform(-0.5, 0.5, frames), 48000, format="OGG", subtype=codec)
    return file.getvalue()


def crc(data: bytes) -> int:
    """RFC 3533, 6, bit by bit."""
    register = 0
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFFFFFF
    return register


def page(packets: bytes, *, flags: int = 0, serial: int = 1, sequence: int = 0, laces: bytes | None = None) -> bytes:
    table = bytes([len(packets)]) if laces is None else laces
    head = b"OggS\0" + bytes([flags]) + bytes(8) + pack("<II", serial, sequence)
    rest = bytes([len(table)]) + table + packets
    return head + pack("<I", crc(head + bytes(4) + rest)) + rest


def check_pages(file: bytes, *, fully: bool = False) -> int:
    """Pages follow one another in each stream, and their checksums hold; how many there are."""
    last: dict[int, int] = {}
    at = count = 0
    while at < len(file):
        assert file[at : at + 4] == b"OggS"
        end = at + 27 + file[at + 26] + sum(file[at + 27 : at + 27 + file[at + 26]])
        serial, sequence, checksum = (
            int.from_bytes(file[at + place : at + place + 4], "little") for place in (14, 18, 22)
        )
        assert sequence == (0 if file[at + 5] & 2 else last[serial] + 1)
        if fully or count < 6:
            assert checksum == crc(file[at : at + 22] + bytes(4) + file[at + 26 : end])
        last[serial], at, count = sequence, end, count + 1
    return count


SOUNDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "Vorbis": ("Vorbis", lambda: of_libsndfile("VORBIS")),
    "Opus": ("Opus", lambda: of_libsndfile("OPUS")),
    "Opus of ffmpeg": ("Opus", lambda: film("ogg", sound="libopus")),
    "FLAC": ("FLAC", lambda: film("ogg", sound="flac")),
}


@pytest.mark.parametrize("kind", SOUNDS)
def test_sound_stays_and_ffmpeg_reads_the_label(kind: str) -> None:
    codec, make = SOUNDS[kind]
    file = make()
    new = labelled(format_of(ogg.FORMATS, "opus" if codec == "Opus" else "ogg"), file, f"Ogg {codec} comment")
    assert decoded(new) == decoded(file)
    assert codec == "FLAC" or samples(new) == samples(file)  # libsndfile does not read what ffmpeg makes of FLAC
    assert check_pages(new) == check_pages(file)
    tags = seen_by_ffmpeg(new)
    assert tags["AIGC"] == TEXT
    assert tags.get("title") == seen_by_ffmpeg(file).get("title")


@pytest.mark.parametrize("kind", ["Vorbis", "FLAC"])
def test_headers_that_need_more_pages_renumber_the_rest(kind: str) -> None:
    """More than 65,025 bytes do not fit on one page."""
    codec, make = SOUNDS[kind]
    file = make()
    large = joined(ogg.write(memoryview(file), LONG))
    with_cover = joined(ogg.write(memoryview(large.replace(b'AIGC={"Label"', b'Text={"Lobel"')), LONG))
    assert [one.label for one in ogg.read(memoryview(with_cover))] == [LONG.label]
    assert ogg.read(memoryview(with_cover))[0].place == f"Ogg {codec} comment"
    assert check_pages(with_cover, fully=True) > check_pages(file)
    assert decoded(with_cover) == decoded(file)
    assert len(seen_by_ffmpeg(with_cover)["Text"]) > 60_000
    back = joined(ogg.write(memoryview(large), IMPRINT))
    check_pages(back, fully=True)
    assert decoded(back) == decoded(file)


def test_pages_of_sound_are_handed_on_where_no_number_changes() -> None:
    file = of_libsndfile("VORBIS")
    pieces = ogg.write(memoryview(file), IMPRINT)
    assert sum(len(piece) for piece in pieces if isinstance(piece, bytes)) < 8192


@pytest.mark.parametrize("kind", ["Vorbis", "Opus"])
def test_exiftool_reads_the_label(kind: str, tmp_path: Path) -> None:
    fields = exiftool(joined(ogg.write(memoryview(SOUNDS[kind][1]()), IMPRINT)), tmp_path, "ogg")
    assert fields["Vorbis:Aigc"] == TEXT
    assert "ExifTool:Warning" not in fields


def opus(*tags: bytes, serial: int = 1) -> list[bytes]:
    head = page(b"OpusHead" + bytes(11), flags=2, serial=serial)
    return [head, *(page(packet, serial=serial, sequence=number) for number, packet in enumerate(tags, 1))]


def packet_with(*entries: bytes) -> bytes:
    return b"OpusTags" + comments(*entries)


def test_of_many_streams_one_holds_the_label_and_the_others_stay() -> None:
    """Two streams side by side, one nobody knows, and one chained behind."""
    first, second, chained = (opus(packet_with(b"A=" + bytes([64 + serial])), serial=serial) for serial in (1, 2, 3))
    unknown = [page(b"fishead\0", flags=2, serial=9), page(b"index", serial=9, sequence=1)]
    sound = [page(b"sound%d" % serial, serial=serial, sequence=2) for serial in (1, 2, 3)]
    file = b"".join([
        first[0], second[0], unknown[0], second[1], unknown[1], first[1], sound[1], sound[0],
        chained[0], chained[1], sound[2],
    ])  # fmt: skip
    new = joined(ogg.write(memoryview(file), IMPRINT))
    # The same pages, but for the one with the comments of the first stream.
    before, _, after = file.partition(first[1])
    assert new.startswith(before)
    assert new.endswith(after)
    assert check_pages(new, fully=True) == check_pages(file)


def test_labels_in_other_streams_and_under_other_names_go() -> None:
    first, second = opus(packet_with(b"X=y")), opus(packet_with(b"comment=" + wrap(OTHER), b"A=b"), serial=2)
    file = first[0] + second[0] + first[1] + second[1] + page(b"sound", sequence=2)
    (found,) = ogg.read(memoryview(file))
    assert (found.label, found.place, found.faults) == (OTHER, "Ogg Opus comment", (Fault.PLACE,))
    new = labelled(OPUS, file, "Ogg Opus comment")
    assert page(packet_with(b"A=b"), serial=2, sequence=1) in new
    assert check_pages(new, fully=True) == 5


def test_a_page_on_which_no_packet_ends_has_no_position() -> None:
    packet = packet_with(b"A=" + b"b" * 100_000)
    laces = b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    pages = [
        page(packet[at * 255 : (at + 255) * 255], flags=bool(at), sequence=1 + at // 255, laces=laces[at : at + 255])
        for at in range(0, len(laces), 255)
    ]
    new = labelled(OPUS, opus()[0] + b"".join(pages) + page(b"sound", sequence=3), "Ogg Opus comment")
    starts = [at for at in range(len(new)) if new[at : at + 4] == b"OggS"]
    assert [new[at + 5 : at + 14] for at in starts] == [
        b"\x02" + bytes(8), b"\x00" + b"\xff" * 8, b"\x01" + bytes(8), bytes(9)]  # fmt: skip
    check_pages(new, fully=True)


def test_a_recording_that_ends_early_keeps_its_last_page_as_it_is() -> None:
    file = of_libsndfile("VORBIS")[:-300]
    new = joined(ogg.write(memoryview(file), IMPRINT))
    assert [found.label for found in ogg.read(memoryview(new))] == [LABEL]
    assert new[-2000:] == file[-2000:]


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"OggS",
        page(b"fishead\0", flags=2),
        b"".join(opus()),
        b"".join(opus(b"nothing")),
        b"".join(opus(packet_with())) + b"x" * 40,
        b"".join(opus(b"OpusTags" + b"\xff" * 8)),
        opus()[0] + page(packet_with() + b"sound", sequence=1, laces=bytes([len(packet_with()), 5])),
        page(b"\x7fFLAC" + bytes(20), flags=2) + page(b"\x83\0\0\0", sequence=1),
        b"".join(opus()[0] for _ in range(65)),
    ],
)
def test_pages_that_cannot_be_end_in_bad_file(file: bytes) -> None:
    with pytest.raises(BadFile):
        ogg.write(memoryview(file), IMPRINT)


@cache
def small() -> list[bytes]:
    label = b"AIGC=" + INNER.encode()
    made = [
        b"".join(opus(packet_with(b"A=b", label), b"sound")),
        of_libsndfile("OPUS", 100),
        of_libsndfile("VORBIS", 10),
    ]
    return [*made, film("ogg", sound="flac", seconds=0.1)]


@hostile
@given(st.data())
def test_a_broken_file_gives_labels_or_bad_file(draws: st.DataObject) -> None:
    survives(OGG, draws.draw(mutated(small())))
