"""What a file and an unfinished upload are. Times are Unix seconds."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import Row

from hanlin.errors import NotFound


class File(Struct, frozen=True):
    """What a person brought."""

    id: str
    """`file_…`"""
    person: str
    workspace: str
    name: str
    """As its owner calls it, without folders."""
    media_type: str
    """By its content, one of `sniff.MEDIA_TYPES`."""
    size_bytes: int
    sha256: str
    purpose: str
    """What its owner said it is for; OpenAI's word, or empty."""
    blob: str
    created_at: int


class Upload(Struct, frozen=True):
    """A file that is still coming."""

    id: str
    """`upload_…`"""
    person: str
    workspace: str
    name: str
    size_bytes: int
    """All that is to come."""
    offset: int
    """How many bytes are here, durably; the next ones are expected from there."""
    purpose: str
    file: str
    """Id of the file that it has become; empty until then."""
    created_at: int
    expires_at: int


class Part(Struct, frozen=True):
    """One of the pieces of an upload that come in any order."""

    id: str
    """`part_…`"""
    upload: str
    size_bytes: int
    created_at: int


def file(row: Row[Any]) -> File:
    return File(**{name: getattr(row, name) for name in File.__struct_fields__})


def upload(row: Row[Any]) -> Upload:
    return Upload(
        id=row.id,
        person=row.person,
        workspace=row.workspace,
        name=row.name,
        size_bytes=row.size_bytes,
        offset=row.received_bytes,
        purpose=row.purpose,
        file=row.file_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def no_file() -> NotFound:
    return NotFound("There is no such file.", action="List your files, and take its id from there.")


def no_upload() -> NotFound:
    return NotFound("There is no such upload; after a day without a byte it is gone.", action="Begin a new one.")
