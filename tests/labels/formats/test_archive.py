from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels.formats.archive import ENTRIES, PART_BYTES, content, open_archive, patched
from tests.labels.formats.test_xmp import joined, mutated


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, *, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
        archive.comment = comment
    return file.getvalue()


class Unseekable(io.RawIOBase):
    """Makes zipfile write data descriptors behind the entries."""

    def __init__(self) -> None:
        self.file = io.BytesIO()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return self.file.write(data)  # type: ignore[arg-type]


def streamed(parts: dict[str, bytes]) -> bytes:
    sink = Unseekable()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return sink.file.getvalue()


def wide() -> bytes:
    """With ZIP64 fields in every record, as writers do that do not know the length beforehand."""
    name, body = b"a.txt", b"hello hello hello"
    local = struct.pack(
        "<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 33, zlib.crc32(body), 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20
    )
    local += name + struct.pack("<2H2Q", 1, 16, len(body), len(body)) + body
    sizes = (zlib.crc32(body), 0xFFFFFFFF, 0xFFFFFFFF, len(name), 28)
    central = struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, 0, 0, 33, *sizes, 0, 0, 0, 0, 0xFFFFFFFF)
    central += name + struct.pack("<2H3Q", 1, 24, len(body), len(body), 0)
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(central), len(local))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(local) + len(central), 1)
    return (
        local
        + central
        + end64
        + locator
        + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, *[0xFFFFFFFF] * 2, 0)
    )


PARTS = {"a.txt": b"hello hello hello", "folder/b.xml": b"<b/>" * 100, "c/图.txt": "图".encode()}
ARCHIVES = {
    "deflated": zipped(PARTS),
    "stored": zipped(PARTS, zipfile.ZIP_STORED),
    "with a comment": zipped(PARTS, comment=b"a comment"),
    "streamed": streamed(PARTS),
    "behind other bytes": b"#!/bin/sh\n" + zipped(PARTS),
}


@pytest.mark.parametrize("file", ARCHIVES.values(), ids=ARCHIVES)
def test_changed_and_new_parts_are_in_and_all_else_keeps_its_bytes_and_place(file: bytes) -> None:
    archive = open_archive(memoryview(file))
    made = joined(patched(archive, {"FOLDER/B.XML": b"changed", "new.txt": b"new"}))
    with zipfile.ZipFile(io.BytesIO(file)) as before, zipfile.ZipFile(io.BytesIO(made)) as after:
        assert after.testzip() is None
        assert after.namelist() == [*before.namelist(), "new.txt"]
        assert {name: after.read(name) for name in after.namelist()} == {
            **PARTS, "folder/b.xml": b"changed", "new.txt": b"new"}  # fmt: skip
        assert after.comment == before.comment
        for name in ("a.txt", "c/图.txt"):
            assert after.getinfo(name).date_time == before.getinfo(name).date_time
            assert after.getinfo(name).compress_size == before.getinfo(name).compress_size


def test_unchanged_entries_are_views_of_the_old_file() -> None:
    file = zipped({"big.bin": bytes(range(256)) * 4096, "small.txt": b"x"}, zipfile.ZIP_STORED)
    pieces = patched(open_archive(memoryview(file)), {"small.txt": b"y"})
    assert sum(len(piece) for piece in pieces if isinstance(piece, bytes)) < 400


def test_nothing_changed_is_the_same_file() -> None:
    for file in ARCHIVES.values():
        assert joined(patched(open_archive(memoryview(file)), {})) == file


def test_zip64_records_are_read_and_kept() -> None:
    archive = open_archive(memoryview(wide()))
    assert content(archive, "A.TXT") == b"hello hello hello"
    made = joined(patched(archive, {"b.txt": b"two"}))
    with zipfile.ZipFile(io.BytesIO(made)) as after:
        assert [after.read(name) for name in after.namelist()] == [b"hello hello hello", b"two"]
    assert b"PK\6\6" in made


def test_a_missing_part_is_none() -> None:
    assert content(open_archive(memoryview(ARCHIVES["stored"])), "nothing") is None


def bomb() -> bytes:
    return zipped({"a.xml": bytes(PART_BYTES + 1)})


def lying() -> bytes:
    """Says a small size and inflates to much more."""
    file = bytearray(zipped({"a.xml": bytes(1_000_000)}))
    place = file.rindex(b"PK\1\2") + 24
    file[place : place + 4] = struct.pack("<I", 10)
    return bytes(file)


def encrypted() -> bytes:
    file = bytearray(zipped({"a.xml": b"x"}))
    file[file.rindex(b"PK\1\2") + 8] |= 1
    return bytes(file)


def packed_otherwise() -> bytes:
    return zipped({"a.xml": b"x" * 100}, zipfile.ZIP_BZIP2)


@pytest.mark.parametrize("made", [bomb, lying, encrypted, packed_otherwise])
def test_a_part_that_is_too_long_or_locked_is_a_bad_file(made: object) -> None:
    assert callable(made)
    archive = open_archive(memoryview(made()))
    started = time.monotonic()
    with pytest.raises(BadFile):
        content(archive, "a.xml")
    assert time.monotonic() - started < 2


def overlapping() -> bytes:
    file = bytearray(zipped({"a.xml": b"x" * 50, "b.xml": b"x" * 50}, zipfile.ZIP_STORED))
    place = file.rindex(b"PK\1\2") + 42
    file[place : place + 4] = bytes(4)
    return bytes(file)


def twice() -> bytes:
    file = zipped({"a.xml": b"1", "b.xml": b"2"}, zipfile.ZIP_STORED)
    return file.replace(b"b.xml", b"A.xml")


def crowded() -> bytes:
    return zipped({f"{number}": b"" for number in range(ENTRIES + 1)})


@pytest.mark.parametrize("made", [overlapping, twice, crowded, lambda: b"", lambda: b"PK\3\4" * 100])
def test_an_archive_that_two_readers_see_differently_is_a_bad_file(made: object) -> None:
    assert callable(made)
    with pytest.raises(BadFile):
        open_archive(memoryview(made()))


@given(mutated([*ARCHIVES.values(), wide()]), st.binary(max_size=30))
def test_any_damage_gives_a_bad_file_or_an_archive(file: bytes, new: bytes) -> None:
    try:
        archive = open_archive(memoryview(file))
        for name in archive.entries:
            content(archive, name)
        made = joined(patched(archive, {"a.txt": new}))
    except BadFile:
        return
    assert content(open_archive(memoryview(made)), "a.txt") == new
