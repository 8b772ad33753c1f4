"""A label as it stands in a file, and what is wrong with it. Strict in what we write, lenient in what we read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from hanlin.labels.provider_code import is_provider_code
from hanlin.types import Label

TEXT_BYTES = 64 * 1024
"""Longest text looked at as one label; real ones are below 2 KiB."""
FIELDS = dict(zip(Label.__struct_encode_fields__, Label.__struct_fields__, strict=True))
"""Key in the file -> field."""
_CHARSET = re.compile(r'(?:[\x21\x23-\x5B\x5D-\x7E]|\\?")*\Z')
"""Annex E j): printable ASCII without space and backslash; a quote as `\\"`, which is a bare quote once decoded."""


class Fault(StrEnum):
    """How a label departs from GB 45438-2025, Annex E, and the practice guides."""

    NOT_JSON = "not_json"
    """Read only after mending: glued text, entities, single quotes."""
    NOT_TEXT = "not_text"
    """A value is a number or an object where the annex wants a string."""
    MISSING_KEY = "missing_key"
    UNKNOWN_KEY = "unknown_key"
    LABEL_VALUE = "label_value"
    """`Label` is neither 1, 2 nor 3."""
    CHARSET = "charset"
    NO_PRODUCER = "no_producer"
    NO_NUMBER = "no_number"
    """ProduceID is empty or nothing but zeros."""
    PROVIDER_CODE = "provider_code"
    """Looks like a 27-character provider code, and its check digit is wrong."""
    PLACE = "place"
    """Not where the guide for this format puts it."""
    REPEATED = "repeated"
    """The file holds more than one label (6.1 c)."""


class Found(Struct, frozen=True):
    """One label that stands in a file."""

    label: Label
    place: str
    """Where, in the words of the format: `PNG iTXt XMP`, `EXIF UserComment`, `ID3 TXXX`."""
    text: str
    """As it stands there."""
    faults: tuple[Fault, ...] = ()


def parse(text: str | bytes, place: str, *, usual: bool = True) -> Found | None:
    """The label that a text found at `place` says, or None when it is no label.

    With and without `{"AIGC": …}` around it, numbers for strings, missing keys, JSON in a string in JSON: all are read
    and what is wrong is said. `usual` is False where the guide for the format wants the label elsewhere.
    """
    if isinstance(text, bytes):
        text = text[:TEXT_BYTES].decode("utf-8", "replace")
    text = text[:TEXT_BYTES].strip("\0 \t\r\n\ufeff")
    for value, mended in _values(text):
        inner = _inner(value)
        if inner is not None:
            faults = _faults(inner) + ([Fault.NOT_JSON] if mended else []) + ([] if usual else [Fault.PLACE])
            return Found(label_of(inner), place, text, tuple(faults))
    return None


def label_of(values: dict[str, Any]) -> Label:
    """The label in a mapping of the seven keys; what is no string becomes one."""
    return Label(
        **{FIELDS[key]: _string(value) for key, value in values.items() if key in FIELDS} | _unlabelled(values)
    )


def _unlabelled(values: dict[str, Any]) -> dict[str, str]:
    return {} if "Label" in values else {"label": ""}


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def _values(text: str) -> Iterator[tuple[Any, bool]]:
    """JSON values in a text: itself, and then what an `AIGC` in it is glued to."""
    try:
        yield msgspec.json.decode(text), False
    except (msgspec.DecodeError, RecursionError):
        if (start := text.find("{")) >= 0 and (end := text.rfind("}")) > start:
            glued = text[start : end + 1]
            for attempt in (glued, glued.replace("&quot;", '"').replace("&#34;", '"'), glued.replace("'", '"')):
                try:
                    yield msgspec.json.decode(attempt), True
                except (msgspec.DecodeError, RecursionError):
                    continue


def _inner(value: object, depth: int = 3) -> dict[str, Any] | None:
    """The mapping of the seven keys, out of its wrapper or out of a string."""
    if isinstance(value, str) and depth:
        try:
            return _inner(msgspec.json.decode(value), depth - 1)
        except (msgspec.DecodeError, RecursionError):
            return None
    if not isinstance(value, dict):
        return None
    if "AIGC" in value and depth:
        return _inner(value["AIGC"], depth - 1)
    return value if "Label" in value and ("ContentProducer" in value or "ProduceID" in value) else None


def _faults(inner: dict[str, Any]) -> list[Fault]:
    label = label_of(inner)
    strings = msgspec.structs.astuple(label)
    checks = {
        Fault.NOT_TEXT: any(not isinstance(inner[key], str) for key in inner if key in FIELDS),
        Fault.MISSING_KEY: any(key not in inner for key in FIELDS),
        Fault.UNKNOWN_KEY: any(key not in FIELDS for key in inner),
        Fault.LABEL_VALUE: label.label not in ("1", "2", "3"),
        Fault.CHARSET: any(not _CHARSET.match(value) for value in strings),
        Fault.NO_PRODUCER: not label.content_producer and label.label == "1",
        Fault.NO_NUMBER: not label.produce_id.strip("0") and label.label == "1",
        Fault.PROVIDER_CODE: any(
            len(code) == 27 and code[:4] == "0011" and not is_provider_code(code)
            for code in (label.content_producer, label.content_propagator)
        ),
    }
    return [fault for fault, holds in checks.items() if holds]
