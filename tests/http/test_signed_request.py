"""Signed requests: every check of the protocol, each before those that come after it."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import combinations

import pytest

from registry.crypto.signature import Algorithm
from registry.http.signed_request import (
    NotAuthenticated,
)
from registry.kernel import base64url
from registry.kernel.problems import Kind
from tests.http.drafts import (
    BODY,
    JTI,
    KEYS,
    MEMBER,
    NOW,
    ORIGIN,
    OTHER,
    OTHERS_KEY,
    PRESENT,
    UNREGISTERED,
    Draft,
)


def with_claim(name: str, value: object) -> Callable[[Draft], None]:
    return lambda draft: draft.claims.update({name: value})


def with_header(name: str, value: object) -> Callable[[Draft], None]:
    return lambda draft: draft.header.update({name: value})


def having(name: str, value: object) -> Callable[[Draft], None]:
    return lambda draft: setattr(draft, name, value)


def flipped(signature: bytes) -> bytes:
    """The signature with one bit changed."""
    return bytes([signature[0] ^ 1]) + signature[1:]


def doubled(data: bytes) -> bytes:
    """The object with its first member once more."""
    name = json.dumps(next(iter(json.loads(data))))
    return b'{%s:"again",' % name.encode() + data[1:]


# In the order of the protocol: a fault, and what of the refusal's text tells it from others.
FAULTS: list[tuple[str, Callable[[Draft], None], str]] = [
    ("no header", having("authorization", lambda text: None), "is missing"),
    ("no bearer", having("authorization", lambda text: "Basic YTpi"), "must be Bearer"),
    ("too long", having("jwt", lambda text: text + "A" * 4096), "at most 4 KiB"),
    ("three dots", having("jwt", lambda text: text + ".a"), "compact JWS"),
    ("header twice", having("header_bytes", doubled), "strict header"),
    ("header set", with_header("jku", "https://a.example"), "exactly alg, kid and typ"),
    ("typ", with_header("typ", "JWT"), "typ must be"),
    ("kid", with_header("kid", UNREGISTERED.public.kid), "signature is not one"),
    ("alg", with_header("alg", "ES256"), "signature is not one"),
    (
        "signature",
        having("signature", lambda made: bytes([made[0] ^ 1]) + made[1:]),
        "signature is not one",
    ),
    ("claims twice", having("claims_bytes", doubled), "claims are not strict JSON"),
    ("claim missing", lambda draft: draft.claims.pop("jti"), "must claim"),
    ("claim unknown", with_claim("nbf", 1), "does not know"),
    ("iss", with_claim("iss", OTHER), "iss and sub"),
    ("sub", with_claim("sub", OTHER), "iss and sub"),
    ("aud", with_claim("aud", [ORIGIN]), "aud must be"),
    ("iat no integer", with_claim("iat", float(PRESENT)), "must be integers"),
    ("expired", with_claim("exp", PRESENT - 31), "has expired"),
    ("in the future", with_claim("iat", PRESENT + 32), "in the future"),
    ("horizon", with_claim("exp", PRESENT + 121), "within 120 seconds"),
    ("htm", with_claim("htm", "GET"), "htm is not"),
    ("htu", with_claim("htu", "/v1/lookups?a=/"), "htu is not"),
    ("bsh", with_claim("bsh", base64url.encode(bytes(32))), "bsh is not"),
    ("jti", with_claim("jti", base64url.encode(bytes(15))), "jti must be"),
]


def refusal(draft: Draft, now: datetime = NOW) -> str:
    """What a caller is told; it is always of one kind."""
    with pytest.raises(NotAuthenticated) as caught:
        draft.verify(now)
    assert (Kind.UNAUTHENTICATED, ()) == (caught.value.kind, caught.value.errors)
    return caught.value.detail


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_good_request_is_verified(algorithm: Algorithm) -> None:
    """By either algorithm; it names its member, its jti and when it may be forgotten."""
    key = KEYS[algorithm]
    verified = Draft(key=key).verify()
    assert (MEMBER, key.public.kid) == (verified.key.caller.member, verified.key.caller.kid)
    assert (bytes(range(16)), PRESENT + 90) == (verified.jti, verified.expires_at.timestamp())
    assert hashlib.sha256(verified.jwt.encode()).digest() == verified.digest


@pytest.mark.parametrize(("name", "spoil", "text"), FAULTS)
def test_each_fault_is_refused(name: str, spoil: Callable[[Draft], None], text: str) -> None:
    """In general terms that say which check it was."""
    draft = Draft()
    spoil(draft)
    assert text in refusal(draft)


def test_of_two_faults_the_one_that_is_checked_first_is_told() -> None:
    """The order of the checks is the published one, whatever else is wrong."""
    for (_, first, text), (other, second, _) in combinations(FAULTS, 2):
        draft = Draft()
        second(draft)
        # Applied last: where the two spoil the same place, the first stands.
        first(draft)
        assert text in refusal(draft), other


@pytest.mark.parametrize(
    "authorization",
    [
        *(
            "",
            "Bearer",
            "Bearer ",
            "bearer a.b.c",
            "Bearer  a.b.c",
            "Bearer a.b",
            "Bearer ..",
            "DPoP a.b.c",
        ),
        *(
            "Bearer a.b.c,Bearer a.b.c",
            "Bearer é.b.c",
            "Bearer \x00",
            "Bearer a\n.b.c",
            "Bearer =.=.=",
        ),
    ],
)
def test_what_is_no_bearer_token_is_refused(authorization: str) -> None:
    """Another scheme, another spelling, two tokens, bytes that are no base64url."""
    refusal(Draft(authorization=lambda text: authorization))


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"null",
        b"{}",
        b'{"alg":"EdDSA"}',
        b"\xff",
        b"{" * 40,
        b'{"alg":"EdDSA","kid":"a","typ":"ccr-request+jwt","b64":false}',
        b'{"alg":"EdDSA","kid":"a","typ":"ccr-request+jwt","crit":[]}',
    ],
)
def test_a_header_of_another_shape_is_refused(header: bytes) -> None:
    """Exactly three members, in one object."""
    refusal(Draft(header_bytes=lambda made: header))


@pytest.mark.parametrize(
    "alg", ["none", "HS256", "EDDSA", "eddsa", "Ed25519", "RS256", "", None, 1]
)
def test_the_algorithm_is_the_one_of_the_key_record(alg: object) -> None:
    """What the header says chooses nothing."""
    draft = Draft()
    draft.header["alg"] = alg
    assert "signature is not one" in refusal(draft)


def test_a_public_key_is_no_shared_secret() -> None:
    """An HMAC under the raw public key or its PEM is not a signature."""
    key = KEYS[Algorithm.EDDSA]
    for secret in (key.public.raw, key.public.to_pem()):
        draft = Draft(signature=lambda made, secret=secret: hmac.digest(secret, b"", "sha256"))
        draft.header["alg"] = "HS256"
        assert "signature is not one" in refusal(draft)


@pytest.mark.parametrize("kid", ["", "a", None, 1, [], {}, "\u0000", "é"])
def test_an_unknown_key_and_a_wrong_signature_answer_alike(kid: object) -> None:
    """Nobody learns which keys exist."""
    unknown, wrong = Draft(), Draft(signature=lambda made: bytes(64))
    unknown.header["kid"] = kid
    assert refusal(unknown) == refusal(wrong)


def test_another_members_key_signs_for_nobody_else() -> None:
    """The claims must name the member of the key, whoever that is."""
    foreign = Draft(key=OTHERS_KEY)
    assert "iss and sub" in refusal(foreign)
    foreign.claims |= {"iss": OTHER, "sub": OTHER}
    assert OTHER == foreign.verify().key.caller.member


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_signature_of_another_length_is_refused(algorithm: Algorithm, length: int) -> None:
    """Truncated, doubled, or none at all."""
    draft = Draft(key=KEYS[algorithm], signature=lambda made: (made * 2)[:length])
    assert "signature is not one" in refusal(draft)


def test_one_signature_has_one_text() -> None:
    """Set trailing bits and padding are refused: a JWT cannot be respelled."""
    for respell in (lambda jwt: jwt[:-1] + _next(jwt[-1]), lambda jwt: jwt + "=="):
        assert "compact JWS" in refusal(Draft(jwt=respell))


def _next(character: str) -> str:
    """The base64url character with the lowest bit, which 64 bytes do not use, set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(character) + 1]


