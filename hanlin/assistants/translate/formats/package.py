"""Office packages: the parts that hold text, parsed within bounds; every other part stays as it is packed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hanlin.assistants.translate.formats.found import Found, bounded
from hanlin.errors import BadFile
from hanlin.labels.formats.archive import Archive, content, open_archive, patched

PART_BYTES = 32 * 1024 * 1024
ALL_BYTES = 128 * 1024 * 1024
"""Of all parts that are parsed."""
TAGS = 2_000_000
_OVERRIDE = re.compile(rb"<(?:\w+:)?Override\s[^>]*>")
_ATTRIBUTE = re.compile(rb'(PartName|ContentType)\s*=\s*["\']([^"\']*)["\']')


class Package:
    """A file's parts by the last word of their content type, and the trees of those that were asked for."""

    def __init__(self, path: str) -> None:
        self._data = Path(path).read_bytes()
        self.archive: Archive = open_archive(memoryview(self._data))
        self._kinds = dict(_content_types(self.archive))
        self._trees: dict[str, Any] = {}
        self._bytes = 0

    def parts(self, *kinds: str) -> list[str]:
        """Names of the parts of these kinds (`slide+xml`), in the order of the numbers in their names."""
        found = [
            part for part, kind in self._kinds.items() if kind.endswith(kinds) and part.lower() in self.archive.entries
        ]
        return sorted(found, key=_numbered)

    def tree(self, part: str) -> Any:
        """The part's root. Raises BadFile over the bounds, and for what is no XML or declares entities."""
        if part not in self._trees:
            data = content(self.archive, part) or b""
            self._bytes += len(data)
            if self._bytes > ALL_BYTES:
                raise BadFile(
                    f"The file's texts take more than {ALL_BYTES // 1024**2} MiB.", action="Split it.", code="too_long"
                )
            self._trees[part] = parsed(data)
        return self._trees[part]

    def has(self, part: str) -> bool:
        return part.lower() in self.archive.entries

    def write(self, target: str, changed: set[str]) -> None:
        """The package with the trees of these parts as they are now."""
        pieces = patched(self.archive, {part: _markup(self._trees[part]) for part in sorted(changed)})
        with Path(target).open("wb") as file:
            file.writelines(pieces)


def _content_types(archive: Archive) -> Iterator[tuple[str, str]]:
    """(part, content type) of every override, read without building a tree."""
    types = content(archive, "[Content_Types].xml")
    if types is None:
        raise BadFile("The file is no Office document.", action="Save it again in the program that made it.")
    for override in _OVERRIDE.finditer(types):
        named = {name: value.decode("utf-8", "replace") for name, value in _ATTRIBUTE.findall(override[0])}
        yield named.get(b"PartName", "").lstrip("/"), named.get(b"ContentType", "")


def _numbered(part: str) -> tuple[str, int]:
    number = re.search(r"(\d+)\.\w+\Z", part)
    return re.sub(r"\d+(?=\.\w+\Z)", "", part), int(number[1][-9:]) if number else 0


def parsed(data: bytes) -> Any:
    from lxml import etree

    if len(data) > PART_BYTES or data.count(b"<") > TAGS:
        raise BadFile(f"A part of the file has {len(data):,} bytes of XML.", action="Split it.", code="too_long")
    if b"<!DOCTYPE" in data[:4096] or b"<\0!\0D\0" in data[:4096]:
        raise BadFile("A part of the file has a DTD.", action="Save it again in the program that made it.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise BadFile("A part of the file is not XML.", action="Save it again in the program that made it.") from error


def _markup(root: Any) -> bytes:
    from lxml import etree

    tree = root.getroottree()
    markup: bytes = etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True)
    return markup


class Block(NamedTuple):
    """What stands together in a file: a paragraph with its segments, an attribute, a cell."""

    parts: tuple[str, ...]
    """Parts that `put` changes."""
    place: str
    sources: tuple[str, ...]
    put: Callable[[Sequence[str | None]], None]
    """Puts the targets in the places of the sources; None leaves one as it is."""


def extracted(blocks: Iterable[Block]) -> list[Found]:
    return bounded([Found(block.place, source) for block in blocks for source in block.sources])


def filled(blocks: Iterable[Block], targets: Sequence[str]) -> set[str]:
    """Put the targets in their places; which parts have changed. BadFile when the file is not the one that was read."""
    changed: set[str] = set()
    position = 0
    for block in list(blocks):
        own = targets[position : position + len(block.sources)]
        position += len(block.sources)
        news = [new if new and new != old else None for old, new in zip(block.sources, own, strict=False)]
        if any(new is not None for new in news):
            block.put(news)
            changed.update(block.parts)
    if position != len(targets):
        raise BadFile(f"The file has {position} segments now, {len(targets)} were translated.", action="Start again.")
    return changed
