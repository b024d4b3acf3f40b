"""A member's vouch: signed word that the person at this browser holds an identity.

    JWS, typ ccr-vouch+jwt, by an active key of the member, header exactly alg, kid, typ;
    {"iss": "sub": member, "aud": origin, "iat", "exp" <= iat + 300, "jti": 128 bits b64u,
     "idh": b64u SHA-256 of the canonical JSON {"key_id", "token", "type"},
     "held_since": day or absent}

The token travels beside it, so that the vouch can be kept as evidence and the token not.
What a vouch opens is little (decision 0051): a member has the token anyway, and could vouch
for itself. Each use stands in the person's history, signed by the member.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, NoReturn

from registry.crypto.signature import PrivateKey, sign_compact, split_compact, verify
from registry.http.caller import Caller, KeyRecord, Scope
from registry.http.fields import load_day
from registry.identity.model import IdentityToken
from registry.kernel import base64url, strict_json
from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.ids import MemberId
from registry.kernel.problems import Kind, Problem, Text

VOUCH_TYPE = "ccr-vouch+jwt"
LIFE_SECONDS_MAX = 300
LEEWAY_SECONDS = 30
JTI_BYTES = 16
# Who deals with people, and answers to them, may say who they are.
SCOPES = frozenset({Scope.REPORT, Scope.LOOK_UP})

_HEADER_MEMBERS = {"alg", "kid", "typ"}
_CLAIMS_REQUIRED = {"iss", "sub", "aud", "iat", "exp", "jti", "idh"}
_CLAIMS_KNOWN = _CLAIMS_REQUIRED | {"held_since"}
# Checked in place of a key that is not registered, so that time tells nothing.
_DECOY = PrivateKey.generate().public


class VouchNotAccepted(Problem):
    """The vouch is not a fresh one of an active member for this identity."""

    kind = Kind.FORBIDDEN
    title = Text(en="The vouch is not accepted", zh="担保声明不被接受")
    advice = Text(
        en="Ask the platform for a fresh one, or sign in with a code sent to you.",
        zh="请向平台重新取得担保声明，或使用验证码登录。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouch:
    """A vouch whose signature and claims were checked; that it is fresh is still to be seen."""

    member: MemberId
    caller: Caller
    jti: bytes
    expires_at: datetime
    held_since_on: date | None


def make_vouch(
    identity: IdentityToken,
    *,
    member: str,
    key: PrivateKey,
    audience: str,
    now: datetime,
    jti: bytes,
    held_since_on: date | None = None,
) -> str:
    """A vouch good for five minutes, once."""
    assert len(jti) == JTI_BYTES
    issued = int(now.timestamp())
    claims: dict[str, JsonValue] = {
        "iss": member,
        "sub": member,
        "aud": audience,
        "iat": issued,
        "exp": issued + LIFE_SECONDS_MAX,
        "jti": base64url.encode(jti),
        "idh": identity_digest(identity),
    }
    if held_since_on is not None:
        claims["held_since"] = held_since_on.isoformat()
    header = {"alg": key.algorithm.value, "kid": key.public.kid, "typ": VOUCH_TYPE}
    return sign_compact(header=header, claims=claims, key=key)


def identity_digest(identity: IdentityToken) -> str:
    """What a vouch names an identity by."""
    document: dict[str, JsonValue] = {
        "key_id": identity.key_id,
        "token": base64url.encode(identity.token),
        "type": identity.type.value,
    }
    return base64url.encode(sha256(canonical_json(document)).digest())


def read_vouch(
    text: str,
    identity: IdentityToken,
    *,
    audience: str,
    now: datetime,
    find_key: Callable[[str], KeyRecord | None],
) -> Vouch:
    """The vouch, if it is one of an active member for `identity`; `now` is the machine's clock's.

    Raises: VouchNotAccepted.
    """
    try:
        compact = split_compact(text)
        claims = strict_json.parse(compact.claims)
    except (ValueError, strict_json.MalformedJson):
        _refuse("It is not a compact JWS of at most 4 KiB.")
    if compact.header.keys() != _HEADER_MEMBERS or compact.header["typ"] != VOUCH_TYPE:
        _refuse(f"Its header must hold exactly alg, kid and typ, which is {VOUCH_TYPE}.")
    kid = compact.header["kid"]
    record = find_key(kid) if isinstance(kid, str) else None
    is_signed = verify(compact, _DECOY if record is None else record.public_key)
    if record is None or not is_signed or not record.is_active:
        _refuse("It is not signed with a key of an active member.")
    if not isinstance(claims, dict) or not _CLAIMS_REQUIRED <= claims.keys() <= _CLAIMS_KNOWN:
        _refuse(f"It must claim {', '.join(sorted(_CLAIMS_REQUIRED))} and nothing unknown.")
    caller = record.caller
    if claims["iss"] != caller.member or claims["sub"] != caller.member:
        _refuse("The claims iss and sub must both be the id of the key's member.")
    if claims["aud"] != audience:
        _refuse("The claim aud must be the registry's origin.")
    if claims["idh"] != identity_digest(identity):
        _refuse("The claim idh is not of the identity that came with it.")
    if SCOPES.isdisjoint(caller.scopes):
        _refuse("The member neither reports nor looks up, and may vouch for nobody.")
    return Vouch(
        member=caller.member,
        caller=caller,
        jti=_jti(claims["jti"]),
        expires_at=_expiry(claims, now),
        held_since_on=_held_since(claims),
    )


def _expiry(claims: Mapping[str, Any], now: datetime) -> datetime:
    issued, expires, present = claims["iat"], claims["exp"], now.timestamp()
    if type(issued) is not int or type(expires) is not int:
        _refuse("The claims iat and exp must be integers.")
    if not issued < expires <= issued + LIFE_SECONDS_MAX:
        _refuse(f"It may be good for {LIFE_SECONDS_MAX} seconds at most.")
    if expires + LEEWAY_SECONDS <= present or issued - LEEWAY_SECONDS > present:
        _refuse("It has expired, or was made in the future.")
    return datetime.fromtimestamp(expires + LEEWAY_SECONDS, UTC)


def _jti(value: Any) -> bytes:
    try:
        data = base64url.decode(value) if isinstance(value, str) else b""
    except ValueError:
        data = b""
    if len(data) != JTI_BYTES:
        _refuse("The claim jti must be 128 bits as base64url.")
    return data


def _held_since(claims: Mapping[str, Any]) -> date | None:
    if "held_since" not in claims:
        return None
    day = load_day(claims["held_since"])
    if day is None:
        _refuse("The claim held_since must be a day, YYYY-MM-DD.")
    return day


def _refuse(detail: str) -> NoReturn:
    raise VouchNotAccepted(detail) from None
