"""base64url: one text per value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.kernel import base64url


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"f", "Zg"),
        (b"fo", "Zm8"),
        (b"foo", "Zm9v"),
        (b"foob", "Zm9vYg"),
        (b"fooba", "Zm9vYmE"),
        (b"foobar", "Zm9vYmFy"),
        (b"\xfb\xff\xfe", "-__-"),
    ],
)
def test_vectors_of_the_rfc(data: bytes, text: str) -> None:
    """RFC 4648 section 10 without padding, and the two characters that differ."""
    assert text == base64url.encode(data)
    assert data == base64url.decode(text)


@pytest.mark.parametrize(
    "text", ["Zg==", "Zh", "Z", "Zm9vYh", "Zm9v\n", "Zm 9", "+/+/", "Zm9é", "="]
)
def test_another_spelling_is_refused(text: str) -> None:
    """Padding, foreign characters, impossible lengths and trailing bits."""
    with pytest.raises(ValueError, match="not base64url"):
        base64url.decode(text)


@given(st.binary())
def test_bytes_survive(data: bytes) -> None:
    """Decoding is the inverse of encoding."""
    assert data == base64url.decode(base64url.encode(data))


@given(st.text("ABCDwxyz0189-_", max_size=12))
def test_a_text_that_is_read_is_the_one_that_would_be_written(text: str) -> None:
    """No value has two texts."""
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert text == base64url.encode(data)
