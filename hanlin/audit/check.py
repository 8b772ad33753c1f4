"""Checks the whole record: every leaf against its tile, every tile against its parent, the root against a signature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hanlin.audit.checkpoint import Checkpoint, open_checkpoint, parse_vkey
from hanlin.audit.store import Reader
from hanlin.audit.tree import TILE_WIDTH, Tree, leaf_hash
from hanlin.errors import AuditUnavailable, HanlinError, NotFound


def check(reader: Reader, held: Sequence[Checkpoint] = ()) -> Iterator[int]:
    """Yields how many leaves are checked so far, up to the newest checkpoint; `held` are checkpoints kept elsewhere.

    Raises AuditUnavailable (`audit_corrupt`) with the first bad index, or with the checkpoint that disagrees.
    """
    identity, note = reader.identity(), reader.checkpoint()
    if identity is None or note is None:
        return
    signed = _open(note, identity[1])
    expected = {checkpoint.size: checkpoint.root for checkpoint in held}
    if max(expected, default=0) > signed.size:
        raise _corrupt(f"A checkpoint of {max(expected)} entries is held, the record has {signed.size}.")
    if expected.setdefault(signed.size, signed.root) != signed.root:
        raise _corrupt(f"The record signs another root for {signed.size} entries than the checkpoint held.")
    tree = Tree()
    first = reader.first()
    for start in range(0, signed.size, TILE_WIDTH):
        width = min(TILE_WIDTH, signed.size - start)
        for node in _tile_hashes(reader, start, width, first):
            tree.append(node)
            if tree.size in expected and tree.root() != expected[tree.size]:
                raise _corrupt(f"The first {tree.size} entries do not have the root that was signed.")
        _compare_full(reader, tree)
        yield tree.size


def _open(note: str, vkey: str) -> Checkpoint:
    try:
        return open_checkpoint(note, parse_vkey(vkey))
    except HanlinError as error:
        raise _corrupt(f"The newest checkpoint is not valid: {error.message}") from None


def _tile_hashes(reader: Reader, start: int, width: int, first: int) -> list[bytes]:
    """Hashes of a tile's leaves, worked out from the leaves where they are still there."""
    n = start // TILE_WIDTH
    if start < first:
        return reader.tile(0, n)
    rows = reader.after(start - 1, width)
    for offset in range(width):
        if offset == len(rows) or rows[offset][0] != start + offset:
            raise _corrupt(f"Entry {start + offset} is missing.", start + offset)
    hashes = [leaf_hash(leaf) for _, leaf in rows]
    if width == TILE_WIDTH:
        for offset, (kept, found) in enumerate(zip(reader.tile(0, n), hashes, strict=True)):
            if kept != found:
                raise _corrupt(f"Entry {start + offset} is not what was recorded.", start + offset)
    return hashes


def _compare_full(reader: Reader, tree: Tree) -> None:
    """The tiles above the leaves that have just become full must be the ones that are stored."""
    for level, n, hashes in tree.full:
        try:
            stored = b"".join(reader.tile(level, n))
        except NotFound:
            stored = b""
        if stored != hashes:
            raise _corrupt(f"Tile {n} of level {level} is not what was recorded.", n << 8 * (level + 1))
    tree.full.clear()


def _corrupt(message: str, index: int | None = None) -> AuditUnavailable:
    error = AuditUnavailable(
        message, code="audit_corrupt", action="Keep a copy of the file; compare it with a backup and an export."
    )
    error.param = None if index is None else str(index)
    return error
