"""The wire of oversight: what supervisors ask, and what they are shown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from registry.http.fields import (
    AnswerSchema,
    Moment,
    OneOf,
    PrefixedId,
    StrictInteger,
    StrictSchema,
    Text,
    Word,
)
from registry.identity.model import IdentityToken
from registry.identity.schemas import TokenSchema, loaded_token
from registry.kernel import base64url
from registry.kernel.clock import format_instant
from registry.kernel.ids import MemberId, Prefix, parse_id, with_prefix
from registry.ledger.contents import Settled
from registry.ledger.model import Log, RecordType, Shard, decode_entry
from registry.ledger.schemas import receipt_document
from registry.oversight.events import type_name
from registry.oversight.formats import ExportFormat
from registry.oversight.model import (
    ACCESSES,
    EXPORT_ENTRIES_MAX,
    SAMPLE_ENTRIES_MAX,
    SEARCH_ENTRIES_MAX,
    VIEW_ENTRIES_MAX,
    AccessQuery,
    Case,
    Coverage,
    Disposition,
    IndexedEntry,
)
from registry.oversight.service import Sample, Shown
from registry.rulebook.model import Purpose

_TYPES = {type_name(each): each for each in RecordType}


class TypesField(fields.List[str]):
    """Record types by their names on the wire."""

    def __init__(self, **kwargs: Any) -> None:
        one = fields.String(validate=validate.OneOf(sorted(_TYPES)))
        super().__init__(one, validate=validate.Length(min=1, max=len(_TYPES)), **kwargs)


class QuerySchema(StrictSchema):
    """What to look for; every member narrows it."""

    member = PrefixedId(Prefix.MEMBER)
    purpose = OneOf(Purpose)
    outcome = Text(longest=32)
    agent = Text(longest=64)
    entry = PrefixedId(Prefix.ENTRY)
    from_at = Moment(data_key="from")
    until_at = Moment(data_key="until")
    types = TypesField()
    subject = fields.Nested(TokenSchema)
    # It holds how far each half-year of each log had got: room for twenty years.
    cursor = Word("[A-Za-z0-9_-]+", longest=4096)


class SearchSchema(QuerySchema):
    """A search, and how many entries to show."""

    limit = StrictInteger(least=1, most=SEARCH_ENTRIES_MAX, load_default=SEARCH_ENTRIES_MAX)


class ExportSchema(QuerySchema):
    """An export, its format, and how many entries to put into the file."""

    format = OneOf(ExportFormat, required=True)
    limit = StrictInteger(least=1, most=EXPORT_ENTRIES_MAX, load_default=EXPORT_ENTRIES_MAX)


class ViewSchema(StrictSchema):
    """Which entries to open."""

    entries = fields.List(
        PrefixedId(Prefix.ENTRY),
        required=True,
        validate=validate.Length(min=1, max=VIEW_ENTRIES_MAX),
    )


class SampleSchema(StrictSchema):
    """Which checkpoint to draw from, and under what label."""

    log = Word("(incidents|access)/[0-9]{4}h[12]", longest=16, required=True)
    size = StrictInteger(least=1, most=2**53 - 1, load_default=None)
    label = Text(longest=128, required=True)
    count = StrictInteger(least=1, most=SAMPLE_ENTRIES_MAX, required=True)
    types = TypesField()


class ReconciliationSchema(StrictSchema):
    """Which lookups should have an outcome by now."""

    from_at = Moment(data_key="from", required=True)
    until_at = Moment(data_key="until", required=True)
    days = StrictInteger(least=0, most=365, required=True)
    member = PrefixedId(Prefix.MEMBER)
    cursor = Word("[A-Za-z0-9_-]+", longest=512)
    limit = StrictInteger(least=1, most=SEARCH_ENTRIES_MAX, load_default=SEARCH_ENTRIES_MAX)

    @validates_schema
    def require_order(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuses a window that ends before it begins."""
        if data["until_at"] <= data["from_at"]:
            raise ValidationError("The window ends before it begins.", "until")


class CasesQuerySchema(StrictSchema):
    """Which cases to show."""

    disposition = OneOf(Disposition)
    member = PrefixedId(Prefix.MEMBER)
    cursor = Word("[A-Za-z0-9_-]+", longest=512)
    limit = StrictInteger(least=1, most=SEARCH_ENTRIES_MAX, load_default=SEARCH_ENTRIES_MAX)


