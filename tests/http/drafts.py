"""Signed requests before they are put together, to be spoiled in one place or another."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from registry.crypto.signature import Algorithm, PrivateKey
from registry.http.caller import Caller, KeyRecord, Scope
from registry.http.signed_request import (
    ReceivedCall,
    VerifiedCall,
    verify_signed_request,
)
from registry.kernel import base64url
from registry.kernel.ids import MemberId

ORIGIN = "https://registry.example"
MEMBER = MemberId("mem_01992f5e-7c00-7abc-8def-0123456789ab")
OTHER = MemberId("mem_01992f5e-7c00-7abc-8def-0123456789ac")
NOW = datetime(2026, 11, 20, 8, 0, 0, 500_000, tzinfo=UTC)
PRESENT = int(NOW.timestamp())
BODY = b'{"order":"O-1"}'
JTI = base64url.encode(bytes(range(16)))

KEYS = {algorithm: PrivateKey.generate(algorithm) for algorithm in Algorithm}
OTHERS_KEY = PrivateKey.generate()
UNREGISTERED = PrivateKey.generate()


def record(key: PrivateKey, member: MemberId) -> KeyRecord:
    caller = Caller(
        member=member,
        kid=key.public.kid,
        scopes=frozenset(Scope),
        purposes=frozenset(),
        requests_per_minute=1,
        evaluations_per_hour=1,
    )
    return KeyRecord(public_key=key.public, is_active=True, caller=caller)


DIRECTORY = {key.public.kid: record(key, MEMBER) for key in KEYS.values()}
DIRECTORY[OTHERS_KEY.public.kid] = record(OTHERS_KEY, OTHER)


@dataclass
class Draft:
    """A signed request before it is put together; faults change what they spoil."""

    key: PrivateKey = field(default_factory=lambda: KEYS[Algorithm.EDDSA])
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header_bytes: Callable[[bytes], bytes] = bytes
    claims_bytes: Callable[[bytes], bytes] = bytes
    signature: Callable[[bytes], bytes] = bytes
    jwt: Callable[[str], str] = str
    authorization: Callable[[str], str | None] = str
    method: str = "POST"
    target: str = "/v1/lookups?a=%2f"
    body: bytes = BODY

    def __post_init__(self) -> None:
        self.header = {
            "alg": self.key.algorithm.value,
            "kid": self.key.public.kid,
            "typ": "ccr-request+jwt",
        }
        self.claims = {
            "iss": MEMBER,
            "sub": MEMBER,
            "aud": ORIGIN,
            "iat": PRESENT,
            "exp": PRESENT + 60,
            "jti": JTI,
            "htm": self.method,
            "htu": self.target,
            "bsh": base64url.encode(hashlib.sha256(self.body).digest()),
        }

    def verify(self, now: datetime = NOW) -> VerifiedCall:
        """What the door makes of it."""
        head = self.header_bytes(json.dumps(self.header).encode())
        claims = self.claims_bytes(json.dumps(self.claims).encode())
        signing_input = f"{base64url.encode(head)}.{base64url.encode(claims)}"
        signature = self.signature(self.key.sign(signing_input.encode()))
        jwt = self.jwt(f"{signing_input}.{base64url.encode(signature)}")
        received = ReceivedCall(
            authorization=self.authorization(f"Bearer {jwt}"),
            method=self.method,
            target=self.target,
            body=self.body,
        )
        return verify_signed_request(received, audience=ORIGIN, now=now, find_key=DIRECTORY.get)
