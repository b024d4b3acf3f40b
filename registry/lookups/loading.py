"""Loads a lookup as its schema does, by hand, for the lean door.

None wherever the schema would refuse: what is wrong is then for the schema to say.
A property test holds the two together.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from registry.http.fields import load_day
from registry.identity.loading import load_text, load_token
from registry.identity.schemas import IDENTITIES_MAX
from registry.lookups.model import (
    AGENT_CHARACTERS_MAX,
    BATCH_LOOKUPS_MAX,
    ORDER_CHARACTERS_MAX,
    REFERENCE_CHARACTERS_MAX,
    Authorisation,
    Basis,
    LookupRequest,
    PresentedIdentity,
)
from registry.rulebook.model import Purpose

_LOOKUP = {"identities", "purpose", "order", "authorisation", "agent"}
_IDENTITY = {"type", "key_id", "token"}
_IDENTITY_HELD = _IDENTITY | {"held_since"}
_AUTHORISATION = {"basis", "reference"}
_PURPOSES: Mapping[str, Purpose] = {each.value: each for each in Purpose}
_BASES: Mapping[str, Basis] = {each.value: each for each in Basis}


def load_lookup(document: Any) -> LookupRequest | None:
    """What `LookupRequestSchema` loads."""
    if type(document) is not dict or document.keys() != _LOOKUP:
        return None
    named = document["purpose"]
    purpose = _PURPOSES.get(named) if type(named) is str else None
    order = load_text(document["order"], ORDER_CHARACTERS_MAX)
    agent = load_text(document["agent"], AGENT_CHARACTERS_MAX)
    authorisation = _authorisation(document["authorisation"])
    identities = _identities(document["identities"])
    if (
        purpose is None
        or order is None
        or agent is None
        or authorisation is None
        or identities is None
    ):
        return None
    return LookupRequest(
        identities=identities,
        purpose=purpose,
        order=order,
        authorisation=authorisation,
        agent=agent,
    )


def load_batch(document: Any) -> list[Any] | None:
    """The documents that `LookupBatchSchema` loads; each is still to be read alone."""
    if type(document) is not dict or document.keys() != {"lookups"}:
        return None
    lookups = document["lookups"]
    if type(lookups) is not list or not 1 <= len(lookups) <= BATCH_LOOKUPS_MAX:
        return None
    return lookups


def _identities(value: Any) -> tuple[PresentedIdentity, ...] | None:
    if type(value) is not list or not 1 <= len(value) <= IDENTITIES_MAX:
        return None
    found = []
    for each in value:
        identity = _identity(each)
        if identity is None:
            return None
        found.append(identity)
    return tuple(found)


def _identity(value: Any) -> PresentedIdentity | None:
    if type(value) is not dict:
        return None
    held_since: date | None = None
    if value.keys() != _IDENTITY:
        if value.keys() != _IDENTITY_HELD:
            return None
        given = value["held_since"]
        # Null is no day, and no refusal.
        if given is not None:
            held_since = load_day(given)
            if held_since is None:
                return None
    token = load_token(value)
    return None if token is None else PresentedIdentity(identity=token, held_since_on=held_since)


def _authorisation(value: Any) -> Authorisation | None:
    if type(value) is not dict or value.keys() != _AUTHORISATION:
        return None
    named = value["basis"]
    basis = _BASES.get(named) if type(named) is str else None
    reference = load_text(value["reference"], REFERENCE_CHARACTERS_MAX)
    if basis is None or reference is None:
        return None
    return Authorisation(basis=basis, reference=reference)
