from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import matroska
from hanlin.labels.formats.matroska import Element
from hanlin.labels.found import Fault
from tests.labels.formats.test_mp4 import (
    TEXT,
    after_seeking,
    decoded,
    film,
    format_of,
    hostile,
    labelled,
    seen_by_ffmpeg,
    survives,
)
from tests.labels.formats.test_xmp import IMPRINT, INNER, LABEL, OTHER, exiftool, joined, mutated

MKV: dict[str, Any] = {"video": "libx264", "sound": "aac", "cluster_time_limit": "200"}
WEBM: dict[str, Any] = {"video": "libvpx-vp9", "sound": "libopus", "cluster_time_limit": "200"}
EBML, SEGMENT, CLUSTER, TAGS, CUES, SEEK_HEAD, VOID, CRC = (
    0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1254C367, 0x1C53BB6B, 0x114D9B74, 0xEC, 0xBF)  # fmt: skip
SEEK, SEEK_ID, SEEK_POSITION, CUE_POINT, CUE_PLACE, CUE_POSITION = 0x4DBB, 0x53AB, 0x53AC, 0xBB, 0xB7, 0xF1
POSITION = 0xA7


def without_void(file: bytes) -> bytes:
    """The file with each Void as an element that nobody knows: no room is left in it."""
    new = bytearray(file)
    for one in top(file):
        if one.id == VOID:
            new[one.start] = 0xFE
    return bytes(new)


KINDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "Matroska": ("mkv", lambda: film("matroska", **MKV)),
    "a tag of that name": ("mkv", lambda: film("matroska", metadata=(("title", "Mountains"), ("AIGC", "{}")), **MKV)),
    "cues first": ("mkv", lambda: film("matroska", cues_to_front="1", reserve_index_space="600", **MKV)),
    "no room": ("mkv", lambda: without_void(film("matroska", **MKV))),
    "cues first, no room": (
        "mkv", lambda: without_void(film("matroska", cues_to_front="1", reserve_index_space="600", **MKV))),
    "WebM": ("webm", lambda: film("webm", **WEBM)),
    "live WebM": ("webm", lambda: film("webm", live="1", **WEBM)),
    "WebM, sound only": ("webm", lambda: film("webm", sound="libopus")),
}  # fmt: skip


def top(file: bytes) -> list[Element]:
    return matroska._Walk(memoryview(file)).top


def children(file: bytes, parent: Element, id_: int) -> list[Element]:
    return [child for child in matroska._Walk(memoryview(file)).children(parent) if child.id == id_]


def value(file: bytes, parent: Element, id_: int) -> bytes:
    (child,) = children(file, parent, id_)
    return file[child.body : child.end]


def check_positions(file: bytes) -> int:
    """Every position in SeekHead and Cues points at what it says; the number of them."""
    base = matroska._Walk(memoryview(file)).segment.body
    count = 0
    for index in top(file):
        for seek in children(file, index, SEEK) if index.id == SEEK_HEAD else []:
            at = base + int.from_bytes(value(file, seek, SEEK_POSITION))
            assert file[at : at + 4] == value(file, seek, SEEK_ID)
            count += 1
        for point in children(file, index, CUE_POINT) if index.id == CUES else []:
            for place in children(file, point, CUE_PLACE):
                at = base + int.from_bytes(value(file, place, CUE_POSITION))
                assert file[at : at + 4] == CLUSTER.to_bytes(4)
                count += 1
    return count


def check_checksums(file: bytes) -> None:
    for element in top(file):
        if element.id in (SEEK_HEAD, TAGS, CUES) and (found := children(file, element, CRC)):
            rest = file[found[0].end : element.end]
            assert file[found[0].body : found[0].end] == zlib.crc32(rest).to_bytes(4, "little")


