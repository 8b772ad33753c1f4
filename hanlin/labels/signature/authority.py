"""What the operator signs with, and whose signatures it trusts: a folder of certificates and keys.

chain.pem        certificate of `signing.key` and what issued it, for Content Credentials; the operator's own
signing.key      its key: ECDSA, RSA or Ed25519 in PEM, without a passphrase
anchors.pem      more authorities to trust when reading, also those of time stamps
known_keys.pem   more public keys to know when reading security data, as of partners or from before a change
ed25519.key      made here when missing: for security data
sm2.key          likewise
development/     made here while there is no chain.pem: root.pem, chain.pem and signing.key of our own authority
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import tempfile
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from hanlin.errors import Misconfigured
from hanlin.labels.signature import sm2
from hanlin.labels.signature.security_data import PublicKey, load_public_key, public_key

SIGNING_USES = (
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # document signing
    ObjectIdentifier("1.3.6.1.4.1.62558.2.1"),  # C2PA claim signing
)
"""Extended key usages with which a certificate may sign Content Credentials (C2PA 2.2, 14.4.1)."""
_VALID = dt.timedelta(days=3650)
"""Of our own certificates: without time stamps a credential ends with its certificate."""
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_PUBLIC_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")
_T = TypeVar("_T")
_SigningKey = ec.EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, eq=False)
class Authority:
    """Everything of the folder, checked; the same object for the whole run, for contexts are kept by it."""

    chain: str
    """PEM, the signing certificate first."""
    algorithm: str
    """Of Content Credentials: `es256`, `es384`, `es512`, `ps256`, `ed25519`."""
    signing_key: str = field(repr=False)
    """PEM."""
    trust_anchors: str = field(repr=False)
    """PEM of all that is trusted when reading, our own included."""
    ed25519: Ed25519PrivateKey = field(repr=False)
    sm2: sm2.PrivateKey = field(repr=False)
    known_keys: tuple[PublicKey, ...] = ()
    development: bool = True
    """The certificate is of our own making: whole for everybody, trusted by nobody else."""

    @property
    def public_keys(self) -> tuple[PublicKey, ...]:
        """Keys of security data that are ours or known to the operator."""
        return (public_key(self.sm2), public_key(self.ed25519), *self.known_keys)

    @classmethod
    def open(cls, folder: Path, operator: str) -> Authority:
        """Load the folder, after making what is missing: folders 0700, keys 0600, each whole or not at all.

        Raises Misconfigured when a file is no such thing, when key and certificate do not belong together, and when a
        certificate is expired, not yet valid or not for signing.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_missing(folder, operator)
        own = (folder / "chain.pem").exists()
        source = folder if own else folder / "development"
        chain = _certificates(source / "chain.pem")
        key = _load(source / "signing.key", _signing_key)
        _check_chain(chain, key, source)
        anchors = [each for name in ("anchors.pem", "development/root.pem") for each in _optional(folder / name)]
        return cls(
            chain=_pem(chain),
            algorithm=_algorithm(key),
            signing_key=_private_pem(key).decode(),
            trust_anchors=_pem([*anchors, chain[-1]]),
            ed25519=_load(folder / "ed25519.key", _ed25519_key),
            sm2=_load(folder / "sm2.key", sm2.load_key),
            known_keys=_load(folder / "known_keys.pem", _public_keys) if (folder / "known_keys.pem").exists() else (),
            development=not own,
        )


def _make_missing(folder: Path, operator: str) -> None:
    if (folder / "chain.pem").exists() != (folder / "signing.key").exists():
        raise Misconfigured(
            f"Of chain.pem and signing.key only one is in {str(folder)!r}.",
            action="Put the other beside it, or take both away to sign with a development certificate.",
        )
    if not (folder / "chain.pem").exists() and not (folder / "development").exists():
        _write_folder(folder / "development", _development(operator))
    for name, make in (("ed25519.key", Ed25519PrivateKey.generate), ("sm2.key", sm2.new_key)):
        if not (folder / name).exists():
            key = make()
            _write_key(folder / name, key.pem() if isinstance(key, sm2.PrivateKey) else _private_pem(key))


