"""Signatures in JWS compact form, with Ed25519 and ES256 keys only.

The key says the algorithm; the header must agree with it and is never asked.
libsodium makes and checks Ed25519 signatures, PyJWT's algorithm those of ES256; its
decoder, which accepts duplicate members and any header, is not used.
Source: RFC 7515 §3.1, RFC 7517, RFC 7638, RFC 7518 §3.4, RFC 8037.
"""

import ctypes
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import ECAlgorithm

from registry.crypto.sodium import library
from registry.kernel import base64url, strict_json
from registry.kernel.canonical import JsonValue, canonical_json

COMPACT_BYTES_MAX = 4096

_COORDINATE_BYTES = 32
_SIGNATURE_BYTES = 64

# Points of order 1, 2, 4 and 8, and the non-canonical spellings of two of them,
# the sign bit cleared. With such a key anyone can make a signature that
# verifies, so its owner could deny every call.
_SMALL_ORDER_KEYS = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)

_ES256 = ECAlgorithm(ECAlgorithm.SHA256)
_JWK_DESCRIPTIVE_MEMBERS = frozenset({"alg", "kid", "use"})


class NotAJws(ValueError):
    """The text is not a compact JWS with a strict JSON header."""


class NotAKey(ValueError):
    """The data is not an Ed25519 or P-256 key that one may trust."""


