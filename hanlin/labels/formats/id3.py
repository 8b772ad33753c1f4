"""MP3: the ID3v2 frame `TXXX` with the description `AIGC` (TC260-PG-202510A; ID3v2.3.0 and ID3v2.4.0)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import NoReturn

import msgspec
from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.labels.formats import xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.found import TEXT_BYTES, Found, parse
from hanlin.labels.imprint import Imprint

_HEADER = 10
_MAX_TAGS = 4
_MAX_FRAMES = 10_000
_MAX_TAG_BYTES = 24 * 1024 * 1024
_BODY_BYTES = 2 * 1024 * 1024
"""Of a frame that is looked at: an XMP packet may be long."""
_XMP_OWNER = b"XMP\0"
"""XMP specification part 3, 1.1.3: a PRIV frame."""
_SYNC_BYTES = 64 * 1024
"""How far behind the tags the sound must begin."""
_PADDING_BYTES = 1024
"""Behind a tag that grows, so that the next label fits."""
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
"""Flags of a tag. A footer comes after the size that the header says."""
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_FRAME_ID = re.compile(rb"[A-Z][A-Z0-9]{2}[A-Z0-9 ]")
_SYNC = re.compile(rb"\xff[\xe2-\xff]")
_RENAMED = dict(
    re.findall(
        r"(\w+):(\w+)",
        "BUF:RBUF CNT:PCNT COM:COMM CRA:AENC ETC:ETCO GEO:GEOB IPL:IPLS MCI:MCDI MLL:MLLT PIC:APIC POP:POPM "
        "REV:RVRB RVA:RVAD SLT:SYLT STC:SYTC TAL:TALB TBP:TBPM TCM:TCOM TCO:TCON TCP:TCMP TCR:TCOP TDA:TDAT TDY:TDLY "
        "TEN:TENC TFT:TFLT TIM:TIME TKE:TKEY TLA:TLAN TLE:TLEN TMT:TMED TOA:TOPE TOF:TOFN TOL:TOLY TOR:TORY TOT:TOAL "
        "TP1:TPE1 TP2:TPE2 TP3:TPE3 TP4:TPE4 TPA:TPOS TPB:TPUB TRC:TSRC TRD:TRDA TRK:TRCK TS2:TSO2 TSA:TSOA TSC:TSOC "
        "TSI:TSIZ TSP:TSOP TSS:TSSE TST:TSOT TT1:TIT1 TT2:TIT2 TT3:TIT3 TXT:TEXT TXX:TXXX TYE:TYER UFI:UFID ULT:USLT "
        "WAF:WOAF WAR:WOAR WAS:WOAS WCM:WCOM WCP:WCOP WPB:WPUB WXX:WXXX",
    )
)
"""ID3v2.2.0, section 4 -> ID3v2.3.0, section 4, with Apple's TCP and sort orders."""


class Frame(Struct, frozen=True):
    """One frame, with its header, as it stands in its tag: in version 3 synchronised, of version 2 as of version 3."""

    id: str
    """Empty for one of version 2 that has no newer name."""
    raw: memoryview


class Tag(Struct, frozen=True):
    """One ID3v2 tag."""

    start: int
    end: int
    """Behind its footer, where it has one."""
    version: int
    """2, 3 or 4."""
    flags: int
    frames: tuple[Frame, ...] = ()


def _bad(message: str) -> NoReturn:
    raise BadFile(message, action="Save its tags again as ID3v2.4 with another program.")


