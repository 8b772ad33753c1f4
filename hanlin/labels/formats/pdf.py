"""The label in PDF: the key `AIGC` of the Info dictionary (TC260-PG-20258A, 6.3).

It is written as an incremental update (ISO 32000-2, 7.5.6): not a byte of the old file changes, and signatures hold.

The label stands there alone. XMP could say it too, but 6.1 c) wants one label per file.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from hanlin.errors import BadFile
from hanlin.labels.formats import xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.found import Found, parse
from hanlin.labels.imprint import Imprint

STREAM_BYTES = 32 * 1024 * 1024
"""Longest stream that is inflated."""
ITEMS = 500_000
"""Longest array or dictionary."""
FIELDS = 2_000
"""Most form fields looked at for a signature."""

_START = re.compile(rb"startxref\s+(\d{1,12})\s+%%EOF\s*\Z")
_ODD = "PDF catalog"
_HARMLESS = "object has offset 0"
"""A warning of qpdf's about entries for objects that are not there; the cross-reference is whole."""


@contextmanager
def opened(file: memoryview) -> Iterator[Any]:
    """The file as a `pikepdf.Pdf`. Whatever is wrong with it inside the block becomes a BadFile."""
    import pikepdf

    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=STREAM_BYTES,
        png_max_memory=STREAM_BYTES,
        tiff_max_memory=STREAM_BYTES,
        run_length_max_memory=STREAM_BYTES,
        parser_max_container_size=ITEMS,
        doc_max_warnings=1_000,
    )
    try:
        with warnings.catch_warnings(), pikepdf.open(io.BytesIO(file), suppress_warnings=True) as pdf:
            warnings.simplefilter("ignore")
            yield pdf
    except pikepdf.PasswordError as error:
        raise BadFile("The PDF needs a password to be read.", action="Label it before it is encrypted.") from error
    except (
        pikepdf.PikepdfError,
        RuntimeError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        OverflowError,
    ) as error:
        raise BadFile("Expected a PDF, got one that is damaged.", action="Print or save it to PDF again.") from error


def read(file: memoryview) -> list[Found]:
    with opened(file) as pdf:
        found = [parse(text, "PDF Info", usual=key == "/AIGC") for key, text in _strings(_info(pdf)).items()]
        found += [parse(text, _ODD, usual=False) for text in _strings(pdf.Root).values()]
        return [one for one in found if one] + _in_xmp(pdf)


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """An encrypted PDF that opens without a password, or one with a broken cross-reference, is written anew.

    Raises BadFile for a certified one (no change is allowed), and for a signed one that would have to be written anew.
    """
    import pikepdf

    with opened(file) as pdf:
        if "/DocMDP" in pdf.Root.get("/Perms", {}):
            raise BadFile("The PDF is certified against changes.", action="Label it before it is certified.")
        info = _info(pdf)
        for key in _strings(info):
            del info[key]
        info["/AIGC"] = pikepdf.String(msgspec.json.encode(imprint.label).decode())
        changed = _without_labels(pdf)
        if (previous := _previous(file, pdf)) is not None:
            number = info.objgen if info.is_indirect else (int(pdf.trailer.Size), 0)
            return [file, _update(file, pdf, previous, changed | {number: info.unparse(resolved=True)}, number)]
        if not info.is_indirect:
            pdf.trailer["/Info"] = pdf.make_indirect(info)
        return [rewritten(pdf)]


def rewritten(pdf: Any) -> bytes:
    """The whole file anew, streams as they are and encryption as it was. Raises BadFile when it is signed."""
    import pikepdf

    if is_signed(pdf):
        raise BadFile("The PDF is signed, and its signature would break.", action="Label it before it is signed.")
    output = io.BytesIO()
    pdf.save(
        output,
        compress_streams=pdf.is_encrypted,
        stream_decode_level=None if pdf.is_encrypted else pikepdf.StreamDecodeLevel.none,
        fix_metadata_version=False,
        linearize=pdf.is_linearized,
        encryption=True if pdf.is_encrypted else None,
    )
    return output.getvalue()


def is_signed(pdf: Any) -> bool:
    """Whether a form field holds a signature. Looks at no more than `FIELDS` fields."""
    fields = list(pdf.Root.get("/AcroForm", {}).get("/Fields", []))
    for number, field in enumerate(fields):
        if number >= FIELDS:
            break
        if field.get("/FT") == "/Sig" and "/V" in field:
            return True
        fields += list(field.get("/Kids", []))[:FIELDS]
    return False


def _info(pdf: Any) -> Any:
    """The Info dictionary, or an empty one that is not yet in the file."""
    import pikepdf

    info = pdf.trailer.get("/Info")
    return info if isinstance(info, pikepdf.Dictionary) else pikepdf.Dictionary()


