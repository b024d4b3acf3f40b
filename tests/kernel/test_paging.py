"""Cursors: opaque, and nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.kernel import base64url
from registry.kernel.paging import CursorUnreadable, decode_cursor, encode_cursor


@given(st.text(st.characters(max_codepoint=126, min_codepoint=32)))
def test_a_cursor_leads_back_to_its_key(after: str) -> None:
    """What was given out is understood."""
    assert after == decode_cursor(encode_cursor(after))


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "inc_1",
        "%%%",
        base64url.encode(b"c2x"),
        base64url.encode("c1é".encode()),
        base64url.encode(b"c1inc\x00"),
    ],
)
def test_a_made_up_cursor_is_a_problem(cursor: str) -> None:
    """It never reaches a query."""
    with pytest.raises(CursorUnreadable):
        decode_cursor(cursor)
