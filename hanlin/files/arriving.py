"""Bytes of uploads that are not finished: one folder each, with what came in order and what came in parts."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

FOLD_BYTES = 1024 * 1024


class Arriving:
    """Blocking: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def data(self, upload_id: str) -> Path:
        """The file that grows."""
        return self._folder / upload_id / "data"

    def open(self, upload_id: str, offset: int) -> BinaryIO:
        """Its end for writing: what a crash left behind `offset` was never answered for, and is cut off."""
        path = self.data(upload_id)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        file.truncate(offset)
        file.seek(offset)
        return file

    @staticmethod
    def sync(file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())

    def keep_part(self, upload_id: str, part_id: str, source: Path) -> None:
        """Take over a part, durably."""
        target = self._folder / upload_id / part_id
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with source.open("rb") as file:
            os.fsync(file.fileno())
        source.replace(target)

    def join(self, upload_id: str, part_ids: Iterable[str]) -> str:
        """Put parts together in this order as the upload's data; the MD5 of it."""
        digest = hashlib.md5(usedforsecurity=False)  # a check of the transfer, as OpenAI's clients send it
        with self.open(upload_id, 0) as whole:
            for part_id in part_ids:
                with (self._folder / upload_id / part_id).open("rb") as part:
                    while piece := part.read(FOLD_BYTES):
                        digest.update(piece)
                        whole.write(piece)
            self.sync(whole)
        return digest.hexdigest()

    def remove(self, upload_id: str) -> None:
        shutil.rmtree(self._folder / upload_id, ignore_errors=True)

    def sweep(self, known: Iterable[str]) -> None:
        """Remove what no upload is known for, and forms that a crash cut off."""
        for entry in self._folder.glob("upload_*"):
            if entry.name not in known:
                shutil.rmtree(entry, ignore_errors=True)
        for form in self._folder.glob("upload-*"):
            form.unlink()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
