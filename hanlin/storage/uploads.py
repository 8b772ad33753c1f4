"""A file that comes in as a form (multipart/form-data, RFC 7578): to disk under limits, gone when done with."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from hanlin.errors import BadRequest, TooLarge

FIELD_BYTES = 64 * 1024
"""Longest field that is no file."""
SEGMENTS = 32
NAME_CHARACTERS = 200
_UNSAFE = re.compile(r"[^\w .()+\-]")


class Upload(Struct, frozen=True):
    """One file and the fields that came with it."""

    path: Path
    name: str
    """As the sender calls it, without folders."""
    size_bytes: int
    fields: dict[str, str]


@asynccontextmanager
async def receive(
    body: AsyncIterator[bytes], content_type: str, folder: Path, *, limit_bytes: int, required: bool = True
) -> AsyncIterator[Upload]:
    """The one file of a form, in `folder` while the context lasts; an empty one when none came and none is `required`.

    Raises BadRequest when the body is no form with a file, TooLarge above `limit_bytes`.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary:
        raise BadRequest(
            f"A form with a file (multipart/form-data) was expected, got {kind[:60]!r}.",
            action="Send it as `curl -F file=@NAME`.",
        )
    descriptor, path = tempfile.mkstemp(prefix="upload-", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            form = _Form(file, limit_bytes)
            try:
                with PushMultipartParser(boundary, max_header_count=8, max_segment_count=SEGMENTS) as parser:
                    async for data in body:
                        await asyncio.to_thread(form.take, parser, data)
            except MultipartError:
                raise BadRequest("The form is broken or cut off.", action="Send it again.") from None
        if form.name is None and required:
            raise BadRequest("The form holds no file.", action="Name the field `file`.", param="file")
        yield Upload(Path(path), form.name or "", form.size_bytes, form.fields)
    finally:
        await asyncio.to_thread(Path(path).unlink, missing_ok=True)


class _Form:
    """Takes the parser's events: the first file goes to disk, fields are kept, more files are refused."""

    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        self._file = file
        self._limit_bytes = limit_bytes
        self._segment: MultipartSegment | None = None
        self._value = bytearray()
        self.name: str | None = None
        self.size_bytes = 0
        self.fields: dict[str, str] = {}

    def take(self, parser: PushMultipartParser, data: bytes) -> None:
        for event in parser.parse(data):
            if isinstance(event, MultipartSegment):
                self._begin(event)
            elif event:
                self._add(event)
            else:
                self._end()

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment = segment
        self._value.clear()
        if segment.filename is None:
            return
        if self.name is not None:
            raise BadRequest("The form holds more than one file.", action="Send one file at a time.", param="file")
        self.name = plain_name(segment.filename)

    def _add(self, data: bytes | bytearray) -> None:
        assert self._segment is not None
        if self._segment.filename is None:
            self._value += data
            if len(self._value) > FIELD_BYTES:
                raise TooLarge(f"A field of the form is longer than {FIELD_BYTES} bytes.", param=self._segment.name)
            return
        self.size_bytes += len(data)
        if self.size_bytes > self._limit_bytes:
            raise TooLarge(
                f"The file is larger than {self._limit_bytes} bytes.", action="Send a smaller one.", param="file"
            )
        self._file.write(data)

    def _end(self) -> None:
        if self._segment is not None and self._segment.filename is None:
            self.fields[self._segment.name] = self._value.decode("utf-8", "replace")


def plain_name(name: str) -> str:
    """A file's name without folders and characters that mean something to shells, headers and file systems."""
    last = re.split(r"[/\\]", name)[-1]
    return _UNSAFE.sub("_", last)[-NAME_CHARACTERS:].lstrip(". ") or "file"