@pytest.mark.parametrize(
    "claims",
    [b"[]", b"null", b"{}", b"1", b"\xff", b"{", b'{"iss":NaN}', b"\xef\xbb\xbf{}", b"[" * 50],
)
def test_claims_of_another_shape_are_refused(claims: bytes) -> None:
    """One strict JSON object."""
    refusal(Draft(claims_bytes=lambda made: claims))


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "iat", "exp", "jti", "htm", "htu"])
@pytest.mark.parametrize("value", [None, True, 1.5, "", [], {}, 10**30, "\u0000"])
def test_a_claim_of_another_type_is_refused(name: str, value: object) -> None:
    """No claim is coerced."""
    draft = Draft()
    draft.claims[name] = value
    refusal(draft)


@pytest.mark.parametrize(
    "audience",
    [
        *(ORIGIN + "/", ORIGIN.upper(), "http://registry.example", ORIGIN + ":443", " " + ORIGIN),
        *(
            "https://registry.example.evil",
            "registry.example",
            [ORIGIN],
            [ORIGIN, "a"],
            {"a": ORIGIN},
        ),
    ],
)
def test_the_audience_is_the_origin_byte_by_byte(audience: object) -> None:
    """A request for another registry is no request for this one."""
    draft = Draft()
    draft.claims["aud"] = audience
    assert "aud must be" in refusal(draft)


