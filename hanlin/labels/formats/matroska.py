"""Matroska and WebM: a `SimpleTag` named `AIGC` in `Segment.Tags.Tag` (TC260-PG-20257A; RFC 8794 and RFC 9559)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NoReturn

import msgspec
from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.labels.formats import xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.formats.isobmff import Change, Shift, spliced
from hanlin.labels.found import TEXT_BYTES, Found, parse
from hanlin.labels.imprint import Imprint

# RFC 9559, 5.1
_SEGMENT, _CLUSTER, _TAGS, _CUES, _SEEK_HEAD = 0x18538067, 0x1F43B675, 0x1254C367, 0x1C53BB6B, 0x114D9B74
_TAG, _SIMPLE_TAG, _TAG_NAME, _TAG_STRING, _TARGETS = 0x7373, 0x67C8, 0x45A3, 0x4487, 0x63C0
_POSITION, _VOID, _CRC = 0xA7, 0xEC, 0xBF
_SEGMENT_LEVEL = frozenset({_SEEK_HEAD, 0x1549A966, 0x1654AE6B, _CUES, _CLUSTER, 0x1043A770, 0x1941A469, _TAGS})
_EBML = 0x1A45DFA3
_UPPER_LEVELS = _SEGMENT_LEVEL | {_EBML}
"""Where one of these begins, a cluster of unknown size ends; none has an identifier of one byte."""
_POSITIONS = frozenset({0x53AC, 0xF1, 0xEA, 0x97})
"""SeekPosition, CueClusterPosition, CueCodecState, CueRefCluster: counted from where the segment's content begins."""
_MASTERS = frozenset({_SEEK_HEAD, 0x4DBB, _CUES, 0xBB, 0xB7, 0xDB})
"""What lies between the segment and those positions."""
_MAX_ELEMENTS = 200_000
_MAX_TOP = 100_000
"""In the segment itself; ten hours in clusters of a second have 36,000."""
_MAX_BLOCKS = 1_000_000
"""In clusters that do not say how long they are; three hours of video and sound."""
_MAX_DEPTH = 8
_PLACE = "Matroska SimpleTag"


class Element(Struct, frozen=True):
    """One EBML element: its header from `start`, its content from `body` to `end`."""

    id: int
    start: int
    body: int
    end: int
    unknown: bool = False
    """It does not say how long it is."""