def _strings(dictionary: Any) -> dict[str, str]:
    import pikepdf

    return {
        key: str(value)
        for key, value in dictionary.items()
        if "AIGC" in key.upper() and isinstance(value, pikepdf.String | pikepdf.Name)
    }


def _packet(pdf: Any) -> bytes | None:
    import pikepdf

    metadata = pdf.Root.get("/Metadata")
    if not isinstance(metadata, pikepdf.Stream):
        return None
    try:
        return metadata.read_bytes()
    except (
        pikepdf.PdfError,
        pikepdf.PikepdfError,
        RuntimeError,
    ):  # a packet that cannot be inflated holds no label anybody could read
        return None


def _in_xmp(pdf: Any) -> list[Found]:
    packet = _packet(pdf)
    return xmp.read(packet, "PDF XMP", usual=False) if packet else []


def _without_labels(pdf: Any) -> dict[tuple[int, int], bytes]:
    """Takes labels out of the odd places; returns the objects that changed, as they are to be written."""
    changed: dict[tuple[int, int], bytes] = {}
    odd = [key for key, text in _strings(pdf.Root).items() if parse(text, _ODD)]
    for key in odd:
        del pdf.Root[key]
    if _in_xmp(pdf):
        packet = xmp.without(_packet(pdf) or b"")
        pdf.Root.Metadata.write(packet)
        heading = b"<</Type /Metadata /Subtype /XML /Length %d>>\nstream\n" % len(packet)
        changed[pdf.Root.Metadata.objgen] = heading + packet + b"\nendstream"
    if odd:
        changed[pdf.Root.objgen] = pdf.Root.unparse(resolved=True)
    return changed


def _previous(file: memoryview, pdf: Any) -> int | None:
    """Where the newest cross-reference stands; None when nothing can be hung on to it."""
    start = _START.search(bytes(file[-1024:]))
    trouble = [warning for warning in map(str, pdf.get_warnings()) if _HARMLESS not in warning]
    if start is None or pdf.is_encrypted or trouble or bytes(file[:5]) != b"%PDF-":
        return None
    place = int(start[1])
    beginning = bytes(file[place : place + 32])
    return place if re.match(rb"xref\s|\d+\s+\d+\s+obj", beginning) else None


def _update(
    file: memoryview, pdf: Any, previous: int, objects: Mapping[tuple[int, int], bytes], info: tuple[int, int]
) -> bytes:
    """The changed objects, their cross-reference and a trailer, to be put behind the file."""
    update = bytearray(b"" if file[-1] in b"\r\n" else b"\n")
    places = {}
    for (number, generation), body in sorted(objects.items()):
        places[number, generation] = len(file) + len(update)
        update += b"%d %d obj\n" % (number, generation) + body + b"\nendobj\n"
    start = len(file) + len(update)
    trailer = _trailer(pdf, previous, info, bytes(update))
    size = max(int(pdf.trailer.Size), *(number + 1 for number, _ in objects))
    if bytes(file[previous : previous + 4]) == b"xref":
        update += _table(places) + b"trailer\n<</Size %d %b>>\n" % (size, trailer)
    else:
        update += _stream(places, size, start, trailer)
    return bytes(update + b"startxref\n%d\n%%%%EOF\n" % start)


def _trailer(pdf: Any, previous: int, info: tuple[int, int], update: bytes) -> bytes:
    """What both kinds of cross-reference say. The second half of the ID names this state of the file (14.4)."""
    root = pdf.Root.objgen
    text = b"/Root %d %d R /Info %d %d R /Prev %d" % (*root, *info, previous)
    if "/ID" in pdf.trailer and len(pdf.trailer.ID) == 2:
        new = hashlib.sha256(update).hexdigest()[:32]
        text += b" /ID [<%s> <%s>]" % (bytes(pdf.trailer.ID[0]).hex().encode(), new.encode())
    return text


def _table(places: Mapping[tuple[int, int], int]) -> bytes:
    rows = [b"%d 1\n%010d %05d n\r\n" % (number, place, generation) for (number, generation), place in places.items()]
    return b"xref\n" + b"".join(rows)


def _stream(places: Mapping[tuple[int, int], int], size: int, start: int, trailer: bytes) -> bytes:
    """A cross-reference stream (7.5.8), which lists itself as the last object."""
    rows = {**places, (size, 0): start}
    data = b"".join(
        b"\1" + place.to_bytes(8, "big") + generation.to_bytes(2, "big") for (_, generation), place in rows.items()
    )
    index = b" ".join(b"%d 1" % number for number, _ in rows)
    heading = b"%d 0 obj\n<</Type /XRef /W [1 8 2] /Index [%b] /Size %d /Length %d %b>>\nstream\n"
    return heading % (size, index, size + 1, len(data), trailer) + data + b"\nendstream\nendobj\n"


FORMATS = (Format("pdf", ("application/pdf",), Modality.TEXT, read, write),)
