"""Which characters a text may not hold, and which it must be able to."""

import re
import sys

import pytest

from registry.kernel.plain_text import (
    OF_NO_LINE,
    OF_NO_PROSE,
    is_plain_line,
    is_plain_prose,
    says_something,
    shown,
)

CONTROLS = {chr(each) for each in (*range(0x20), *range(0x7F, 0xA0))}
SEPARATORS = {"\u2028", "\u2029"}
BIDIRECTIONAL = {chr(each) for each in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
INVISIBLE = {"\u200b", "\ufeff", *map(chr, (*range(0x2060, 0x2066), *range(0x206A, 0x2070)))}
ANNOTATIONS = set("\ufff9\ufffa\ufffb")
REFUSED = CONTROLS | SEPARATORS | BIDIRECTIONAL | INVISIBLE | ANNOTATIONS

WRITTEN = {
    "Chinese": "包裹没有到，我当天就说了。",
    "Persian, with a non-joiner": "می\u200cخواهم",
    "Sinhala, with a joiner": "ශ්\u200dරී",
    "Arabic, with marks": "المبلغ\u200f 12.90\u200e EUR",
    "a family": "👩\u200d👩\u200d👧",
    "a heart": "❤\ufe0f",
    "an ideographic variant": "葛\U000e0100城",
    "a soft hyphen": "Rücksende\u00adbeleg",
    "French": "«\u202fnon\u00a0!\u202f»",
}


def test_of_all_characters_exactly_these_are_refused() -> None:
    """Whatever Unicode adds: in a line and in prose, where lines and tabs are the writer's."""
    every = [chr(each) for each in range(sys.maxunicode + 1)]
    assert REFUSED == {each for each in every if not is_plain_line(f"a{each}b")}
    assert REFUSED - {"\n", "\t"} == {each for each in every if not is_plain_prose(f"a{each}b")}


def test_the_published_patterns_say_the_same() -> None:
    """Whoever reads the description knows before sending."""
    every = [chr(each) for each in range(sys.maxunicode + 1)]
    line, prose = re.compile(f"[{OF_NO_LINE}]"), re.compile(f"[{OF_NO_PROSE}]")
    assert REFUSED == {each for each in every if line.match(each)}
    assert REFUSED - {"\n", "\t"} == {each for each in every if prose.match(each)}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_scripts_and_emoji_are_written_with_stays(name: str) -> None:
    """Nobody is refused for the language they write."""
    assert is_plain_line(WRITTEN[name])
    assert WRITTEN[name] == shown(WRITTEN[name], "?")


@pytest.mark.parametrize(
    "text",
    ["", " ", "\u3000\u00a0", "\u200d\u200c", "\n\t", "\u00ad", "\u3164\u115f", "\u2800", "\ufe0f"],
)
def test_what_shows_nothing_says_nothing(text: str) -> None:
    """White space and what has no shape, in any number."""
    assert not says_something(text)
    assert says_something(f"{text}.")


def test_what_comes_from_elsewhere_is_shown_with_marks() -> None:
    """A terminal shows where something was hidden; lines stay lines."""
    assert "paid?live?\n?" == shown("paid\u202elive\u202c\n\t", "?")
