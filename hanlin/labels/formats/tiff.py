"""TIFF 6.0 and BigTIFF: the label stands in the XMP of the first directory, tag 700. Strips and tiles never move."""

from __future__ import annotations

from hanlin.errors import BadFile
from hanlin.labels.formats import exif, xmp
from hanlin.labels.formats.exif import Directory, Layout
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.found import Found
from hanlin.labels.imprint import Imprint

_UNDEFINED = 7
_CLASSIC_BYTES = 0xFFFFFFFF


def read(file: memoryview) -> list[Found]:
    """Labels in the XMP and the texts of every page, and of its EXIF. Raises BadFile."""
    _first(file, exif.layout(file))
    return [found for _, found in exif.labelled(file, "TIFF", exif.XMP_TAG)]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The label goes into the XMP of the first page: in its place when it fits there, or else a new first directory at
    the end of the file names it. Raises BadFile.
    """
    form = exif.layout(file)
    first = _first(file, form)
    old = next((entry for entry in first.entries if entry.tag == exif.XMP_TAG), None)
    packet = xmp.write(bytes(exif.value_of(file, old)) if old is not None else None, imprint)
    others = {entry.start: entry for entry, _ in exif.labelled(file, "") if entry != old}
    edits = [(entry.start, entry.start + entry.size, exif.replacement(entry, file)) for entry in others.values()]
    if old is not None:
        shared = sum(old in directory.entries for directory in exif.directories(file, form)) > 1
        fits = len(packet) <= old.size and not shared
        new = packet.ljust(old.size) if fits else exif.replacement(old, file)
        edits.append((old.start, old.start + old.size, new))
        if fits:
            return xmp.spliced(file, edits)
    start, tail = _appended(file, form, first, packet)
    edits += [(form.first_at, form.first_at + form.offset.size, form.offset.pack(start)), (len(file), len(file), tail)]
    return xmp.spliced(file, edits)


def _first(file: memoryview, form: Layout) -> Directory:
    first = next(exif.directories(file, form), None)
    if first is None:
        raise BadFile(
            "The TIFF has no whole directory where its header points.", action="Check that the file is whole."
        )
    return first


def _appended(file: memoryview, form: Layout, first: Directory, packet: bytes) -> tuple[int, bytes]:
    """Where the new first directory begins, and what is appended to the file: the packet and then the directory."""
    at = len(file) + len(file) % 2
    start = at + len(packet) + len(packet) % 2
    inside = bytes(file[first.start + form.count.size : first.end - form.offset.size])
    rows = [inside[row : row + form.entry.size] for row in range(0, len(inside), form.entry.size)]
    kept = [row for row in rows if form.tag(row) != exif.XMP_TAG]
    kept.append(form.entry.pack(exif.XMP_TAG, _UNDEFINED, len(packet), form.offset.pack(at)))
    kept.sort(key=form.tag)
    following = bytes(file[first.end - form.offset.size : first.end])
    if not form.big and (len(kept) > 0xFFFF or start + len(inside) + 64 > _CLASSIC_BYTES):
        raise BadFile("The TIFF has no room for more: 65,535 fields or 4 GiB.", action="Save it as BigTIFF.")
    directory = form.count.pack(len(kept)) + b"".join(kept) + following
    return start, bytes(at - len(file)) + packet + bytes(len(packet) % 2) + directory


FORMATS: tuple[Format, ...] = (Format("tiff", ("image/tiff",), Modality.PICTURE, read, write),)
