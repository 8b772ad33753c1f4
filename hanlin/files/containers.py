"""What is inside of a zip package or a compound file, by their directories alone and within bounds."""

from __future__ import annotations

import struct
from typing import BinaryIO

from hanlin.errors import BadFile

MEMBERS = 10_000
DIRECTORY_BYTES = 4 * 1024 * 1024
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_OUTLOOK = bytes.fromhex("0b0d020000000000c000000000000046")
"""Class id of an Outlook message ([MS-OXMSG] 2.1), of the root entry."""


def members(file: BinaryIO) -> list[str]:
    """The names in a zip's central directory (APPNOTE 4.3.12). BadFile when it is broken or too long."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise _broken()
    _, _, _, _, count, length, start, _ = _END.unpack_from(tail, at)
    if count > MEMBERS or length > DIRECTORY_BYTES or start + length > size:
        raise _broken()
    file.seek(start)
    return _names(file.read(length), count)


def _names(directory: bytes, count: int) -> list[str]:
    names, at = [], 0
    for _ in range(count):
        if len(directory) - at < _ENTRY.size:
            raise _broken()
        entry = _ENTRY.unpack_from(directory, at)
        name, extra, comment = entry[10:13]
        if entry[0] != b"PK\x01\x02":
            raise _broken()
        at += _ENTRY.size
        names.append(directory[at : at + name].decode("utf-8", "replace"))
        at += name + extra + comment
    return names


def compound_kind(file: BinaryIO) -> str:
    """`msg`, `encrypted` or `office`: what a compound file ([MS-CFB]) is, by the first sector of its directory."""
    file.seek(0)
    head = file.read(512)
    if len(head) < 512:
        raise _broken()
    (shift,), (sector,) = struct.unpack_from("<H", head, 30), struct.unpack_from("<L", head, 48)
    if shift not in (9, 12):
        raise _broken()
    file.seek((sector + 1) << shift)
    directory = file.read(1 << shift)
    if directory[80:96] == _OUTLOOK or "__properties".encode("utf-16-le") in directory:
        return "msg"
    return "encrypted" if "Encrypt".encode("utf-16-le") in directory else "office"


def _broken() -> BadFile:
    return BadFile("The file is broken or cut off.", action="Save it again and bring it once more.")
