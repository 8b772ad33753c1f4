"""Zip packages of XML parts, and XML, from people one does not know: bounded before anything is unpacked or built."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from hanlin.errors import BadFile
from hanlin.reading.document import MIB, Limits

_ENTRY_BYTES = 400
"""About what one entry of a package's directory takes, with a long name."""
_END_BYTES = 65_557
"""The end record and the longest comment behind it (APPNOTE 6.3.10, 4.3.16)."""
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


class Package:
    """A zip whose parts are read one by one under the limits."""

    def __init__(self, path: str, limits: Limits) -> None:
        _check_directory(path, limits)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise broken("a whole zip package") from error
        self._limits = limits
        self._left = 4 * limits.member_bytes
        self.names = frozenset(self._zip.namelist())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def part(self, name: str) -> bytes:
        """A part's bytes; b"" when it is not there."""
        if name not in self.names:
            return b""
        info = self._zip.getinfo(name)
        if info.flag_bits & 1:
            raise encrypted()
        most = min(self._limits.member_bytes, self._left)
        if info.file_size > MIB:
            most = min(most, max(MIB, info.compress_size * self._limits.ratio))
        try:
            with self._zip.open(info) as stream:
                data = stream.read(most + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
            raise broken("parts that unpack") from error
        if len(data) > most:
            raise too_large(f"a part that unpacks to more than {most // MIB} MiB")
        self._left -= len(data)
        return data

    def xml(self, name: str) -> Any:
        """A part's root element, or None when the part is not there or empty."""
        data = self.part(name)
        return parsed(data, self._limits) if data.strip() else None

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Of a part of an OOXML package: id -> (last word of the type, name of the part it leads to)."""
        folder, name = posixpath.split(part)
        root = self.xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        found = {}
        for each in () if root is None else root:
            target = each.get("Target", "")
            if each.get("TargetMode") != "External":
                found[each.get("Id", "")] = (each.get("Type", "").rsplit("/", 1)[-1], resolve(folder, target))
        return found

    def related(self, part: str, kind: str) -> Iterator[str]:
        """Parts a part leads to by a relation whose type ends in `kind`, in the order of their ids."""
        return (target for word, target in self.relations(part).values() if word == kind)


def resolve(folder: str, target: str) -> str:
    """A part's name from a reference in a part of `folder`."""
    path = unquote(target.split("#", maxsplit=1)[0])
    return path.lstrip("/") if path.startswith("/") else posixpath.normpath(posixpath.join(folder, path))


def parsed(data: bytes, limits: Limits) -> Any:
    """Root of an XML text. Entities are not resolved, nothing is fetched, nesting over 256 is refused."""
    from lxml import etree

    if data.count(b"<") > limits.tags:
        raise too_large(f"more than {limits.tags:,} XML tags in one part")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise broken("well-formed XML with modest nesting") from error


def local(element: Any) -> str:
    """An element's name without its namespace; "" for what is no element."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str:
    """An attribute's value whatever its namespace; "" when absent."""
    if element is None:
        return ""
    return next((value for key, value in element.attrib.items() if key.rsplit("}", 1)[-1] == name), "")


def broken(expected: str) -> BadFile:
    return BadFile(
        f"Expected {expected}; the file is broken or not what it says.",
        action="Open it in its program, save it again, and send that.",
    )


def encrypted() -> BadFile:
    return BadFile(
        "The file is protected by a password.",
        code="encrypted_file",
        action="Save it without a password and send that.",
    )


def too_large(came: str) -> BadFile:
    return BadFile(
        f"The file has {came}, which is more than may be read.",
        code="too_large_file",
        action="Split it into smaller files.",
    )


def _check_directory(path: str, limits: Limits) -> None:
    """Refuse a directory of too many entries before Python builds an object for each."""
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_BYTES))
        tail = file.read()
        at = tail.rfind(b"PK\5\6")
        directory = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
        if directory <= limits.members * _ENTRY_BYTES:
            file.seek(max(0, size - len(tail) + at - directory))
            if file.read(directory).count(b"PK\1\2") <= limits.members:
                return
    raise too_large(f"more than {limits.members:,} parts")
