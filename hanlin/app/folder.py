"""What a data folder is opened with: the master key and the name of a new record."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hanlin.errors import Misconfigured
from hanlin.settings import Settings


def master_key(settings: Settings, folder: Path) -> bytes:
    """The 32 bytes that wrap every person's key: from the settings, or made once and kept beside the data (0400).

    Raises Misconfigured when a record exists but its key file is gone: a new key could open nothing of it.
    """
    if settings.master_key:
        return bytes.fromhex(settings.master_key)
    file = folder / "master.key"
    if file.exists():
        return bytes.fromhex(file.read_text(encoding="ascii").strip())
    if (folder / "audit").exists():
        raise Misconfigured(
            f"{file} is missing, and the record in {folder} was made with it.",
            action="Put the file back from your backup, or set `master_key_file` to where it is.",
        )
    key = secrets.token_bytes(32)
    write_once(file, key.hex(), 0o400)
    return key


def origin(settings: Settings) -> str:
    """The name of a new record in its checkpoints: the address people type, without its scheme (C2SP)."""
    return settings.url.partition("://")[2]


def write_once(file: Path, text: str, mode: int) -> None:
    """Write a file that must never be half there: synced, then renamed into place."""
    partial = file.with_name(file.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