def read(file: memoryview) -> list[Found]:
    """Labels in the frames of every tag at the start. Raises BadFile."""
    allowance = xmp.Allowance()
    return [found for tag in tags(file) for _, found in _labels(tag, allowance)]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The file with this label in its first tag; sound, and APE and ID3v1 tags at the end, stay as they are.

    A tag of version 2 becomes one of version 3. Extended header and footer, which are optional and would have to be
    made anew, go. Raises BadFile.
    """
    found = tags(file) or [Tag(0, 0, 3, 0)]
    sound = found[-1].end
    if not _SYNC.search(file[sound : sound + _SYNC_BYTES]):
        _bad("No MPEG sound follows the tags.")
    first, *others = found
    return [
        _packed(first, _txxx(first.version, msgspec.json.encode(imprint.label))),
        *(piece for tag in others for piece in without(file, tag)),
        file[sound:],
    ]


def without(file: memoryview, tag: Tag) -> list[Piece]:
    """A tag of a file without its labels: as it stands where it has none."""
    return [_packed(tag)] if any(_labels(tag, xmp.Allowance())) else [file[tag.start : tag.end]]


def tags(file: memoryview) -> list[Tag]:
    """The tags that a file begins with; most have one. Raises BadFile."""
    found: list[Tag] = []
    at = 0
    while bytes(file[at : at + 3]) == b"ID3" and len(found) < _MAX_TAGS:
        found.append(_tag(file, at))
        at = found[-1].end
    return found


def _tag(file: memoryview, start: int) -> Tag:
    header = bytes(file[start : start + _HEADER])
    if len(header) < _HEADER or header[3] not in (2, 3, 4) or (header[3] == 2 and header[5] & _EXTENDED):
        _bad("The ID3 tag is of none of the versions 2.2 to 2.4, or compressed.")
    version, flags, length = header[3], header[5], _syncsafe(header[6:])
    end = start + _HEADER + length
    if length > _MAX_TAG_BYTES or end > len(file):
        _bad(f"The ID3 tag says it has {length} bytes, {len(file) - start - _HEADER} are left.")
    data = file[start + _HEADER : end]
    if flags & _UNSYNCHRONISED and version < 4:
        data = memoryview(_synchronised(bytes(data)))
    footer = _HEADER if version == 4 and flags & _FOOTER else 0
    return Tag(start, min(end + footer, len(file)), version, flags, tuple(_frames(version, flags, data)))


def _syncsafe(number: bytes | memoryview) -> int:
    """A number of seven bits to the byte."""
    if any(byte & 0x80 for byte in number):
        _bad("A length in the ID3 tag has bits that it must not have.")
    return sum(byte << 7 * place for place, byte in enumerate(reversed(number)))


def _synchronised(data: bytes) -> bytes:
    return data.replace(b"\xff\0", b"\xff")


def _frames(version: int, flags: int, data: memoryview) -> Iterator[Frame]:
    at, header = 0, 6 if version == 2 else _HEADER
    if flags & _EXTENDED and len(data) >= 4:
        at = _syncsafe(data[:4]) if version == 4 else 4 + int.from_bytes(data[:4])
    for _ in range(_MAX_FRAMES):
        id_ = bytes(data[at : at + (3 if version == 2 else 4)])
        if at + header > len(data) or not _FRAME_ID.match(id_.ljust(4)):
            return  # padding
        end = at + header + _frame_size(version, data, at)
        if end > len(data):
            _bad(f"The ID3 frame {id_.decode('latin-1')} goes beyond its tag.")
        yield _renewed(id_, data[at + 6 : end]) if version == 2 else Frame(id_.decode("latin-1"), data[at:end])
        at = end
    _bad(f"More than {_MAX_FRAMES} frames in the ID3 tag.")


def _frame_size(version: int, data: memoryview, at: int) -> int:
    """Old programs by Apple wrote plain numbers in version 4: those that only make sense as such are read as such."""
    if version == 2:
        return int.from_bytes(data[at + 3 : at + 6])
    size = data[at + 4 : at + 8]
    plain = int.from_bytes(size)
    if version == 3 or plain < 0x80 or any(byte & 0x80 for byte in size):
        return plain
    safe = _syncsafe(size)
    return safe if _may_follow(data, at + _HEADER + safe) or not _may_follow(data, at + _HEADER + plain) else plain


def _may_follow(data: memoryview, at: int) -> bool:
    return at == len(data) or (at < len(data) and (data[at] == 0 or _FRAME_ID.match(data[at : at + 4]) is not None))


def _renewed(id_: bytes, body: memoryview) -> Frame:
    """A frame of version 2 as one of version 3."""
    name = _RENAMED.get(id_.decode("latin-1"), "")
    content = bytes(body)
    if name == "APIC":  # a picture's kind was three letters, and is a media type
        kind = content[1:4].decode("latin-1").lower()
        media_type = {"jpg": "image/jpeg", "-->": "-->"}.get(kind, f"image/{kind}")
        content = content[:1] + media_type.encode("latin-1") + b"\0" + content[4:]
    return Frame(name, memoryview(_framed(3, name or "----", content)))


def _framed(version: int, id_: str, body: bytes) -> bytes:
    size = len(body).to_bytes(4) if version == 3 else _to_syncsafe(len(body))
    return id_.encode("latin-1") + size + bytes(2) + body


def _to_syncsafe(number: int) -> bytes:
    if number >= 1 << 28:
        _bad("The ID3 tag would grow beyond 256 MiB.")
    return bytes(number >> bits & 0x7F for bits in (21, 14, 7, 0))


def _labels(tag: Tag, allowance: xmp.Allowance) -> Iterator[tuple[int, Found]]:
    """Each label, and the index of its frame."""
    for index, frame in enumerate(tag.frames):
        body = _body(tag, frame)
        if not allowance.worth(body):
            continue
        if frame.id == "PRIV" and body.startswith(_XMP_OWNER):
            yield from ((index, found) for found in xmp.read(body[len(_XMP_OWNER) :], "ID3 PRIV XMP", usual=False))
            continue
        name, text = _name_and_text(frame.id, body)
        usual = frame.id == "TXXX" and "AIGC" in name and tag.version > 2
        if found_text := parse(text, f"ID3 {frame.id}", usual=usual):
            yield index, found_text


def _body(tag: Tag, frame: Frame) -> bytes:
    """What a frame holds, up to what a label or a packet may hold; nothing where it is encrypted."""
    flags, body = frame.raw[9], bytes(frame.raw[_HEADER:][:_BODY_BYTES])
    if tag.version == 4:
        compressed, encrypted, extra = flags & 8, flags & 4, (1 if flags & 0x40 else 0) + (4 if flags & 1 else 0)
        body = body[extra:]
        if flags & 2 or tag.flags & _UNSYNCHRONISED:
            body = _synchronised(body)
    else:
        compressed, encrypted, extra = flags & 0x80, flags & 0x40, (1 if flags & 0x20 else 0) + (flags >> 7) * 4
        body = body[extra:]
    if encrypted:
        return b""
    return _inflated(body) if compressed else body


def _inflated(body: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(body, TEXT_BYTES)
    except zlib.error:
        return b""


def _name_and_text(id_: str, body: bytes) -> tuple[str, str | bytes]:
    """The description and the text of a frame; what stands behind its first zero in one that holds bytes."""
    if id_[:1] != "T" and id_ not in ("COMM", "USLT"):
        return "", body.partition(b"\0")[2] or body
    start = 1 if id_[:1] == "T" else 4  # a language of three letters
    encoding = _ENCODINGS[body[0]] if body[0] < len(_ENCODINGS) else "utf-8"
    text = body[start:].decode(encoding, "replace")
    if id_[:1] == "T" and id_ != "TXXX":
        return "", text
    name, _, value = text.partition("\0")
    return name, value


def _txxx(version: int, value: bytes) -> bytes:
    if value.isascii():
        body = b"\0AIGC\0" + value
    elif version == 4:
        body = b"\3AIGC\0" + value
    else:
        body = b"\1" + b"".join(text.encode("utf-16") for text in ("AIGC\0", value.decode()))
    return _framed(max(version, 3), "TXXX", body)


def _packed(tag: Tag, added: bytes = b"") -> bytes:
    """The tag without its labels, and with a new frame; its length stays where its padding has room."""
    labelled = {index for index, _ in _labels(tag, xmp.Allowance())}
    frames = b"".join(_kept(tag, frame, index in labelled) for index, frame in enumerate(tag.frames)) + added
    room = tag.end - tag.start - _HEADER
    length = room if len(frames) <= room else len(frames) + _PADDING_BYTES
    flags = tag.flags & (0xA0 if tag.version == 4 else 0x20)
    return b"ID3" + bytes([max(tag.version, 3), 0, flags]) + _to_syncsafe(length) + frames.ljust(length, b"\0")


def _kept(tag: Tag, frame: Frame, labelled: bool) -> bytes:
    if not frame.id:
        _bad("The ID3v2.2 tag has a frame that newer versions do not know.")
    if labelled:
        body = _body(tag, frame)
        if frame.id == "PRIV" and body.startswith(_XMP_OWNER):
            return _framed(max(tag.version, 3), "PRIV", _XMP_OWNER + xmp.without(body[len(_XMP_OWNER) :]))
        return b""
    if frame.id == "TXXX" and _name_and_text("TXXX", _body(tag, frame) or b"\0")[0] == "AIGC":
        return b""
    return bytes(frame.raw)


FORMATS = (Format("mp3", ("audio/mpeg", "audio/mp3"), Modality.SOUND, read, write),)
