"""Each identifier has one canonical form, and what is doubtful has none."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.identity.normalise import IdentifierType, InvalidIdentifier, normalise

PHONE = IdentifierType.PHONE
EMAIL = IdentifierType.EMAIL
CANONICAL = IdentifierType.EMAIL_CANONICAL
RESIDENT = IdentifierType.CN_RESIDENT_ID
IBAN = IdentifierType.IBAN
PAR = IdentifierType.PAY_PAR
ALIPAY = IdentifierType.PAY_ALIPAY_UID

ACCEPTED = [
    (PHONE, "13800138000", "+8613800138000"),
    (PHONE, "138 0013 8000", "+8613800138000"),
    (PHONE, "138-0013-8000", "+8613800138000"),
    (PHONE, "  +86 138 0013 8000  ", "+8613800138000"),
    (PHONE, "(+86) 13800138000", "+8613800138000"),
    (PHONE, "0086 13800138000", "+8613800138000"),
    (PHONE, "8613800138000", "+8613800138000"),
    (PHONE, "１３８００１３８０００", "+8613800138000"),
    (PHONE, "＋８６　１３８　００１３　８０００", "+8613800138000"),
    (PHONE, "（＋８６）１３８－００１３－８０００", "+8613800138000"),
    (PHONE, "19912345678", "+8619912345678"),
    (PHONE, "+44 7911 123456", "+447911123456"),
    (PHONE, "+1 650-253-0000", "+16502530000"),
    (PHONE, "+852 5123 4567", "+85251234567"),
    (PHONE, "+39 320 1234567", "+393201234567"),
    (EMAIL, "buyer@shop.example", "buyer@shop.example"),
    (EMAIL, "  Buyer@Shop.Example ", "buyer@shop.example"),
    (EMAIL, "ｂｕｙｅｒ＠ｓｈｏｐ．ｅｘａｍｐｌｅ", "buyer@shop.example"),
    (EMAIL, "first.last+tag@shop.example", "first.last+tag@shop.example"),
    (EMAIL, "o'neil_{x}/=?^`|~!#$%&*@shop.example", "o'neil_{x}/=?^`|~!#$%&*@shop.example"),
    (EMAIL, "a@Bücher.example", "a@xn--bcher-kva.example"),
    (EMAIL, "a@BÜCHER.EXAMPLE", "a@xn--bcher-kva.example"),
    (EMAIL, "a@bu\u0308cher.example", "a@xn--bcher-kva.example"),
    (EMAIL, "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
    (EMAIL, "a@faß.example", "a@xn--fa-hia.example"),
    (EMAIL, "买家@例子。中国", "买家@xn--fsqu00a.xn--fiqs8s"),
    (EMAIL, "Ü.Name@shop.example", "ü.name@shop.example"),
    (EMAIL, "\u212a@shop.example", "k@shop.example"),
    (EMAIL, "a" * 64 + "@shop.example", "a" * 64 + "@shop.example"),
    (CANONICAL, "First.Last+shop@gmail.com", "firstlast@gmail.com"),
    (CANONICAL, "f.i.r.s.t@GoogleMail.com", "first@gmail.com"),
    (CANONICAL, "plain@gmail.com", "plain@gmail.com"),
    (CANONICAL, "a.b+c+d@outlook.com", "a.b@outlook.com"),
    (CANONICAL, "A.B@icloud.com", "a.b@icloud.com"),
    (CANONICAL, "x+1@proton.me", "x@proton.me"),
    (RESIDENT, "11010519491231002X", "11010519491231002X"),
    (RESIDENT, "11010519491231002x", "11010519491231002X"),
    (RESIDENT, "１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X"),
    (RESIDENT, "110105 19491231 002X", "11010519491231002X"),
    (IBAN, "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
    (IBAN, "gb82west12345698765432", "GB82WEST12345698765432"),
    (IBAN, "ＤＥ８９３７０４００４４０５３２０１３０００", "DE89370400440532013000"),
    (PAR, "V0010013816180398947326400396", "V0010013816180398947326400396"),
    (PAR, " v0010013816180398947326400396 ", "V0010013816180398947326400396"),
    (PAR, "50010000000000000000000000000", "50010000000000000000000000000"),
    (ALIPAY, "2088102146225135", "2088102146225135"),
    (ALIPAY, "２０８８１０２１４６２２５１３５", "2088102146225135"),
]

ZERO_WIDTH = "1380013\u200b8000"
LEFT_TO_RIGHT = "\u202d13800138000\u202c"

REFUSED = [
    (PHONE, "", "empty"),
    (PHONE, " \u3000 ", "empty"),
    (PHONE, "hello", "not_a_phone_number"),
    (PHONE, "+", "not_a_phone_number"),
    (PHONE, "13800138000 ext 5", "extension"),
    (PHONE, "13800138000x5", "extension"),
    (PHONE, "13800138000#5", "extension"),
    (PHONE, "13800138000;ext=5", "extension"),
    (PHONE, "１３８００１３８０００＃５", "extension"),
    (PHONE, "13800138000转5", "not_a_phone_number"),
    (PHONE, "tel:+8613800138000", "not_a_phone_number"),
    (PHONE, "phone 13800138000", "not_a_phone_number"),
    (PHONE, "++8613800138000", "not_a_phone_number"),
    (PHONE, "13800138000/13900139000", "not_a_phone_number"),
    (PHONE, "1 650 FLOWERS", "not_a_phone_number"),
    (PHONE, "١٣٨٠٠١٣٨٠٠٠", "not_a_phone_number"),
    (PHONE, "12345678901", "invalid_phone_number"),
    (PHONE, "1380013800", "invalid_phone_number"),
    (PHONE, "138001380000", "invalid_phone_number"),
    (PHONE, "95588", "invalid_phone_number"),
    (PHONE, "+999 12345678", "not_a_phone_number"),
    (PHONE, "010-12345678", "not_a_mobile_number"),
    (PHONE, "400-810-8888", "not_a_mobile_number"),
    (PHONE, "+44 20 7946 0958", "not_a_mobile_number"),
    (PHONE, "+800 1234 5678", "not_a_mobile_number"),
    (PHONE, ZERO_WIDTH, "invisible_character"),
    (PHONE, LEFT_TO_RIGHT, "invisible_character"),
    (PHONE, "1380013\n8000", "invisible_character"),
    (PHONE, "1380013\x008000", "invisible_character"),
    (PHONE, "1380013\ud8008000", "invisible_character"),
    (PHONE, "1" * 513, "too_long"),
    (EMAIL, "buyer", "not_an_email_address"),
    (EMAIL, "@shop.example", "invalid_local_part"),
    (EMAIL, "buyer@", "invalid_domain"),
    (EMAIL, '"buyer"@shop.example', "quoted_local_part"),
    (EMAIL, '"a b"@shop.example', "quoted_local_part"),
    (EMAIL, "＂buyer＂@shop.example", "quoted_local_part"),
    (EMAIL, "a b@shop.example", "invalid_local_part"),
    (EMAIL, "a@b@shop.example", "invalid_local_part"),
    (EMAIL, ".a@shop.example", "invalid_local_part"),
    (EMAIL, "a.@shop.example", "invalid_local_part"),
    (EMAIL, "a..b@shop.example", "invalid_local_part"),
    (EMAIL, "a(comment)@shop.example", "invalid_local_part"),
    (EMAIL, "Buyer <buyer@shop.example>", "invalid_local_part"),
    (EMAIL, "mailto:buyer@shop.example", "invalid_local_part"),
    (EMAIL, "a,b@shop.example", "invalid_local_part"),
    (EMAIL, "\U0001f600@shop.example", "invalid_local_part"),
    (EMAIL, "buyer@shop", "invalid_domain"),
    (EMAIL, "buyer@localhost", "invalid_domain"),
    (EMAIL, "buyer@shop.example.", "invalid_domain"),
    (EMAIL, "buyer@.example", "invalid_domain"),
    (EMAIL, "buyer@shop..example", "invalid_domain"),
    (EMAIL, "buyer@-shop.example", "invalid_domain"),
    (EMAIL, "buyer@shop_1.example", "invalid_domain"),
    (EMAIL, "buyer@[192.0.2.1]", "invalid_domain"),
    (EMAIL, "buyer@192.0.2.1", "invalid_domain"),
    (EMAIL, "buyer@shop.example:25", "invalid_domain"),
    (EMAIL, "buyer@shop .example", "invalid_domain"),
    (EMAIL, "buyer@i❤.ws", "invalid_domain"),
    (EMAIL, "buyer@xn--a.example", "invalid_domain"),
    (EMAIL, "buyer@" + "a" * 64 + ".example", "invalid_domain"),
    (EMAIL, "a" * 65 + "@shop.example", "too_long"),
    (EMAIL, "é" * 33 + "@shop.example", "too_long"),
    (EMAIL, "a" * 60 + "@" + ".".join(["b" * 60] * 3) + ".example-domain", "too_long"),
    (EMAIL, "buyer@sh\u00adop.example", "invisible_character"),
    (CANONICAL, "buyer@shop.example", "provider_not_listed"),
    (CANONICAL, "buyer@qq.com", "provider_not_listed"),
    (CANONICAL, "buyer@mail.gmail.com", "provider_not_listed"),
    (CANONICAL, "+tag@gmail.com", "invalid_local_part"),
    (CANONICAL, "buyer", "not_an_email_address"),
    (RESIDENT, "110105491231002", "fifteen_digits"),
    (RESIDENT, "１１０１０５４９１２３１００２", "fifteen_digits"),
    (RESIDENT, "110105194912310021", "wrong_check_digit"),
    (RESIDENT, "11010519491231003X", "wrong_check_digit"),
    (RESIDENT, "1101051949123100X2", "not_a_resident_id"),
    (RESIDENT, "11010519491231002", "not_a_resident_id"),
    (RESIDENT, "11010519491231002X1", "not_a_resident_id"),
    (RESIDENT, "A1010519491231002X", "not_a_resident_id"),
    (IBAN, "DE89370400440532013001", "not_an_iban"),
    (IBAN, "XX00123456789012345", "not_an_iban"),
    (IBAN, "DE8937040044053201300", "not_an_iban"),
    (IBAN, "DE89-3704-0044-0532-0130-00", "not_an_iban"),
    (IBAN, "13800138000", "not_an_iban"),
    (PAR, "4111 1111 1111 1111", "card_number"),
    (PAR, "4111-1111-1111-1111", "card_number"),
    (PAR, "４１１１１１１１１１１１１１１１", "card_number"),
    (PAR, "378282246310005", "card_number"),
    (PAR, "6240008631401148", "card_number"),
    (PAR, "4111111111111112", "not_a_par"),
    (PAR, "V001001381618039894732640039", "not_a_par"),
    (PAR, "V00100138161803989473264003967", "not_a_par"),
    (PAR, "V0010013816180398947326400-96", "not_a_par"),
    (ALIPAY, "2089102146225135", "not_an_alipay_uid"),
    (ALIPAY, "208810214622513", "not_an_alipay_uid"),
    (ALIPAY, "20881021462251355", "not_an_alipay_uid"),
    (ALIPAY, "2088 1021 4622 5135", "not_an_alipay_uid"),
]


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
