"""SM2 signatures with SM3 (GB/T 32918.2, GM/T 0009), for security data: the curve is in no library that we carry.

Checked against OpenSSL in both directions. Python's integers are not constant in time: an operator who must hide the
key from neighbours on the machine signs with another technique.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, encodebytes
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SM3, Hash
from msgspec import Struct

# GB/T 32918.5: y² = x³ - 3x + B over P, base point G of order N.
P = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
A = P - 3
B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
N = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
G = (
    0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7,
    0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0,
)
SIGNER_ID = b"1234567812345678"
"""The identity that GM/T 0009 sets where none is agreed."""
_DIGITS = 64
"""Of a number below 2^256, in base 16."""

_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
"""All of a SubjectPublicKeyInfo before x and y: id-ecPublicKey with the curve 1.2.156.10197.1.301."""
_PKCS8 = bytes.fromhex("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420")
_PKCS8_PUBLIC = bytes.fromhex("a14403420004")
_PEM = re.compile(rb"-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----")

Point = tuple[int, int]
_Jacobian = tuple[int, int, int]
"""(X, Y, Z) for (X/Z², Y/Z³); Z = 0 is the point at infinity."""
_INFINITY = (1, 1, 0)


class PrivateKey(Struct, frozen=True):
    number: int
    """1 to N - 2."""
    public: Point

    def __repr__(self) -> str:
        return f"PrivateKey(…, {self.public})"

    def sign(self, message: bytes) -> bytes:
        """A signature in DER, over the SM3 of the signer's Z and the message; another each time."""
        digest = _digest(self.public, message)
        while True:
            nonce = secrets.randbelow(N - 1) + 1
            r = (digest + _affine(_times_base(nonce))[0]) % N
            s = pow(1 + self.number, -1, N) * (nonce - r * self.number) % N
            if r and s and r + nonce != N:
                return encode_dss_signature(r, s)

    def pem(self) -> bytes:
        """PKCS #8, as `openssl genpkey -algorithm SM2` writes it."""
        number, (x, y) = self.number.to_bytes(32), self.public
        return _pem(_PKCS8 + number + _PKCS8_PUBLIC + x.to_bytes(32) + y.to_bytes(32))


def new_key() -> PrivateKey:
    return _private_key(secrets.randbelow(N - 2) + 1)


def load_key(pem: bytes) -> PrivateKey:
    """The key in a PKCS #8 PEM. Raises ValueError when it is no SM2 key with its public key beside it."""
    found = _PEM.search(pem)
    der = b64decode(found[1]) if found else b""
    number = int.from_bytes(der[len(_PKCS8) : len(_PKCS8) + 32])
    if not 0 < number < N - 1 or _private_key(number).pem() != _pem(der):
        raise ValueError("no SM2 key in PKCS #8")
    return _private_key(number)


def encode_public(point: Point) -> bytes:
    """SubjectPublicKeyInfo, DER."""
    return _SPKI + point[0].to_bytes(32) + point[1].to_bytes(32)


def decode_public(der: bytes) -> Point | None:
    """The point in a SubjectPublicKeyInfo of SM2, or None when it is another thing."""
    point = int.from_bytes(der[-64:-32]), int.from_bytes(der[-32:])
    return point if der[:-64] == _SPKI and is_point(point) else None


def encode_signature(numbers: bytes) -> bytes:
    """DER of two numbers that stand side by side, 32 bytes each."""
    return encode_dss_signature(int.from_bytes(numbers[:32]), int.from_bytes(numbers[32:]))


def is_point(point: Point) -> bool:
    """Whether x and y are in range and lie on the curve."""
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x + A) * x - B) % P == 0


def points_at(x: int) -> list[Point]:
    """The two points with this x, or none."""
    y = pow((x * x + A) * x + B, (P + 1) // 4, P)
    return [(x, y), (x, P - y)] if is_point((x, y)) else []


def verify(public: Point, signature: bytes, message: bytes) -> None:
    """Raises InvalidSignature when the DER signature is not of this key over this message, or is no signature."""
    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        raise InvalidSignature from None
    t = (r + s) % N
    if not (is_point(public) and 0 < r < N and 0 < s < N and t):
        raise InvalidSignature
    total = _add(_times_base(s), _times(t, public))
    if not total[2] or (_digest(public, message) + _affine(total)[0]) % N != r:
        raise InvalidSignature


def sm3(data: bytes) -> bytes:
    digest = Hash(SM3())
    digest.update(data)
    return digest.finalize()


def _private_key(number: int) -> PrivateKey:
    return PrivateKey(number, _affine(_times_base(number)))


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN PRIVATE KEY-----\n" + encodebytes(der) + b"-----END PRIVATE KEY-----\n"


def _digest(public: Point, message: bytes) -> int:
    numbers = b"".join(number.to_bytes(32) for number in (A, B, *G, *public))
    z = sm3((8 * len(SIGNER_ID)).to_bytes(2) + SIGNER_ID + numbers)
    return int.from_bytes(sm3(z + message))


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    square = y * y % P
    s = 4 * x * square % P
    m = 3 * (x - z * z) * (x + z * z) % P
    doubled = (m * m - 2 * s) % P
    return doubled, (m * (s - doubled) - 8 * square * square) % P, 2 * y * z % P


def _add(left: _Jacobian, right: _Jacobian) -> _Jacobian:
    if not left[2] or not right[2]:
        return left if left[2] else right
    (x1, y1, z1), (x2, y2, z2) = left, right
    square1, square2 = z1 * z1 % P, z2 * z2 % P
    u, s = x1 * square2 % P, y1 * square2 * z2 % P
    h, r = (x2 * square1 - u) % P, (y2 * square1 * z1 - s) % P
    if not h:
        return _INFINITY if r else _double(left)
    square, cube = h * h % P, h * h * h % P
    x = (r * r - cube - 2 * u * square) % P
    return x, (r * (u * square - x) - s * cube) % P, h * z1 * z2 % P


def _times(number: int, point: Point) -> _Jacobian:
    total: _Jacobian = _INFINITY
    for bit in f"{number:b}":
        total = _double(total)
        if bit == "1":
            total = _add(total, (*point, 1))
    return total


def _times_base(number: int) -> _Jacobian:
    """Every digit costs one addition, zeros too, so that the time says little about a nonce."""
    total: _Jacobian = _INFINITY
    for place, multiples in enumerate(_multiples_of_base()):
        digit = number >> 4 * place & 15
        sum_with_digit = _add(total, multiples[digit or 15])
        total = sum_with_digit if digit else total
    return total


@cache
def _multiples_of_base() -> list[list[_Jacobian]]:
    """`[place][digit]` is digit · 16^place · G with Z = 1."""
    table, base = [], G
    for _ in range(_DIGITS):
        row: list[_Jacobian] = [_INFINITY]
        for _ in range(15):
            row.append((*_affine(_add(row[-1], (*base, 1))), 1))
        table.append(row)
        base = _affine(_add(row[-1], (*base, 1)))
    return table


def _affine(point: _Jacobian) -> Point:
    x, y, z = point
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P
