"""MP4, M4A and QuickTime: the key `AIGC` in `moov.udta.meta` (TC260-PG-20257A; QuickTime File Format, keys)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack

import msgspec
from msgspec import Struct

from hanlin.labels.formats import xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.formats.isobmff import Box, Change, IsoFile, bad, boxed, rewritten, sizes, spliced
from hanlin.labels.found import TEXT_BYTES, Found, parse
from hanlin.labels.imprint import Imprint

XMP_BOX = b"uuid\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"
"""XMP specification part 3, 1.1.6 (MPEG-4); QuickTime has `XMP_` in `udta`."""
_XMP_BOXES = (XMP_BOX, b"XMP_")
_KEY = b"AIGC"
_HOME = "moov.udta.meta"
_LABEL_BOXES = 10
"""As many boxes as a text that may be a label costs."""
_UTF8 = 1
"""Well-known type of a `data` box."""


class _Item(Struct, frozen=True):
    """One tag of an `ilst`."""

    box: Box
    name: bytes
    """The key, or the four characters where the list has no keys."""
    values: tuple[bytes, ...]


def read(file: memoryview) -> list[Found]:
    """Labels in every list of tags, in user data and in XMP, also of a file that ends early."""
    return [found for _, found in _labels(IsoFile(file, cut_short=True))]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The file with this label in `moov.udta.meta`; media data is never copied and never changed.

    Where `moov` grows in front of the media data, all offsets follow; where 32 bits do not hold them any more, `moov`
    moves to the end. An iTunes list (`mdir`) keeps its own `meta`, and the label gets a second one after it.
    """
    iso = IsoFile(file)
    moov = _moov(iso)
    home = _home(iso, moov)
    changes = [*_added(iso, moov, home, msgspec.json.encode(imprint.label)), *_removed(iso, home)]
    try:
        return rewritten(iso, changes)
    except OverflowError:
        return _with_moov_last(iso, moov, changes)


def _labels(iso: IsoFile) -> Iterator[tuple[Box, Found]]:
    """Every label, and the box that holds it and nothing else (an XMP box may hold more)."""
    allowance = xmp.Allowance()
    for path, meta in _metas(iso):
        keyed = _handler(iso, meta) == b"mdta"
        for item in _items(iso, meta):
            usual = path == _HOME and keyed and _KEY in item.name
            texts = [value for value in item.values if allowance.worth(value)]
            iso.spend(_LABEL_BOXES * len(texts))
            if found := next(filter(None, (parse(text, f"MP4 {path}", usual=usual) for text in texts)), None):
                yield item.box, found
    yield from _labels_outside_lists(iso, allowance)


def _labels_outside_lists(iso: IsoFile, allowance: xmp.Allowance) -> Iterator[tuple[Box, Found]]:
    for path, box in [("uuid", box) for box in iso.all(XMP_BOX)] + _user_data(iso):
        content = iso.file[box.body + (4 if box.kind[:1] == b"\xa9" else 0) : box.end]
        if box.kind in _XMP_BOXES:
            for found in xmp.read(content, f"MP4 {path} XMP", usual=False):
                yield box, found
        elif box.kind != b"meta" and allowance.worth(text := bytes(content[:TEXT_BYTES])):
            one = parse(text, f"MP4 {path}", usual=False)
            yield from [(box, one)] if one else []


def _user_data(iso: IsoFile) -> list[tuple[str, Box]]:
    """What stands directly in user data: QuickTime's `©` texts, behind length and language, and whatever else."""
    return [
        (f"{path}.udta", box)
        for path, holder in _holders(iso)
        for udta in iso.all(b"udta", holder)
        for box in iso.children(udta)
    ]


def _holders(iso: IsoFile) -> list[tuple[str, Box]]:
    movies = iso.all(b"moov")
    return [("moov", box) for box in movies] + [("moov.trak", trak) for box in movies for trak in iso.all(b"trak", box)]


def _metas(iso: IsoFile) -> Iterator[tuple[str, Box]]:
    yield from (("meta", meta) for meta in iso.all(b"meta"))
    for path, holder in _holders(iso):
        yield from ((f"{path}.meta", meta) for meta in iso.all(b"meta", holder))
        for udta in iso.all(b"udta", holder):
            yield from ((f"{path}.udta.meta", meta) for meta in iso.all(b"meta", udta))


def _handler(iso: IsoFile, meta: Box) -> bytes:
    hdlr = iso.first(meta, b"hdlr")
    return bytes(iso.file[hdlr.body + 8 : hdlr.body + 12]) if hdlr else b""


def _keys(iso: IsoFile, meta: Box) -> list[bytes]:
    keys = iso.first(meta, b"keys")
    return [bytes(iso.file[key.body : key.end][:256]) for key in iso.children(keys, 8)] if keys else []


def _items(iso: IsoFile, meta: Box) -> Iterator[_Item]:
    names = _keys(iso, meta)
    for ilst in iso.all(b"ilst", meta):
        for box in iso.children(ilst):
            index = int.from_bytes(box.kind[:4])
            name = names[index - 1] if 0 < index <= len(names) else box.kind
            texts = [iso.file[data.body + 8 : data.end][:TEXT_BYTES] for data in iso.all(b"data", box)]
            yield _Item(box, name, tuple(map(bytes, texts)))


