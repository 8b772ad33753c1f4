"""Checkpoints kept outside the database: a file beside it and, better, a copy on another disk.

Whoever can write the database and holds the signing key can rewrite the record and sign it again. Only a checkpoint
that he does not hold shows it, so each one is also kept here, and the tree is compared with it when the log opens.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from hanlin.audit.checkpoint import NOTE_BYTES, Checkpoint, VerifierKey, open_checkpoint
from hanlin.errors import BadRequest

COPY_NAME = "checkpoints"


class Anchor:
    """Keeps the newest note in `folder/checkpoint` and appends each one to `copy/checkpoints`."""

    def __init__(self, folder: Path, copy: Path | None) -> None:
        self._file = folder / "checkpoint"
        self._copy = None if copy is None else copy / COPY_NAME
        self.copy_error = ""
        """Why the last note did not reach the copy; empty when it did."""

    def publish(self, note: str) -> None:
        """Replace the file, append to the copy. A full disk and a failing copy do not stop the record: the next note
        tries again. Raises OSError when the file beside the database fails otherwise.
        """
        try:
            _replace(self._file, note)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        if self._copy is not None:
            try:
                _append(self._copy, note)
                self.copy_error = ""
            except OSError as error:
                self.copy_error = error.strerror or "unknown error"

    def held(self, vkey: VerifierKey) -> list[Checkpoint]:
        """What the file and the copy hold, signed by `vkey`; torn, missing and foreign notes are passed over."""
        found = [_read(note, vkey) for note in (_text(self._file), self._last_copy(vkey))]
        return [checkpoint for checkpoint in found if checkpoint is not None]

    def _last_copy(self, vkey: VerifierKey) -> str:
        if self._copy is None:
            return ""
        start = f"{vkey.name}\n"
        try:
            tail = _text(self._copy)
        except OSError as error:
            self.copy_error = error.strerror or "unknown error"
            return ""
        while (at := tail.rfind(start)) >= 0:
            text, signatures = [*tail[at:].split("\n\n"), ""][:2]
            note = f"{text}\n\n{signatures.rstrip()}\n"
            if _read(note, vkey) is not None:
                return note
            tail = tail[:at]
        return ""


def _read(note: str, vkey: VerifierKey) -> Checkpoint | None:
    try:
        return open_checkpoint(note, vkey)
    except BadRequest:
        return None


def _text(path: Path) -> str:
    """The last 16 KiB of a file, empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - NOTE_BYTES))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def _replace(path: Path, text: str) -> None:
    """Write beside, sync, rename, sync the folder: a reader sees the old file or the new one, whole."""
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
