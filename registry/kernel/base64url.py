"""base64url without padding, one text per value.

Source: RFC 4648 §5 with the padding left out, as JOSE does (RFC 7515 §2).
"""

from binascii import Error, a2b_base64, b2a_base64

_TO_URL = bytes.maketrans(b"+/", b"-_")
# What is not of this alphabet becomes what is of no alphabet.
_URL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_STANDARD = _URL[:-2] + b"+/"
_FROM_URL = bytes(_STANDARD[_URL.index(byte)] if byte in _URL else ord("!") for byte in range(256))
# By the characters beyond whole groups of four: what completes them, and what the last
# of them may be so that no bit is left over.
_ENDS = {0: (b"", _STANDARD), 2: (b"==", b"AQgw"), 3: (b"=", b"AEIMQUYcgkosw048")}


def encode(data: bytes) -> str:
    """The text form of `data`, without padding."""
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of `text`.

    Refuses padding, foreign characters, impossible lengths and non-zero
    trailing bits, so that one value has one text and a text cannot be varied to
    slip past a comparison.

    Raises: ValueError.
    """
    try:
        # Not `text.encode`: what is no text is a TypeError, whatever it is.
        characters = str.encode(text, "ascii").translate(_FROM_URL)
        padding, last = _ENDS[len(characters) % 4]
        if characters and characters[-1] not in last:
            raise ValueError("not base64url: foreign character or trailing bits set")
        return a2b_base64(characters + padding, strict_mode=True)
    except KeyError:
        raise ValueError("not base64url: impossible length") from None
    except (UnicodeEncodeError, Error) as error:
        raise ValueError("not base64url: foreign character") from error