class Algorithm(StrEnum):
    """The two signature algorithms a key may have."""

    EDDSA = "EdDSA"
    ES256 = "ES256"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A verification key; equal when algorithm and key are.

    `kid` is the RFC 7638 thumbprint. `raw` is the 32 bytes of an Ed25519 key or
    the 65 bytes of an uncompressed P-256 point.
    """

    algorithm: Algorithm
    kid: str
    raw: bytes
    key: Ed25519PublicKey | ec.EllipticCurvePublicKey = field(compare=False, repr=False)

    @staticmethod
    def from_jwk(jwk: Mapping[str, JsonValue]) -> "PublicKey":
        """The key of a public JWK.

        A private member, an unknown member or an `alg` of another family is
        refused, so that nobody sends a secret by mistake unnoticed.

        Raises: NotAKey.
        """
        algorithm, names = _algorithm_of(jwk)
        strange = jwk.keys() - names - _JWK_DESCRIPTIVE_MEMBERS
        if strange:
            raise NotAKey("foreign or private members")
        if jwk.get("alg", algorithm.value) != algorithm.value:
            raise NotAKey("alg does not fit the key")
        x = _coordinate(jwk, "x")
        if algorithm is Algorithm.EDDSA:
            return PublicKey.from_raw(Algorithm.EDDSA, x)
        return PublicKey.from_raw(Algorithm.ES256, b"\x04" + x + _coordinate(jwk, "y"))

    @staticmethod
    def from_raw(algorithm: Algorithm, raw: bytes) -> "PublicKey":
        """The key of its `raw` bytes.

        Raises: NotAKey.
        """
        try:
            if algorithm is Algorithm.EDDSA:
                return _public_key(Ed25519PublicKey.from_public_bytes(raw))
            return _public_key(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw))
        except NotAKey:
            raise
        except ValueError as error:
            raise NotAKey("the bytes are no point of the curve") from error

    @staticmethod
    def from_pem(pem: bytes) -> "PublicKey":
        """The key of a SubjectPublicKeyInfo PEM.

        Raises: NotAKey.
        """
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise NotAKey("not a public key in PEM of a known kind") from error
        return _public_key(key)

    def to_jwk(self) -> dict[str, str]:
        """The public JWK: the members its thumbprint is made of and no other."""
        if self.algorithm is Algorithm.EDDSA:
            return {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(self.raw)}
        middle = 1 + _COORDINATE_BYTES
        return {
            "crv": "P-256",
            "kty": "EC",
            "x": base64url.encode(self.raw[1:middle]),
            "y": base64url.encode(self.raw[middle:]),
        }

    def to_pem(self) -> bytes:
        """The key as SubjectPublicKeyInfo PEM."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` (64 bytes) over `data` was made with the private key.

        Ed25519 is checked by libsodium, in half of OpenSSL's time. It takes what
        OpenSSL takes but for points of small order and other spellings of a point,
        which no honest signer makes.
        """
        if isinstance(self.key, Ed25519PublicKey):
            if len(signature) != _SIGNATURE_BYTES:
                return False
            check = library().crypto_sign_ed25519_verify_detached
            return bool(check(signature, data, len(data), self.raw) == 0)
        return _ES256.verify(data, self.key, signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKey:
    """A signing key; its secret part is in no repr and no comparison."""

    public: PublicKey
    key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey = field(compare=False, repr=False)
    # Of an Ed25519 key, as libsodium reads it: seed ‖ public key.
    seed_and_public: bytes = field(compare=False, repr=False, default=b"")

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm the key signs with."""
        return self.public.algorithm

    @staticmethod
    def generate(algorithm: Algorithm = Algorithm.EDDSA) -> "PrivateKey":
        """A fresh key from the system's random generator."""
        if algorithm is Algorithm.EDDSA:
            return _private_key(Ed25519PrivateKey.generate())
        return _private_key(ec.generate_private_key(ec.SECP256R1()))

    @staticmethod
    def from_pem(pem: bytes) -> "PrivateKey":
        """The key of an unencrypted PKCS#8 PEM.

        Raises: NotAKey.
        """
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise NotAKey("not an unencrypted PKCS#8 key of a known kind") from error
        return _private_key(key)

    @staticmethod
    def from_seed(seed: bytes) -> "PrivateKey":
        """The Ed25519 key of its 32-byte seed (RFC 8032 §5.1.5)."""
        return _private_key(Ed25519PrivateKey.from_private_bytes(seed))

    def to_pem(self) -> bytes:
        """The key as unencrypted PKCS#8 PEM; the caller guards the file."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature over `data`: RFC 8032, or r‖s (RFC 7518 §3.4)."""
        if isinstance(self.key, Ed25519PrivateKey):
            signature = ctypes.create_string_buffer(_SIGNATURE_BYTES)
            make = library().crypto_sign_ed25519_detached
            failed = make(signature, None, data, len(data), self.seed_and_public)
            assert not failed, "libsodium signs whatever it is given"
            return signature.raw
        return _ES256.sign(data, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compact:
    """A compact JWS taken apart, and nothing about it verified yet."""

    header: Mapping[str, JsonValue]
    claims: bytes
    signing_input: bytes
    signature: bytes


def sign_compact(
    *, header: Mapping[str, JsonValue], claims: Mapping[str, JsonValue], key: PrivateKey
) -> str:
    """The compact JWS over `claims` with exactly `header`, whose `alg` is the key's."""
    assert header.get("alg") == key.algorithm.value, "the header names the key's algorithm"
    if all(type(value) is str for value in header.values()):
        head = _encoded_header(tuple(header.items()))
    else:
        head = base64url.encode(canonical_json(header))
    body = base64url.encode(canonical_json(claims))
    signing_input = f"{head}.{body}"
    return f"{signing_input}.{base64url.encode(key.sign(signing_input.encode('ascii')))}"


# One key writes one header, or a few.
@lru_cache(maxsize=64)
def _encoded_header(members: tuple[tuple[str, str], ...]) -> str:
    return base64url.encode(canonical_json(dict(members)))


def split_compact(text: str, bytes_max: int = COMPACT_BYTES_MAX) -> Compact:
    """The parts of a compact JWS; the header is strict JSON, an object.

    Raises: NotAJws when it is too long, not three base64url parts, or the header
    is not one JSON object.
    """
    if len(text) > bytes_max:
        raise NotAJws(f"a compact JWS longer than {bytes_max} bytes")
    parts = text.split(".")
    if len(parts) != 3:
        raise NotAJws("a compact JWS has two dots")
    try:
        header = _header(parts[0])
        claims, signature = base64url.decode(parts[1]), base64url.decode(parts[2])
    except ValueError as error:
        raise NotAJws("a part is not base64url") from error
    except strict_json.MalformedJson as error:
        raise NotAJws("the header is not strict JSON") from error
    return Compact(
        header=header,
        claims=claims,
        signing_input=f"{parts[0]}.{parts[1]}".encode("ascii"),
        signature=signature,
    )


# One key writes the same header on every call.
@lru_cache(maxsize=1024)
def _header(text: str) -> Mapping[str, JsonValue]:
    header = strict_json.parse(base64url.decode(text))
    if not isinstance(header, dict):
        raise NotAJws("the header is not an object")
    return MappingProxyType(header)


def verify(compact: Compact, public_key: PublicKey) -> bool:
    """Whether the header names the key's algorithm and the signature is the key's."""
    return compact.header.get("alg") == public_key.algorithm.value and public_key.verifies(
        compact.signature, compact.signing_input
    )


def thumbprint(jwk: Mapping[str, str]) -> str:
    """The RFC 7638 thumbprint (SHA-256, b64u) of a JWK of required members only."""
    return base64url.encode(hashlib.sha256(canonical_json(jwk)).digest())


def _algorithm_of(jwk: Mapping[str, JsonValue]) -> tuple[Algorithm, frozenset[str]]:
    match (jwk.get("kty"), jwk.get("crv")):
        case ("OKP", "Ed25519"):
            return Algorithm.EDDSA, frozenset({"kty", "crv", "x"})
        case ("EC", "P-256"):
            return Algorithm.ES256, frozenset({"kty", "crv", "x", "y"})
    raise NotAKey("neither Ed25519 nor P-256")


def _coordinate(jwk: Mapping[str, JsonValue], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str):
        raise NotAKey(f"{name} is missing")
    try:
        data = base64url.decode(text)
    except ValueError as error:
        raise NotAKey(f"{name} is not base64url") from error
    if len(data) != _COORDINATE_BYTES:
        raise NotAKey(f"{name} is not {_COORDINATE_BYTES} bytes")
    return data


def _public_key(key: object) -> PublicKey:
    if isinstance(key, Ed25519PublicKey):
        algorithm, raw = Algorithm.EDDSA, key.public_bytes_raw()
        if raw[:-1] + bytes([raw[-1] & 0x7F]) in _SMALL_ORDER_KEYS:
            raise NotAKey("an Ed25519 key of small order")
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        algorithm = Algorithm.ES256
        raw = key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
    else:
        raise NotAKey("neither Ed25519 nor P-256")
    unnamed = PublicKey(algorithm=algorithm, kid="", raw=raw, key=key)
    return PublicKey(algorithm=algorithm, kid=thumbprint(unnamed.to_jwk()), raw=raw, key=key)


def _private_key(key: object) -> PrivateKey:
    if isinstance(key, Ed25519PrivateKey):
        public = _public_key(key.public_key())
        return PrivateKey(
            public=public, key=key, seed_and_public=key.private_bytes_raw() + public.raw
        )
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return PrivateKey(public=_public_key(key.public_key()), key=key)
    raise NotAKey("neither Ed25519 nor P-256")
