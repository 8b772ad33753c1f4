from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import flac
from hanlin.labels.found import Fault
from tests.labels.formats.test_mp4 import TEXT, decoded, film, hostile, labelled, seen_by_ffmpeg, survives
from tests.labels.formats.test_xmp import IMPRINT, INNER, OTHER, data, exiftool, joined, mutated

(FORMAT,) = flac.FORMATS
PLACE = "FLAC Vorbis comment"


def samples(file: bytes) -> Any:
    return soundfile.read(io.BytesIO(file), dtype="int32")[0].tobytes()


@cache
def of_libsndfile(frames: int = 4000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(1).uniform(-0.5, 0.5, frames), 8000, format="FLAC")
    return file.getvalue()


def of_ffmpeg() -> bytes:
    return film("flac", sound="flac")


def block(kind: int, content: bytes, *, last: bool = False) -> bytes:
    return pack(">I", last << 31 | kind << 24 | len(content)) + content


def comments(*entries: bytes, count: int | None = None) -> bytes:
    counted = b"".join(pack("<I", len(entry)) + entry for entry in entries)
    return pack("<I", 6) + b"vendor" + pack("<I", len(entries) if count is None else count) + counted


STREAM_INFO = block(0, of_libsndfile()[8:42])
FRAMES = memoryview(of_libsndfile())[-2000:].tobytes()


def flac_file(*blocks: bytes) -> bytes:
    """A file of these blocks; the last one must say that it is."""
    return b"fLaC" + STREAM_INFO + b"".join(blocks) + FRAMES


@pytest.mark.parametrize("make", [of_libsndfile, of_ffmpeg])
def test_sound_stays_and_ffmpeg_reads_the_label(make: Any) -> None:
    file = make()
    new = labelled(FORMAT, file, PLACE)
    assert samples(new) == samples(file)
    assert decoded(new) == decoded(file)
    tags = seen_by_ffmpeg(new)
    assert tags["AIGC"] == TEXT
    assert {**tags, "AIGC": ""} == {**seen_by_ffmpeg(file), "AIGC": ""}


def test_exiftool_reads_the_label_and_the_title(tmp_path: Path) -> None:
    fields = exiftool(joined(flac.write(memoryview(of_ffmpeg()), IMPRINT)), tmp_path, "flac")
    assert (fields["Vorbis:Aigc"], fields["Vorbis:Title"]) == (TEXT, "Mountains")
    assert "ExifTool:Warning" not in fields


def test_only_the_comments_change() -> None:
    seek_table = block(3, bytes(18))
    file = flac_file(
        seek_table, block(4, comments(b"TITLE=a", b"AIGC=" + INNER.encode())), block(1, bytes(9), last=True)
    )
    new = labelled(FORMAT, file, PLACE)
    kept = comments(b"TITLE=a", b"AIGC=" + TEXT.encode())
    assert new == flac_file(seek_table, block(4, kept), block(1, bytes(9), last=True))


def test_a_file_without_comments_gets_some_behind_its_first_block() -> None:
    alone = b"fLaC" + b"\x80" + STREAM_INFO[1:] + FRAMES
    new = labelled(FORMAT, alone, PLACE)
    assert new.startswith(b"fLaC" + STREAM_INFO + b"\x84")
    assert new.endswith(FRAMES)


@pytest.mark.parametrize(
    ("entry", "faults"),
    [
        (b"aigc=" + wrap(OTHER), ()),
        (b"MY_AIGC=" + INNER.encode(), ()),
        (b"COMMENT=" + INNER.encode(), (Fault.PLACE,)),
    ],
)
def test_labels_under_other_names_are_read_and_replaced(entry: bytes, faults: tuple[Fault, ...]) -> None:
    file = flac_file(block(4, comments(entry, b"A=kept"), last=True))
    (found,) = flac.read(memoryview(file))
    assert (found.label, found.place, found.faults) == (OTHER, PLACE, faults)
    kept = comments(b"A=kept", b"AIGC=" + TEXT.encode())
    assert labelled(FORMAT, file, PLACE) == flac_file(block(4, kept, last=True))


def test_a_tag_of_id3_in_front_stays_without_its_label() -> None:
    text = b"\0AIGC\0" + wrap(OTHER)
    content = b"TXXX" + len(text).to_bytes(4) + bytes(2) + text + b"TIT2\0\0\0\2\0\0\0a"
    tag = b"ID3\3\0\0" + bytes([0, 0, len(content) >> 7, len(content) & 0x7F]) + content
    file = tag + of_libsndfile()
    (found,) = flac.read(memoryview(file))
    assert (found.label, found.place, found.faults) == (OTHER, "ID3 TXXX", (Fault.PLACE,))
    new = labelled(FORMAT, file, PLACE)
    assert new.startswith(tag[:10] + b"TIT2\0\0\0\2\0\0\0a\0")
    assert new[len(tag) :] == joined(flac.write(memoryview(of_libsndfile()), IMPRINT))


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"fLaC",
        b"fLaC" + block(4, comments(), last=True),
        flac_file(block(0, bytes(34), last=True)),
        flac_file(b"\x84\xff\xff\xff"),
        flac_file(block(4, b"", last=True)),
        flac_file(block(4, comments(count=1 << 31), last=True)),
        flac_file(block(4, comments(count=1), last=True)),
        flac_file(block(4, comments(b"a=" + b"b" * ((1 << 24) - 100)), last=True)),
        b"fLaC" + STREAM_INFO + block(1, b"") * 10_001,
    ],
)
def test_blocks_that_cannot_be_end_in_bad_file(file: bytes) -> None:
    with pytest.raises(BadFile):
        flac.write(memoryview(file), IMPRINT)


def test_real_speech_stays() -> None:
    file = data("speech", "en_jfk.flac").read_bytes()
    assert samples(labelled(FORMAT, file, PLACE)) == samples(file)


@hostile
@given(st.data())
def test_a_broken_file_gives_labels_or_bad_file(draws: st.DataObject) -> None:
    files = [of_libsndfile(40), flac_file(block(4, comments(b"A=b", b"AIGC=" + INNER.encode()), last=True))[:600]]
    survives(FORMAT, draws.draw(mutated(files)))
