"""Article 6 of the Measures for Labeling AI-Generated Content: what a platform must say of a file that is uploaded."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from hanlin.types import Label


class Finding(StrEnum):
    """What is known, strongest first."""

    CONFIRMED = "confirmed"
    """6 (1): the file's metadata says that it is generated."""
    POSSIBLE = "possible"
    """6 (2): it does not, but who uploads it declares so."""
    SUSPECTED = "suspected"
    """6 (3): neither, but an explicit label or another trace was found."""
    NONE = "none"


LABEL_VALUES = {Finding.CONFIRMED: "1", Finding.POSSIBLE: "2", Finding.SUSPECTED: "3"}
"""Annex E: the value of `Label` for each."""
_FINDINGS = {value: finding for finding, value in LABEL_VALUES.items()}

_PROMPTS = {
    "zh": {
        Finding.CONFIRMED: "本内容由人工智能生成合成",
        Finding.POSSIBLE: "本内容可能由人工智能生成合成（发布者声明）",
        Finding.SUSPECTED: "本内容疑似由人工智能生成合成",
        Finding.NONE: "",
    },
    "en": {
        Finding.CONFIRMED: "This content is AI-generated.",
        Finding.POSSIBLE: "This content may be AI-generated, as its publisher declares.",
        Finding.SUSPECTED: "This content is suspected to be AI-generated.",
        Finding.NONE: "",
    },
}


class Evidence(Struct, frozen=True):
    """What was found of one file; each a technique that can be named to who asks."""

    labels: tuple[str, ...] = ()
    """Values of `Label` of the implicit labels in its metadata."""
    credential: bool | None = None
    """Whether a Content Credential that says AI holds; None when there is none."""
    metadata: bool = False
    """Other metadata says AI (IPTC digital source type)."""
    watermark: bool = False
    fingerprint: bool = False
    explicit: bool = False


def judge(evidence: Evidence, *, declared: bool = False) -> Finding:
    """The finding of Article 6. A label that a platform wrote earlier (2, 3) keeps what it says."""
    values = [_FINDINGS.get(value, Finding.CONFIRMED) for value in evidence.labels]
    if Finding.CONFIRMED in values or evidence.credential or evidence.metadata:
        return Finding.CONFIRMED
    if Finding.POSSIBLE in values or declared:
        return Finding.POSSIBLE
    traces = evidence.watermark or evidence.fingerprint or evidence.explicit or evidence.credential is False
    return Finding.SUSPECTED if Finding.SUSPECTED in values or traces else Finding.NONE


def prompt(finding: Finding, language: str) -> str:
    """The conspicuous prompt beside the content, in `zh` or else in English; "" where nothing is said."""
    return _PROMPTS["zh" if language == "zh" else "en"][finding]


def propagated(label: Label | None, finding: Finding, propagator: str, number: str) -> Label | None:
    """The label a platform writes: its own three fields, and the producer's as they came (Article 6; Article 10).

    None when nothing was found, for then nothing is written.
    """
    if finding is Finding.NONE:
        return None
    base = label or Label(LABEL_VALUES[finding])
    return replace(base, content_propagator=propagator, propagate_id=number, reserved_code2="")