def _development(operator: str) -> dict[str, bytes]:
    """A root and a leaf under it. The root's key is forgotten at once: nobody can ever issue another."""
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, leaf_name = _name(operator, "Development root"), _name(operator, "Hanlin")
    root = _builder(root_name, root_name, root_key, root_key, is_authority=True).sign(root_key, SHA256())
    leaf = _builder(leaf_name, root_name, leaf_key, root_key, is_authority=False)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return {
        "root.pem": _pem([root]).encode(),
        "chain.pem": _pem([leaf.sign(root_key, SHA256()), root]).encode(),
        "signing.key": _private_pem(leaf_key),
    }


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    is_authority: bool,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + _VALID)
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return builder.add_extension(authority, critical=False)


def _name(operator: str, common_name: str) -> x509.Name:
    """X.520 bounds both at 64 characters."""
    organization = operator.strip()[:64] or "unnamed operator"
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _check_chain(chain: list[x509.Certificate], key: _SigningKey, folder: Path) -> None:
    leaf, now = chain[0], dt.datetime.now(dt.UTC)
    if _spki(leaf) != key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo):
        raise _wrong(folder / "signing.key", "does not belong to the first certificate of chain.pem", "the right key")
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        until = f"is valid from {leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}"
        raise _wrong(folder / "chain.pem", until, "a certificate that is valid today")
    if not _may_sign(leaf):
        raise _wrong(folder / "chain.pem", "is not for signing content", "a certificate for e-mail or document signing")
    for issued, issuer in pairwise(chain):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            problem = f"has {issued.subject.rfc4514_string()!r} not followed by its issuer"
            raise _wrong(folder / "chain.pem", problem, "the chain in order") from None


def _may_sign(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return usage.digital_signature and any(use in SIGNING_USES for use in uses)


def _load(file: Path, parse: Callable[[bytes], _T]) -> _T:
    try:
        return parse(file.read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _wrong(file, f"cannot be read ({error})", "a PEM file without a passphrase") from None


def _certificates(file: Path) -> list[x509.Certificate]:
    return _load(file, x509.load_pem_x509_certificates)


def _optional(file: Path) -> list[x509.Certificate]:
    return _certificates(file) if file.exists() else []


def _signing_key(pem: bytes) -> _SigningKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey):
        raise TypeError("neither ECDSA, RSA nor Ed25519")
    _algorithm(key)
    return key


def _ed25519_key(pem: bytes) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("not Ed25519")
    return key


def _public_keys(pem: bytes) -> tuple[PublicKey, ...]:
    keys = tuple(load_public_key(b64decode(found[1])) for found in _PUBLIC_PEM.finditer(pem))
    if not keys:
        raise ValueError("no public key")
    return keys


def _algorithm(key: _SigningKey) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name not in _CURVES:
            raise ValueError(f"curve {key.curve.name}")
        return _CURVES[key.curve.name]
    return "ps256" if isinstance(key, RSAPrivateKey) else "ed25519"


def _pem(certificates: list[x509.Certificate]) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in dict.fromkeys(certificates))


def _private_pem(key: _SigningKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _wrong(file: Path, problem: str, wanted: str) -> Misconfigured:
    return Misconfigured(f"{str(file)!r} {problem}.", action=f"Put {wanted} there, or take it away.")


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """All files of a new folder, or none; another process that was quicker wins."""
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        for name, content in files.items():
            _write(temporary / name, content)
        _sync(temporary)
        temporary.rename(folder)
        _sync(folder.parent)
    except OSError:
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_key(file: Path, content: bytes) -> None:
    """A new file with all of its content; one that is there stays."""
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=file.parent))
    try:
        _write(temporary / file.name, content)
        os.link(temporary / file.name, file)
        _sync(file.parent)
    except FileExistsError:
        pass
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
