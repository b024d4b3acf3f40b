"""The wire of appeals. Source: docs/protocol.md, section 11."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from registry.appeals.answering import Answer
from registry.appeals.case_file import EvidenceFile, Said, TextKind
from registry.appeals.drafts import Contest
from registry.appeals.model import (
    FACT_CHARACTERS_MAX,
    FACTS_MAX,
    REASONS_CHARACTERS_MAX,
    REASONS_CHARACTERS_MIN,
    STATEMENT_CHARACTERS_MAX,
    Appeal,
    Basis,
    Blocking,
    Ending,
    Event,
    Ground,
    Link,
    Milestone,
    Outcome,
    Stance,
    State,
    What,
)
from registry.appeals.precedents import Precedent
from registry.appeals.service import Shown
from registry.appeals.telling import told_of
from registry.http.fields import (
    AnswerSchema,
    Moment,
    OneOf,
    PrefixedId,
    Prose,
    QueryInteger,
    StrictSchema,
    Text,
    Word,
)
from registry.incidents.rulings import Ruling
from registry.incidents.schemas import EVIDENCE_ITEMS_MAX, AmendmentSchema, EvidenceItemSchema
from registry.kernel.ids import Prefix
from registry.kernel.paging import PAGE_ITEMS_MAX

# Stands for the id of a furnisher where the reader does not learn which one it is.
_FURNISHER = "furnisher"


class Party(Enum):
    """Who reads a case: each sees what is for them."""

    SUBJECT = "subject"
    FURNISHER = "furnisher"
    REVIEWER = "reviewer"


class ContestMembersSchema(StrictSchema):
    """What a person says against an incident."""

    grounds = fields.List(OneOf(Ground), validate=validate.Length(min=1, max=len(Ground)))
    statement = Prose(longest=STATEMENT_CHARACTERS_MAX)
    facts = fields.List(Prose(longest=FACT_CHARACTERS_MAX), validate=validate.Length(max=FACTS_MAX))


class AppealDraftSchema(ContestMembersSchema):
    """The beginning of an appeal; `then` lodges it in the same call."""

    incident = PrefixedId(Prefix.INCIDENT, required=True)
    then = Word("lodge|keep_draft", longest=16, load_default="keep_draft")


class AppealRewriteSchema(ContestMembersSchema):
    """What to replace in a draft."""


class AppealFactsAddedSchema(StrictSchema):
    """Facts to add."""

    facts = fields.List(
        Prose(longest=FACT_CHARACTERS_MAX),
        required=True,
        validate=validate.Length(min=1, max=FACTS_MAX),
    )


class NoWordsSchema(StrictSchema):
    """A call that says all by its address."""


class AnswerToAppealSchema(StrictSchema):
    """What a furnisher answers."""

    stance = OneOf(Stance, required=True)
    reasons = Prose(shortest=REASONS_CHARACTERS_MIN, longest=REASONS_CHARACTERS_MAX, required=True)
    evidence = fields.List(
        fields.Nested(EvidenceItemSchema),
        load_default=list,
        validate=validate.Length(max=EVIDENCE_ITEMS_MAX),
    )
    amendment = fields.Nested(AmendmentSchema, load_default=None)

    @validates_schema(skip_on_field_errors=True)
    def require_amendment(self, data: Mapping[str, Any], **_: Any) -> None:
        """An amendment exactly where the stance is to amend."""
        if (data["stance"] is Stance.AMEND) != (data["amendment"] is not None):
            raise ValidationError("amendment goes with the stance amend.", "amendment")

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> Answer:
        """The loaded answer."""
        return Answer(**{**data, "evidence": tuple(data["evidence"])})


class AppealPageQuerySchema(StrictSchema):
    """Where to go on, and how many to show."""

    cursor = Word("[A-Za-z0-9_-]+", longest=512)
    limit = QueryInteger(least=1, most=PAGE_ITEMS_MAX, load_default=PAGE_ITEMS_MAX)


class PrecedentsQuerySchema(StrictSchema):
    """Of which edition; without it, the one in force."""

    edition = Text(longest=32)


class DeadlineSchema(AnswerSchema):
    """A time limit, and what became of it."""

    milestone = OneOf(Milestone, required=True)
    due_at = Moment(required=True)
    ended_at = Moment(required=True, allow_none=True)
    ending = OneOf(Ending, required=True, allow_none=True)


class AppealFactsSchema(AnswerSchema):
    """An appeal without what anybody wrote."""

    id = fields.String(required=True)
    incident = fields.String(required=True)
    code = fields.String(required=True, allow_none=True)
    edition = fields.String(required=True)
    grounds = fields.List(OneOf(Ground), required=True)
    state = OneOf(State, required=True)
    outcome = OneOf(Outcome, required=True, allow_none=True)
    basis = OneOf(Basis, required=True, allow_none=True)
    playbook = fields.String(required=True, allow_none=True)
    blocking = OneOf(Blocking, required=True, allow_none=True)
    stance = OneOf(Stance, required=True, allow_none=True)
    version = fields.Integer(required=True)
    created_at = Moment(required=True)
    lodged_at = Moment(required=True, allow_none=True)
    answered_at = Moment(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)
    deadlines = fields.List(fields.Nested(DeadlineSchema), required=True)


class PlaybookTextSchema(AnswerSchema):
    """A sentence in both languages."""

    en = fields.String(required=True)
    zh = fields.String(required=True)


class SaidSchema(AnswerSchema):
    """Something that was said, by `subject`, a member or a reviewer."""

    kind = OneOf(TextKind, required=True)
    author = fields.String(required=True)
    at = Moment(required=True)
    text = fields.String(required=True)
    stance = OneOf(Stance, required=True, allow_none=True)
    ruling = OneOf(Ruling, required=True, allow_none=True)
    evidence = fields.List(fields.Dict(), required=True)


class EvidenceFileSchema(AnswerSchema):
    """An evidence file as it is listed."""

    id = fields.String(required=True)
    media_type = fields.String(required=True)
    bytes = fields.Integer(required=True)
    digest = fields.String(required=True)
    added_at = Moment(required=True)


class AppealEventSchema(AnswerSchema):
    """One thing that happened."""

    at = Moment(required=True)
    what = OneOf(What, required=True)
    by = fields.String(required=True)
    detail = fields.String(required=True, allow_none=True)


class AppealSchema(AppealFactsSchema):
    """An appeal with what was said and shown, as far as the caller may see it."""

    said = fields.List(fields.Nested(SaidSchema), required=True)
    files = fields.List(fields.Nested(EvidenceFileSchema), required=True)
    events = fields.List(fields.Nested(AppealEventSchema), required=True)
    told = fields.Nested(PlaybookTextSchema, required=True, allow_none=True)
    asks = fields.Nested(PlaybookTextSchema, required=True, allow_none=True)


class AppealAnswerSchema(AnswerSchema):
    """One appeal."""

    appeal = fields.Nested(AppealFactsSchema, required=True)


class WholeAppealSchema(AnswerSchema):
    """One appeal with its contents."""

    appeal = fields.Nested(AppealSchema, required=True)


class AppealPageSchema(AnswerSchema):
    """Appeals, oldest first; the Link header leads to the next page."""

    appeals = fields.List(fields.Nested(AppealFactsSchema), required=True)


class EvidenceFileAnswerSchema(AnswerSchema):
    """The file that was taken."""

    file = fields.Nested(EvidenceFileSchema, required=True)


class PrecedentSchema(AnswerSchema):
    """Cases that are alike, and how they ended."""

    code = fields.String(required=True)
    ground = OneOf(Ground, required=True)
    outcome = OneOf(Outcome, required=True)
    basis = OneOf(Basis, required=True)
    cases = fields.Integer(required=True)
    from_quarter = fields.String(required=True)
    until_quarter = fields.String(required=True)


class PrecedentsSchema(AnswerSchema):
    """What an edition's decided appeals were."""

    edition = fields.String(required=True)
    cases_min = fields.Integer(required=True)
    precedents = fields.List(fields.Nested(PrecedentSchema), required=True)


