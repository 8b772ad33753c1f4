"""Bring a file that the operator has into the store."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path

import msgspec

from hanlin.catalog.header import Header
from hanlin.catalog.partial import BLOCK_BYTES
from hanlin.catalog.recognise import examine
from hanlin.catalog.stoppable import Stop, in_loop, in_thread
from hanlin.catalog.store import Store
from hanlin.catalog.weights import Progress, Report, Weights
from hanlin.errors import BadRequest


async def import_file(
    store: Store, file: Path, *, name: str = "", licence: str = "unknown", report: Report = lambda _: None
) -> Weights:
    """The entry of the file's bytes, now in the store: the catalog's when it knows the hash, else a new one.

    `name` is made from the file's name when empty. The file is copied, not linked, so that later writes to it do not
    reach the store. Raises BadRequest when it is not sound GGUF or safetensors, Conflict when the name is taken.
    """
    tell = in_loop(report)
    return await in_thread(lambda stop: _import(store, file, (name or _name(file), licence), _Copy(tell, stop)))


class _Copy:
    """Copies and hashes in one pass, so that what was hashed is what lies in the store."""

    def __init__(self, tell: Report, stop: Stop) -> None:
        self.tell = tell
        self.stop = stop

    def make(self, source: Path, target: Path) -> str:
        total, done, sha256 = source.stat().st_size, 0, hashlib.sha256()
        with source.open("rb") as reader, target.open("wb") as writer:
            while block := reader.read(BLOCK_BYTES):
                self.stop.check()
                sha256.update(block)
                writer.write(block)
                done += len(block)
                self.tell(Progress(done, max(total, done), "file"))
        return sha256.hexdigest()


def _import(store: Store, file: Path, said: tuple[str, str], copy: _Copy) -> Weights:
    examine(file)
    store.check_space(file.stat().st_size)
    partial = store.folder / "partial"
    partial.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=partial, prefix="import-", ignore_cleanup_errors=True) as folder:
        copied = Path(folder) / "weights"
        sha256 = copy.make(file, copied)
        entry = _entry(examine(copied), said, sha256, copied.stat().st_size)
        entry = store.remember(entry, copy.stop)
        store.admit(copied, sha256)
    return entry


def _entry(header: Header, said: tuple[str, str], sha256: str, size_bytes: int) -> Weights:
    if header.parts > 1:
        raise BadRequest(
            f"The file is one of {header.parts} parts of its weights.",
            action="Merge them first: `llama-gguf-split --merge FIRST-PART MERGED`.",
            code="weights_in_parts",
        )
    name, licence = said
    fields = {
        "name": name,
        "publisher": "imported",
        "licence": licence,
        "format": header.format,
        "file": f"{name}.{header.format}",
        "sha256": sha256,
        "size_bytes": size_bytes,
        "context_tokens": header.context_tokens,
    }
    try:
        return msgspec.convert(fields, Weights)
    except msgspec.ValidationError:
        raise BadRequest(
            "A name of weights is 1 to 100 of a-z, 0-9, '.', '_', '-', and begins with a letter or digit.",
            action="Give one with --name.",
        ) from None


def _name(file: Path) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._")
    return name[:100] or "imported"
