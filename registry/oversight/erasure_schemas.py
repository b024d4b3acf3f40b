"""The wire of legal holds and orders of erasure."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from registry.http.fields import (
    AnswerSchema,
    PrefixedId,
    StrictInteger,
    StrictSchema,
    Text,
    Word,
)
from registry.identity.protection import Protector
from registry.identity.schemas import TokenSchema, loaded_token
from registry.kernel.clock import format_instant
from registry.kernel.ids import IncidentId, Prefix, parse_id, with_prefix
from registry.kernel.paging import PAGE_ITEMS_MAX
from registry.ledger.erasure_model import (
    AGENT_CHARACTERS_MAX,
    GROUND_CHARACTERS_MAX,
    SUBJECTS_MAX,
    EntryTarget,
    ErasureOrder,
    IncidentTarget,
    LegalHold,
    SubjectTarget,
    Target,
)


class TargetSchema(StrictSchema):
    """What it is about: one entry, one incident, or one person, by one identity token or several.

    `subjects` are identities of one and the same person, each of which counts as `subject`.
    """

    entry = PrefixedId(Prefix.ENTRY)
    incident = PrefixedId(Prefix.INCIDENT)
    subject = fields.Nested(TokenSchema)
    subjects = fields.List(
        fields.Nested(TokenSchema), validate=validate.Length(min=1, max=SUBJECTS_MAX)
    )

    @validates_schema
    def require_one(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuses none of them, and more than one."""
        if len(data) != 1:
            raise ValidationError("Name exactly one of entry, incident, subject and subjects.")


class ActSchema(StrictSchema):
    """What is held or ordered to go; `ground` is a reference, such as a docket number."""

    target = fields.Nested(TargetSchema, required=True)
    ground = Text(longest=GROUND_CHARACTERS_MAX, required=True)


class OrderedSchema(ActSchema):
    """What is ordered to go; `agent` is which of the member's staff orders it."""

    agent = Text(longest=AGENT_CHARACTERS_MAX)


class DecidedSchema(StrictSchema):
    """A decision on an order; `agent` is which of the member's staff decides."""

    agent = Text(longest=AGENT_CHARACTERS_MAX)


class ListSchema(StrictSchema):
    """Which page of holds or orders to show."""

    cursor = Word("[A-Za-z0-9_-]+", longest=512)
    limit = StrictInteger(least=1, most=PAGE_ITEMS_MAX, load_default=PAGE_ITEMS_MAX)


class HoldSchema(AnswerSchema):
    """A hold; whom a subject's hold is about is not shown."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    target = fields.String(required=True, allow_none=True)
    ground = fields.String(required=True)
    placed_by = fields.String(required=True)
    placed_at = fields.String(required=True)
    released_by = fields.String(required=True, allow_none=True)
    released_at = fields.String(required=True, allow_none=True)


class HoldAnswerSchema(AnswerSchema):
    """A hold, and the receipt of the entry that changed it."""

    hold = fields.Nested(HoldSchema, required=True)
    receipt = fields.String(required=True)


class HoldsSchema(AnswerSchema):
    """Holds there are or were, where to go on, and the receipt of the view."""

    holds = fields.List(fields.Nested(HoldSchema), required=True)
    next = fields.String(required=True, allow_none=True)
    receipt = fields.String(required=True)


class OrderSchema(AnswerSchema):
    """An order; whom a subject's order is about is not shown."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    target = fields.String(required=True, allow_none=True)
    ground = fields.String(required=True)
    state = fields.String(required=True)
    ordered_by = fields.String(required=True)
    ordered_agent = fields.String(required=True, allow_none=True)
    ordered_at = fields.String(required=True)
    decided_by = fields.String(required=True, allow_none=True)
    decided_agent = fields.String(required=True, allow_none=True)
    decided_at = fields.String(required=True, allow_none=True)
    carried_out_at = fields.String(required=True, allow_none=True)


class OrderAnswerSchema(AnswerSchema):
    """An order, and the receipt of the entry that changed it."""

    order = fields.Nested(OrderSchema, required=True)
    receipt = fields.String(required=True)


class OrdersSchema(AnswerSchema):
    """Orders, where to go on, and the receipt of the view."""

    orders = fields.List(fields.Nested(OrderSchema), required=True)
    next = fields.String(required=True, allow_none=True)
    receipt = fields.String(required=True)


def target_of(data: Mapping[str, Any], protector: Protector) -> Target:
    """The target that `TargetSchema` loaded."""
    if "entry" in data:
        return EntryTarget(entry=parse_id(Prefix.ENTRY, data["entry"]))
    if "incident" in data:
        return IncidentTarget(incident=IncidentId(data["incident"]))
    tokens = data["subjects"] if "subjects" in data else [data["subject"]]
    seeds = [protector.seed_of(loaded_token(each).token) for each in tokens]
    # One that is named twice is one.
    return SubjectTarget(lookup_keys=tuple(dict.fromkeys(map(protector.lookup_key, seeds))))


def hold_document(hold: LegalHold) -> dict[str, Any]:
    """A hold as it is shown."""
    return {
        "id": with_prefix(Prefix.ENTRY, hold.id),
        "kind": hold.kind.value,
        "target": _shown(hold.target),
        "ground": hold.ground,
        "placed_by": hold.placed_by,
        "placed_at": format_instant(hold.placed_at),
        "released_by": hold.released_by,
        "released_at": hold.released_at and format_instant(hold.released_at),
    }


def order_document(order: ErasureOrder) -> dict[str, Any]:
    """An order as it is shown."""
    return {
        "id": with_prefix(Prefix.ENTRY, order.id),
        "kind": order.kind.value,
        "target": _shown(order.target),
        "ground": order.ground,
        "state": order.state.value,
        "ordered_by": order.ordered_by.member,
        "ordered_agent": order.ordered_by.agent,
        "ordered_at": format_instant(order.ordered_at),
        "decided_by": order.decided_by and order.decided_by.member,
        "decided_agent": order.decided_by and order.decided_by.agent,
        "decided_at": order.decided_at and format_instant(order.decided_at),
        "carried_out_at": order.carried_out_at and format_instant(order.carried_out_at),
    }


def _shown(target: Target | None) -> str | None:
    match target:
        case EntryTarget():
            return with_prefix(Prefix.ENTRY, target.entry)
        case IncidentTarget():
            return target.incident
        case _:
            return None
