"""Checks an export or a receipt of a Hanlin record, offline: one file, needs Python 3.11 and `cryptography` only.

    python verifier.py EXPORT_FOLDER [--vkey TEXT] [--held CHECKPOINT_FILE ...]
    python verifier.py RECEIPT.json  [--vkey TEXT] [--input FILE --input-key HEX] [--output FILE --output-key HEX]

Exit status 0: everything checked agrees. 1: something does not; the first bad index is named. 2: wrong use.
`--vkey` is the operator's verifier key from a source you trust; without it the one beside the data is used, which
shows that the data agrees with itself. `--held` is a checkpoint you kept earlier: it shows that nothing before it was
rewritten since. Formats: RFC 6962, C2SP signed-note, tlog-checkpoint, tlog-tiles.
"""

from __future__ import annotations

import argparse
import binascii
import hmac
import json
import os
import sys
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256
SMALL_BYTES = 16_384
RECEIPT_BYTES = 1_000_000
BUNDLE_BYTES = WIDTH * (2 + 65_535)
TEXT_BYTES = 64 * 1024 * 1024
MAX_SIZE = 1 << 48


class Bad(Exception):
    """What does not agree, and the first index concerned when it is known."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message if index is None else f"index {index}: {message}")
        self.index = index


def read(path: Path, limit: int, index: int | None = None) -> bytes:
    """A plain file of at most `limit` bytes; never a link, pipe or device."""
    try:
        if path.is_symlink() or not path.is_file():
            raise Bad(f"file {path.name} is missing", index)
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError:
        raise Bad(f"file {path.name} cannot be read", index) from None
    if len(content) > limit:
        raise Bad(f"file {path.name} has more than {limit} bytes", index)
    return content


def text_of(path: Path) -> str:
    try:
        return read(path, SMALL_BYTES).decode()
    except UnicodeDecodeError:
        raise Bad(f"file {path.name} is not UTF-8") from None


def decode64(text: str, length: int) -> bytes:
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != length:
        raise Bad(f"{length} bytes of base64 were expected")
    return raw


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


class Tree:
    """The frontier of a growing tree and, per level, the hashes of the tile being filled."""

    def __init__(self) -> None:
        self.size = 0
        self.frontier: list[bytes] = []
        self.edges: dict[int, list[bytes]] = {}

    def append(self, node: bytes) -> None:
        carry, height = self.size, 0
        while carry & 1:
            node = node_hash(self.frontier.pop(), node)
            carry, height = carry >> 1, height + 1
            if height % 8 == 0:
                self.edges.setdefault(height // 8, []).append(node)
        self.frontier.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self.frontier:
            return sha256(b"").digest()
        root = self.frontier[-1]
        for left in reversed(self.frontier[:-1]):
            root = node_hash(left, root)
        return root


def parse_vkey(text: str) -> tuple[str, bytes, bytes]:
    """(name, key id, public key) of a verifier key."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise Bad("the verifier key is not name+id+key")
    name, key_id, key = parts
    raw = decode64(key, 33)
    expected = sha256(name.encode(errors="replace") + b"\n" + raw).digest()[:4]
    if raw[0] != 1 or expected.hex() != key_id or not name:
        raise Bad("the verifier key does not belong to its id")
    return name, expected, raw[1:]


def open_checkpoint(note: str, vkey: tuple[str, bytes, bytes]) -> tuple[int, bytes]:
    """(size, root) of a checkpoint with a valid signature of `vkey`."""
    name, key_id, public = vkey
    text, gap, signatures = note.rpartition("\n\n")
    if not gap or not signatures.endswith("\n"):
        raise Bad("the checkpoint is not a signed note")
    body = (text + "\n").encode(errors="replace")
    if not any(_signed(line, name, key_id, public, body) for line in signatures.split("\n")[:16]):
        raise Bad(f"the checkpoint has no valid signature of {name!r}")
    lines = text.split("\n")
    if len(lines) < 3 or lines[0] != name or not (lines[1].isascii() and lines[1].isdigit() and len(lines[1]) <= 15):
        raise Bad("the checkpoint's lines are not origin, size, root")
    size = int(lines[1])
    if size > MAX_SIZE:
        raise Bad("the checkpoint's size is absurd")
    return size, decode64(lines[2], 32)


def _signed(line: str, name: str, key_id: bytes, public: bytes, body: bytes) -> bool:
    prefix = f"— {name} "
    if not line.startswith(prefix):
        return False
    try:
        raw = decode64(line[len(prefix) :], 68)
        Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], body)
    except (Bad, InvalidSignature, ValueError):
        return False
    return raw[:4] == key_id


