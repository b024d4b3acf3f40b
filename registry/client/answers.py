"""From the registry's documents to the client's results.

Every function raises AnswerNotUnderstood when the document is not what it reads.
"""

from registry.client.calls import problem_from
from registry.client.problems import AnswerNotUnderstood
from registry.client.reading import Reader
from registry.client.results import (
    Advice,
    Band,
    EvaluationKey,
    Filed,
    Incident,
    IncidentCounts,
    IncidentState,
    LogKey,
    Lookup,
    Match,
    NotLookedUp,
    Reason,
    RecordedOutcome,
    Rulebook,
    WellKnown,
)
from registry.kernel.ids import IncidentId, LookupId

API_VERSION = "v1"
KEY_BYTES = 32


def read_well_known(document: Reader) -> WellKnown:
    """What a registry says of itself; at least one key of it is current."""
    if document.text("api") != API_VERSION:
        raise AnswerNotUnderstood(f"the registry does not speak {API_VERSION}")
    keys = tuple(_read_key(each) for each in document.children("keys"))
    if not any(key.status == "current" for key in keys):
        raise AnswerNotUnderstood("the registry has no current evaluation key")
    return WellKnown(
        federation=document.text("federation"),
        origin=document.text("origin"),
        edition=document.text("edition"),
        mode=document.text("mode"),
        keys=keys,
        logs=tuple(
            LogKey(name=each.text("name"), origin=each.text("origin"), vkey=each.text("vkey"))
            for each in document.children("logs")
        ),
        document=document.document,
    )


def _read_key(document: Reader) -> EvaluationKey:
    return EvaluationKey(
        key_id=document.text("key_id"),
        suite=document.text("suite"),
        public_key=document.data("public_key", KEY_BYTES),
        threshold=document.integer("threshold"),
        status=document.text("status"),
    )


def read_incident(document: Reader, etag: str | None) -> Incident:
    """One incident of this member's."""
    return Incident(
        id=IncidentId(document.text("id")),
        reference=document.maybe_text("reference"),
        code=document.maybe_text("code"),
        state=document.choice("state", IncidentState),
        effective_at=document.instant("effective_at"),
        expires_on=document.day("expires_on"),
        edition=document.text("edition"),
        severity=document.maybe_text("severity"),
        etag=etag,
        document=document.document,
    )


def read_filed(document: Reader, *, status: int, etag: str | None) -> Filed:
    """An incident and its receipt; status 201 says that it is new."""
    return Filed(
        incident=read_incident(document.child("incident"), etag),
        receipt=document.text("receipt"),
        is_new=status == 201,
        document=document.document,
    )


def read_lookup(document: Reader) -> Lookup:
    """The answer to one lookup."""
    made = document.child("lookup")
    counts = document.child("incidents")
    return Lookup(
        id=LookupId(made.text("id")),
        at=made.instant("at"),
        valid_until=made.instant("valid_until"),
        edition=made.text("edition"),
        match=document.choice("match", Match),
        band=document.choice("band", Band),
        score=document.maybe_integer("score"),
        reasons=tuple(
            Reason(
                code=each.text("code"), points=each.integer("points"), text=each.bilingual("text")
            )
            for each in document.children("reasons")
        ),
        incidents=IncidentCounts(
            active=counts.integer("active"),
            under_appeal=counts.integer("under_appeal"),
            furnishers=counts.integer("furnishers"),
            latest_on=counts.maybe_day("latest_on"),
        ),
        protective=document.texts("protective"),
        advice=document.choice("advice", Advice),
        statement=document.maybe_text("statement"),
        adverse_action_notice=document.maybe_bilingual("adverse_action_notice"),
        receipt=document.text("receipt"),
        document=document.document,
    )


def read_batch(document: Reader, count: int) -> list[Lookup | NotLookedUp]:
    """The answers to a batch of lookups, in the order they were asked."""
    items = document.children("results")
    if len(items) != count:
        raise AnswerNotUnderstood(f"{len(items)} answers came back for {count} lookups")
    return [_read_item(item) for item in items]


def _read_item(item: Reader) -> Lookup | NotLookedUp:
    if item.has("answer"):
        return read_lookup(item.child("answer"))
    return NotLookedUp(
        problem=problem_from(
            item.child("problem").document,
            status=item.integer("status"),
            request_id=None,
            asked_seconds=None,
        )
    )


def read_outcome(document: Reader) -> RecordedOutcome:
    """An outcome as it stands in the access log."""
    return RecordedOutcome(
        lookup=LookupId(document.text("lookup")),
        recorded_at=document.instant("recorded_at"),
        receipt=document.text("receipt"),
    )


def read_rulebook(document: Reader) -> Rulebook:
    """An edition, and the names of all."""
    return Rulebook(
        current=document.text("current"),
        editions=document.texts("editions"),
        document=document.child("edition").document,
    )
