from __future__ import annotations

from functools import cache
from pathlib import Path
from struct import pack, unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import flv
from hanlin.labels.found import Fault
from tests.labels.formats.test_mp4 import TEXT, decoded, film, hostile, labelled, seen_by_ffmpeg, survives
from tests.labels.formats.test_xmp import IMPRINT, INNER, LABEL, OTHER, exiftool, joined, mutated

(FORMAT,) = flv.FORMATS
PLACE = "FLV onMetaData"
END = b"\0\0\x09"


def film_with(**options: str) -> bytes:
    return film("flv", video="libx264", sound="aac", **options)


@pytest.mark.parametrize("flags", ["aac_seq_header_detect", "add_keyframe_index", "no_metadata", "no_sequence_end"])
def test_streams_stay_and_ffmpeg_reads_the_label(flags: str) -> None:
    file = film_with(flvflags=flags)
    new = labelled(FORMAT, file, PLACE)
    assert decoded(new) == decoded(file)
    tags = seen_by_ffmpeg(new)
    assert tags["AIGC"] == TEXT
    assert tags.get("title") == seen_by_ffmpeg(file).get("title")


def numbers(file: bytes, name: bytes) -> list[float]:
    """The numbers of a property, one or an array of them."""
    at = file.index(name) + len(name)
    if file[at] == 0:
        return [unpack_from(">d", file, at + 1)[0]]
    return [unpack_from(">d", file, at + 6 + 9 * index)[0] for index in range(*unpack_from(">xI", file, at))]


def test_the_index_of_key_frames_and_the_size_follow() -> None:
    file = film_with(flvflags="add_keyframe_index")
    new = joined(flv.write(memoryview(file), IMPRINT))
    before, after = numbers(file, b"filepositions"), numbers(new, b"filepositions")
    assert len(before) > 2
    for old, moved in zip(before, after, strict=True):
        assert file[int(old) : int(old) + 40] == new[int(moved) : int(moved) + 40]
    assert numbers(new, b"filesize") == [len(new)]


def test_exiftool_reads_the_label_and_the_title(tmp_path: Path) -> None:
    fields = exiftool(joined(flv.write(memoryview(film_with()), IMPRINT)), tmp_path, "flv")
    assert (fields["Flash:AIGC"], fields["Flash:Title"]) == (TEXT, "Mountains")
    assert "ExifTool:Warning" not in fields


def text(content: bytes) -> bytes:
    return b"\x02" + pack(">H", len(content)) + content


def pair(name: bytes, value: bytes) -> bytes:
    return pack(">H", len(name)) + name + value


def tag(data: bytes, kind: int = 18) -> bytes:
    return bytes([kind]) + len(data).to_bytes(3) + bytes(7) + data + pack(">I", len(data) + 11)


def flash(*tags: bytes) -> bytes:
    return b"FLV\1\5" + pack(">I", 9) + bytes(4) + b"".join(tags)


def metadata(*pairs: bytes, count: int | None = None, end: bytes = END) -> bytes:
    return tag(
        text(b"onMetaData") + b"\x08" + pack(">I", len(pairs) if count is None else count) + b"".join(pairs) + end
    )


KEPT = pair(b"a", text(b"kept"))


def test_the_file_is_what_it_would_be_had_it_been_made_with_the_label() -> None:
    film_ = tag(b"picture", kind=9)
    new = joined(flv.write(memoryview(flash(metadata(KEPT, pair(b"b", b"\x05")), film_)), IMPRINT))
    assert new == flash(metadata(KEPT, pair(b"b", b"\x05"), pair(b"AIGC", text(TEXT.encode()))), film_)


NESTED = pair(b"c", b"\x03" + pair(b"AIGC", text(INNER.encode())) + END)
ARRAY = pair(b"c", b"\x0a" + pack(">I", 2) + text(INNER.encode()) + text(b"kept"))
LONG = pair(b"AIGC", b"\x0c" + pack(">I", len(INNER)) + INNER.encode())


