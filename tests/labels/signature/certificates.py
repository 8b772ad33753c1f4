"""Certificates as an authority would issue them, and as none should."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | Ed25519PrivateKey
EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION
CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
DAY = dt.timedelta(days=1)


class Issuer:
    """A root, or below `above` an intermediate."""

    def __init__(self, name: str = "Test root", above: Issuer | None = None) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.above = above
        self.certificate = _certificate(self.name, self.key, above or self, authority=True, uses=())

    def issue(
        self,
        key: Key,
        *,
        uses: tuple[ObjectIdentifier, ...] = (EMAIL,),
        valid: dt.timedelta = DAY,
        age: dt.timedelta = DAY,
    ) -> x509.Certificate:
        """For `key`, valid from `age` ago until `valid` from now. A single use is critical if it is time stamping."""
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Real Ltd.")])
        return _certificate(name, key, self, authority=False, uses=uses, valid=valid, age=age)

    def chain(self) -> list[x509.Certificate]:
        return [self.certificate, *(self.above.chain() if self.above else [])]


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def key_pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def put(folder: Path, key: Key, *chain: x509.Certificate) -> Path:
    """A folder as an operator with a certificate of its own would fill it."""
    folder.mkdir(exist_ok=True)
    (folder / "chain.pem").write_bytes(pem(*chain))
    (folder / "signing.key").write_bytes(key_pem(key))
    return folder


def _certificate(
    subject: x509.Name,
    key: Key,
    issuer: Issuer,
    *,
    authority: bool,
    uses: tuple[ObjectIdentifier, ...],
    valid: dt.timedelta = DAY,
    age: dt.timedelta = DAY,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    usage = x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)
    builder = (
        x509.CertificateBuilder(issuer.name, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - age)
        .not_valid_after(now + valid)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    if uses:
        stamping = uses == (ExtendedKeyUsageOID.TIME_STAMPING,)
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(uses)), critical=stamping)
    return builder.sign(issuer.key, SHA256())