def tile_path(level: int | str, n: int, width: int) -> str:
    """Path of a tile (C2SP tlog-tiles): three digits a folder, `.p/W` when it is not full."""
    groups = [f"{n % 1000:03}"]
    while n := n // 1000:
        groups.append(f"x{n % 1000:03}")
    path = "/".join(["tile", str(level), *reversed(groups)])
    return path if width == WIDTH else f"{path}.p/{width}"


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """(level, n, width) of all hash tiles of a tree."""
    level = 0
    while size:
        for n in range((size + WIDTH - 1) // WIDTH):
            yield level, n, min(WIDTH, size - n * WIDTH)
        size //= WIDTH
        level += 1


def split_bundle(bundle: bytes, start: int, width: int) -> Iterator[bytes]:
    """The entries of a bundle: 16-bit big-endian length, then that many bytes."""
    at = 0
    for index in range(start, start + width):
        end = at + 2 + int.from_bytes(bundle[at : at + 2])
        if at + 2 > len(bundle) or end > len(bundle):
            raise Bad("the entry is cut off", index)
        yield bundle[at + 2 : end]
        at = end
    if at != len(bundle):
        raise Bad("the bundle has more than its entries", start + width)


def verify_export(folder: Path, vkey_text: str | None, held_files: list[Path]) -> str:
    """A sentence that says what was found to agree. Raises Bad."""
    vkey = parse_vkey(vkey_text or text_of(folder / "vkey"))
    size, root = open_checkpoint(text_of(folder / "checkpoint"), vkey)
    expected = {size: root}
    for file in held_files:
        held_size, held_root = open_checkpoint(text_of(file), vkey)
        if held_size > size:
            raise Bad(f"a checkpoint of {held_size} entries is held, the export has {size}", size)
        if expected.setdefault(held_size, held_root) != held_root:
            raise Bad(f"another root was signed for {held_size} entries before")
    first, end = read_range(folder, size)
    verify_tiles(folder, size, (first, end), expected)
    refuse_strangers(folder, size, first, end)
    return f"{vkey[0]}: {size} entries agree with the signed checkpoint; contents of {first} to {end - 1} checked."


def verify_tiles(folder: Path, size: int, exported: tuple[int, int], expected: dict[int, bytes]) -> None:
    """Entries against level 0, each level against the one above, roots against what was signed (size -> root)."""
    tree = Tree()
    if expected.pop(0, tree.root()) != tree.root():
        raise Bad("an empty record has another root")
    for level, n, width in tiles_of(size):
        if level:
            break
        hashes = read_tile(folder, 0, n, width)
        start = n * WIDTH
        if exported[0] <= start < exported[1]:
            compare_entries(folder, start, hashes)
        for node in hashes:
            tree.append(node)
            if tree.size in expected and tree.root() != expected[tree.size]:
                raise Bad(f"the first {tree.size} entries do not have the root that was signed")
        compare_parent(folder, tree, n, size)
    for level, n, width in tiles_of(size):
        if level and b"".join(tree.edges[level][n * WIDTH : n * WIDTH + width]) != b"".join(
            read_tile(folder, level, n, width)
        ):
            raise Bad(f"tile {n} of level {level} does not agree", n << 8 * (level + 1))


def read_range(folder: Path, size: int) -> tuple[int, int]:
    words = text_of(folder / "range").split("\n")[0].split(" ")
    if len(words) != 2 or not all(w.isascii() and w.isdigit() and len(w) <= 15 and str(int(w)) == w for w in words):
        raise Bad("the range file has two numbers: first and end")
    first, end = int(words[0]), int(words[1])
    if not (first <= end <= size and first % WIDTH == 0 and (end == size or end % WIDTH == 0)):
        raise Bad("the range of entries does not fit the tree", min(first, size))
    return first, end


def read_tile(folder: Path, level: int, n: int, width: int) -> list[bytes]:
    index = n << 8 * (level + 1)
    raw = read(folder / tile_path(level, n, width), WIDTH * 32, index)
    if len(raw) != 32 * width:
        raise Bad(f"tile {n} of level {level} has {len(raw)} bytes, {32 * width} were expected", index)
    return [raw[i : i + 32] for i in range(0, len(raw), 32)]


def compare_entries(folder: Path, start: int, hashes: list[bytes]) -> None:
    path = folder / tile_path("entries", start // WIDTH, len(hashes))
    bundle = read(path, BUNDLE_BYTES, start)
    for offset, entry in enumerate(split_bundle(bundle, start, len(hashes))):
        if leaf_hash(entry) != hashes[offset]:
            raise Bad("the entry is not the one in the tree", start + offset)


def compare_parent(folder: Path, tree: Tree, n: int, size: int) -> None:
    """A full tile's root must stand in the tile above, so that a changed tile is named, not only a wrong root."""
    if tree.size % WIDTH:
        return
    above = size // WIDTH
    parent, offset = divmod(n, WIDTH)
    hashes = read_tile(folder, 1, parent, min(WIDTH, above - parent * WIDTH))
    if hashes[offset] != tree.edges[1][n]:
        raise Bad(f"tile {n} of level 0 does not agree with the tile above it", n * WIDTH)


def refuse_strangers(folder: Path, size: int, first: int, end: int) -> None:
    """Files nobody checked do not belong in a checked export."""
    known = {tile_path(level, n, width) for level, n, width in tiles_of(size)}
    known |= {tile_path("entries", s // WIDTH, min(WIDTH, end - s)) for s in range(first, end, WIDTH)}
    for base, folders, files in os.walk(folder / "tile"):
        for name in files + [f for f in folders if (Path(base) / f).is_symlink()]:
            path = (Path(base) / name).relative_to(folder).as_posix()
            if path not in known:
                raise Bad(f"file {path!r} does not belong to this export")


def verify_receipt(content: bytes, vkey_text: str | None, texts: dict[str, tuple[bytes, bytes]]) -> str:
    """`texts`: `input` and `output` -> (text, record key). Raises Bad."""
    try:
        receipt = json.loads(content)
        note, request = str(receipt["checkpoint"]), str(receipt["request"])
        vkey = parse_vkey(vkey_text or str(receipt["vkey"]))
        size, root = open_checkpoint(note, vkey)
        intent = _proven(receipt["intent"], "generation:intent", request, size, root)
        outcome = None
        if receipt["outcome"] is not None:
            outcome = _proven(receipt["outcome"], "generation:outcome", request, size, root)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Bad(f"the receipt is not well formed ({type(error).__name__})") from None
    for kind, (text, key) in texts.items():
        leaf = intent if kind == "input" else outcome
        prefix = b"in" if kind == "input" else b"out"
        if (
            leaf is None
            or leaf.get(kind) != binascii.b2a_base64(hmac.digest(key, prefix + text, "sha256"), newline=False).decode()
        ):
            raise Bad(f"the {kind} is not the one that was recorded")
    status = "no outcome on record" if outcome is None else f"outcome {str(outcome.get('status'))[:40]!r}"
    checked = f"; {' and '.join(texts)} as recorded" if texts else ""
    return f"{vkey[0]}: request {request[:64]!r} is in the record of {size} entries; {status}{checked}."


def _proven(part: Any, event: str, request: str, size: int, root: bytes) -> dict[str, Any]:
    index, leaf = part["index"], part["leaf"]
    if type(index) is not int or type(leaf) is not str or type(part["proof"]) is not list or len(part["proof"]) > 64:
        raise Bad("the receipt's proof is not well formed")
    proof = [decode64(str(node), 32) for node in part["proof"]]
    if not verify_inclusion(index, size, leaf_hash(leaf.encode()), proof, root):
        raise Bad("the leaf is not in the tree that was signed", index)
    fields = json.loads(leaf)
    if fields["request"] != request or fields["event"] != event:
        raise Bad("the leaf is about something else", index)
    return dict(fields)


def verify_inclusion(index: int, size: int, node: bytes, proof: list[bytes], root: bytes) -> bool:
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    position, last = index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def read_texts(arguments: argparse.Namespace) -> dict[str, tuple[bytes, bytes]]:
    texts = {}
    for kind in ("input", "output"):
        file, key = getattr(arguments, kind), getattr(arguments, f"{kind}_key")
        if (file is None) != (key is None):
            raise Bad(f"--{kind} and --{kind}-key come together")
        if file is not None:
            try:
                texts[kind] = read(file, TEXT_BYTES), bytes.fromhex(key)
            except ValueError:
                raise Bad(f"--{kind}-key is not hexadecimal") from None
    return texts


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check an export or a receipt of a Hanlin record.")
    parser.add_argument("path", type=Path, help="folder of an export, or a receipt's JSON file")
    parser.add_argument("--vkey", help="the operator's verifier key, from a source you trust")
    parser.add_argument("--held", type=Path, action="append", default=[], help="a checkpoint kept earlier")
    for kind in ("input", "output"):
        parser.add_argument(f"--{kind}", type=Path, help=f"file with the {kind} to compare with the receipt")
        parser.add_argument(f"--{kind}-key", help="the record key for it, in hexadecimal")
    options = parser.parse_args(arguments)
    try:
        if options.path.is_dir():
            found = verify_export(options.path, options.vkey, options.held)
        else:
            found = verify_receipt(read(options.path, RECEIPT_BYTES), options.vkey, read_texts(options))
    except Bad as bad:
        sys.stdout.write(f"BAD {bad}\n")
        return 1
    sys.stdout.write(f"OK {found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
