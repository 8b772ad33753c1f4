"""Security data holds for what was signed, in every spelling that is in use, and for nothing else."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.labels.found import Fault, parse
from hanlin.labels.signature import sm2
from hanlin.labels.signature.security_data import (
    Integrity,
    PublicKey,
    Role,
    SecurityCheck,
    SigningKey,
    Technique,
    check,
    load_public_key,
    public_key,
    seal,
)
from hanlin.labels.wire import wrap
from hanlin.types import Label

LABEL = Label("1", "00119144030008867405X2100A1", "0192abc", "", "00119144030008867405X2200A1", "0192abc", "")
MESSAGE = b'"Label":"1","ContentProducer":"00119144030008867405X2100A1","ProduceID":"0192abc"'
SM2_KEY = sm2.new_key()
KEYS: dict[str, SigningKey] = {
    "sm2": SM2_KEY,
    "ed25519": Ed25519PrivateKey.generate(),
    "p256": ec.generate_private_key(ec.SECP256R1()),
}
each_key = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
OPENSSL = shutil.which("openssl")


def sealed(key: SigningKey, role: Role = "producer", label: Label = LABEL) -> Label:
    field = "reserved_code1" if role == "producer" else "reserved_code2"
    return msgspec.structs.replace(label, **{field: seal(label, key, role)})


def data(signature: bytes, key: bytes = b"", algorithm: str = "1.2.156.10197.1.501", **spelling: str) -> str:
    """Security data as others write it."""
    signed: dict[str, Any] = {
        "Type": "DS",
        "AlgID": algorithm,
        "TBSData": {"Type": spelling.get("what", "Md")},
        "Signature": signature.hex(),
    }
    entries = [signed] + ([{"Type": "PubKey", "AlgID": algorithm, "KeyValue": key.hex()}] if key else [])
    return json.dumps({"SecurityData": {"Type": "TC260PG", "Version": 1, spelling.get("list", "PubSD"): entries}})


def checked(text: str, *known: PublicKey) -> SecurityCheck | None:
    return check(msgspec.structs.replace(LABEL, reserved_code1=text), known=known)


@each_key
def test_what_is_sealed_holds(key: SigningKey) -> None:
    public = public_key(key)
    assert check(sealed(key)) == SecurityCheck(public.technique, Integrity.HOLDS, "plain", public.fingerprint)


@each_key
def test_a_known_key_is_pinned(key: SigningKey) -> None:
    known = [public_key(each) for each in KEYS.values()]
    result = check(sealed(key), known=known)
    assert result is not None
    assert (result.holds, result.pinned) == (True, True)


@each_key
@pytest.mark.parametrize("field", ["label", "content_producer", "produce_id"])
def test_another_label_does_not_hold(key: SigningKey, field: str) -> None:
    result = check(msgspec.structs.replace(sealed(key), **{field: "3"}), known=[public_key(key)])
    assert result is not None
    assert (result.integrity, result.pinned) == (Integrity.BROKEN, True)


@each_key
def test_the_propagator_may_be_filled_in_afterwards(key: SigningKey) -> None:
    passed_on = msgspec.structs.replace(sealed(key), content_propagator="platform", propagate_id="77")
    both = sealed(SM2_KEY, "propagator", passed_on)
    assert (check(both), check(both, "propagator")) == (
        SecurityCheck(public_key(key).technique, Integrity.HOLDS, "plain", public_key(key).fingerprint),
        SecurityCheck(Technique.SM2, Integrity.HOLDS, "plain", public_key(SM2_KEY).fingerprint),
    )


def test_a_propagator_may_sign_the_producers_string() -> None:
    text = data(SM2_KEY.sign(MESSAGE), sm2.encode_public(SM2_KEY.public))
    result = check(msgspec.structs.replace(LABEL, reserved_code2=text), "propagator")
    assert result is not None
    assert result.holds


@each_key
def test_the_field_keeps_to_the_characters_of_the_annex(key: SigningKey) -> None:
    """Annex E j): quotes inside a value are the only thing that is escaped."""
    label = sealed(key)
    text = wrap(label).decode()
    assert text.isascii()
    assert not set(text) & set(" \n")
    assert text.count("\\") == text.count('\\"')
    found = parse(text, "test")
    assert found is not None
    assert Fault.CHARSET not in found.faults
    assert found.label == label


@each_key
def test_the_members_of_a_seal_are_those_of_the_guide(key: SigningKey) -> None:
    security = json.loads(seal(LABEL, key))["SecurityData"]
    signed, published = security["PubSD"]
    assert (security["Type"], security["Version"]) == ("TC260PG", 1)
    assert (signed["Type"], signed["TBSData"], published["Type"]) == ("DS", {"Type": "Md"}, "PubKey")
    assert signed["AlgID"] == published["AlgID"]


def test_the_example_of_the_standard_holds() -> None:
    """GB/T 32918.5, Annex A.2."""
    number = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
    x = 0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020
    y = 0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13
    r = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
    s = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
    raw = r.to_bytes(32) + s.to_bytes(32)
    assert sm2.PrivateKey(number, (x, y)) == sm2.load_key(sm2.PrivateKey(number, (x, y)).pem())
    sm2.verify((x, y), sm2.encode_signature(raw), b"message digest")


def test_sm3_of_the_standard() -> None:
    """GB/T 32905, Annex A.1."""
    assert sm2.sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@pytest.mark.skipif(not OPENSSL, reason="openssl is not on this machine")
@pytest.mark.parametrize("message", [b"a", MESSAGE, b"\xff" * 1000])
def test_openssl_and_we_accept_each_others_sm2_signatures(tmp_path: Path, message: bytes) -> None:
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "ours").write_bytes(SM2_KEY.sign(message))
    (tmp_path / "key").write_bytes(SM2_KEY.pem())
    both = ["openssl", "pkeyutl", "-rawin", "-digest", "sm3", "-inkey", "key", "-in", "message"]
    both += ["-pkeyopt", f"distid:{sm2.SIGNER_ID.decode()}"]
    said = subprocess.run([*both, "-verify", "-sigfile", "ours"], cwd=tmp_path, capture_output=True, check=True)
    assert b"Signature Verified Successfully" in said.stdout
    subprocess.run([*both, "-sign", "-out", "theirs"], cwd=tmp_path, capture_output=True, check=True)
    sm2.verify(SM2_KEY.public, (tmp_path / "theirs").read_bytes(), message)


@pytest.mark.skipif(not OPENSSL, reason="openssl is not on this machine")
def test_keys_that_openssl_makes_are_read(tmp_path: Path) -> None:
    for number in range(8):
        made = ["openssl", "genpkey", "-algorithm", "SM2", "-out", str(tmp_path / f"{number}.key")]
        subprocess.run(made, capture_output=True, check=True)
        key = sm2.load_key((tmp_path / f"{number}.key").read_bytes())
        public = ["openssl", "pkey", "-in", str(tmp_path / f"{number}.key"), "-pubout", "-outform", "DER"]
        assert subprocess.run(public, capture_output=True, check=True).stdout == sm2.encode_public(key.public)


def test_no_two_sm2_signatures_share_a_nonce() -> None:
    assert len({decode_dss_signature(SM2_KEY.sign(b"x"))[0] for _ in range(50)}) == 50


@pytest.mark.parametrize("number", [1, 2, sm2.N - 2, 15, 16, 1 << 255, 0x0F0F << 200])
def test_the_table_of_multiples_agrees_with_doubling_and_adding(number: int) -> None:
    assert sm2._affine(sm2._times_base(number)) == sm2._affine(sm2._times(number, sm2.G))


def test_both_forms_of_the_message_hold() -> None:
    """Some sign the string, some its SM3 digest, which SM2 then hashes once more."""
    public = sm2.encode_public(SM2_KEY.public)
    plain, digest = checked(data(SM2_KEY.sign(MESSAGE), public)), checked(data(SM2_KEY.sign(sm2.sm3(MESSAGE)), public))
    assert plain
    assert digest
    assert [(each.holds, each.form) for each in (plain, digest)] == [(True, "plain"), (True, "digest")]


X, Y = (number.to_bytes(32) for number in SM2_KEY.public)


@pytest.mark.parametrize(
    "value",
    [
        sm2.encode_public(SM2_KEY.public),
        b"\x04" + X + Y,
        X + Y,
        b"\x00" + X,
        bytes([2 + SM2_KEY.public[1] % 2]) + X,
    ],
    ids=["SubjectPublicKeyInfo", "04|x|y", "x|y", "00|x", "compressed"],
)
def test_every_form_of_a_key_is_read(value: bytes) -> None:
    result = checked(data(SM2_KEY.sign(MESSAGE), value), public_key(SM2_KEY))
    assert result is not None
    assert (result.technique, result.holds, result.pinned) == (Technique.SM2, True, True)


@pytest.mark.parametrize("form", [PublicFormat.UncompressedPoint, PublicFormat.CompressedPoint])
def test_points_of_p256_are_read(form: PublicFormat) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    value = key.public_key().public_bytes(Encoding.X962, form)
    text = data(key.sign(MESSAGE, ec.ECDSA(hashes.SHA256())), value, "1.2.840.10045.4.3.2")
    assert checked(text) == SecurityCheck(Technique.ECDSA, Integrity.HOLDS, "plain", public_key(key).fingerprint)


@pytest.mark.parametrize(
    "spelling", [{"what": "LabelMataData"}, {"list": "PubSd"}, {"list": "pubsd"}], ids=lambda each: next(iter(each))
)
def test_other_spellings_are_read(spelling: dict[str, str]) -> None:
    result = checked(data(SM2_KEY.sign(MESSAGE), sm2.encode_public(SM2_KEY.public), **spelling))
    assert result is not None
    assert result.holds


def test_json_in_a_string_and_upper_case_are_read() -> None:
    signature, public = SM2_KEY.sign(MESSAGE), sm2.encode_public(SM2_KEY.public)
    text = data(signature, public)
    upper = text.replace(signature.hex(), signature.hex().upper()).replace(public.hex(), public.hex().upper())
    for each in (json.dumps(text), upper):
        result = checked(each)
        assert result is not None
        assert result.holds


def test_two_bare_numbers_are_read_as_a_signature() -> None:
    signature = SM2_KEY.sign(MESSAGE)
    raw = b"".join(number.to_bytes(32) for number in decode_dss_signature(signature))
    result = checked(data(raw, sm2.encode_public(SM2_KEY.public)))
    assert result is not None
    assert result.holds


def test_rsa_is_checked_with_its_key_and_only_then() -> None:
    key = rsa.generate_private_key(65537, 2048)
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signature = key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    with_key, without = (data(signature, value, "1.2.840.113549.1.1.11") for value in (der, b""))
    fingerprint = hashlib.sha256(der).hexdigest()
    assert checked(with_key) == SecurityCheck(Technique.RSA, Integrity.HOLDS, "plain", fingerprint)
    assert checked(without) == SecurityCheck(Technique.RSA, Integrity.UNKNOWN)
    known = load_public_key(der)
    assert checked(without, known) == SecurityCheck(Technique.RSA, Integrity.HOLDS, "plain", fingerprint, pinned=True)


@pytest.mark.parametrize("name", ["sm2", "p256"])
def test_a_bare_signature_needs_a_known_key(name: str) -> None:
    """One vendor writes nothing but the DER of a signature, `3044…`."""
    key = KEYS[name]
    assert not isinstance(key, Ed25519PrivateKey)
    signature = key.sign(MESSAGE) if isinstance(key, sm2.PrivateKey) else key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    assert checked(signature.hex()) == SecurityCheck(Technique.CURVE, Integrity.UNKNOWN)
    strangers = [public_key(each) for each in KEYS.values() if each is not key]
    assert checked(signature.hex(), *strangers) == SecurityCheck(Technique.CURVE, Integrity.UNKNOWN)
    result = checked(signature.hex(), *strangers, public_key(key))
    assert result is not None
    assert (result.holds, result.pinned, result.technique) == (True, True, public_key(key).technique)


def test_an_unknown_algorithm_says_so() -> None:
    assert checked(data(b"12345678", b"", "1.2.3")) == SecurityCheck(Technique.UNKNOWN, Integrity.UNKNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "3f2b8c1e-5d4a-4f6b-9c7d-8e9f0a1b2c3d",
        "0123456789abcdef0123456789abcdef",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        '{"a":1}',
        "[]",
        "[" * 10_000,
        '{"SecurityData":[]}',
        '{"SecurityData":{"PubSD":{}}}',
        '{"SecurityData":{"PubSD":[{"Type":"PubKey"}]}}',
        '{"SecurityData":{"PubSD":[1,null,[]]}}',
        "30440220" + "00" * 68,
        "3044" * 5000,
    ],
)
def test_other_things_in_the_field_are_no_security_data(text: str) -> None:
    assert checked(text) is None


@pytest.mark.parametrize("value", [b"\x04" * 65, b"\x00" * 33, b"\xff" * 64, b"\x02" + b"\xff" * 32, bytes(32)])
def test_keys_that_are_none_break_nothing(value: bytes) -> None:
    result = checked(data(SM2_KEY.sign(MESSAGE), value))
    assert result is not None
    assert not result.holds


@given(st.text(max_size=400))
def test_any_text_is_checked_without_an_error(text: str) -> None:
    result = checked(text, public_key(SM2_KEY))
    assert result is None or not result.holds


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(KEYS)), st.sampled_from(["Signature", "KeyValue"]), st.integers(0, 2**32))
def test_a_changed_signature_or_key_never_holds(name: str, member: str, seed: int) -> None:
    chance, text = random.Random(seed), seal(LABEL, KEYS[name])
    start = text.index(f'"{member}":"') + len(member) + 4
    place = chance.randrange(start, text.index('"', start))
    digit = chance.choice([each for each in "0123456789abcdef" if each != text[place]])
    result = checked(text[:place] + digit + text[place + 1 :])
    assert result is None or not result.holds


ENTRY = ["Type", "AlgID", "Signature", "KeyValue", "TBSData"]


@given(st.dictionaries(st.sampled_from(ENTRY), st.text(max_size=12) | st.integers()))
def test_any_entries_are_checked_without_an_error(entry: dict[str, object]) -> None:
    text = json.dumps({"SecurityData": {"PubSD": [entry | {"Type": "DS"}, entry | {"Type": "PubKey"}] * 20}})
    result = checked(text)
    assert result is not None
    assert not result.holds