class DispositionSchema(StrictSchema):
    """What became of a case, and why."""

    disposition = OneOf(Disposition, required=True)
    why = Text(shortest=5, longest=500, required=True)


class NothingSchema(StrictSchema):
    """An empty object: the call says it all."""


class IndexedEntrySchema(AnswerSchema):
    """An entry without whom it is about."""

    entry = fields.String(required=True)
    log = fields.String(required=True)
    index = fields.Integer(required=True)
    type = fields.String(required=True)
    at = fields.String(required=True)
    member = fields.String(required=True, allow_none=True)
    purpose = fields.String(required=True, allow_none=True)
    agent = fields.String(required=True, allow_none=True)
    outcome = fields.String(required=True)
    match = fields.String(required=True, allow_none=True)


class CoverageSchema(AnswerSchema):
    """How far the index has got in a log."""

    log = fields.String(required=True)
    indexed = fields.Integer(required=True)
    size = fields.Integer(required=True)


class CoveredSchema(AnswerSchema):
    """How far the index has got; everything made before `covered_until` is in it."""

    coverage = fields.List(fields.Nested(CoverageSchema), required=True)
    covered_until = Moment(required=True)


class RecordedSchema(AnswerSchema):
    """Every answer carries the receipt of the entry that says it was given."""

    receipt = fields.String(required=True)


class FoundSchema(CoveredSchema, RecordedSchema):
    """A page of a search; `next` is the cursor of the next one."""

    entries = fields.List(fields.Nested(IndexedEntrySchema), required=True)
    next = fields.String(required=True, allow_none=True)


class ShownSchema(RecordedSchema):
    """Opened entries, each as its receipt leads to it; `missing`: why another is not shown."""

    entries = fields.List(fields.Dict(), required=True)
    missing = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class SampleAnswerSchema(RecordedSchema):
    """All that is needed to draw the sample again, and the entries drawn, in that order."""

    log = fields.String(required=True)
    origin = fields.String(required=True)
    size = fields.Integer(required=True)
    root = fields.String(required=True)
    label = fields.String(required=True)
    draws = fields.Integer(required=True)
    entries = fields.List(fields.Dict(), required=True)


class ReconciledSchema(AnswerSchema):
    """A member's lookups, and how many lack an outcome."""

    member = fields.String(required=True)
    lookups = fields.Integer(required=True)
    without_outcome = fields.Integer(required=True)


class ReconciliationAnswerSchema(CoveredSchema, RecordedSchema):
    """Every member that looked; the lookups themselves where one member was named.

    Counted is what was made before `until`; `complete` says that this is all that was asked for.
    """

    until = Moment(required=True)
    complete = fields.Boolean(required=True)
    members = fields.List(fields.Nested(ReconciledSchema), required=True)
    entries = fields.List(fields.Nested(IndexedEntrySchema), required=True)
    next = fields.String(required=True, allow_none=True)


class CaseSchema(AnswerSchema):
    """A case with everything that was said of it."""

    id = fields.String(required=True)
    rules = fields.String(required=True)
    rule = fields.String(required=True)
    member = fields.String(required=True, allow_none=True)
    facts = fields.Dict(required=True)
    window = fields.Dict(required=True)
    opened_at = fields.String(required=True)
    disposition = fields.String(required=True)
    history = fields.List(fields.Dict(), required=True)


