"""Security data in a label's reserved fields (TC260-PG-202511A): a signature over who labelled what.

It proves that three values belong together, not that they belong to this file: that is what the Content Credential is
for. A key that lies beside its own signature proves only integrity; whose it is, a pinned key says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Literal

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from msgspec import Struct

from hanlin.labels.signature import sm2
from hanlin.types import Label

TEXT_CHARACTERS = 16 * 1024
"""Longest reserved field looked at; real ones are below 2 KiB."""
ITEMS = 8
"""Most entries of one list that are looked at."""
_RSA_BITS = 8192

Role = Literal["producer", "propagator"]
SigningKey = sm2.PrivateKey | Ed25519PrivateKey | ec.EllipticCurvePrivateKey
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


class Technique(StrEnum):
    SM2 = "SM2 with SM3"
    ED25519 = "Ed25519"
    ECDSA = "ECDSA P-256 with SHA-256"
    RSA = "RSA with SHA-256"
    CURVE = "ECDSA or SM2"
    """A bare signature: two numbers in DER."""
    UNKNOWN = "unknown"


class Integrity(StrEnum):
    HOLDS = "holds"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    """Nobody can say without the key, which is not in the file and not among the known ones."""


class PublicKey(Struct, frozen=True):
    technique: Technique
    der: bytes
    """SubjectPublicKeyInfo."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `der` in hex, as `openssl pkey -pubin -outform DER | sha256sum` prints it."""
        return hashlib.sha256(self.der).hexdigest()


class SecurityCheck(Struct, frozen=True):
    technique: Technique
    integrity: Integrity
    form: Literal["", "plain", "digest"] = ""
    """What holds is over the string of Appendix A.1, or over its digest: both are in use."""
    key: str = ""
    """Fingerprint of the key that was tried, of a known one or of the one in the file."""
    pinned: bool = False
    """That key is among the known ones."""

    @property
    def holds(self) -> bool:
        return self.integrity is Integrity.HOLDS


_OIDS = {
    "1.2.156.10197.1.501": Technique.SM2,
    "1.3.101.112": Technique.ED25519,
    "1.2.840.10045.4.3.2": Technique.ECDSA,
    "1.2.840.113549.1.1.11": Technique.RSA,
}
_OID_OF = {technique: oid for oid, technique in _OIDS.items()}


def seal(label: Label, key: SigningKey, role: Role = "producer") -> str:
    """What stands in ReservedCode1 (producer) or ReservedCode2 (propagator): JSON without spaces, DER in hex.

    Other fields of the label may change afterwards; `Label`, the name and the number of `role` may not. For the
    propagator the guide's Appendix A shows no string: ours is the producer's with the propagator's two keys.
    """
    message = _message(label, role)
    if isinstance(key, sm2.PrivateKey | Ed25519PrivateKey):
        signature = key.sign(message)
    else:
        signature = key.sign(message, ec.ECDSA(hashes.SHA256()))
    public = public_key(key)
    algorithm = _OID_OF[public.technique]
    signed = {"Type": "DS", "AlgID": algorithm, "TBSData": {"Type": "Md"}, "Signature": signature.hex()}
    published = {"Type": "PubKey", "AlgID": algorithm, "KeyValue": public.der.hex()}
    data = {"SecurityData": {"Type": "TC260PG", "Version": 1, "PubSD": [signed, published]}}
    return msgspec.json.encode(data).decode()


