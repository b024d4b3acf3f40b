"""What the registry answers, as frozen values.

Secrets (tokens) are in no repr. `document` holds an answer as it came, with
members this version of the client does not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from registry.client.problems import RegistryProblem
from registry.identity.normalise import IdentifierType
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import EntryId, IncidentId, LookupId
from registry.kernel.problems import Text


class Match(StrEnum):
    """How sure it is that what is known is about the person asked for.

    WEAK: the identifier may have changed hands since it was last verified.
    """

    NONE = "none"
    WEAK = "weak"
    MATCH = "match"


class Band(StrEnum):
    """The grade; N is no record and has no score."""

    N = "N"
    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"


class Advice(StrEnum):
    """What the registry suggests; a human decides."""

    PROCEED = "proceed"
    ASK_FOR_RETURN = "ask_for_return"
    HUMAN_REVIEW = "human_review"


class IncidentState(StrEnum):
    """Where an incident stands."""

    NOTICED = "noticed"
    ACTIVE = "active"
    DISPUTED = "disputed"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationKey:
    """A key identity tokens are made under. `threshold` nodes of it must answer."""

    key_id: str
    suite: str
    public_key: bytes
    threshold: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """A log, and the verifier key (C2SP signed-note) of the node that signs for it."""

    name: str
    origin: str
    vkey: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WellKnown:
    """What a registry says of itself; `mode` is live or sandbox."""

    federation: str
    origin: str
    edition: str
    mode: str
    keys: tuple[EvaluationKey, ...]
    logs: tuple[LogKey, ...]
    document: Mapping[str, JsonValue] = field(repr=False)

    @property
    def current_key(self) -> EvaluationKey:
        """The key new tokens are made under."""
        return next(key for key in self.keys if key.status == "current")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityToken:
    """What the registry knows an identifier by; nobody can turn it back.

    `last_verified_on` and `held_since` are what this member knows of its hold on
    the identifier: the first goes into a report, the second into a lookup.
    """

    type: IdentifierType
    key_id: str
    token: bytes = field(repr=False)
    last_verified_on: date | None = None
    held_since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident this member reported. `etag` names the version that was read.

    `reference` and `code` are None where the answer tells only what became of it.
    """

    id: IncidentId
    reference: str | None
    code: str | None
    state: IncidentState
    effective_at: datetime
    expires_on: date
    edition: str
    severity: str | None
    etag: str | None
    document: Mapping[str, JsonValue] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """An incident that was filed, amended or withdrawn, and the receipt for it.

    `is_new` is False where the same report had been filed before.
    """

    incident: Incident
    receipt: str = field(repr=False)
    is_new: bool
    document: Mapping[str, JsonValue] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why the score is what it is, and the points it costs today."""

    code: str
    points: int
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCounts:
    """How many incidents stand behind an answer, and from how many furnishers."""

    active: int
    under_appeal: int
    furnishers: int
    latest_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What is known about a person, scored and explained, as of `at`.

    `statement` is what the person says about it, for whoever decides.
    `adverse_action_notice` is the text to give the person when the decision
    goes against them.
    """

    id: LookupId
    at: datetime
    valid_until: datetime
    edition: str
    match: Match
    band: Band
    score: int | None
    reasons: tuple[Reason, ...]
    incidents: IncidentCounts
    protective: tuple[str, ...]
    advice: Advice
    statement: str | None
    adverse_action_notice: Text | None
    receipt: str = field(repr=False)
    document: Mapping[str, JsonValue] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotLookedUp:
    """One lookup of a batch that was refused, and why; the refusal is logged too."""

    problem: RegistryProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOutcome:
    """What was done after a lookup, as it stands in the access log."""

    lookup: LookupId
    recorded_at: datetime
    receipt: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt whose signature was verified.

    `leaf` is SHA-256(00 ‖ entry): the entry of these bytes and no other stands
    in the log `log` by `merge_by`.
    """

    origin: str
    log: str
    entry: EntryId
    leaf: bytes
    issued_at: datetime
    merge_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the two commitments of an entry hide, shown to fit them.

    `header` says who did what when and why, `subject` whom it touched.
    """

    header: Mapping[str, JsonValue]
    subject: Mapping[str, JsonValue] = field(repr=False)
    header_salt: bytes = field(repr=False)
    subject_salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """The proof that an entry stands in a tree of `size` leaves at `index`."""

    index: int
    size: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """An entry of a log: its 92 bytes, opened for those entitled.

    `inclusion` and `checkpoint` are None until the entry is merged.
    """

    id: EntryId
    entry: bytes
    leaf: bytes
    opening: Opening | None
    inclusion: Inclusion | None
    checkpoint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """An edition of the rulebook as the registry serves it.

    `current` is the edition in force, `editions` all that may be asked for.
    """

    current: str
    editions: tuple[str, ...]
    document: Mapping[str, JsonValue] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """Under which of a person's identities anything is known; nobody was named for it.

    `sequence` is of the oldest bucket that was looked into, and at least its unix time;
    `buckets_fetched` how many were asked for, the rest being fresh.
    """

    identities: tuple[IdentityToken, ...]
    hits: tuple[IdentityToken, ...]
    key_id: str
    epoch: str
    sequence: int
    buckets_fetched: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing is known under any of them."""
        return not self.hits


class Way(StrEnum):
    """How a decision was come to: without naming the person, or by a lookup."""

    SCREENED = "screened"
    LOOKED_UP = "looked_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What to do, and the way it was found.

    SCREENED: nothing is known, nobody was named, `lookup` is None and the advice is to
    proceed. LOOKED_UP: `lookup` has the answer. `tokens_evaluated` counts the identities
    that were not in the cache of tokens.
    """

    screening: Screening
    lookup: Lookup | None
    tokens_evaluated: int

    @property
    def way(self) -> Way:
        """How it was found."""
        return Way.SCREENED if self.lookup is None else Way.LOOKED_UP

    @property
    def advice(self) -> Advice:
        """What the registry suggests; a human decides."""
        return Advice.PROCEED if self.lookup is None else self.lookup.advice


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenSnapshot:
    """A snapshot whose root stands in the incident log.

    `buckets` of those in hand were shown to be under it. `entry.inclusion` is None for
    a second or two after it was made.
    """

    key_id: str
    epoch: str
    sequence: int
    root: bytes
    entry: LogEntry
    buckets: int
