"""Signs each request of a member for the one call it is made for.

Source: docs/protocol.md, section 1.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from registry.crypto.signature import PrivateKey, sign_compact
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue

REQUEST_LIFE_SECONDS = 60
JTI_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs, with which key, and for whose ears only (`origin`)."""

    origin: str
    member: str
    key: PrivateKey

    def sign(self, method: str, target: str, body: bytes | None, at: datetime) -> str:
        """The JWT of one call, good for a minute from `at` and for one use.

        `target` is path and query exactly as they go over the wire.
        """
        issued = int(at.timestamp())
        claims: dict[str, JsonValue] = {
            "iss": self.member,
            "sub": self.member,
            "aud": self.origin,
            "iat": issued,
            "exp": issued + REQUEST_LIFE_SECONDS,
            "jti": base64url.encode(secrets.token_bytes(JTI_BYTES)),
            "htm": method,
            "htu": target,
        }
        if body:
            claims["bsh"] = base64url.encode(hashlib.sha256(body).digest())
        header = {
            "alg": self.key.algorithm.value,
            "kid": self.key.public.kid,
            "typ": "ccr-request+jwt",
        }
        return sign_compact(header=header, claims=claims, key=self.key)


def read_key(path: Path) -> PrivateKey:
    """The private key in a PEM file.

    Raises: ValueError, OSError.
    """
    try:
        return PrivateKey.from_pem(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not a private key in PKCS#8 PEM") from error