class _Walk:
    """Elements of one file, counted, so that no nesting makes the walk long."""

    def __init__(self, file: memoryview, *, cut_short: bool = False) -> None:
        self.file = file
        self._left = _MAX_ELEMENTS
        self._blocks_left = _MAX_BLOCKS
        self._cut_short = cut_short
        ebml = self.element(0, len(file))
        if ebml.id != _EBML:
            _bad("A Matroska file begins with an EBML header.")
        self.segment = self.element(ebml.end, len(file))
        if self.segment.id != _SEGMENT:
            _bad("No segment follows the EBML header.")
        self.top = self._top()

    def element(self, at: int, end: int) -> Element:
        self._left -= 1
        if self._left < 0:
            _bad(f"More than {_MAX_ELEMENTS} elements.")
        id_, sized = self._vint(at, end, 4)
        size, body = self._vint(sized, end, 8)
        width = body - sized
        size &= (1 << 7 * width) - 1
        if size == (1 << 7 * width) - 1:
            return Element(id_, at, body, end, unknown=True)
        if size > end - body:
            if not self._cut_short:
                _bad(f"Element {id_:#x} at byte {at} says it has {size} bytes, {end - body} are left.")
            size = end - body
        return Element(id_, at, body, body + size)

    def children(self, parent: Element) -> Iterator[Element]:
        at = parent.body
        while at < parent.end:
            child = self.element(at, parent.end)
            if child.unknown:
                _bad(f"Element {child.id:#x} does not say how long it is, which only segments and clusters may.")
            yield child
            at = child.end

    def _top(self) -> list[Element]:
        """The segment's children; a cluster of unknown size ends where the next of these begins."""
        found = []
        at, end = self.segment.body, self.segment.end
        while at < end:
            child = self.element(at, end)
            if child.id == _EBML and self.segment.unknown:
                break  # another file follows
            if child.unknown:
                child = self._measured(child, end)
            found.append(child)
            if len(found) > _MAX_TOP:
                _bad(f"More than {_MAX_TOP} elements in the segment.")
            at = child.end
        return found

    def _measured(self, cluster: Element, end: int) -> Element:
        at = cluster.body
        while at < end:
            if self.file[at] < 0x80 and self._vint(at, end, 4)[0] in _UPPER_LEVELS:
                break
            at = self._end_of_block(at, end)
            self._blocks_left -= 1
            if self._blocks_left < 0:
                _bad(f"More than {_MAX_BLOCKS} blocks in clusters of unknown size.")
        return Element(cluster.id, cluster.start, cluster.body, at, unknown=True)

    def _end_of_block(self, at: int, end: int) -> int:
        """As `element`, of which there may be a million here, but only where it ends."""
        id_width = 9 - self.file[at].bit_length()
        sized = at + id_width
        width = 9 - self.file[sized].bit_length() if sized < end else 9
        body = sized + width
        unknown = (1 << 7 * width) - 1
        size = int.from_bytes(self.file[sized:body]) & unknown
        if id_width > 4 or width > 8 or size == unknown or (size > end - body and not self._cut_short):
            _bad(f"The element at byte {at}, in a cluster of unknown size, says no size, or one beyond the file.")
        return min(body + size, end)

    def _vint(self, at: int, end: int, longest: int) -> tuple[int, int]:
        """A number with its length marker (RFC 8794, 4), and where it ends."""
        width = 9 - self.file[at].bit_length() if at < end else 9
        if width > longest or at + width > end:
            _bad(f"No EBML number at byte {at}.")
        return int.from_bytes(self.file[at : at + width]), at + width


def _bad(message: str) -> NoReturn:
    raise BadFile(message, action="Export the file again from the program that made it.")


class _Label(Struct, frozen=True):
    """A SimpleTag that is named AIGC or holds a label, and the elements around it."""

    path: tuple[Element, ...]
    """Tags, Tag, SimpleTag; more where they are nested."""
    found: Found | None