@pytest.mark.parametrize(
    ("issued", "expires", "accepted"),
    [
        (0, 120, True),
        (0, 121, False),
        (0, 1, True),
        (0, 0, False),
        (10, 9, False),
        # 30 seconds of leeway on both sides; NOW is half a second past PRESENT.
        (30, 60, True),
        (31, 61, False),
        (-100, -29, True),
        (-100, -30, False),
        (-150, -29, False),
    ],
)
def test_the_times_are_near(issued: int, expires: int, accepted: bool) -> None:
    """Not expired, not from the future, and good for two minutes at most."""
    draft = Draft()
    draft.claims |= {"iat": PRESENT + issued, "exp": PRESENT + expires}
    if accepted:
        assert draft.verify().expires_at.timestamp() == PRESENT + expires + 30
    else:
        refusal(draft)


def test_it_is_remembered_for_as_long_as_it_could_be_accepted() -> None:
    """One microsecond before `expires_at` it verifies, at it no more."""
    draft = Draft()
    expires_at = draft.verify().expires_at
    almost = datetime.fromtimestamp(expires_at.timestamp() - 0.000_5, UTC)
    draft.verify(almost)
    assert "has expired" in refusal(draft, expires_at)


@pytest.mark.parametrize("method", ["post", "GET", "PUT", "POST ", ""])
def test_the_method_is_bound(method: str) -> None:
    """A signed POST is no GET."""
    draft = Draft()
    draft.method = method
    assert "htm is not" in refusal(draft)


@pytest.mark.parametrize(
    "target",
    [
        *(
            "/v1/lookups",
            "/v1/lookups?",
            "/v1/lookups?a=/",
            "/v1/lookups?a=%2F",
            "/v1//lookups?a=%2f",
        ),
        *("/v1/lookups?a=%2f&b", "/v1/lookups/?a=%2f", "https://registry.example/v1/lookups?a=%2f"),
        *(
            "/v1/incidents?a=%2f",
            "/v1/lookups?a=%2f#b",
            "v1/lookups?a=%2f",
            "",
            "/v1//lookups?a=%2f",
        ),
    ],
)
def test_path_and_query_are_bound_as_sent(target: str) -> None:
    """Before any decoding: two spellings of one address are two requests."""
    draft = Draft()
    draft.target = target
    assert "htu is not" in refusal(draft)


@pytest.mark.parametrize("body", [b"", BODY + b" ", b'{"order":"O-2"}', b'{"order" :"O-1"}'])
def test_the_body_is_bound_byte_by_byte(body: bytes) -> None:
    """Nothing may be added, taken away or respelled."""
    draft = Draft()
    draft.body = body
    assert "bsh is not" in refusal(draft)


def test_a_body_needs_its_digest_and_no_body_needs_none() -> None:
    """Without a body `bsh` may be absent, or the digest of nothing."""
    draft = Draft()
    del draft.claims["bsh"]
    assert "bsh is not" in refusal(draft)
    draft.body = b""
    draft.verify()
    draft.claims["bsh"] = base64url.encode(hashlib.sha256(b"").digest())
    draft.verify()


@pytest.mark.parametrize(
    "jti", ["", "a", JTI + "=", JTI + "A", JTI[:-1] + "x", "é" * 22, " " + JTI]
)
def test_a_jti_is_128_bits_in_one_spelling(jti: str) -> None:
    """A jti that could be spelled twice could be used twice."""
    draft = Draft()
    draft.claims["jti"] = jti
    assert "jti must be" in refusal(draft)


def test_a_request_of_4096_bytes_is_read() -> None:
    """The limit itself is within the limit."""
    draft = Draft()
    base = len(_jwt_of(draft))
    # Three bytes of claims are four of base64url.
    draft.target += "&" + "a" * ((4096 - base) * 3 // 4 - 2)
    draft.claims["htu"] = draft.target
    assert 4092 <= len(_jwt_of(draft)) <= 4096
    draft.verify()
    draft.target += "a" * 6
    draft.claims["htu"] = draft.target
    assert "at most 4 KiB" in refusal(draft)


def _jwt_of(draft: Draft) -> str:
    seen: list[str] = []

    def look(jwt: str) -> str:
        seen.append(jwt)
        return jwt

    draft.jwt = look
    draft.verify()
    draft.jwt = str
    return seen[0]
