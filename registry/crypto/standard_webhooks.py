"""Signatures of Standard Webhooks: `v1` (HMAC-SHA256) and `v1a` (Ed25519).

    content    = webhook-id "." webhook-timestamp "." body
    signatures = "v1," base64(HMAC) " " "v1a," base64(Ed25519), for each set of keys

Source: Standard Webhooks 1.0.0, "Signature scheme" and "Webhook headers".
"""

import hmac
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_BYTES = 32
SEED_BYTES = 32
KEYS_BYTES = SECRET_BYTES + SEED_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookKeys:
    """What one webhook's messages are signed with: a shared secret and an Ed25519 seed."""

    secret: bytes = field(repr=False)
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        assert len(self.secret) == SECRET_BYTES
        assert len(self.seed) == SEED_BYTES

    @classmethod
    def generate(cls) -> "WebhookKeys":
        """Fresh keys."""
        return cls(secret=secrets.token_bytes(SECRET_BYTES), seed=secrets.token_bytes(SEED_BYTES))

    @classmethod
    def from_octets(cls, octets: bytes) -> "WebhookKeys":
        """The keys that `to_octets` gave."""
        return cls(secret=octets[:SECRET_BYTES], seed=octets[SECRET_BYTES:])

    def to_octets(self) -> bytes:
        """Both as 64 bytes, to be sealed."""
        return self.secret + self.seed

    @property
    def secret_text(self) -> str:
        """The shared secret as receivers are given it, `whsec_…`."""
        return f"whsec_{_base64(self.secret)}"

    @property
    def public_text(self) -> str:
        """The public key as receivers are given it, `whpk_…`."""
        public = self._private().public_key()
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return f"whpk_{_base64(raw)}"

    def signatures(self, content: bytes) -> tuple[str, str]:
        """Both signatures of `content`, with their version."""
        return (
            f"v1,{_base64(hmac.digest(self.secret, content, 'sha256'))}",
            f"v1a,{_base64(self._private().sign(content))}",
        )

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def signed_headers(
    message_id: str, timestamp_seconds: int, body: bytes, keys: Sequence[WebhookKeys]
) -> Mapping[str, str]:
    """The three headers of an attempt; during a rotation both sets of keys sign."""
    # A full stop would let one part of the content be read as another.
    assert message_id
    assert "." not in message_id
    content = f"{message_id}.{timestamp_seconds}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_seconds),
        "webhook-signature": " ".join(text for each in keys for text in each.signatures(content)),
    }


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
