"""Each identifier has one canonical form, and what is doubtful has none."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.identity.normalise import IdentifierType, InvalidIdentifier, normalise
from tests.identity.tables import ACCEPTED, EMAIL, PHONE, REFUSED, RESIDENT


def with_check_digit(seventeen: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(seventeen, weights, strict=True))
    return seventeen + "10X98765432"[total % 11]


@pytest.mark.parametrize(("kind", "raw", "form"), ACCEPTED)
def test_accepted_identifiers_have_one_form(kind: IdentifierType, raw: str, form: str) -> None:
    """Every spelling of the table gives its form, and the form gives itself."""
    assert form == normalise(kind, raw)
    assert form == normalise(kind, form)


@pytest.mark.parametrize(("kind", "raw", "code"), REFUSED)
def test_refused_identifiers_say_why_and_not_what(
    kind: IdentifierType, raw: str, code: str
) -> None:
    """The code is stable; neither the problem nor its traceback holds the identifier."""
    with pytest.raises(InvalidIdentifier) as refusal:
        normalise(kind, raw)
    problem = refusal.value
    assert code == problem.code
    assert [code] == [error.code for error in problem.errors]
    assert kind is problem.type
    shown = "".join(traceback.format_exception_only(problem)) + problem.detail
    assert len(raw) < 8 or raw not in shown
    assert problem.__suppress_context__


@pytest.mark.parametrize(
    ("seventeen", "code"),
    [
        ("11010519490231002", "impossible_birth_date"),
        ("11010519491331002", "impossible_birth_date"),
        ("11010519490229002", "impossible_birth_date"),
        ("11010518991231002", "impossible_birth_date"),
        ("11010500001231002", "impossible_birth_date"),
        ("00010519491231002", "unknown_province"),
        ("16010519491231002", "unknown_province"),
        ("99010519491231002", "unknown_province"),
    ],
)
def test_a_true_check_digit_does_not_excuse_the_rest(seventeen: str, code: str) -> None:
    """Birth date and province are looked at even if the check digit fits."""
    with pytest.raises(InvalidIdentifier) as refusal:
        normalise(RESIDENT, with_check_digit(seventeen))
    assert code == refusal.value.code


@pytest.mark.parametrize(
    "seventeen", ["11010519480229002", "81000019900101001", "91010119900101001"]
)
def test_leap_days_and_every_province_are_accepted(seventeen: str) -> None:
    """29 February of a leap year; Hong Kong, Macao and Taiwan residents; foreigners."""
    number = with_check_digit(seventeen)
    assert number == normalise(RESIDENT, number)


@pytest.mark.parametrize(
    ("raw", "region", "form"),
    [
        ("(650) 253-0000", "US", "+16502530000"),
        ("07911 123456", "GB", "+447911123456"),
        ("5123 4567", "HK", "+85251234567"),
        ("+8613800138000", "US", "+8613800138000"),
        ("+8613800138000", "ZZ", "+8613800138000"),
    ],
)
def test_the_region_says_where_a_number_was_given(raw: str, region: str, form: str) -> None:
    """National numbers are read in their region; a country code needs none."""
    assert form == normalise(PHONE, raw, region)


@pytest.mark.parametrize("region", ["ZZ", "", "cn"])
def test_a_national_number_needs_a_region(region: str) -> None:
    """Without a known region nothing is guessed."""
    with pytest.raises(InvalidIdentifier):
        normalise(PHONE, "13800138000", region)


@given(st.sampled_from(IdentifierType), st.text(max_size=80))
def test_any_text_is_refused_or_reaches_a_fixed_point(kind: IdentifierType, raw: str) -> None:
    """No text raises anything but the problem, and a form never moves again."""
    try:
        form = normalise(kind, raw)
    except InvalidIdentifier:
        return
    assert form == normalise(kind, form)


LOCAL = st.text(st.characters(categories=["L", "M", "N"]), min_size=1, max_size=12)
LABEL = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@given(LOCAL, LABEL)
def test_international_addresses_reach_a_fixed_point(local: str, label: str) -> None:
    """Case, width and composition fold completely in one pass."""
    try:
        form = normalise(EMAIL, f"{local}@{label}.example")
    except InvalidIdentifier:
        return
    assert form == normalise(EMAIL, form)
    assert form == normalise(EMAIL, form.upper()) or not form.isascii()
    assert form.rpartition("@")[2].isascii()


@given(st.from_regex(r"1(3[0-9]|5[0-35-9]|8[0-9])[0-9]{8}", fullmatch=True), st.data())
def test_spacing_and_width_do_not_matter_to_a_phone(digits: str, data: st.DataObject) -> None:
    """However it is grouped, prefixed or widened, it is the same number."""
    spaced = (
        "".join(digit + data.draw(st.sampled_from(["", " ", "-"])) for digit in digits[:-1])
        + digits[-1]
    )
    prefix = data.draw(st.sampled_from(["", "+86", "+86 ", "0086", "(+86)"]))
    wide = (prefix + spaced).translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789+-()"})
    assert f"+86{digits}" == normalise(PHONE, prefix + spaced)
    assert f"+86{digits}" == normalise(PHONE, wide)
