from __future__ import annotations

from struct import pack

import pytest

from hanlin.errors import BadFile
from hanlin.labels.formats import isobmff, mp4
from hanlin.labels.formats.isobmff import Box, Change, IsoFile, Shift, boxed
from tests.labels.formats.test_xmp import IMPRINT, joined


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return boxed(kind, pack(">I", version << 24 | flags), *parts)


def track(*tables: bytes, elsewhere: bool = False) -> bytes:
    dref = full(b"dref", pack(">I", 1), full(b"url ", flags=0 if elsewhere else 1))
    minf = boxed(b"minf", boxed(b"dinf", dref), boxed(b"stbl", *tables))
    return boxed(b"trak", boxed(b"mdia", minf))


def items(offset: int, base: int, *, offset_width: int = 4) -> bytes:
    """A `meta` with one item at an offset from a base."""
    place = pack(">I", base) + pack(">H", 1) + offset.to_bytes(offset_width) + pack(">I", 8)
    iloc = full(b"iloc", bytes([offset_width << 4 | 4, 4 << 4]), pack(">HHH", 1, 1, 0), place)
    return full(b"meta", full(b"hdlr", bytes(20)), iloc)


def movie(in_moov: bytes = b"", *, at: int = 0) -> bytes:
    """A file with an offset of every kind into its media data, which begins at a place, and with more in its `moov`."""
    tracks = [
        track(full(b"stco", pack(">III", 2, at, at + 1)), full(b"saio", pack(">II", 1, at + 2))),
        track(
            full(b"co64", pack(">IQQ", 2, at + 3, at)), full(b"saio", bytes(8), pack(">IQ", 1, at), version=1, flags=1)
        ),
        track(full(b"stco", pack(">II", 1, 7)), elsewhere=True),
    ]
    before = boxed(b"ftyp", b"isom") + boxed(b"moov", *tracks, items(at - 4 if at else 0, 4), in_moov)
    before += items(0, at + 5, offset_width=0)
    short_index_end, index_end = len(before) + 32, len(before) + 72
    before += full(b"sidx", pack(">IIII", 1, 1, 0, at + 8 - short_index_end if at else 0), bytes(4))
    before += full(b"sidx", pack(">IIQQ", 1, 1, 0, at + 8 - index_end if at else 0), bytes(4), version=1)
    fragment = boxed(b"moof", boxed(b"traf", full(b"tfhd", pack(">IQ", 1, at + 6), flags=1)))
    short = full(b"tfra", pack(">IIIIIBBB", 1, 0, 1, 0, at + 7, 1, 1, 1))
    wide = full(b"tfra", pack(">IIIQQHBB", 1, 0b010000, 1, 0, at + 7, 1, 1, 1), version=1)
    file = before + boxed(b"mdat", bytes(64)) + fragment + boxed(b"mfra", short, wide)
    return file if at else movie(in_moov, at=len(before) + 8)


ENDLESS = full(b"iloc", bytes(2), pack(">H", 1 << 15), (pack(">HHH", 1, 0, (1 << 16) - 1)) * (1 << 15))
"""Extents without any fields, which take no bytes."""


def test_every_offset_follows_what_moves() -> None:
    """The labelled file is the one that would have been made with the label in it."""
    labelled = joined(mp4.write(memoryview(movie()), IMPRINT))
    iso = IsoFile(memoryview(labelled))
    udta = iso.first(iso.all(b"moov")[0], b"udta")
    assert udta is not None
    assert labelled == movie(labelled[udta.start : udta.end])
    assert labelled != movie()


def test_sizes_in_64_bits_and_sizes_that_reach_to_the_end_stay_so() -> None:
    moov = boxed(b"moov", track())
    large = pack(">I4sQ", 1, b"moov", len(moov) + 8) + moov[8:]
    labelled = joined(mp4.write(memoryview(large + pack(">I4s", 0, b"mdat") + b"sound"), IMPRINT))
    first, last = IsoFile(memoryview(labelled)).top
    assert (first.kind, last.kind, last.end) == (b"moov", b"mdat", len(labelled))
    assert labelled[: first.body] == pack(">I4sQ", 1, b"moov", first.end)
    assert labelled.endswith(pack(">I4s", 0, b"mdat") + b"sound")
    assert len(mp4.read(memoryview(labelled))) == 1


@pytest.mark.parametrize("kind", [b"stco", b"co64"])
@pytest.mark.parametrize("growth", [-3, 0, 5])
def test_tables_move_as_single_offsets_do(kind: bytes, growth: int) -> None:
    width = 4 if kind == b"stco" else 8
    shift = Shift([Change(10, 20, bytes(10 + growth)), Change(30, 30, b"xy")])
    offsets = [0, 9, 20, 29, 30, 31, 4000]
    table = b"".join(offset.to_bytes(width) for offset in offsets)
    moved = shift.table(memoryview(table), width)
    assert [int.from_bytes(moved[at : at + width]) for at in range(0, len(moved), width)] == [
        shift(one) for one in offsets
    ]
    assert [shift(one) - one for one in offsets] == [0, 0, growth, growth, growth + 2, growth + 2, growth + 2]


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\0\0\0",
        pack(">I4s", 4, b"moov"),
        pack(">I4s", 40, b"moov"),
        pack(">I4sQ", 1, b"moov", 1 << 62),
        pack(">I4s", 1, b"moov"),
        pack(">I4s", 16, b"uuid") + bytes(8),
        boxed(b"moov", pack(">I4s", 4, b"trak")),
        boxed(b"moov", track(full(b"stco", pack(">I", 1 << 30)))),
        boxed(b"moov", track(full(b"saio", b""))),
        boxed(b"moov", track(boxed(b"co64"))),
        boxed(b"moov", track()) + boxed(b"mfra", full(b"tfra", pack(">III", 1, 0, 1 << 31))),
        boxed(b"moov", track()) + full(b"meta", full(b"hdlr", bytes(20)), full(b"iloc", b"\x13\0", bytes(2))),
        boxed(b"moov", track()) + full(b"meta", full(b"hdlr", bytes(20)), full(b"iloc", b"\x44\0", b"\xff\xff")),
        boxed(b"moov", track()) + full(b"meta", full(b"hdlr", bytes(20)), ENDLESS),
    ],
)
def test_sizes_counts_and_widths_that_cannot_be_end_in_bad_file(file: bytes) -> None:
    with pytest.raises(BadFile):
        mp4.write(memoryview(file), IMPRINT)


def test_a_file_of_nothing_but_boxes_ends_soon() -> None:
    file = boxed(b"moov", boxed(b"free") * (isobmff.MAX_BOXES + 1))
    with pytest.raises(BadFile, match="boxes and entries"):
        mp4.read(memoryview(file))


def test_changes_that_overlap_are_refused() -> None:
    with pytest.raises(BadFile, match="overlap"):
        isobmff.spliced(memoryview(bytes(9)), [Change(1, 5, b""), Change(4, 6, b"")])


def test_a_box_is_not_made_larger_than_its_size_field_holds() -> None:
    box = Box(b"moov", 0, 8, (1 << 32) - 2)
    with pytest.raises(BadFile, match="4 GiB"):
        isobmff.sizes(memoryview(boxed(b"moov")), [Change(8, 8, b"long", box)])
