"""Frames between the server and the engine's process: 4 bytes length, 4 bytes request, 1 byte kind, the payload."""

from __future__ import annotations

import struct
from enum import IntEnum

from msgspec import Struct

HEADER = struct.Struct("!IIB")


class Kind(IntEnum):
    START = 1
    """To the child, first: a `Start`."""
    READY = 2
    """The weights are loaded."""
    FAILED = 3
    """The weights cannot be loaded; the payload is the reason, in words."""
    GENERATE = 4
    """To the child: the body of a chat completion, always streamed."""
    CANCEL = 5
    """To the child: stop this request."""
    EVENT = 6
    """One event of the answer, JSON as llama.cpp makes it."""
    END = 7
    """The request is over and its slot is free."""
    REFUSED = 8
    """llama.cpp did not take the request as valid; over."""
    BROKEN = 9
    """llama.cpp failed at the request; over."""


class Start(Struct, frozen=True):
    """How the child is to load its model."""

    weights: str
    threads: int
    slots: int
    context_tokens: int
    """Of one answer; the cache holds this much for every slot."""
    prompt_cache_mib: int


def pack(kind: Kind, request: int = 0, payload: bytes = b"") -> bytes:
    return HEADER.pack(len(payload), request, kind) + payload
