"""Everything a file says of its origin, by every technique there is."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from hanlin.errors import HanlinError
from hanlin.labels.content import Print, explicit_in, prints_of, watermark_in
from hanlin.labels.embed import mapped
from hanlin.labels.formats.format import Format, Modality
from hanlin.labels.formats.table import find
from hanlin.labels.found import Fault, Found
from hanlin.labels.signature import credentials, security_data
from hanlin.labels.signature.manifest import Credential
from hanlin.labels.signature.security_data import PublicKey, SecurityCheck
from hanlin.labels.watermark.protocol import Detection

METADATA_BYTES = 2 * 1024 * 1024
"""Of a file's beginning and end, where its XMP stands."""
_AI_SOURCE = re.compile(
    rb"DigitalSourceType\s{0,8}(?:=\s{0,8}[\"']|>)\s{0,40}(?:https?://cv\.iptc\.org/newscodes/digitalsourcetype/)?"
    rb"(trainedAlgorithmicMedia|compositeWithTrainedAlgorithmicMedia)"
)
"""IPTC Photo Metadata 2025.1: the URI, and the bare code that many write in its place."""


class Trust(Struct, frozen=True):
    """Whom a reader believes."""

    anchors: str = ""
    """PEM certificates that Content Credentials may lead to."""
    keys: tuple[PublicKey, ...] = ()
    """Of security data."""


class Inspection(Struct, frozen=True):
    """What was found in one file."""

    name: str
    format: str
    media_type: str
    modality: Modality
    size_bytes: int
    labels: tuple[Found, ...] = ()
    security: tuple[SecurityCheck | None, ...] = ()
    """The producer's security data of each label; None where there is none."""
    credential: Credential | None = None
    iptc_source: str = ""
    """IPTC digital source type, when it says that a model took part."""
    watermark: Detection | None = None
    explicit: bool | None = None
    """Whether a label for people stands in the content; None where that is not looked for."""
    prints: tuple[Print, ...] = ()
    unreadable: str = ""
    """Why the content itself could not be looked at, when only its metadata could."""


def inspect_file(path: str, name: str, trust: Trust) -> Inspection:
    """Look at a file in every way. Raises BadFile for an unknown or broken one."""
    with mapped(Path(path)) as view:
        return inspect(view, name, trust)


def inspect(file: memoryview, name: str, trust: Trust) -> Inspection:
    """As `inspect_file`, for bytes that are there already."""
    format_ = find(file, name)
    labels = _faulty_when_repeated(format_.read(file))
    watermark, explicit, prints, unreadable = _content(file, format_)
    return Inspection(
        name=name,
        format=format_.name,
        media_type=format_.media_types[0],
        modality=format_.modality,
        size_bytes=len(file),
        labels=labels,
        security=tuple(security_data.check(found.label, known=trust.keys) for found in labels),
        credential=_credential(file, format_, trust),
        iptc_source=_iptc_source(file),
        watermark=watermark,
        explicit=explicit,
        prints=prints,
        unreadable=unreadable,
    )


def _faulty_when_repeated(found: list[Found]) -> tuple[Found, ...]:
    if len(found) < 2:
        return tuple(found)
    return tuple(Found(one.label, one.place, one.text, (*one.faults, Fault.REPEATED)) for one in found)


def _content(file: memoryview, format_: Format) -> tuple[Detection | None, bool | None, tuple[Print, ...], str]:
    try:
        return watermark_in(file, format_), explicit_in(file, format_), prints_of(file, format_), ""
    except HanlinError as error:
        return None, None, (), error.message


def _credential(file: memoryview, format_: Format, trust: Trust) -> Credential | None:
    if not credentials.supported(format_.media_types[0]):
        return None
    return credentials.read(bytes(file), format_.media_types[0], trust.anchors)


def _iptc_source(file: memoryview) -> str:
    ends = bytes(file[:METADATA_BYTES]), bytes(file[max(METADATA_BYTES, len(file) - METADATA_BYTES) :])
    found = next((match for end in ends if (match := _AI_SOURCE.search(end))), None)
    return found[1].decode() if found else ""
