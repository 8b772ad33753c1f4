"""The label as JSON text and as an HTTP header, and reading it back."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, unquote

import msgspec

from hanlin.labels.found import parse
from hanlin.types import Label

HEADER = "X-AIGC-Label"


def wrap(label: Label) -> bytes:
    """`{"AIGC":{…}}`, compact, the seven keys in the order of the standard."""
    return msgspec.json.encode({"AIGC": label})


def header(label: Label) -> str:
    """The value of `X-AIGC-Label`: `wrap`, percent-encoded. Quick, for only the two numbers change between answers."""
    parts = _around_numbers(
        label.label, label.content_producer, label.content_propagator, label.reserved_code1, label.reserved_code2
    )
    produce = _encoded(label.produce_id)
    propagate = produce if label.propagate_id == label.produce_id else _encoded(label.propagate_id)
    return f"{parts[0]}{produce}{parts[1]}{propagate}{parts[2]}"


def read(text: str | bytes) -> Label | None:
    """The first label in a JSON text, an event stream or a header's value, with or without `AIGC` around it.

    Lenient, for what others write: numbers for strings, missing keys, an object that is itself JSON in a string.
    """
    stripped = (text.decode("utf-8", "replace") if isinstance(text, bytes) else text).strip()
    pieces = [unquote(stripped) if stripped.startswith("%7B") else stripped]
    pieces += [line[5:].strip() for line in stripped.splitlines() if line.startswith("data:")]
    return next((found.label for piece in pieces if (found := parse(piece, "text"))), None)


def _encoded(number: str) -> str:
    """A number inside a JSON string, percent-encoded; ours are letters and digits and stay as they are."""
    return number if number.isascii() and number.isalnum() else quote(msgspec.json.encode(number)[1:-1])


@lru_cache(maxsize=256)
def _around_numbers(kind: str, producer: str, propagator: str, reserved1: str, reserved2: str) -> tuple[str, str, str]:
    label = Label(kind, producer, "\x01", reserved1, propagator, "\x02", reserved2)  # no label holds these
    before, _, rest = wrap(label).decode().partition("\\u0001")
    between, _, after = rest.partition("\\u0002")
    return quote(before), quote(between), quote(after)
