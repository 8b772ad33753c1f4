"""What a Content Credential says, out of the library's report of a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

_REPORT_CHARACTERS = 4_000_000
"""Longest report of the library that is looked at; ours have below 10,000."""
_MANIFESTS = 256
_NODES = 100_000
_AI_TYPES = frozenset(
    {"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic", "trainedAlgorithmicData"}
)
_WORDS = {
    "signingCredential.untrusted": "The signer's certificate comes from nobody on the trust list.",
    "signingCredential.invalid": "The signer's certificate is not made for signing content.",
    "signingCredential.expired": "The signer's certificate has expired, and no time stamp shows that it was valid.",
    "signingCredential.ocsp.revoked": "The signer's certificate was revoked.",
    "claimSignature.mismatch": "The signature does not fit what it signs.",
    "claimSignature.outsideValidity": "It was signed outside the time for which the signer's certificate is valid.",
    "claimSignature.missing": "The signature is missing.",
    "assertion.dataHash.mismatch": "The content was changed after signing.",
    "assertion.bmffHash.mismatch": "The content was changed after signing.",
    "assertion.boxesHash.mismatch": "The content was changed after signing.",
    "assertion.collectionHash.mismatch": "The content was changed after signing.",
    "assertion.hashedURI.mismatch": "A statement in the credential was changed after signing.",
    "assertion.missing": "A statement that was signed is missing.",
    "timeStamp.mismatch": "The time stamp is of another signature.",
    "timeStamp.malformed": "The time stamp cannot be read.",
    "timeStamp.outsideValidity": "The time stamp lies outside the validity of its authority's certificate.",
    "timeStamp.untrusted": "The time stamp comes from nobody on the trust list.",
    "unreadable": "The credential cannot be read.",
}
"""Validation codes (C2PA 2.4, 15.2) in plain words."""


class State(StrEnum):
    TRUSTED = "trusted"
    """Whole, and signed by somebody on the trust list."""
    VALID = "valid"
    """Whole, and signed by somebody unknown: a name that anybody can take."""
    INVALID = "invalid"


_STATES = {"Trusted": State.TRUSTED, "Valid": State.VALID}
"""By the library's word; any other is no good one."""


class Problem(Struct, frozen=True):
    code: str
    words: str


class Credential(Struct, frozen=True):
    """What a file's Content Credential says; worth what `state` says."""

    state: State
    problems: tuple[Problem, ...] = ()
    issuer: str = ""
    """Organisation in the signer's certificate."""
    says_ai: bool = False
    """By its source types or those of its parents and parts."""
    source_types: tuple[str, ...] = ()
    """URIs, of the file and then of its parents and parts."""
    actions: tuple[str, ...] = ()
    agent: str = ""
    """Name and version of what made or changed it."""
    produce_id: str = ""
    """Number of the content, as in its label: the record finds ours by it."""
    signed_at: dt.datetime | None = None
    """From the time stamp; without one, what the signer claims."""
    time_stamped: bool = False
    """An RFC 3161 time stamp fits the signature; `problems` says when nobody vouches for its authority."""


UNREADABLE = Credential(State.INVALID, (Problem("unreadable", _WORDS["unreadable"]),))


def credential_of(report: str) -> Credential:
    """The credential in a report in JSON (`Reader.json`), of which every text comes from the file."""
    if len(report) > _REPORT_CHARACTERS:
        return UNREADABLE
    try:
        store = _mapping(msgspec.json.decode(report))
    except (msgspec.DecodeError, RecursionError):
        return UNREADABLE
    manifests = list(_reached(store))
    if not manifests:
        return UNREADABLE
    active, results = manifests[0], _mapping(store.get("validation_results"))
    signature = _mapping(active.get("signature_info"))
    source_types = tuple(dict.fromkeys(uri for manifest in manifests for uri in _source_types(manifest)))
    stamped = "timeStamp.validated" in _codes(_mapping(results.get("activeManifest")), "success")
    return Credential(
        state=_STATES.get(_text(store.get("validation_state")), State.INVALID),
        problems=tuple(_problems(results)),
        issuer=_text(signature.get("issuer")) or _text(signature.get("common_name")),
        says_ai=any(uri.rpartition("/")[2] in _AI_TYPES for uri in source_types),
        source_types=source_types,
        actions=tuple(dict.fromkeys(_text(action.get("action")) for each in manifests for action in _actions(each))),
        agent=next((agent for each in manifests for agent in _agents(each)), ""),
        produce_id=next(_identifiers(active), ""),
        signed_at=_time(signature.get("time")) if stamped else max(_claimed(active), default=None),
        time_stamped=stamped,
    )