@pytest.mark.parametrize("kind", KINDS)
def test_streams_positions_and_checksums_stay_right(kind: str) -> None:
    name, make = KINDS[kind]
    file = make()
    new = labelled(format_of(matroska.FORMATS, name), file, "Matroska SimpleTag")
    assert decoded(new) == decoded(file)
    assert after_seeking(new) == after_seeking(file)
    assert check_positions(new) == check_positions(file)
    check_checksums(new)
    tags = seen_by_ffmpeg(new)
    assert (tags["AIGC"], tags["title"]) == (TEXT, "Mountains")


@pytest.mark.parametrize("kind", KINDS)
def test_clusters_are_handed_on_and_never_copied(kind: str) -> None:
    file = KINDS[kind][1]()
    pieces = matroska.write(memoryview(file), IMPRINT)
    first = next(one for one in top(file) if one.id == CLUSTER)
    assert sum(len(piece) for piece in pieces if isinstance(piece, bytes)) < 4096
    assert file[first.start : first.end] in joined(pieces)


def test_exiftool_reads_the_label_and_the_title(tmp_path: Path) -> None:
    new = joined(matroska.write(memoryview(film("matroska", **MKV)), IMPRINT))
    fields = exiftool(new, tmp_path, "mkv")
    assert (fields["Matroska:Aigc"], fields["Matroska:Title"]) == (TEXT, "Mountains")
    assert "ExifTool:Warning" not in fields


