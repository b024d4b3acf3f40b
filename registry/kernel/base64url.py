"""base64url without padding, one text per value.

Source: RFC 4648 §5 with the padding left out, as JOSE does (RFC 7515 §2).
"""

import base64
import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


def encode(data: bytes) -> str:
    """The text form of `data`, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of `text`.

    Refuses padding, foreign characters, impossible lengths and non-zero
    trailing bits, so that one value has one text and a text cannot be varied to
    slip past a comparison.

    Raises: ValueError.
    """
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url: foreign character")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url: impossible length") from error
    if encode(data) != text:
        raise ValueError("not base64url: trailing bits set")
    return data
