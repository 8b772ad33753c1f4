"""What the operator signs with is made whole, kept from others, and refused when it does not fit together."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hanlin.errors import Misconfigured
from hanlin.labels.signature.authority import Authority
from hanlin.labels.signature.security_data import Technique
from tests.labels.signature.certificates import CLAIM_SIGNING, DAY, Issuer, key_pem, p256, pem, put


def modes(folder: Path) -> dict[str, str]:
    return {str(each.relative_to(folder)): oct(each.stat().st_mode)[-3:] for each in [folder, *folder.rglob("*")]}


def test_first_start_makes_everything_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path / "signing", "Example University")
    assert modes(tmp_path / "signing") == {
        ".": "700",
        "development": "700",
        "development/root.pem": "600",
        "development/chain.pem": "600",
        "development/signing.key": "600",
        "ed25519.key": "600",
        "sm2.key": "600",
    }
    assert authority.development
    assert authority.algorithm == "es256"


def test_second_start_opens_the_same(tmp_path: Path) -> None:
    first, second = Authority.open(tmp_path, "Example"), Authority.open(tmp_path, "Another")
    assert (first.chain, first.signing_key, first.trust_anchors) == (
        second.chain,
        second.signing_key,
        second.trust_anchors,
    )
    assert first.public_keys == second.public_keys


def test_two_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: Authority.open(tmp_path / "new", "Example"), range(16)))
    assert len({(each.chain, each.public_keys) for each in opened}) == 1
    assert not list((tmp_path / "new").glob(".new-*"))


def test_what_a_crash_left_is_no_half_made_authority(tmp_path: Path) -> None:
    """Files are written beside their place and moved there whole, so leftovers are never read."""
    leftover = tmp_path / ".new-crashed"
    leftover.mkdir()
    (leftover / "chain.pem").write_bytes(b"-----BEGIN CERT")
    assert Authority.open(tmp_path, "Example").development


def test_names_the_operator(tmp_path: Path) -> None:
    leaf = x509.load_pem_x509_certificates(Authority.open(tmp_path, "示例大学").chain.encode())[0]
    assert leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "示例大学"
    assert leaf.not_valid_after_utc - dt.datetime.now(dt.UTC) > 3600 * DAY


@pytest.mark.parametrize("operator", ["", " ", "名" * 500, "a\nb", '"; CN=root, O=', "x" * 65])
def test_any_name_gives_a_certificate(tmp_path: Path, operator: str) -> None:
    assert Authority.open(tmp_path, operator).chain.count("BEGIN CERTIFICATE") == 2


def test_openssl_accepts_the_development_chain_and_keys(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not on this machine")
    Authority.open(tmp_path, "Example")
    made = tmp_path / "development"
    root, chain = str(made / "root.pem"), str(made / "chain.pem")
    verify = ["openssl", "verify", "-CAfile", root, "-purpose", "smimesign", chain]
    assert subprocess.run(verify, capture_output=True, check=True).stdout.endswith(b"OK\n")
    for key in (made / "signing.key", tmp_path / "ed25519.key", tmp_path / "sm2.key"):
        subprocess.run(["openssl", "pkey", "-in", key, "-noout", "-check"], capture_output=True, check=True)


def test_the_key_never_shows(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path, "Example")
    shown = repr(authority) + repr(authority.sm2)
    assert "PRIVATE" not in shown
    assert str(authority.sm2.number) not in shown


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (p256(), "es256"),
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ec.generate_private_key(ec.SECP521R1()), "es512"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
        (Ed25519PrivateKey.generate(), "ed25519"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_certificate_of_the_operators_own_goes_first(
    tmp_path: Path, key: ec.EllipticCurvePrivateKey, algorithm: str
) -> None:
    issuer = Issuer("Intermediate", Issuer())
    put(tmp_path, key, issuer.issue(key), *issuer.chain())
    authority = Authority.open(tmp_path, "Example")
    assert authority.algorithm == algorithm
    assert not authority.development
    assert authority.chain == pem(*x509.load_pem_x509_certificates((tmp_path / "chain.pem").read_bytes())).decode()


def test_what_was_signed_in_development_stays_trusted(tmp_path: Path) -> None:
    root = (Authority.open(tmp_path, "Example"), (tmp_path / "development/root.pem").read_text())[1]
    issuer, key, partner = Issuer(), p256(), Issuer("Partner")
    put(tmp_path, key, issuer.issue(key), *issuer.chain())
    (tmp_path / "anchors.pem").write_bytes(pem(partner.certificate))
    anchors = Authority.open(tmp_path, "Example").trust_anchors
    assert anchors == pem(partner.certificate).decode() + root + pem(issuer.certificate).decode()


def test_known_keys_are_pinned_beside_our_own(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate().public_key()
    (tmp_path / "known_keys.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert [each.technique for each in Authority.open(tmp_path, "Example").public_keys] == [
        Technique.SM2,
        Technique.ED25519,
        Technique.ED25519,
    ]


def wrong_key(folder: Path) -> None:
    (folder / "signing.key").write_bytes(key_pem(p256()))


def no_key(folder: Path) -> None:
    (folder / "signing.key").unlink()


def no_chain(folder: Path) -> None:
    (folder / "chain.pem").unlink()


def locked_key(folder: Path) -> None:
    locked = BestAvailableEncryption(b"secret")
    (folder / "signing.key").write_bytes(p256().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))


def key_of_another_kind(folder: Path) -> None:
    key = dsa.generate_private_key(1024)
    (folder / "signing.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def unusual_curve(folder: Path) -> None:
    (folder / "signing.key").write_bytes(key_pem(ec.generate_private_key(ec.SECP256K1())))


def garbage(folder: Path) -> None:
    (folder / "chain.pem").write_bytes(b"\x00\xff not a certificate")


def empty(folder: Path) -> None:
    (folder / "chain.pem").write_bytes(b"")


def garbled_anchors(folder: Path) -> None:
    (folder / "anchors.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def no_known_key(folder: Path) -> None:
    (folder / "known_keys.pem").write_bytes(b"ssh-ed25519 AAAA")


def short_sm2_key(folder: Path) -> None:
    (folder / "sm2.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


def sm2_key_for_ed25519(folder: Path) -> None:
    shutil.copy(folder / "signing.key", folder / "ed25519.key")


@pytest.mark.parametrize(
    "spoil",
    [
        wrong_key,
        no_key,
        no_chain,
        locked_key,
        key_of_another_kind,
        unusual_curve,
        garbage,
        empty,
        garbled_anchors,
        no_known_key,
        short_sm2_key,
        sm2_key_for_ed25519,
    ],
)
def test_what_does_not_fit_together_is_refused_at_start(tmp_path: Path, spoil: object) -> None:
    issuer, key = Issuer(), p256()
    put(tmp_path, key, issuer.issue(key), *issuer.chain())
    assert callable(spoil)
    spoil(tmp_path)
    with pytest.raises(Misconfigured) as refused:
        Authority.open(tmp_path, "Example")
    assert refused.value.action


@pytest.mark.parametrize(
    ("valid", "age", "word"),
    [(-DAY, 3 * DAY, "is valid from"), (3 * DAY, -DAY, "is valid from")],
    ids=["expired", "not yet valid"],
)
def test_a_certificate_must_be_valid_today(tmp_path: Path, valid: dt.timedelta, age: dt.timedelta, word: str) -> None:
    issuer, key = Issuer(), p256()
    put(tmp_path, key, issuer.issue(key, valid=valid, age=age), *issuer.chain())
    with pytest.raises(Misconfigured, match=word):
        Authority.open(tmp_path, "Example")


@pytest.mark.parametrize(
    "uses", [(), (ExtendedKeyUsageOID.SERVER_AUTH,), (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)]
)
def test_a_certificate_for_something_else_is_refused(tmp_path: Path, uses: tuple[x509.ObjectIdentifier, ...]) -> None:
    issuer, key = Issuer(), p256()
    put(tmp_path, key, issuer.issue(key, uses=uses), *issuer.chain())
    with pytest.raises(Misconfigured, match="not for signing content"):
        Authority.open(tmp_path, "Example")


def test_claim_signing_is_a_use_for_signing(tmp_path: Path) -> None:
    issuer, key = Issuer(), p256()
    put(tmp_path, key, issuer.issue(key, uses=(CLAIM_SIGNING,)), *issuer.chain())
    assert not Authority.open(tmp_path, "Example").development


def test_a_chain_out_of_order_is_refused(tmp_path: Path) -> None:
    root, key = Issuer(), p256()
    issuer = Issuer("Intermediate", root)
    put(tmp_path, key, issuer.issue(key), root.certificate, issuer.certificate)
    with pytest.raises(Misconfigured, match="not followed by its issuer"):
        Authority.open(tmp_path, "Example")