def contest_of(data: Mapping[str, Any]) -> Contest:
    """What the loaded body says against an incident."""
    grounds, facts = data.get("grounds"), data.get("facts")
    return Contest(
        grounds=None if grounds is None else tuple(dict.fromkeys(grounds)),
        statement=data.get("statement"),
        facts=None if facts is None else tuple(facts),
    )


def appeal_document(appeal: Appeal) -> dict[str, Any]:
    """What the schemas dump of an appeal itself."""
    deadlines = [
        {
            "milestone": milestone,
            "due_at": each.due_at,
            "ended_at": each.ended_at,
            "ending": each.ending,
        }
        for milestone, each in sorted(
            appeal.deadlines.items(), key=lambda item: (item[1].due_at, item[0])
        )
    ]
    names = AppealFactsSchema().fields.keys() - {"deadlines"}
    return {name: getattr(appeal, name) for name in names} | {"deadlines": deadlines}


def file_document(file: EvidenceFile) -> dict[str, Any]:
    """What the schemas dump of a file."""
    return {
        "id": str(file.id),
        "media_type": file.media_type,
        "bytes": file.octets,
        "digest": file.digest,
        "added_at": file.added_at,
    }


def shown_document(shown: Shown, party: Party) -> dict[str, Any]:
    """What the schemas dump of a case for one who takes part in it."""
    said = [_said_document(each, party) for each in shown.said if _may_read(each, shown, party)]
    playbook = shown.playbook
    return party_document(shown.appeal, party) | {
        "said": said,
        "files": [file_document(each) for each in shown.files],
        "events": [_event_document(each, shown.appeal, party) for each in shown.events],
        "told": told_of(shown.appeal, shown.events, playbook),
        "asks": playbook and playbook.asks,
    }


