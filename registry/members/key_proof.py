"""The proof that whoever registers a public key holds its private key.

A JWS of typ `ccr-key-proof+jwt`, signed by the new key itself, for one registry
and a week at most. Source: RFC 7515 (the `jwk` header); docs/decisions/.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

from registry.crypto.signature import (
    COMPACT_BYTES_MAX,
    PrivateKey,
    PublicKey,
    sign_compact,
    split_compact,
    verify,
)
from registry.kernel import base64url, strict_json
from registry.kernel.canonical import JsonValue
from registry.kernel.problems import Kind, Problem, Text

PROOF_TYPE = "ccr-key-proof+jwt"
PROOF_LIFE_MAX = timedelta(days=7)
JTI_BYTES = 16

_LEEWAY_SECONDS = 30
_HEADER_MEMBERS = {"alg", "typ", "jwk"}
_CLAIMS = {"aud", "iat", "exp", "jti"}


class KeyProofInvalid(Problem):
    """The file does not prove that the sender holds the key."""

    kind = Kind.INVALID
    title = Text(en="The key proof is not valid", zh="密钥持有证明无效")
    advice = Text(
        en="Make a fresh one for this registry: registry keys prove --key FILE --origin URL.",
        zh="请为本登记系统重新生成：registry keys prove --key FILE --origin URL。",
    )


def make_key_proof(key: PrivateKey, *, audience: str, now: datetime, jti: bytes) -> str:
    """A proof for the registry at `audience`, good for a week from `now`."""
    assert len(jti) == JTI_BYTES
    issued = int(now.timestamp())
    header: dict[str, JsonValue] = {
        "alg": key.algorithm.value,
        "typ": PROOF_TYPE,
        "jwk": key.public.to_jwk(),
    }
    claims: dict[str, JsonValue] = {
        "aud": audience,
        "iat": issued,
        "exp": issued + int(PROOF_LIFE_MAX.total_seconds()),
        "jti": base64url.encode(jti),
    }
    return sign_compact(header=header, claims=claims, key=key)


def read_key_proof(proof: str, *, audience: str, now: datetime) -> PublicKey:
    """The key that signed `proof` for the registry at `audience`.

    That a proof is used once follows from a key being registered once.

    Raises: KeyProofInvalid.
    """
    try:
        compact = split_compact(proof, COMPACT_BYTES_MAX)
        jwk = compact.header.get("jwk")
        if compact.header.keys() != _HEADER_MEMBERS or not isinstance(jwk, Mapping):
            _refuse("The header must hold exactly alg, typ and jwk.")
        public_key = PublicKey.from_jwk(jwk)
        claims = strict_json.parse(compact.claims)
    except (ValueError, strict_json.MalformedJson):
        _refuse("It is not a compact JWS with a public Ed25519 or P-256 key.")
    if compact.header["typ"] != PROOF_TYPE:
        _refuse(f"The header's typ must be {PROOF_TYPE}.")
    if not verify(compact, public_key):
        _refuse("It is not signed by the key it names.")
    _check_claims(claims, audience, now)
    return public_key


def _check_claims(claims: Any, audience: str, now: datetime) -> None:
    if not isinstance(claims, dict) or claims.keys() != _CLAIMS:
        _refuse(f"The claims must be exactly {', '.join(sorted(_CLAIMS))}.")
    if claims["aud"] != audience:
        _refuse(f"It is made for another registry than {audience}.")
    issued, expires, present = claims["iat"], claims["exp"], now.timestamp()
    if type(issued) is not int or type(expires) is not int:
        _refuse("The claims iat and exp must be integers.")
    if not issued < expires <= issued + PROOF_LIFE_MAX.total_seconds():
        _refuse("It may be good for a week at most.")
    if expires + _LEEWAY_SECONDS <= present:
        _refuse("It has expired.")
    if issued - _LEEWAY_SECONDS > present:
        _refuse("It was made in the future.")
    _check_jti(claims["jti"])


def _check_jti(jti: Any) -> None:
    try:
        data = base64url.decode(jti) if isinstance(jti, str) else b""
    except ValueError:
        data = b""
    if len(data) != JTI_BYTES:
        _refuse("The claim jti must be 128 bits as base64url.")


def _refuse(detail: str) -> NoReturn:
    raise KeyProofInvalid(detail) from None
