"""What a leaf holds: canonical JSON (keys sorted, no spaces, UTF-8, no floats) of one of three structs.

The fields below stand in alphabetical order, which is what makes the encoding canonical. There is no name, address,
text or plain hash of a text in a leaf: workspace, key and session ids are random, texts are keyed commitments.
The position in the tree is the sequence number; it is not repeated inside.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from hanlin.errors import BadRequest
from hanlin.types import Decision, Model, Status, Usage

LEAF_BYTES = 65_535
"""An entry bundle gives a leaf's length in 16 bits (C2SP tlog-tiles). Real leaves have 400 to 700 bytes."""
FACTS_BYTES = 4096
DECISIONS = 64
"""Decisions of one generation that a leaf holds."""


class Outcome(Struct, frozen=True):
    """How a generation ended, as the pipeline tells it."""

    status: Status
    service: str = ""
    model: Model | None = None
    decisions: tuple[Decision, ...] = ()
    usage: Usage = Usage()
    output: bytes = b""
    """All text that left; only its commitment is kept."""
    label: str = ""
    """ProduceID of the implicit label."""
    milliseconds: int = 0
    counted: str = "reported"
    """`reported` by the engine or `estimated`."""


class ModelRef(Struct, frozen=True):
    digest: str
    name: str
    version: str


class DecisionRef(Struct, frozen=True):
    policy: str
    rule: str
    verdict: str


class IntentLeaf(Struct, frozen=True):
    """`generation:intent`: written before anything runs."""

    credential: str
    """Id of the API key or browser session."""
    event: str
    input: bytes
    """HMAC(record key, "in" + request body)."""
    request: str
    sealed: bytes
    """SHA-256 of the sealed personal part."""
    service: str
    time: int
    """Milliseconds since 1970, UTC, by the wall clock."""
    v: int
    workspace: str


class OutcomeLeaf(Struct, frozen=True):
    """`generation:outcome`: written before the last byte leaves."""

    completion_tokens: int
    counted: str
    credential: str
    decisions: tuple[DecisionRef, ...]
    event: str
    label: str
    milliseconds: int
    model: ModelRef | None
    output: bytes
    """HMAC(record key, "out" + output)."""
    prompt_tokens: int
    request: str
    service: str
    status: str
    time: int
    v: int
    workspace: str


class EventLeaf(Struct, frozen=True):
    """Everything that is not a generation."""

    credential: str
    event: str
    facts: dict[str, str | int]
    time: int
    v: int
    workspace: str


Leaf = IntentLeaf | OutcomeLeaf | EventLeaf


class _Head(Struct):
    event: str
    time: int
    workspace: str


encode = msgspec.json.Encoder().encode
decode_head = msgspec.json.Decoder(_Head).decode


def decode(leaf: bytes) -> Leaf:
    event = decode_head(leaf).event
    if event == "generation:intent":
        return msgspec.json.decode(leaf, type=IntentLeaf)
    if event == "generation:outcome":
        return msgspec.json.decode(leaf, type=OutcomeLeaf)
    return msgspec.json.decode(leaf, type=EventLeaf)


def decision_refs(decisions: tuple[Decision, ...]) -> tuple[DecisionRef, ...]:
    return tuple([DecisionRef(d.policy, d.rule, d.verdict) for d in decisions[:DECISIONS]])


def model_ref(model: Model | None) -> ModelRef | None:
    return None if model is None else ModelRef(model.digest, model.name, model.version)


def checked_facts(facts: Mapping[str, str | int]) -> dict[str, str | int]:
    """An event's facts, sorted. Raises BadRequest for values other than str and int, and over 4 KiB."""
    if not all(type(key) is str and _is_fact(value) for key, value in facts.items()):
        raise BadRequest("Facts of an event are words or whole numbers of 64 bits.")
    ordered = dict(sorted(facts.items()))
    try:
        size = len(encode(ordered))
    except UnicodeEncodeError:
        raise BadRequest("Facts of an event must be valid Unicode.") from None
    if size > FACTS_BYTES:
        raise BadRequest(f"Facts of an event have at most {FACTS_BYTES} bytes, got {size}.")
    return ordered


def _is_fact(value: object) -> bool:
    return type(value) is str or (type(value) is int and -(2**63) <= value < 2**63)