@pytest.mark.parametrize(
    ("script", "faults", "left"),
    [
        (metadata(pair(b"AIGC", text(wrap(OTHER))), KEPT), (), (KEPT,)),
        (metadata(KEPT, pair(b"comment", text(INNER.encode()))), (Fault.PLACE,), (KEPT,)),
        (metadata(LONG, KEPT), (), (KEPT,)),
        (metadata(NESTED), (Fault.PLACE,), (pair(b"c", b"\x03" + END),)),
        (metadata(ARRAY), (Fault.PLACE,), (pair(b"c", b"\x0a" + pack(">I", 2) + b"\x05" + text(b"kept")),)),
    ],
)
def test_labels_in_other_forms_are_read_and_replaced(
    script: bytes, faults: tuple[Fault, ...], left: tuple[bytes, ...]
) -> None:
    file = flash(script, tag(b"picture", kind=9))
    (found,) = flv.read(memoryview(file))
    assert (found.label, found.faults) == (OTHER, faults)
    new = labelled(FORMAT, file, PLACE)
    kept = metadata(*left, pair(b"AIGC", text(TEXT.encode())))
    assert new[13 + 11 + 18 :] == flash(kept, tag(b"picture", kind=9))[13 + 11 + 18 :]


def test_a_plain_object_and_one_without_an_end_are_written_too() -> None:
    for script in (tag(text(b"onMetaData") + b"\x03" + KEPT + END), metadata(KEPT, end=b"")):
        assert KEPT in labelled(FORMAT, flash(script, tag(b"sound", kind=8)), PLACE)


def test_of_joined_streams_only_the_first_keeps_a_label() -> None:
    once = flash(metadata(KEPT, pair(b"AIGC", text(wrap(OTHER)))), tag(b"picture", kind=9))
    file = once + once[13:]
    assert [found.label for found in flv.read(memoryview(file))] == [OTHER, OTHER]
    assert labelled(FORMAT, file, PLACE).count(b"AIGC") == 1


def test_a_film_that_ends_early_is_labelled_as_it_is() -> None:
    file = film_with()[:-500]
    assert [found.label for found in flv.read(memoryview(labelled(FORMAT, file, PLACE)))] == [LABEL]


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"FLV\1\5" + pack(">I", 9),
        b"FLV\2\5" + pack(">I", 9) + bytes(9),
        b"FLV\1\5" + pack(">I", 1 << 30) + bytes(9),
        flash(metadata(pair(b"a", b"\x02\xff\xff"))),
        flash(metadata(pair(b"a", b"\x63"))),
        flash(metadata(pair(b"a", b"\x0a\xff\xff\xff\xff"))),
        flash(metadata(pair(b"a", (b"\x03" + pack(">H", 1) + b"a") * 5000))),
        flash(tag(text(b"onMetaData") + b"\x05")),
        flash(metadata(pair(b"a", b"\x0a" + pack(">I", 200_000) + b"\x05" * 200_000))),
    ],
)
def test_values_that_cannot_be_end_in_bad_file(file: bytes) -> None:
    with pytest.raises(BadFile):
        flv.write(memoryview(file), IMPRINT)


@cache
def small() -> list[bytes]:
    made = [film("flv", sound="aac", seconds=0.2), flash(metadata(NESTED, ARRAY, LONG, KEPT), tag(b"picture", kind=9))]
    return [*made, film("flv", video="flv", seconds=0.3, flvflags="add_keyframe_index")]


@hostile
@given(st.data())
def test_a_broken_file_gives_labels_or_bad_file(draws: st.DataObject) -> None:
    survives(FORMAT, draws.draw(mutated(small())))


@pytest.mark.parametrize("header_bytes", [0, 4, 8, 1 << 31])
def test_a_header_of_impossible_length_is_a_bad_file(header_bytes: int) -> None:
    file = b"FLV\x01\x05" + pack(">I", header_bytes) + bytes(40)
    with pytest.raises(BadFile, match="header"):
        FORMAT.write(memoryview(file), IMPRINT)
