"""All marks of one file, in the only order that keeps them all: explicit, watermark, metadata, signature.

The explicit label changes the content, so it comes first; the watermark must not be drawn over; a Content Credential
signs the bytes, so anything written after it would break it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from hanlin.labels.content import MACHINE_READ, Print, can_carry_watermark, marked, prints_of, watermark_in
from hanlin.labels.embed import mapped, write_label, write_whole
from hanlin.labels.formats.format import Format, Modality
from hanlin.labels.formats.table import find
from hanlin.labels.imprint import Imprint
from hanlin.labels.signature import credentials, security_data
from hanlin.labels.signature.authority import Authority
from hanlin.types import Label


class Order(Struct, frozen=True):
    """What to put on a file."""

    imprint: Imprint
    language: str = "en"
    """Of the explicit label: `zh` or `en`."""
    explicit: bool = True
    """False only with the agreement of Article 9, or where the content carries one already."""
    watermark: bool = True
    security: str = "ed25519"
    """Technique of the security data in the label's reserved field: `ed25519`, `sm2`, or "" for none."""
    keys: str = ""
    """Folder of the signing material; "" signs nothing."""
    operator: str = ""
    time_stamp_url: str = ""
    spoken: str = ""
    """Path of a wave file that says the audible label; "" leaves it to the rhythm."""
    parent: str = ""
    """Path of the file that this one was made from; becomes an ingredient."""


class Sealed(Struct, frozen=True):
    """What a file carries now."""

    format: str
    media_type: str
    modality: Modality
    label: Label
    layers: tuple[str, ...]
    """Of `explicit`, `watermark`, `metadata`, `security`, `credential`, those that it has."""
    watermark: int | None = None
    """Its 64-bit payload."""
    prints: tuple[Print, ...] = field(default=())
    """How the finished content is found again when all else is gone."""


def numbered(order: Order, number: str) -> Order:
    """The same order for a content of this number."""
    label = replace(order.imprint.label, produce_id=number, propagate_id=number)
    return replace(order, imprint=replace(order.imprint, label=label))


def seal_file(source: str, target: str, name: str, order: Order) -> Sealed:
    """Put every mark that its format can carry on a file. The target appears whole or not at all.

    Raises BadFile for an unknown or broken file, and when the explicit label that was asked for cannot be put on it.
    """
    with mapped(Path(source)) as view:
        file, sealed = seal(bytes(view), order, name)
    write_whole(Path(target), [file], None, like=Path(source))
    return sealed


def seal(file: bytes, order: Order, name: str = "") -> tuple[bytes, Sealed]:
    """The marked file and what it carries; see `seal_file`."""
    format_ = find(memoryview(file), name)
    layers: list[str] = []
    imprint, payload = order.imprint, None
    if order.watermark and can_carry_watermark(format_):
        payload = payload_of(imprint.label.produce_id)
    spoken, parent = _read(order.spoken), _read(order.parent)
    unmarked = file
    file = marked(file, format_, order.language if order.explicit else None, payload, spoken)
    if order.explicit and format_.name not in MACHINE_READ:
        layers.append("explicit")
    if payload is not None and _carries(file, format_, payload):
        layers.append("watermark")
    else:
        payload = None
    if parent is None and credentials.is_marked(unmarked) and not credentials.is_marked(file):
        parent = unmarked  # drawing anew has cost it the credential it had, which lives on as that of its parent
    authority = Authority.open(Path(order.keys), order.operator) if order.keys else None
    if authority is not None and order.security:
        code = security_data.seal(imprint.label, getattr(authority, order.security))
        imprint = replace(imprint, label=replace(imprint.label, reserved_code1=code))
        layers.append("security")
    file = write_label(file, imprint, name)
    layers.append("metadata")
    if authority is not None and credentials.supported(format_.media_types[0]):
        file = credentials.sign(
            file, format_.media_types[0], imprint, authority, parent=parent, time_stamp_url=order.time_stamp_url
        )
        layers.append("credential")
    return file, Sealed(
        format_.name,
        format_.media_types[0],
        format_.modality,
        imprint.label,
        tuple(layers),
        payload,
        prints_of(memoryview(file), format_),
    )


def _read(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None


def _carries(file: bytes, format_: Format, payload: int) -> bool:
    """Whether the watermark is found again: colours, lengths and rates that it does not fit stay as they are."""
    found = watermark_in(memoryview(file), format_)
    return found is not None and found.payload == payload


def payload_of(produce_id: str) -> int:
    """The watermark's 64 bits for a content number: the index leads back from them."""
    return int.from_bytes(hashlib.sha256(produce_id.encode()).digest()[:8], "big")