class CasesSchema(RecordedSchema):
    """A page of cases."""

    cases = fields.List(fields.Nested(CaseSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class JudgedSchema(CoveredSchema, CasesSchema):
    """The cases that were opened; every rule has judged every day before `until`.

    `complete` says that no day that has ended is left.
    """

    until = Moment(required=True)
    complete = fields.Boolean(required=True)


class CaseAnswerSchema(RecordedSchema):
    """One case."""

    case = fields.Nested(CaseSchema, required=True)


def query_of(data: Mapping[str, Any]) -> AccessQuery:
    """The query that `QuerySchema` or one derived from it loaded."""
    member, entry, types = data.get("member"), data.get("entry"), data.get("types")
    return AccessQuery(
        member=None if member is None else MemberId(member),
        purpose=data.get("purpose"),
        outcome=data.get("outcome"),
        agent=data.get("agent"),
        entry=None if entry is None else parse_id(Prefix.ENTRY, entry),
        from_at=data.get("from_at"),
        until_at=data.get("until_at"),
        record_types=types_of(types) if types else ACCESSES,
    )


def types_of(names: Sequence[str]) -> frozenset[RecordType]:
    """The record types of these names."""
    return frozenset(_TYPES[name] for name in names)


def shard_of_name(name: str) -> Shard:
    """The shard of a name such as `access/2026h2`, as `SampleSchema` loaded it."""
    log, _, half_year = name.partition("/")
    return Shard(log=next(each for each in Log if each.wire_name == log), half_year=half_year)


def entry_document(entry: IndexedEntry) -> dict[str, Any]:
    """An entry as it is listed."""
    return {
        "entry": entry.entry_id,
        "log": entry.shard.name,
        "index": entry.position,
        "type": type_name(entry.record_type),
        "at": format_instant(entry.at),
        "member": entry.member,
        "purpose": entry.purpose and entry.purpose.value,
        "agent": entry.agent,
        "outcome": entry.outcome,
        "match": entry.match,
    }


def coverage_members(coverage: Sequence[Coverage], covered_until: datetime) -> dict[str, Any]:
    """How far the index has got: in each log, and in time."""
    logs = [
        {"log": each.shard.name, "indexed": each.indexed, "size": each.size} for each in coverage
    ]
    return {"coverage": logs, "covered_until": covered_until}


def coverage_text(coverage: Sequence[Coverage]) -> str:
    """How far the index has got in each log, for a header: `access/2026h2=7/9, …`."""
    return ", ".join(f"{each.shard.name}={each.indexed}/{each.size}" for each in coverage)


def shown_document(shown: Shown) -> dict[str, Any]:
    """An opened entry in the form of a receipt's page; erased: by which entry."""
    settled, proof = shown.settled, shown.proof
    document = receipt_document(settled.place.entry, settled.opening, None)
    if proof is not None and shown.tree is not None:
        document["inclusion"] = {
            "index": settled.place.position,
            "size": shown.tree.tree.size,
            "proof": [base64url.encode(each) for each in proof],
        }
        document["checkpoint"] = shown.tree.checkpoint
    return {"id": settled.entry_id, **document, "erased_by": _erased_by(settled)}


def sample_document(sample: Sample) -> dict[str, Any]:
    """A sample with what it was drawn from."""
    return {
        "log": sample.shard.name,
        "origin": sample.origin,
        "size": sample.size,
        "root": base64url.encode(sample.root),
        "label": sample.label,
        "draws": sample.draws,
        "entries": [_sampled(each, sample.facts.get(each.uuid)) for each in sample.entries],
        "receipt": sample.receipt,
    }


def case_document(case: Case) -> dict[str, Any]:
    """A case with everything that was said of it."""
    flag = case.flag
    return {
        "id": with_prefix(Prefix.CASE, case.id),
        "rules": flag.rules,
        "rule": flag.rule,
        "member": flag.member,
        "facts": dict(flag.facts),
        "window": {
            "from": format_instant(flag.window_from),
            "until": format_instant(flag.window_until),
        },
        "opened_at": format_instant(case.opened_at),
        "disposition": case.disposition.value,
        "history": [
            {
                "disposition": each.disposition.value,
                "member": each.member,
                "at": format_instant(each.at),
                "why": each.why,
            }
            for each in case.history
        ],
    }


def _sampled(settled: Settled, facts: IndexedEntry | None) -> dict[str, Any]:
    return {
        "id": settled.entry_id,
        "index": settled.place.position,
        "type": type_name(decode_entry(settled.place.entry).record_type),
        "entry": base64url.encode(settled.place.entry),
        "facts": None if facts is None else entry_document(facts),
        "missing": "erased" if facts is None else None,
        "erased_by": _erased_by(settled),
    }


def _erased_by(settled: Settled) -> str | None:
    return None if settled.erased_by is None else with_prefix(Prefix.ENTRY, settled.erased_by)


def subject_of_query(data: Mapping[str, Any]) -> IdentityToken | None:
    """The token of whom a query is about; None where it names nobody."""
    subject = data.get("subject")
    return None if subject is None else loaded_token(subject)