def _moov(iso: IsoFile) -> Box:
    movies = iso.all(b"moov")
    if len(movies) != 1:
        bad(f"An MP4 file has one 'moov' box, this one has {len(movies)}.")
    if iso.all(b"cmov", movies[0]):
        bad("The movie's header is compressed ('cmov'), a QuickTime form that is not written here.")
    return movies[0]


def _home(iso: IsoFile, moov: Box) -> Box | None:
    """The `moov.udta.meta` whose list has keys."""
    metas = [meta for udta in iso.all(b"udta", moov) for meta in iso.all(b"meta", udta)]
    return next((meta for meta in metas if _handler(iso, meta) == b"mdta" and iso.first(meta, b"keys")), None)


def _added(iso: IsoFile, moov: Box, home: Box | None, value: bytes) -> Iterator[Change]:
    if home is not None:
        yield from _item_added(iso, home, value)
        return
    udta = iso.first(moov, b"udta")
    meta = boxed(b"meta", bytes(4), _HANDLER, boxed(b"keys", pack(">II", 0, 1), boxed(b"mdta", _KEY)), _list(1, value))
    yield _inserted(iso, udta, meta) if udta else _inserted(iso, moov, boxed(b"udta", meta))


def _item_added(iso: IsoFile, home: Box, value: bytes) -> Iterator[Change]:
    names = _keys(iso, home)
    index = names.index(_KEY) + 1 if _KEY in names else len(names) + 1
    keys, ilst = iso.first(home, b"keys"), iso.first(home, b"ilst")
    if index > len(names) and keys is not None:
        yield Change(keys.body + 4, keys.body + 8, pack(">I", index))
        yield _inserted(iso, keys, boxed(b"mdta", _KEY), 8)
    yield _inserted(iso, ilst, _item(index, value)) if ilst else _inserted(iso, home, _list(index, value))


def _inserted(iso: IsoFile, box: Box, new: bytes, skip: int = 0) -> Change:
    """New boxes after the last in a box: QuickTime ends user data with a zero, which stays the end."""
    inside = iso.children(box, skip)
    at = inside[-1].end if inside else box.body + skip
    if at > box.end:
        bad(f"Box {box.kind!r} ends before its fields do.")
    return Change(at, at, new, box)


def _removed(iso: IsoFile, home: Box | None) -> Iterator[Change]:
    """Every label that stands in the file now; a list (not `home`) that held nothing else goes with its `meta`."""
    held = {box for box, _ in _labels(iso)} | {
        item.box for item in (_items(iso, home) if home else ()) if item.name == _KEY
    }
    for whole in {_outermost(iso, box, held, home) for box in held}:
        if whole.kind in _XMP_BOXES:
            content = xmp.without(iso.file[whole.body : whole.end])
            yield Change(whole.body, whole.end, content.ljust(whole.end - whole.body), whole)
        else:
            yield Change(whole.start, whole.end, b"", whole.parent)


def _outermost(iso: IsoFile, box: Box, held: set[Box], home: Box | None) -> Box:
    ilst = box.parent
    if ilst is None or ilst.kind != b"ilst" or ilst.parent is None or ilst.parent == home:
        return box
    return ilst.parent if held.issuperset(iso.children(ilst)) else box


def _with_moov_last(iso: IsoFile, moov: Box, changes: list[Change]) -> list[Piece]:
    """Nothing but `moov` moves: it goes to the end, and what was its place is free."""
    file, length = iso.file, moov.end - moov.start
    if iso.all(b"moof") or file[iso.top[-1].start : iso.top[-1].start + 4] == bytes(4):
        bad("The label moves media data beyond 4 GiB, and this file's fragments or open end forbid another way.")
    if any(change.start < moov.start or change.end > moov.end for change in changes):
        bad("The label moves media data beyond 4 GiB, and a second label stands outside of 'moov'.")
    inner = [
        Change(change.start - moov.start, change.end - moov.start, change.new)
        for change in [*changes, *sizes(file, changes)]
    ]
    free = pack(">I4s", length, b"free") + bytes(length - 8)
    return [file[: moov.start], free, file[moov.end :], *spliced(file[moov.start : moov.end], inner)]


def _item(index: int, value: bytes) -> bytes:
    return boxed(pack(">I", index), boxed(b"data", pack(">II", _UTF8, 0), value))


def _list(index: int, value: bytes) -> bytes:
    return boxed(b"ilst", _item(index, value))


_HANDLER = boxed(b"hdlr", bytes(8), b"mdta", bytes(13))
"""QuickTime metadata: version, predefined, the handler, three reserved words, an empty name."""

FORMATS = (
    Format("mp4", ("video/mp4", "video/x-m4v"), Modality.VIDEO, read, write),
    Format("mov", ("video/quicktime",), Modality.VIDEO, read, write),
    Format("m4a", ("audio/mp4", "audio/x-m4a"), Modality.SOUND, read, write),
)