def public_key(key: SigningKey) -> PublicKey:
    """The public half. Raises ValueError for an elliptic curve other than P-256."""
    if isinstance(key, sm2.PrivateKey):
        return PublicKey(Technique.SM2, sm2.encode_public(key.public))
    return load_public_key(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def load_public_key(der: bytes) -> PublicKey:
    """A key in a SubjectPublicKeyInfo. Raises ValueError when it is of no kind that is checked here."""
    if sm2.decode_public(der):
        return PublicKey(Technique.SM2, der)
    try:
        key = load_der_public_key(der)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if isinstance(key, Ed25519PublicKey):
        return PublicKey(Technique.ED25519, der)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return PublicKey(Technique.ECDSA, der)
    if isinstance(key, RSAPublicKey) and key.key_size <= _RSA_BITS:
        return PublicKey(Technique.RSA, der)
    raise ValueError("neither SM2, Ed25519, ECDSA P-256 nor RSA")


def check(label: Label, role: Role = "producer", known: Sequence[PublicKey] = ()) -> SecurityCheck | None:
    """What the security data in the label's reserved field proves, or None when there is none in it.

    Without a key in the file each of `known` is tried, and none of them holding says nothing: it may be another's.
    """
    field = label.reserved_code1 if role == "producer" else label.reserved_code2
    found = _parse(field[:TEXT_CHARACTERS])
    if found is None:
        return None
    technique, signature, keys = found
    for key in keys or [key for key in known if technique in {key.technique, Technique.CURVE, Technique.UNKNOWN}]:
        for form, message in _messages(label, role):
            if _verifies(key, signature, message):
                return SecurityCheck(key.technique, Integrity.HOLDS, form, key.fingerprint, key in known)
    if keys:
        first = keys[0]
        return SecurityCheck(first.technique, Integrity.BROKEN, "", first.fingerprint, first in known)
    return SecurityCheck(technique, Integrity.UNKNOWN)


def _message(label: Label, role: Role) -> bytes:
    """Appendix A.1: the members as in the file, without braces and spaces."""
    if role == "producer":
        values = {"Label": label.label, "ContentProducer": label.content_producer, "ProduceID": label.produce_id}
    else:
        values = {
            "Label": label.label,
            "ContentPropagator": label.content_propagator,
            "PropagateID": label.propagate_id,
        }
    return msgspec.json.encode(values)[1:-1]


def _messages(label: Label, role: Role) -> Iterator[tuple[Literal["plain", "digest"], bytes]]:
    """What may have been signed. Some sign the propagator's field over the producer's string."""
    for each in dict.fromkeys((role, "producer")):
        message = _message(label, each)
        yield "plain", message
        yield "digest", sm2.sm3(message)
        yield "digest", hashlib.sha256(message).digest()


def _parse(text: str) -> tuple[Technique, bytes, list[PublicKey]] | None:
    """Technique, signature and the keys beside it. A point without its y, or on both curves, gives several."""
    bare = _bytes(text)
    if _is_signature(bare):
        return Technique.CURVE, bare, []
    items = _items(text)
    signed = next((item for item in items if item.get("type") == "DS"), None)
    if signed is None:
        return None
    technique = _OIDS.get(str(signed.get("algid", "")), Technique.UNKNOWN)
    values = [_bytes(item.get("keyvalue")) for item in items if item.get("type") == "PubKey"]
    keys = [key for value in values for key in _keys(value)]
    keys.sort(key=lambda key: key.technique is not technique)
    return technique, _bytes(signed.get("signature")), keys


def _items(text: str) -> list[dict[str, Any]]:
    """The entries of the public security data with keys in lower case: `PubSD` and `PubSd` are both in use."""
    try:
        value = msgspec.json.decode(text)
        if isinstance(value, str):
            value = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return []
    entries = _lower(_lower(value).get("securitydata")).get("pubsd")
    return [_lower(entry) for entry in entries[:ITEMS]] if isinstance(entries, list) else []


def _lower(value: object) -> dict[str, Any]:
    return {key.lower(): inner for key, inner in value.items()} if isinstance(value, dict) else {}


def _bytes(text: object) -> bytes:
    return bytes.fromhex(text) if isinstance(text, str) and _HEX.fullmatch(text) else b""


def _is_signature(data: bytes) -> bool:
    try:
        return len(data) > 60 and all(number > 0 for number in decode_dss_signature(data))
    except ValueError:
        return False


def _keys(value: bytes) -> list[PublicKey]:
    """SubjectPublicKeyInfo, `04|x|y`, `x|y`, `00|x`, `02|x`, `03|x`, or the 32 bytes of Ed25519."""
    try:
        return [load_public_key(value)]
    except ValueError:
        pass
    if len(value) == 32:
        return [_ed25519(value)]
    if len(value) == 33 and value[0] in {0, 2, 3}:
        x = int.from_bytes(value[1:])
        points = [(x, y) for _, y in sm2.points_at(x) if value[0] in {0, 2 + y % 2}]
        encoded = [bytes([sign]) + value[1:] for sign in (2, 3) if value[0] in {0, sign}]
        return [PublicKey(Technique.SM2, sm2.encode_public(point)) for point in points] + _p256(*encoded)
    if len(value) in {64, 65}:
        point = int.from_bytes(value[-64:-32]), int.from_bytes(value[-32:])
        ours = [PublicKey(Technique.SM2, sm2.encode_public(point))] if sm2.is_point(point) else []
        return ours + _p256(b"\x04" + value[-64:])
    return []


def _ed25519(raw: bytes) -> PublicKey:
    key = Ed25519PublicKey.from_public_bytes(raw)
    return PublicKey(Technique.ED25519, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _p256(*encoded: bytes) -> list[PublicKey]:
    keys = []
    for point in encoded:
        try:
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except ValueError:
            continue
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        keys.append(PublicKey(Technique.ECDSA, der))
    return keys


def _verifies(key: PublicKey, signature: bytes, message: bytes) -> bool:
    if len(signature) == 64 and key.technique in {Technique.SM2, Technique.ECDSA}:
        signature = sm2.encode_signature(signature)
    try:
        if point := sm2.decode_public(key.der):
            sm2.verify(point, signature, message)
            return True
        public = load_der_public_key(key.der)
        if isinstance(public, Ed25519PublicKey):
            public.verify(signature, message)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        elif isinstance(public, RSAPublicKey):
            public.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True
