"""From a normalised identifier to its identity token and seed.

Pure: the client makes tokens, the node only ever receives them.
Source: docs/protocol.md, section 2.

    x     = "ccr-id-v1" 00 ‖ lp(federation) ‖ lp(type) ‖ lp(canonical)
    y     = VOPRF(key, x)
    token = HMAC-SHA256(y, "ccr-token-v1" 00 ‖ key id)
    seed  = HMAC-SHA256(token, "ccr-seed-v1")
"""

import hmac

TOKEN_BYTES = 32
SEED_BYTES = 32

_INPUT_LABEL = b"ccr-id-v1\x00"
_TOKEN_LABEL = b"ccr-token-v1\x00"
_SEED_LABEL = b"ccr-seed-v1"


def oprf_input(*, federation: str, type_name: str, canonical: str) -> bytes:
    """The bytes to blind for one normalised identifier.

    Raises: ValueError when a part is longer than 65,535 bytes.
    """
    return _INPUT_LABEL + b"".join(map(_length_prefixed, (federation, type_name, canonical)))


def identity_token(y: bytes, key_id: str) -> bytes:
    """The 32-byte token of a 64-byte OPRF output made under the key `key_id`."""
    return hmac.digest(y, _TOKEN_LABEL + key_id.encode(), "sha256")


def seed_of(token: bytes) -> bytes:
    """The 32 bytes that peers exchange and lookup keys are made from."""
    return hmac.digest(token, _SEED_LABEL, "sha256")


def _length_prefixed(text: str) -> bytes:
    data = text.encode()
    if len(data) > 0xFFFF:
        raise ValueError("a part of an identifier is longer than 65,535 bytes")
    return len(data).to_bytes(2, "big") + data