def _reached(store: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The active manifest and those of its parents and parts, each once; what only prompted a model is left out."""
    manifests, names = _mapping(store.get("manifests")), [_text(store.get("active_manifest"))]
    for position in range(_MANIFESTS):
        if position == len(names):
            return
        manifest = _mapping(manifests.get(names[position]))
        if manifest:
            yield manifest
        for ingredient in map(_mapping, _sequence(manifest.get("ingredients"))):
            name = _text(ingredient.get("active_manifest"))
            if name and name not in names and ingredient.get("relationship") != "inputTo":
                names.append(name)


def _assertions(manifest: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for assertion in map(_mapping, _sequence(manifest.get("assertions"))):
        yield _text(assertion.get("label")), _mapping(assertion.get("data"))


def _actions(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    found = [data.get("actions") for label, data in _assertions(manifest) if label.startswith("c2pa.actions")]
    return [_mapping(action) for actions in found for action in _sequence(actions)]


def _source_types(manifest: dict[str, Any]) -> Iterator[str]:
    """In actions, and wherever else a statement names one: IPTC properties, old forms of actions."""
    waiting: list[object] = [data for _, data in _assertions(manifest)]
    for _ in range(_NODES):
        if not waiting:
            return
        node = waiting.pop(0) if len(waiting) < 64 else waiting.pop()
        if isinstance(node, dict):
            yield from (
                value for key, value in node.items() if key.lower().endswith("digitalsourcetype") and _text(value)
            )
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _agents(manifest: dict[str, Any]) -> Iterator[str]:
    """Who acted; failing that, what wrote the manifest."""
    named = [action.get("softwareAgent") for action in _actions(manifest)]
    for agent in [*named, *_sequence(manifest.get("claim_generator_info"))]:
        both = f"{_text(_mapping(agent).get('name'))} {_text(_mapping(agent).get('version'))}".strip()
        if both or _text(agent):
            yield both or _text(agent)
    if _text(manifest.get("claim_generator")):
        yield _text(manifest.get("claim_generator"))


def _identifiers(manifest: dict[str, Any]) -> Iterator[str]:
    for label, data in _assertions(manifest):
        if label == "cawg.metadata" and _text(data.get("dc:identifier")):
            yield _text(data.get("dc:identifier"))


def _claimed(manifest: dict[str, Any]) -> list[dt.datetime]:
    return [time for time in (_time(action.get("when")) for action in _actions(manifest)) if time]


def _time(text: object) -> dt.datetime | None:
    try:
        time = dt.datetime.fromisoformat(_text(text))
        return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        return None


def _problems(results: dict[str, Any]) -> Iterator[Problem]:
    active = _mapping(results.get("activeManifest"))
    codes = _codes(active, "failure")
    codes += [code for code in _codes(active, "informational") if code.startswith("timeStamp.")]
    for delta in map(_mapping, _sequence(results.get("ingredientDeltas"))):
        codes += _codes(_mapping(delta.get("validationDeltas")), "failure")
    for code in dict.fromkeys(codes):
        yield Problem(code, _WORDS.get(code, f"A check failed: {code}."))


def _codes(results: dict[str, Any], kind: str) -> list[str]:
    return [_text(_mapping(status).get("code")) for status in _sequence(results.get(kind))]


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:4096] if isinstance(value, str) else ""
