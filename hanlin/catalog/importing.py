"""Bring a file, or a folder of weights with their companions, that the operator has into the store."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path

import msgspec

from hanlin.catalog.partial import BLOCK_BYTES
from hanlin.catalog.recognise import examine
from hanlin.catalog.stoppable import Stop, in_loop, in_thread
from hanlin.catalog.store import Store
from hanlin.catalog.weights import Progress, PublishedFile, Report, Weights
from hanlin.errors import BadRequest

COMPANIONS = frozenset(
    {"config.json", "preprocessor_config.json", "tokenizer.json", "vocabulary.json", "vocabulary.txt"}
)
"""What engines read beside weights of several files."""
COMPANION_BYTES = 64 << 20


async def import_file(
    store: Store, file: Path, *, name: str = "", licence: str = "unknown", report: Report = lambda _: None
) -> Weights:
    """The entry of the file's bytes, now in the store: the catalog's when it knows the hash, else a new one.

    `file` may be a folder with one file of weights and its companions. `name` is made from the file's name when empty.
    Everything is copied, not linked, so that later writes to it do not reach the store. Raises BadRequest when it is
    not sound GGUF, safetensors or CTranslate2, Conflict when the name is taken.
    """
    tell = in_loop(report)
    return await in_thread(lambda stop: _import(store, file, (name or _name(file), licence), _Copy(tell, stop)))


class _Copy:
    """Copies and hashes in one pass, so that what was hashed is what lies in the store."""

    def __init__(self, tell: Report, stop: Stop) -> None:
        self.tell = tell
        self.stop = stop

    def make(self, sources: list[Path], folder: Path) -> dict[Path, PublishedFile]:
        """What each copy is, in the order of `sources`."""
        total = sum(source.stat().st_size for source in sources)
        copies: dict[Path, PublishedFile] = {}
        done = 0
        for source in sources:
            target, sha256, begin = folder / f"{len(copies)}", hashlib.sha256(), done
            with source.open("rb") as reader, target.open("wb") as writer:
                while block := reader.read(BLOCK_BYTES):
                    self.stop.check()
                    sha256.update(block)
                    writer.write(block)
                    done += len(block)
                    self.tell(Progress(done, max(total, done), "file"))
            copies[target] = PublishedFile(source.name, done - begin, sha256.hexdigest())
        return copies


def _import(store: Store, file: Path, said: tuple[str, str], copy: _Copy) -> Weights:
    sources = _chosen(store, file)
    store.check_space(sum(source.stat().st_size for source in sources))
    partial = store.folder / "partial"
    partial.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=partial, prefix="import-", ignore_cleanup_errors=True) as folder:
        copies = copy.make(sources, Path(folder))
        entry = _known(store, list(copies.values())) or _entry(copies, said)
        entry = store.remember(entry, copy.stop)
        wanted = {published.sha256 for published in entry.files}
        for copied, published in reversed(copies.items()):
            if published.sha256 in wanted:
                store.admit(copied, published.sha256)
    return entry


def _chosen(store: Store, file: Path) -> list[Path]:
    """The weights first, then their companions. Raises BadRequest for what is of no format that is taken in."""
    if not file.is_dir():
        if not _may_be_pinned(store, file) and examine(file).format == "ctranslate2":
            raise _in_folder()
        return [file]
    files = [one for one in sorted(file.iterdir()) if one.is_file()]
    weights = [one for one in files if _is_weights(one)]
    if len(weights) != 1:
        raise BadRequest(
            f"The folder holds {len(weights)} files of weights, expected one.",
            action="Give one file, or a folder with one model.",
            code="no_weights_in_folder",
        )
    small = [one for one in files if one.name in COMPANIONS and one.stat().st_size <= COMPANION_BYTES]
    return [*weights, *small]


def _is_weights(file: Path) -> bool:
    try:
        examine(file)
    except BadRequest:
        return False
    return True


def _in_folder() -> BadRequest:
    return BadRequest(
        "These weights need the files that are published beside them.",
        action="Import the folder with all of them: `hanlin models import FOLDER`.",
        code="companions_missing",
    )


def _may_be_pinned(store: Store, file: Path) -> bool:
    """Whether a pickle may be one whose hash the catalog pins; only the hash of the copy says so."""
    return file.is_file() and file.stat().st_size in {
        one.size_bytes for one in store.entries() if one.format == "torch"
    }


def _known(store: Store, files: list[PublishedFile]) -> Weights | None:
    """The entry that the weights, the first of `files`, have already. Raises BadRequest without its companions."""
    entry = next((one for one in store.entries() if one.sha256 == files[0].sha256), None)
    if entry is not None and not {one.sha256 for one in entry.files} <= {one.sha256 for one in files}:
        raise _in_folder()
    return entry


def _entry(copies: dict[Path, PublishedFile], said: tuple[str, str]) -> Weights:
    (copied, main), *others = copies.items()
    header = examine(copied)
    if header.parts > 1:
        raise BadRequest(
            f"The file is one of {header.parts} parts of its weights.",
            action="Merge them first: `llama-gguf-split --merge FIRST-PART MERGED`.",
            code="weights_in_parts",
        )
    name, licence = said
    several = header.format == "ctranslate2"
    fields = {
        "name": name,
        "publisher": "imported",
        "licence": licence,
        "format": header.format,
        "file": "model.bin" if several else f"{name}.{header.format}",
        "sha256": main.sha256,
        "size_bytes": main.size_bytes,
        "context_tokens": header.context_tokens,
        "companions": [msgspec.to_builtins(published) for _, published in others] if several else [],
    }
    try:
        return msgspec.convert(fields, Weights)
    except msgspec.ValidationError:
        raise BadRequest(
            "A name of weights is 1 to 100 of a-z, 0-9, '.', '_', '-', and begins with a letter or digit.",
            action="Give one with --name.",
        ) from None


def _name(file: Path) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", (file.name if file.is_dir() else file.stem).lower()).strip("-._")
    return name[:100] or "imported"
