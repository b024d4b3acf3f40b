"""Documents of the API as people write them, with identifiers in place of tokens."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime

from registry.client.problems import RegistryError
from registry.client.requests import Identifier
from registry.client.results import IdentityToken
from registry.identity.normalise import IdentifierType
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant

IDENTIFIER_MEMBER = "identifier"


class DocumentUnreadable(RegistryError):
    """The document is not one that identifiers can be turned into tokens in."""


def with_tokens(
    document: Mapping[str, JsonValue],
    make_tokens: Callable[[Sequence[Identifier]], Sequence[IdentityToken]],
) -> dict[str, JsonValue]:
    """`document` with a token for each of its `identities` that has an `identifier`.

    All else stays as it is, for the registry to judge.

    Raises: DocumentUnreadable, and what `make_tokens` raises.
    """
    identities = document.get("identities")
    if not isinstance(identities, Sequence) or isinstance(identities, str):
        raise DocumentUnreadable("identities is not a list")
    raw = [_identifier(each, index) for index, each in enumerate(identities) if _is_raw(each)]
    made = iter(make_tokens(raw))
    return {
        **document,
        "identities": [
            _replaced(each, next(made)) if _is_raw(each) else each for each in identities
        ],
    }


def identifiers_in(
    document: Mapping[str, JsonValue],
) -> Iterator[tuple[int, Identifier | DocumentUnreadable]]:
    """The identifiers `with_tokens` makes tokens of, by the index of their identity.

    What is none stands there as what is wrong with it. Raises: DocumentUnreadable.
    """
    identities = document.get("identities")
    if not isinstance(identities, Sequence) or isinstance(identities, str):
        raise DocumentUnreadable("identities is not a list")
    for index, each in enumerate(identities):
        if _is_raw(each):
            try:
                yield index, _identifier(each, index)
            except DocumentUnreadable as error:
                yield index, error


def _is_raw(identity: JsonValue) -> bool:
    return isinstance(identity, Mapping) and IDENTIFIER_MEMBER in identity


def _identifier(identity: JsonValue, index: int) -> Identifier:
    assert isinstance(identity, Mapping)
    value, name = identity[IDENTIFIER_MEMBER], identity.get("type")
    known = [each.value for each in IdentifierType]
    if name not in known:
        raise DocumentUnreadable(f"identities[{index}].type is not one of {', '.join(known)}")
    if not isinstance(value, str):
        raise DocumentUnreadable(f"identities[{index}].identifier is not a string; quote it")
    return Identifier(type=IdentifierType(name), value=value)


def _replaced(identity: JsonValue, token: IdentityToken) -> dict[str, JsonValue]:
    assert isinstance(identity, Mapping)
    kept = {name: value for name, value in identity.items() if name != IDENTIFIER_MEMBER}
    return {**kept, "key_id": token.key_id, "token": base64url.encode(token.token)}


def json_value(value: object) -> JsonValue:
    """A parsed YAML value as JSON: dates and instants become their text.

    Raises: DocumentUnreadable for what JSON has no form for.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime) and value.tzinfo is not None:
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise DocumentUnreadable("a name in the document is not a string; quote it")
        return {name: json_value(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [json_value(item) for item in value]
    raise DocumentUnreadable(f"the document holds a {type(value).__name__}")
