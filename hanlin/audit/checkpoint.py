"""Signed checkpoints: C2SP signed-note and tlog-checkpoint, Ed25519 (algorithm byte 0x01)."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from hanlin.errors import BadRequest

ED25519 = b"\x01"
NOTE_BYTES = 16_384
"""Longest note that is read. Ours have about 250 bytes; the rest is room for cosignatures."""
SIGNATURES = 16
"""Most signature lines that are read."""


class Checkpoint(Struct, frozen=True):
    """What is signed: the log named `origin` had `size` leaves and this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


class VerifierKey(Struct, frozen=True):
    """Who signs: `<name>+<key id, hex>+<base64 of 0x01 and the public key>` when written out."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public).decode()}"


def check_name(name: str) -> str:
    """A log's origin as it came. Raises BadRequest when it is empty, over 200 characters, has a space or a `+`."""
    if not name or len(name) > 200 or "+" in name or any(c.isspace() or not c.isprintable() for c in name):
        raise BadRequest(f"A log's origin has 1 to 200 characters without spaces or '+', got {name!r}.")
    return name


def parse_vkey(text: str) -> VerifierKey:
    """Read a vkey string. Raises BadRequest when it is malformed or its key id does not belong to its key."""
    name, _, rest = text.strip().partition("+")
    key_id, _, key = rest.partition("+")
    raw = _base64(key)
    if len(raw) != 33 or raw[:1] != ED25519:
        raise BadRequest("A verifier key has the form name+id+key with an Ed25519 key (type 0x01).")
    vkey = VerifierKey(check_name(name), raw[1:])
    if vkey.key_id.hex() != key_id:
        raise BadRequest(f"The verifier key's id is {vkey.key_id.hex()}, its text says {key_id[:16]!r}.")
    return vkey


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The signed note of a checkpoint; the key's name is the origin."""
    text = checkpoint.text()
    vkey = VerifierKey(checkpoint.origin, key.public_key().public_bytes_raw())
    signature = b64encode(vkey.key_id + key.sign(text.encode())).decode()
    return f"{text}\n— {checkpoint.origin} {signature}\n"


def open_checkpoint(note: str, vkey: VerifierKey) -> Checkpoint:
    """The checkpoint in a note that `vkey` signed. Raises BadRequest for anything else."""
    text = open_note(note, vkey)
    lines = text.split("\n")
    if len(lines) < 4 or not (lines[1].isascii() and lines[1].isdigit() and len(lines[1]) <= 18):
        raise BadRequest("A checkpoint has three lines: origin, size, root.")
    root = _base64(lines[2])
    if lines[0] != vkey.name or len(root) != 32 or str(int(lines[1])) != lines[1]:
        raise BadRequest("The checkpoint's origin, size or root is not well formed.")
    return Checkpoint(lines[0], int(lines[1]), root)


def open_note(note: str, vkey: VerifierKey) -> str:
    """The text of a note, its last line break included, that `vkey` signed. Raises BadRequest for anything else."""
    if len(note) > NOTE_BYTES:
        raise BadRequest(f"A note of {len(note)} characters is too long; {NOTE_BYTES} are read.")
    text, gap, signatures = note.rpartition("\n\n")
    if not gap or not signatures.endswith("\n"):
        raise BadRequest("A note is a text, an empty line and signature lines.")
    text += "\n"
    for line in signatures.split("\n")[:SIGNATURES]:
        raw = _base64(line.removeprefix(f"— {vkey.name} "))
        if line.startswith("— ") and len(raw) == 68 and raw[:4] == vkey.key_id and _signed(vkey, raw[4:], text):
            return text
    raise BadRequest(f"The note has no valid signature of {vkey.name!r}.")


def _signed(vkey: VerifierKey, signature: bytes, text: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(vkey.public).verify(signature, text.encode())
    except (InvalidSignature, UnicodeEncodeError):
        return False
    return True


def _base64(text: str) -> bytes:
    """Strict base64; empty when it is not."""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
