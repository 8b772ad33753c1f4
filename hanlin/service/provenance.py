"""What can be said of a file or a text that somebody shows us: where from, which technique says so, does it hold."""

from __future__ import annotations

from msgspec import Struct

from hanlin.labels import Credential, Finding, SecurityCheck
from hanlin.types import Label


class Origin(Struct, frozen=True):
    """A content that this server made or marked."""

    number: str
    """ProduceID; "" where the asker is not of the workspace that made it, and the file does not say it."""
    found_by: str
    """`label`, `watermark` or `fingerprint`."""
    similarity: float
    """1 for a number that was read; below for a fingerprint."""
    made_at: float
    """Seconds since 1970; 0 when only the record of entries knows the number."""
    receipt: str
    """`/receipts/…` when the record holds the generation, else ""."""
    recorded: bool
    """Whether the record holds it."""


class Marked(Struct, frozen=True):
    """One implicit label, and what is known of who it names."""

    place: str
    label: Label
    faults: tuple[str, ...]
    security: SecurityCheck | None
    operator: bool
    """It names this server's operator as producer."""
    model: str
    """The registered model whose code stands in it; "" when it is not ours or not known."""


class Provenance(Struct, frozen=True):
    """The whole answer: the finding of Article 6, and everything it rests on."""

    finding: Finding
    techniques: tuple[str, ...]
    """Of `label`, `credential`, `metadata`, `watermark`, `fingerprint`, `explicit`, `declaration`: what said so."""
    labels: tuple[Marked, ...] = ()
    credential: Credential | None = None
    iptc_source: str = ""
    watermark: str = ""
    """Technique that found one."""
    watermark_score: float = 0.0
    explicit: bool | None = None
    origin: Origin | None = None
    name: str = ""
    format: str = ""
    modality: str = "text"
    media_type: str = ""
    size_bytes: int = 0
    unreadable: str = ""
