"""Signed requests, read by a library that did not make them."""

import hashlib
import json
import warnings
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey

from registry.client.signing import Signer
from registry.crypto.signature import Algorithm, PrivateKey
from tests.client.little_log import b64u, unb64u

AT = datetime(2026, 11, 20, 8, 0, 0, 999_000, tzinfo=UTC)
BODY = b'{"order":"O-1"}'


def opened(jwt: str, key: PrivateKey) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, once the signature has verified."""
    warnings.simplefilter("ignore", SecurityWarning)
    kind = OKPKey if key.algorithm is Algorithm.EDDSA else ECKey
    signed = jws.deserialize_compact(
        jwt, kind.import_key(key.public.to_jwk()), algorithms=["EdDSA", "ES256"]
    )
    return dict(signed.headers()), json.loads(signed.payload)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_request_is_signed_as_the_protocol_says(algorithm: Algorithm) -> None:
    """Header and claims are exactly those of docs/protocol.md 1, for both algorithms."""
    key = PrivateKey.generate(algorithm)
    signer = Signer(origin="https://registry.example", member="mem_1", key=key)
    header, claims = opened(signer.sign("POST", "/v1/lookups?a=b", BODY, AT), key)
    assert {
        "alg": algorithm.value,
        "kid": key.public.kid,
        "typ": "ccr-request+jwt",
    } == header
    assert 16 == len(unb64u(claims.pop("jti")))
    assert {
        "iss": "mem_1",
        "sub": "mem_1",
        "aud": "https://registry.example",
        "iat": 1795161600,
        "exp": 1795161660,
        "htm": "POST",
        "htu": "/v1/lookups?a=b",
        "bsh": b64u(hashlib.sha256(BODY).digest()),
    } == claims


@pytest.mark.parametrize("body", [None, b""])
def test_call_without_a_body_has_no_hash_of_one(body: bytes | None) -> None:
    """`bsh` stands only where there is a body."""
    key = PrivateKey.generate()
    signer = Signer(origin="https://registry.example", member="mem_1", key=key)
    _, claims = opened(signer.sign("GET", "/v1/incidents", body, AT), key)
    assert "bsh" not in claims


def test_no_two_requests_are_alike() -> None:
    """The same call signed twice is two requests."""
    signer = Signer(origin="https://registry.example", member="mem_1", key=PrivateKey.generate())
    assert 2 == len({signer.sign("GET", "/v1/incidents", None, AT) for _ in range(2)})
