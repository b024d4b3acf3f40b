"""Loads what the schemas of this room load, by hand, for the lean door.

A loader gives what its schema gives, or None wherever the schema would refuse: what
is wrong is then for the schema to say. A property test holds the two together.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

from registry.http.fields import base64url_pattern
from registry.identity.keyring import KEY_ID_CHARACTERS_MAX
from registry.identity.model import EVALUATED_AT_ONCE_MAX, IdentityToken
from registry.identity.normalise import IdentifierType
from registry.identity.schemas import TOKEN_BYTES, EvaluationRequest
from registry.kernel.plain_text import is_plain_line

_BYTES_32 = re.compile(base64url_pattern(TOKEN_BYTES).removeprefix("^").removesuffix("$"))
_TYPES: Mapping[str, IdentifierType] = {each.value: each for each in IdentifierType}
_EVALUATION = {"key_id", "blinded"}


def load_text(value: Any, longest: int) -> str | None:
    """A line of 1 to `longest` characters, as `fields.Text` takes it."""
    if type(value) is str and 0 < len(value) <= longest and is_plain_line(value):
        return value
    return None


def load_32_bytes(value: Any) -> bytes | None:
    """32 bytes in base64url, as `fields.Base64Url` takes them."""
    if type(value) is str and _BYTES_32.fullmatch(value):
        return urlsafe_b64decode(value + "=")
    return None


def load_token(document: Mapping[str, Any]) -> IdentityToken | None:
    """The token among members that are those of `TokenSchema` and others."""
    kind = document.get("type")
    known = _TYPES.get(kind) if type(kind) is str else None
    key_id = load_text(document.get("key_id"), KEY_ID_CHARACTERS_MAX)
    token = load_32_bytes(document.get("token"))
    if known is None or key_id is None or token is None:
        return None
    return IdentityToken(type=known, key_id=key_id, token=token)


def load_evaluation(document: Any) -> EvaluationRequest | None:
    """What `EvaluationRequestSchema` loads."""
    if type(document) is not dict or document.keys() != _EVALUATION:
        return None
    key_id = load_text(document["key_id"], KEY_ID_CHARACTERS_MAX)
    given = document["blinded"]
    if key_id is None or type(given) is not list or not 1 <= len(given) <= EVALUATED_AT_ONCE_MAX:
        return None
    blinded = []
    for each in given:
        element = load_32_bytes(each)
        if element is None:
            return None
        blinded.append(element)
    return EvaluationRequest(key_id=key_id, blinded=tuple(blinded))
