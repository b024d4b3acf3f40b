"""One canonical form for each identifier, decided before anything is sent.

Two texts that mean the same account give the same form; what is doubtful is
refused, because a wrong form would put one person's record on another. Only
this file and the client ever see an identifier; no refusal repeats it.

Every type begins alike: text of bounded length without invisible characters,
then NFKC (full-width digits and letters become plain), then outer spaces off.
Source: docs/protocol.md, section 2.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType

import idna
import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType
from stdnum import iban, luhn
from stdnum.exceptions import ValidationError

from registry.kernel.problems import FieldError, Kind, Problem, Text

RAW_CHARACTERS_MAX = 512
EMAIL_OCTETS_MAX = 254
LOCAL_PART_OCTETS_MAX = 64
DOMAIN_OCTETS_MAX = 253


class IdentifierType(StrEnum):
    """A kind of identifier with the version of its canonical form."""

    PHONE = "phone/1"
    EMAIL = "email/1"
    EMAIL_CANONICAL = "email-canonical/1"
    CN_RESIDENT_ID = "cn-resident-id/1"
    IBAN = "iban/1"
    PAY_PAR = "pay-par/1"
    PAY_ALIPAY_UID = "pay-alipay-uid/1"


class InvalidIdentifier(Problem):
    """The text is not an identifier of its type; `code` says why, never what it was."""

    kind = Kind.INVALID
    title = Text(en="This is not a valid identifier", zh="身份标识无效")
    advice = Text(
        en="Check the identifier and its type. Nothing was sent.",
        zh="请核对身份标识及其类型。未发送任何内容。",
    )

    def __init__(self, kind: IdentifierType, code: str, detail: str) -> None:
        super().__init__(detail, errors=[FieldError(pointer="", code=code, detail=detail)])
        self.type = kind
        self.code = code


def normalise(kind: IdentifierType, raw: str, region: str = "CN") -> str:
    """The canonical form of `raw`.

    `region` (ISO 3166-1 alpha-2) is where a phone number without a country code
    was given. Normalising a canonical form gives it back.

    Raises: InvalidIdentifier.
    """
    try:
        text = _plain(raw)
        if kind is IdentifierType.PHONE:
            return _phone(text, region)
        return _NORMALISERS[kind](text)
    except _Refused as refused:
        # `from None`: the chain would carry the identifier into a traceback.
        raise InvalidIdentifier(kind, refused.code, refused.detail) from None


class _Refused(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def _plain(raw: str) -> str:
    if len(raw) > RAW_CHARACTERS_MAX:
        raise _Refused("too_long", f"Longer than {RAW_CHARACTERS_MAX} characters.")
    # Controls, direction marks, zero-width signs, surrogates, private use: two
    # texts that look the same must not be two identifiers.
    if any(unicodedata.category(character)[0] == "C" for character in raw):
        raise _Refused("invisible_character", "It contains an invisible character.")
    text = unicodedata.normalize("NFKC", raw).strip()
    if not text:
        raise _Refused("empty", "It is empty.")
    return text


# phone/1: E.164 of a valid mobile or fixed-or-mobile number.

_PHONE = re.compile(r"\(?\+?[0-9 ().-]+", re.ASCII)
_PERSONAL = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


def _phone(text: str, region: str) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        raise _Refused("not_a_phone_number", "It cannot be read as a phone number.") from None
    if number.extension is not None:
        raise _Refused("extension", "A number with an extension reaches a switchboard, no one.")
    # The library reads past letters, labels and URIs; those are refused here.
    if not _PHONE.fullmatch(text):
        raise _Refused("not_a_phone_number", "A phone number is digits, spaces and + ( ) . -")
    if not phonenumbers.is_valid_number(number):
        raise _Refused("invalid_phone_number", "No such number can exist in its numbering plan.")
    if phonenumbers.number_type(number) not in _PERSONAL:
        raise _Refused("not_a_mobile_number", "Only mobile numbers belong to one person.")
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


# email/1: lower case, IDNA domain. Source: RFC 5321 §4.5.3.1, RFC 6531, UTS 46.

_ATOM_SIGNS = frozenset("!#$%&'*+/=?^_`{|}~-")
_LETTER_MARK_DIGIT = frozenset("LMN")


def _email(text: str) -> str:
    # Lower case can undo NFKC (İ becomes i and a combining dot), so it comes twice.
    text = unicodedata.normalize("NFKC", text.lower())
    local, at, domain = text.rpartition("@")
    if not at:
        raise _Refused("not_an_email_address", "An e-mail address has an @.")
    if local.startswith('"'):
        raise _Refused("quoted_local_part", "Quoted local parts are not accepted.")
    if not _is_dot_atom(local):
        raise _Refused("invalid_local_part", "The part before the @ is not well formed.")
    address = f"{local}@{_domain(domain)}"
    if len(local.encode()) > LOCAL_PART_OCTETS_MAX or len(address.encode()) > EMAIL_OCTETS_MAX:
        raise _Refused("too_long", "It is longer than an e-mail address can be.")
    return address


def _is_dot_atom(local: str) -> bool:
    return all(atom and all(map(_is_atom_character, atom)) for atom in local.split("."))


def _is_atom_character(character: str) -> bool:
    return character in _ATOM_SIGNS or unicodedata.category(character)[0] in _LETTER_MARK_DIGIT


def _domain(text: str) -> str:
    try:
        domain = idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except idna.IDNAError:
        raise _Refused("invalid_domain", "The part after the @ is not a domain name.") from None
    # A trailing dot, a bare host and an address are domains to DNS, not to mail.
    labels = domain.split(".")
    if len(labels) < 2 or not labels[-1] or labels[-1].isdigit():
        raise _Refused("invalid_domain", "The part after the @ is not a domain name.")
    if len(domain) > DOMAIN_OCTETS_MAX:
        raise _Refused("invalid_domain", "The domain name is too long.")
    return domain


# email-canonical/1: one form for all spellings that reach one mailbox, only for
# providers known to ignore a tag (and Gmail, which ignores dots too).

_GMAIL = "gmail.com"
_TAG_PROVIDERS: Mapping[str, str] = MappingProxyType(
    {_GMAIL: _GMAIL, "googlemail.com": _GMAIL}
    | {
        domain: domain
        for domain in (
            "fastmail.com",
            "hey.com",
            "hotmail.com",
            "icloud.com",
            "live.com",
            "mac.com",
            "me.com",
            "outlook.com",
            "pm.me",
            "proton.me",
            "protonmail.com",
            "zoho.com",
        )
    }
)


def _email_canonical(text: str) -> str:
    local, _, domain = _email(text).rpartition("@")
    canonical_domain = _TAG_PROVIDERS.get(domain)
    if canonical_domain is None:
        raise _Refused("provider_not_listed", "How this provider reads tags is not known.")
    mailbox = local.partition("+")[0]
    if canonical_domain == _GMAIL:
        mailbox = mailbox.replace(".", "")
    if not mailbox:
        raise _Refused("invalid_local_part", "Nothing is left before the tag.")
    return f"{mailbox}@{canonical_domain}"


# cn-resident-id/1: 18 characters. Source: GB 11643-1999, ISO 7064 MOD 11-2.

_RESIDENT_ID = re.compile(r"[0-9]{17}[0-9X]", re.ASCII)
_RESIDENT_ID_OLD = re.compile(r"[0-9]{15}", re.ASCII)
_BORN_FIRST = date(1900, 1, 1)
_PROVINCE = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91", re.ASCII)


def _cn_resident_id(text: str) -> str:
    number = text.replace(" ", "").upper()
    if _RESIDENT_ID_OLD.fullmatch(number):
        raise _Refused("fifteen_digits", "Numbers of 15 digits ended in 2013; give the 18.")
    if not _RESIDENT_ID.fullmatch(number):
        raise _Refused("not_a_resident_id", "A resident identity number has 18 characters.")
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    if "10X98765432"[total % 11] != number[17]:
        raise _Refused("wrong_check_digit", "The check digit does not fit.")
    if not _PROVINCE.match(number):
        raise _Refused("unknown_province", "The number begins with no known province.")
    try:
        born_on = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise _Refused("impossible_birth_date", "The birth date does not exist.") from None
    # No upper limit: a form that depended on today would not be canonical.
    if born_on < _BORN_FIRST:
        raise _Refused("impossible_birth_date", "The birth date lies before 1900.")
    return number


# iban/1: electronic form. Source: ISO 13616.

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)


def _iban(text: str) -> str:
    number = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(number):
        raise _Refused("not_an_iban", "It is not written like an IBAN.")
    try:
        return str(iban.validate(number))
    except ValidationError:
        raise _Refused("not_an_iban", "No account can have this IBAN.") from None


# pay-par/1: payment account reference. Source: EMVCo, Payment Account Reference.

_PAR = re.compile(r"[A-Z0-9]{29}", re.ASCII)
_CARD_NUMBER = re.compile(r"[0-9]{12,19}", re.ASCII)


def _pay_par(text: str) -> str:
    joined = re.sub(r"[ -]", "", text)
    if _CARD_NUMBER.fullmatch(joined) and luhn.is_valid(joined):
        raise _Refused("card_number", "A card number must never be sent here, in any form.")
    reference = text.upper()
    if not _PAR.fullmatch(reference):
        raise _Refused("not_a_par", "A payment account reference has 29 letters and digits.")
    return reference


# pay-alipay-uid/1

_ALIPAY_UID = re.compile(r"2088[0-9]{12}", re.ASCII)


def _pay_alipay_uid(text: str) -> str:
    if not _ALIPAY_UID.fullmatch(text):
        raise _Refused("not_an_alipay_uid", "An Alipay user id is 2088 and 12 more digits.")
    return text


_NORMALISERS: Mapping[IdentifierType, Callable[[str], str]] = MappingProxyType(
    {
        IdentifierType.EMAIL: _email,
        IdentifierType.EMAIL_CANONICAL: _email_canonical,
        IdentifierType.CN_RESIDENT_ID: _cn_resident_id,
        IdentifierType.IBAN: _iban,
        IdentifierType.PAY_PAR: _pay_par,
        IdentifierType.PAY_ALIPAY_UID: _pay_alipay_uid,
    }
)
