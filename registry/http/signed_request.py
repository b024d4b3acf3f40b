"""The signed request: checks the JWT that stands for one call, in the published order.

A caller learns in general terms which check failed and never which key exists:
an unknown key and a wrong signature give the same answer after the same work.
Source: docs/protocol.md, section 1; RFC 7519; RFC 8725 (JWT best practices).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from registry.crypto.signature import (
    COMPACT_BYTES_MAX,
    Compact,
    PrivateKey,
    split_compact,
    verify,
)
from registry.http.caller import KeyRecord
from registry.http.limits import Allowance
from registry.kernel import base64url, strict_json
from registry.kernel.problems import Kind, Problem, Text

REQUEST_TYPE = "ccr-request+jwt"
LIFETIME_SECONDS_MAX = 120
LEEWAY_SECONDS = 30
JTI_BYTES = 16
BEARER = "Bearer "

_HEADER_MEMBERS = {"alg", "kid", "typ"}
_CLAIMS_REQUIRED = {"iss", "sub", "aud", "iat", "exp", "jti", "htm", "htu"}
_CLAIMS_KNOWN = _CLAIMS_REQUIRED | {"bsh"}
_NOT_THIS_BODY = "The claim bsh is not the SHA-256 of this body."
_NO_BODY = hashlib.sha256(b"").digest()
# Checked in place of a key that is not registered, so that time tells nothing.
_DECOY = PrivateKey.generate().public


class NotAuthenticated(Problem):
    """The call is not a valid signed request of an active member."""

    kind = Kind.UNAUTHENTICATED
    title = Text(en="The signed request is not valid", zh="请求签名无效")
    advice = Text(
        en="Make a fresh JWT for each call; compare your clock with the Date header.",
        zh="每次调用都要生成新的 JWT；请用 Date 响应头核对本机时钟。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedCall:
    """What of an HTTP request its JWT must speak for.

    `target` is path and query as sent, before any decoding. `body` None: it has
    not been read yet.
    """

    authorization: str | None
    method: str
    target: str
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCall:
    """A call whose JWT passed every check that needs no database.

    `body_claimed` is the claim bsh: what the body must hash to, if there is one.
    `counted` holds what the gate has counted the call as: once, however often its
    work is tried.
    """

    key: KeyRecord
    jwt: str
    jti: bytes
    expires_at: datetime
    body_claimed: str | None = None
    counted: list[Allowance] = field(default_factory=list, compare=False, repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the JWT: how log entries refer to the signed request."""
        return hashlib.sha256(self.jwt.encode("ascii")).digest()


def verify_signed_request(
    received: ReceivedCall,
    *,
    audience: str,
    now: datetime,
    find_key: Callable[[str], KeyRecord | None],
) -> VerifiedCall:
    """The call, once its form, key, signature, times and binding have been checked.

    What remains for the caller of this function: that (iss, jti) was never seen,
    that key and member are active, scope and purpose; and `verify_body`, where the
    body has not been read yet.

    Raises: NotAuthenticated.
    """
    jwt = _bearer_token(received.authorization)
    compact = _split(jwt)
    if compact.header.keys() != _HEADER_MEMBERS:
        _refuse("The JWT header must hold exactly alg, kid and typ.")
    if compact.header["typ"] != REQUEST_TYPE:
        _refuse(f"The JWT header's typ must be {REQUEST_TYPE}.")
    key = _signing_key(compact, find_key)
    claims = _claims(compact)
    _check_parties(claims, key, audience)
    expires_at = _check_times(claims, now)
    _check_binding(claims, received)
    return VerifiedCall(
        key=key,
        jwt=jwt,
        jti=_jti(claims),
        expires_at=expires_at,
        body_claimed=claims.get("bsh"),
    )


def verify_body(verified: VerifiedCall, digest: bytes) -> None:
    """Lets a body pass that was read after its call was verified; `digest` is its SHA-256.

    Raises: NotAuthenticated.
    """
    if verified.body_claimed is None and digest == _NO_BODY:
        # Claimed when there is a body, as for those that are read before.
        return
    if verified.body_claimed != base64url.encode(digest):
        _refuse(_NOT_THIS_BODY)


def _bearer_token(authorization: str | None) -> str:
    if authorization is None:
        _refuse("The Authorization header is missing.")
    if not authorization.startswith(BEARER):
        _refuse("The Authorization header must be Bearer with a JWT.")
    return authorization.removeprefix(BEARER)


def _split(jwt: str) -> Compact:
    try:
        return split_compact(jwt, COMPACT_BYTES_MAX)
    except ValueError:
        _refuse("The JWT is not a compact JWS of at most 4 KiB with a strict header.")


def _signing_key(compact: Compact, find_key: Callable[[str], KeyRecord | None]) -> KeyRecord:
    kid = compact.header["kid"]
    record = find_key(kid) if isinstance(kid, str) else None
    public_key = _DECOY if record is None else record.public_key
    signed = verify(compact, public_key)
    if record is None or not signed:
        _refuse("The signature is not one of a registered key with its algorithm.")
    return record


def _claims(compact: Compact) -> Mapping[str, Any]:
    try:
        claims = strict_json.parse(compact.claims)
    except strict_json.MalformedJson:
        _refuse("The JWT claims are not strict JSON.")
    if not isinstance(claims, dict) or not claims.keys() >= _CLAIMS_REQUIRED:
        _refuse(f"The JWT must claim {', '.join(sorted(_CLAIMS_REQUIRED))}.")
    if not claims.keys() <= _CLAIMS_KNOWN:
        _refuse("The JWT holds a claim that this protocol does not know.")
    return claims


def _check_parties(claims: Mapping[str, Any], key: KeyRecord, audience: str) -> None:
    if claims["iss"] != key.caller.member or claims["sub"] != key.caller.member:
        _refuse("The claims iss and sub must both be the id of the key's member.")
    # Strict: a list that contains the audience is not the audience.
    if claims["aud"] != audience:
        _refuse("The claim aud must be the registry's origin, as one string.")


def _check_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    issued, expires = claims["iat"], claims["exp"]
    if type(issued) is not int or type(expires) is not int:
        _refuse("The claims iat and exp must be integers.")
    present = now.timestamp()
    if expires + LEEWAY_SECONDS <= present:
        _refuse("The signed request has expired.")
    if issued - LEEWAY_SECONDS > present:
        _refuse("The signed request was issued in the future.")
    if not issued < expires <= issued + LIFETIME_SECONDS_MAX:
        _refuse(f"The claim exp must lie within {LIFETIME_SECONDS_MAX} seconds after iat.")
    return datetime.fromtimestamp(expires + LEEWAY_SECONDS, UTC)


def _check_binding(claims: Mapping[str, Any], received: ReceivedCall) -> None:
    if claims["htm"] != received.method:
        _refuse("The claim htm is not the method of this request.")
    if claims["htu"] != received.target:
        _refuse("The claim htu is not the path and query of this request.")
    if received.body is not None and ("bsh" in claims or received.body):
        expected = base64url.encode(hashlib.sha256(received.body).digest())
        if claims.get("bsh") != expected:
            _refuse(_NOT_THIS_BODY)


def _jti(claims: Mapping[str, Any]) -> bytes:
    jti = claims["jti"]
    try:
        data = base64url.decode(jti) if isinstance(jti, str) else b""
    except ValueError:
        data = b""
    if len(data) != JTI_BYTES:
        _refuse("The claim jti must be 128 bits as base64url.")
    return data


def _refuse(detail: str) -> NoReturn:
    raise NotAuthenticated(detail) from None
