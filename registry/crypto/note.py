"""Names of log keys as verifiers configure them. Source: C2SP signed-note."""

import base64
import hashlib

_ED25519 = b"\x01"


def key_id(name: str, public_key: bytes) -> bytes:
    """The 4 bytes that name an Ed25519 key in a signature line of a note."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def vkey(name: str, public_key: bytes) -> str:
    """The verifier key `name+hex id+base64(01 ‖ key)` of a 32-byte Ed25519 key.

    Raises: ValueError for a name that a note could not carry.
    """
    if not name or "+" in name or any(character.isspace() for character in name):
        raise ValueError("a key name has no plus and no space")
    assert len(public_key) == 32
    encoded = base64.b64encode(_ED25519 + public_key).decode("ascii")
    return f"{name}+{key_id(name, public_key).hex()}+{encoded}"