def party_document(appeal: Appeal, party: Party) -> dict[str, Any]:
    """What the schemas dump of an appeal for one who takes part in it.

    Whoever may hold somebody else's number learns nothing of that one.
    """
    document = appeal_document(appeal)
    if party is Party.SUBJECT and appeal.link is Link.WEAK:
        document["code"] = None
    return document


def _may_read(said: Said, shown: Shown, party: Party) -> bool:
    if party is Party.REVIEWER:
        return True
    if party is Party.FURNISHER:
        return said.kind is not TextKind.BLOCK
    own = said.kind in (TextKind.STATEMENT, TextKind.FACT)
    return own or shown.appeal.link is Link.SURE


def _event_document(event: Event, appeal: Appeal, party: Party) -> dict[str, Any]:
    by = event.by
    if party is Party.SUBJECT and appeal.link is Link.WEAK and by == appeal.furnisher:
        by = _FURNISHER
    return {"at": event.at, "what": event.what, "by": by, "detail": event.detail}


def _said_document(said: Said, party: Party) -> dict[str, Any]:
    more = said.more or {}
    by_reviewer = said.kind in (TextKind.REVIEW, TextKind.BLOCK)
    return {
        "kind": said.kind,
        "author": "reviewer" if by_reviewer and party is not Party.REVIEWER else said.author,
        "at": said.at,
        "text": said.text,
        "stance": more.get("stance"),
        "ruling": more.get("ruling"),
        "evidence": more.get("evidence", []),
    }


def precedents_document(edition: str, cases_min: int, found: Sequence[Precedent]) -> dict[str, Any]:
    """What the schemas dump of precedents."""
    return {"edition": edition, "cases_min": cases_min, "precedents": found}
