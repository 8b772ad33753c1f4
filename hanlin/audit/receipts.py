"""A receipt: proof, checkable offline and for ever, that a generation is in the record."""

from __future__ import annotations

from base64 import b64encode

import msgspec
from msgspec import Struct

from hanlin.audit.checkpoint import open_checkpoint, parse_vkey
from hanlin.audit.keys import record_key, unseal_person, unwrap_row
from hanlin.audit.leaves import decode_head
from hanlin.audit.store import Reader
from hanlin.audit.tree import inclusion_proof
from hanlin.errors import Conflict, NotFound


class ProvenLeaf(Struct, frozen=True):
    index: int
    leaf: str
    """The leaf as it is hashed: canonical JSON."""
    proof: tuple[bytes, ...]
    """Inclusion proof (RFC 6962), lowest hash first."""

    def tlog_proof(self, checkpoint: str) -> str:
        """The proof as c2sp.org/tlog-proof@v1."""
        hashes = "".join(b64encode(node).decode() + "\n" for node in self.proof)
        return f"c2sp.org/tlog-proof@v1\nindex {self.index}\n{hashes}\n{checkpoint}"


class Receipt(Struct, frozen=True):
    request: str
    vkey: str
    """Who signs. Compare it with the one the operator publishes elsewhere: it proves nothing by itself."""
    checkpoint: str
    """Signed note over the tree that both leaves are in."""
    intent: ProvenLeaf
    outcome: ProvenLeaf | None
    """None: still running, or its outcome is unknown because the server stopped in between."""
    v: int = 1

    def json(self) -> bytes:
        return msgspec.json.encode(self, order="sorted")

    def tlog_proof(self) -> str:
        """The outcome's proof, or the intent's while there is no outcome."""
        return (self.outcome or self.intent).tlog_proof(self.checkpoint)


class Disclosure(Struct, frozen=True):
    """What opens one record to an auditor: the commitments can be checked with these keys, and no other record."""

    request: str
    person: str
    intent_key: bytes
    outcome_key: bytes | None


def last_index(reader: Reader, request_id: str) -> int:
    """Seq of the newest leaf of a request. Raises NotFound when there is none."""
    rows = reader.rows_of(request_id)
    if not rows:
        raise unknown_request(request_id)
    return rows[-1][0]


def make_receipt(reader: Reader, request_id: str) -> Receipt:
    """Raises NotFound for an unknown request, Conflict while no signed checkpoint covers it."""
    rows = reader.rows_of(request_id)
    identity, note = reader.identity(), reader.checkpoint()
    if not rows or identity is None:
        raise unknown_request(request_id)
    size = 0 if note is None else open_checkpoint(note, parse_vkey(identity[1])).size
    if note is None or rows[-1][0] >= size:
        raise Conflict("No checkpoint covers this request yet.", action="Ask again in a minute.")
    proven = {
        decode_head(leaf).event: ProvenLeaf(seq, leaf.decode(), tuple(inclusion_proof(seq, size, reader.node)))
        for seq, leaf, _, _ in rows
    }
    if "generation:intent" not in proven:
        raise unknown_request(request_id)
    return Receipt(request_id, identity[1], note, proven["generation:intent"], proven.get("generation:outcome"))


def disclose(reader: Reader, master_key: bytes, request_id: str) -> Disclosure:
    """The record keys of one request. Raises NotFound for an unknown request and after an erasure."""
    keys: dict[str, bytes] = {}
    person = ""
    for _, leaf, subject, box in reader.rows_of(request_id):
        row = reader.connection.execute("SELECT person, month, wrapped FROM keys WHERE id = ?", (subject,)).fetchone()
        if row is None:
            raise unknown_request(request_id)
        event = decode_head(leaf).event
        keys[event] = record_key(unwrap_row(master_key, row), request_id, event)
        if box is not None:
            person = unseal_person(keys[event], box)
    if not person:
        raise unknown_request(request_id)
    return Disclosure(request_id, person, keys["generation:intent"], keys.get("generation:outcome"))


def unknown_request(request_id: str) -> NotFound:
    """What is said of a request that is not in the record, and of one that the asker may not see."""
    return NotFound(f"Nothing about request {request_id[:64]!r} is in the record.", action="Check the id.")
