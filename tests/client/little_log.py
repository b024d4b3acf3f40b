"""One entry of a log, made by hand as docs/protocol.md 6 lays it out."""

import base64
import hmac
import json
import struct
from typing import Any
from uuid import UUID

ENTRY = "ent_01992f5e-7c00-7abc-8def-0123456789ab"
HEADER = {"outcome": "answered", "purpose": "refund_only_review"}
SUBJECT = {"seeds": ["s"]}
SALT = b"salt" * 8


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def commitment(label: bytes, document: dict[str, Any]) -> bytes:
    data = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    return hmac.digest(SALT, label + struct.pack(">I", len(data)) + data, "sha256")


ENTRY_BYTES = (
    struct.pack(">BBHQ", 1, 2, 16, 1795161600000)
    + UUID(ENTRY.removeprefix("ent_")).bytes
    + commitment(b"ccr-hdr-v1\x00", HEADER)
    + commitment(b"ccr-sub-v1\x00", SUBJECT)
)
