"""Writes the record as static files anyone can check: C2SP tlog-tiles, the checkpoint, and the verifier itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from hanlin.audit.checkpoint import open_checkpoint, parse_vkey
from hanlin.audit.leaves import decode_head
from hanlin.audit.store import Reader
from hanlin.audit.tree import TILE_WIDTH
from hanlin.audit.verifier import tile_path, tiles_of
from hanlin.errors import Conflict, NotFound

README = """# A record of {origin}

{size} entries, of which the contents of {first} to {last} are here. Check it, offline, with Python 3.11 or newer:

    pip install cryptography
    python verifier.py .

Take the verifier key (`vkey`) from a source you trust and pass it with `--vkey`; pass a checkpoint you kept earlier
with `--held`. Read `verifier.py` first: it is one file.

`checkpoint` is a signed tree head (C2SP tlog-checkpoint), `tile/` the hashes and `tile/entries/` the entries (C2SP
tlog-tiles), `range` the first entry and the end of those exported. An entry is JSON; hashes follow RFC 6962.
"""


def export(reader: Reader, folder: Path, since: int = 0, until: int | None = None) -> Iterator[int]:
    """Write everything under the newest checkpoint to a new folder; yields the entries done so far.

    `since` and `until` (milliseconds since 1970) choose whose contents are written, in whole bundles of 256; hashes
    are always complete. Raises Conflict when the folder has files in it, NotFound when there is no checkpoint yet.
    """
    identity, note = reader.identity(), reader.checkpoint()
    if identity is None or note is None:
        raise NotFound("The record has no checkpoint yet.", action="Start the server once, then export.")
    origin, vkey = identity
    size = open_checkpoint(note, parse_vkey(vkey)).size
    first, end = _range(reader, size, since, until)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Conflict("The folder of an export must be empty.", action="Name a new folder.")
    for level, n, width in tiles_of(size):
        _write(folder / tile_path(level, n, width), b"".join(reader.tile(level, n, width)))
        start = n * TILE_WIDTH
        if level == 0:
            if first <= start < end:
                bundle = (len(leaf).to_bytes(2) + leaf for leaf in reader.leaves(start, start + width))
                _write(folder / tile_path("entries", n, width), b"".join(bundle))
            yield start + width
    _write(folder / "range", f"{first} {end}\n".encode())
    _write(folder / "vkey", f"{vkey}\n".encode())
    _write(folder / "README.md", README.format(origin=origin, size=size, first=first, last=end - 1).encode())
    _write(folder / "verifier.py", files("hanlin.audit").joinpath("verifier.py").read_bytes())
    _write(folder / "checkpoint", note.encode())


def _range(reader: Reader, size: int, since: int, until: int | None) -> tuple[int, int]:
    """Whole bundles with an entry of that time: the first and the end. Clocks may step, so every entry is looked at."""
    found = [
        start
        for start, page in reader.pages(reader.first(), size, TILE_WIDTH)
        if any(since <= decode_head(leaf).time and (until is None or decode_head(leaf).time < until) for leaf in page)
    ]
    if not found:
        empty = reader.first()
        return empty, empty
    return found[0], min(found[-1] + TILE_WIDTH, size)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