def element(id_: int, content: bytes, *, unknown: bool = False) -> bytes:
    size = (1 << 56) - 1 if unknown else len(content)
    return id_.to_bytes(-(-id_.bit_length() // 8)) + (1 << 56 | size).to_bytes(8) + content


def tag(name: bytes, text: bytes, *nested: bytes) -> bytes:
    simple = element(0x67C8, element(0x45A3, name) + element(0x4487, text) + b"".join(nested))
    return element(0x7373, element(0x63C0, b"") + simple)


def segment(*parts: bytes) -> bytes:
    return element(EBML, b"") + element(SEGMENT, b"".join(parts))


def cluster(position: bytes = b"") -> bytes:
    return element(CLUSTER, element(0xE7, b"\0") + position + element(0xA3, b"frame"))


@pytest.mark.parametrize(
    ("tags", "faults"),
    [
        (tag(b"COMMENT", INNER.encode()), (Fault.PLACE,)),
        (tag(b"AIGC", wrap(OTHER)), ()),
        (tag(b"x-aigc-AIGC", INNER.encode()), ()),
        (
            tag(b"COMMENT", b"", element(0x67C8, element(0x45A3, b"AIGC") + element(0x4487, INNER.encode()))),
            (Fault.PLACE,),
        ),
    ],
)
def test_labels_under_other_names_are_read_and_replaced(tags: bytes, faults: tuple[Fault, ...]) -> None:
    file = segment(element(TAGS, tags + tag(b"TITLE", b"kept")), cluster())
    (found,) = matroska.read(memoryview(file))
    assert (found.label, found.faults) == (OTHER, faults)
    new = labelled(matroska.FORMATS[0], file, "Matroska SimpleTag")
    assert INNER.encode() not in new
    assert tag(b"TITLE", b"kept") in new


def test_labels_in_several_tags_become_one_and_nothing_moves() -> None:
    other = element(TAGS, tag(b"AIGC", INNER.encode()))
    file = segment(element(TAGS, tag(b"A", b"b")), element(VOID, bytes(400)), cluster(), other, cluster())
    new = labelled(matroska.FORMATS[0], file, "Matroska SimpleTag")
    assert len(new) == len(file)
    assert INNER.encode() not in new
    assert new.index(cluster()) == file.index(cluster())


def test_a_void_in_front_takes_new_tags() -> None:
    file = segment(element(VOID, bytes(600)), cluster())
    new = labelled(matroska.FORMATS[0], file, "Matroska SimpleTag")
    assert len(new) == len(file)
    assert [one.id for one in top(new)] == [TAGS, VOID, CLUSTER]


@pytest.mark.parametrize("spare", [0, 1, 2, 130])
def test_a_void_of_any_length_is_used_up(spare: int) -> None:
    bare = segment(element(TAGS, tag(b"A", b"b")), cluster())
    growth = len(joined(matroska.write(memoryview(bare), IMPRINT))) - len(bare)
    room = element(VOID, bytes(growth + spare - 9))
    file = segment(element(TAGS, tag(b"A", b"b")), room, cluster())
    assert len(labelled(matroska.FORMATS[0], file, "Matroska SimpleTag")) == len(file)


def test_a_cluster_says_its_new_position_or_none() -> None:
    """The third cluster's position, in one byte, no longer fits there."""
    filler = element(0xA3, bytes(20))
    clusters = [element(CLUSTER, element(0xE7, b"\0") + element(POSITION, at.to_bytes(2)) + filler) for at in (0, 53)]
    last = element(CLUSTER, element(0xE7, b"\0") + element(POSITION, b"\x6a") + filler)
    file = element(EBML, b"") + element(SEGMENT, b"".join([*clusters, last]), unknown=True)
    new = joined(matroska.write(memoryview(file), IMPRINT))
    tags, _, second, third = top(new)
    assert int.from_bytes(value(new, second, POSITION)) == tags.end - tags.start + second.start - tags.end
    assert children(new, third, POSITION) == []
    assert third.end - third.start == len(last)


def test_a_segment_whose_size_field_is_too_narrow_gets_a_wider_one() -> None:
    inner = element(TAGS, b"") + cluster()
    file = element(EBML, b"") + SEGMENT.to_bytes(4) + bytes([0x80 | len(inner)]) + inner
    new = labelled(matroska.FORMATS[0], file, "Matroska SimpleTag")
    walk = matroska._Walk(memoryview(new))
    assert (walk.segment.end, walk.segment.body - walk.segment.start) == (len(new), 12)


def test_what_follows_the_segment_stays() -> None:
    file = segment(element(TAGS, b""), cluster())
    assert joined(matroska.write(memoryview(file + b"more"), IMPRINT)).endswith(cluster() + b"more")


def test_a_film_that_ends_early_is_read_and_not_written() -> None:
    file = memoryview(joined(matroska.write(memoryview(film("matroska", **MKV)), IMPRINT)))[:-1500]
    assert [found.label for found in matroska.read(file)] == [LABEL]
    with pytest.raises(BadFile, match="left"):
        matroska.write(file, IMPRINT)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\x1aE\xdf\xa3",
        element(EBML, b""),
        element(EBML, b"") + element(CLUSTER, b""),
        segment(element(TAGS, element(0x7373, b"\0"))),
        segment(element(TAGS, element(0x7373, b"", unknown=True))),
        segment(b"\xff"),
        segment(element(CUES, element(CUE_POINT, element(CUE_PLACE, element(CUE_POSITION, b"\xff" * 9)))), cluster()),
        segment(element(SEEK_HEAD, element(SEEK, element(SEEK_POSITION, b"\xff" * 8))), cluster()),
    ],
)
def test_elements_that_cannot_be_end_in_bad_file(file: bytes) -> None:
    with pytest.raises(BadFile):
        matroska.write(memoryview(file), IMPRINT)


def test_tags_in_tags_end_soon() -> None:
    nested = b""
    for _ in range(2000):
        nested = element(0x67C8, element(0x45A3, b"A") + nested)
    assert matroska.read(memoryview(segment(element(TAGS, element(0x7373, nested))))) == []


@cache
def small() -> list[bytes]:
    files = [segment(element(VOID, bytes(40)), element(TAGS, tag(b"AIGC", wrap(OTHER))), cluster())]
    files += [film("webm", sound="libopus", seconds=0.2), film("webm", sound="libopus", seconds=0.2, live="1")]
    return [*files, *(joined(matroska.write(memoryview(one), IMPRINT)) for one in files)]


@hostile
@given(st.data())
def test_a_broken_file_gives_labels_or_bad_file(draws: st.DataObject) -> None:
    survives(matroska.FORMATS[0], draws.draw(mutated(small())))