def read(file: memoryview) -> list[Found]:
    """Labels in all tags of the first segment, also of a file that ends early."""
    return [label.found for label in _labels(_Walk(file, cut_short=True)) if label.found]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The file with this label in its first Tags, which are put before the first cluster where there are none.

    Clusters are never copied. A Void next to the tags takes up what they grow; where there is none, every position in
    SeekHead, Cues and clusters follows. Raises BadFile.
    """
    walk = _Walk(file)
    changes = list(_tag_changes(walk, _tag(msgspec.json.encode(imprint.label))))
    try:
        changes = _with_positions(walk, changes) if Shift(changes) else changes
    except OverflowError:
        _bad("A position in the file's index points far outside of it.")
    return spliced(file, [*changes, *_segment_size(walk, changes)])


def _labels(walk: _Walk) -> Iterator[_Label]:
    allowance = xmp.Allowance()
    for tags in walk.top:
        if tags.id == _TAGS:
            for tag in walk.children(tags):
                yield from _labels_in(walk, (tags, tag), allowance)


def _labels_in(walk: _Walk, path: tuple[Element, ...], allowance: xmp.Allowance) -> Iterator[_Label]:
    """In a Tag or SimpleTag, the last of a path."""
    for child in walk.children(path[-1]) if path[-1].id in (_TAG, _SIMPLE_TAG) else ():
        if child.id != _SIMPLE_TAG or len(path) > _MAX_DEPTH:
            continue
        name, text = _name_and_text(walk, child)
        usual = "AIGC" in name and len(path) == 2
        found = parse(text, _PLACE, usual=usual) if allowance.worth(text) else None
        if found or name == "AIGC":
            yield _Label((*path, child), found)
        else:
            yield from _labels_in(walk, (*path, child), allowance)


def _name_and_text(walk: _Walk, simple: Element) -> tuple[str, bytes]:
    values = {
        child.id: bytes(walk.file[child.body : child.end][:TEXT_BYTES])
        for child in walk.children(simple)
        if child.id in (_TAG_NAME, _TAG_STRING)
    }
    return values.get(_TAG_NAME, b"").decode("utf-8", "replace").rstrip("\0"), values.get(_TAG_STRING, b"")


def _tag(value: bytes) -> bytes:
    """A tag for the whole segment: its targets are empty."""
    simple = _element(_SIMPLE_TAG, _element(_TAG_NAME, b"AIGC") + _element(_TAG_STRING, value))
    return _element(_TAG, _element(_TARGETS, b"") + simple)


def _tag_changes(walk: _Walk, label: bytes) -> Iterator[Change]:
    paths = [found.path for found in _labels(walk)]
    gone = {path[-1] for path in paths}
    around = {element for path in paths for element in path[:-1]}
    home = next((element for element in walk.top if element.id == _TAGS), None)
    for tags in walk.top:
        if tags == home or tags in around:
            content = _kept(walk, tags, gone, around) + (label if tags == home else b"")
            end = _slot_end(walk, tags)
            yield Change(tags.start, end, _fitted(_TAGS, content, end - tags.start, checked=_is_checked(walk, tags)))
    if home is None:
        yield _new_tags(walk, label)


def _kept(walk: _Walk, parent: Element, gone: set[Element], around: set[Element]) -> bytes:
    """What an element holds, without the labels, the tags they leave empty, and its checksum."""
    parts = []
    for child in walk.children(parent):
        if child in gone or child.id == _CRC:
            continue
        if child not in around:
            parts.append(bytes(walk.file[child.start : child.end]))
        elif any(left.id == _SIMPLE_TAG and left not in gone for left in walk.children(child)):
            parts.append(_element(child.id, _kept(walk, child, gone, around)))
    return b"".join(parts)


def _new_tags(walk: _Walk, label: bytes) -> Change:
    """In a Void before the first cluster, where one is long enough, else right before the cluster."""
    first = next((index for index, element in enumerate(walk.top) if element.id == _CLUSTER), len(walk.top))
    for element in walk.top[:first]:
        if element.id == _VOID and element.end - element.start >= len(label) + 16:
            return Change(element.start, element.end, _fitted(_TAGS, label, element.end - element.start))
    at = walk.top[first].start if first < len(walk.top) else walk.segment.end
    return Change(at, at, _element(_TAGS, label))


def _slot_end(walk: _Walk, element: Element) -> int:
    """Where an element ends, with the Void that follows it."""
    end = element.end
    for after in walk.top[walk.top.index(element) + 1 :]:
        if after.id != _VOID:
            break
        end = after.end
    return end


def _with_positions(walk: _Walk, changes: list[Change]) -> list[Change]:
    """The changes, and those of every position that they move.

    A position grows by as many bytes as its largest possible new value needs, so that how long the indexes become does
    not depend on where things end up.
    """
    indexes = [element for element in walk.top if element.id in (_SEEK_HEAD, _CUES)]
    room = sum(len(change.new) for change in changes) + 2 * sum(one.end - one.start for one in indexes)
    still = Shift([])
    sized = [_index(walk, element, still, room) for element in indexes]
    shift = Shift([*changes, *sized])
    clusters = [change for element in walk.top if element.id == _CLUSTER for change in _cluster(walk, element, shift)]
    return [*changes, *(_index(walk, element, shift, room) for element in indexes), *clusters]


def _index(walk: _Walk, element: Element, shift: Shift, room: int) -> Change:
    end = _slot_end(walk, element)
    content = _moved(walk, element, shift, room)
    return Change(
        element.start, end, _fitted(element.id, content, end - element.start, checked=_is_checked(walk, element))
    )


def _moved(walk: _Walk, parent: Element, shift: Shift, room: int) -> bytes:
    """What a part of an index holds, with new positions and without its checksum."""
    parts = []
    for child in walk.children(parent):
        if child.id in _POSITIONS:
            parts.append(_element(child.id, _position(walk, child, shift, room)))
        elif child.id in _MASTERS:
            parts.append(_element(child.id, _moved(walk, child, shift, room)))
        elif child.id != _CRC:
            parts.append(bytes(walk.file[child.start : child.end]))
    return b"".join(parts)


def _position(walk: _Walk, element: Element, shift: Shift, room: int) -> bytes:
    old, width = _number(walk, element), element.end - element.body
    if old == 0:
        return bytes(width)  # no codec state of its own, or the segment's first byte
    base = walk.segment.body
    return (shift(old + base) - base).to_bytes(max(width, -(-(old + room).bit_length() // 8)))


def _number(walk: _Walk, element: Element) -> int:
    if element.end - element.body > 8 or int.from_bytes(walk.file[element.body : element.end]) >= 1 << 62:
        _bad(f"Element {element.id:#x} is no position.")
    return int.from_bytes(walk.file[element.body : element.end])


def _cluster(walk: _Walk, cluster: Element, shift: Shift) -> Iterator[Change]:
    """The position that a cluster says it has, among its first elements; a Void where it grows too long."""
    if shift(cluster.start) == cluster.start:
        return
    for child, _ in zip(walk.children(cluster), range(4), strict=False):
        if child.id == _POSITION and _number(walk, child):
            width, new = child.end - child.body, shift(cluster.start) - walk.segment.body
            fits = new < 1 << 8 * width
            yield Change(
                child.start if not fits else child.body,
                child.end,
                new.to_bytes(width) if fits else _void(child.end - child.start),
            )


def _segment_size(walk: _Walk, changes: list[Change]) -> Iterator[Change]:
    """A wider size field moves no position, for they count from behind it."""
    segment, growth = walk.segment, sum(len(change.new) - (change.end - change.start) for change in changes)
    if growth and not segment.unknown:
        size_at = segment.start + 4
        size, width = segment.end - segment.body + growth, segment.body - size_at
        yield Change(size_at, segment.body, _vint(size, width if size < (1 << 7 * width) - 1 else 8))


def _is_checked(walk: _Walk, parent: Element) -> bool:
    return any(child.id == _CRC for child in walk.children(parent))


def _fitted(id_: int, content: bytes, room: int, *, checked: bool = False) -> bytes:
    """An element, with a Void behind it where it is shorter than its room."""
    if checked:
        content = _element(_CRC, zlib.crc32(content).to_bytes(4, "little")) + content
    spare = room - len(_element(id_, content))
    if spare == 1:  # too little for a Void
        return _element(id_, content, wider=1)
    return _element(id_, content) + _void(max(spare, 0))


def _void(length: int) -> bytes:
    if length < 129:
        return bytes([_VOID, 0x80 | length - 2]) + bytes(length - 2) if length else b""
    return bytes([_VOID]) + _vint(length - 9, 8) + bytes(length - 9)


def _element(id_: int, content: bytes, wider: int = 0) -> bytes:
    width = next(width for width in range(1, 9) if len(content) < (1 << 7 * width) - 1) + wider
    return id_.to_bytes(-(-id_.bit_length() // 8)) + _vint(len(content), width) + content


def _vint(number: int, width: int) -> bytes:
    return (1 << 7 * width | number).to_bytes(width)


FORMATS = (
    Format("mkv", ("video/x-matroska", "video/matroska"), Modality.VIDEO, read, write),
    Format("webm", ("video/webm", "audio/webm"), Modality.VIDEO, read, write),
)
