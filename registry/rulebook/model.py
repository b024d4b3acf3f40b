"""The nouns of the rulebook: editions, codes, severities, time limits, the scorecard."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum
from zoneinfo import ZoneInfo

from registry.kernel.canonical import JsonValue
from registry.kernel.problems import Text


class Severity(StrEnum):
    """How grave an act is: S1 minor … S4 organised or criminal. Ordered."""

    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"

    # As its text, in C: Enum's own is a call for each look into a set or mapping.
    __hash__ = str.__hash__


class Role(StrEnum):
    """Which side of the trade the subject stood on."""

    BUYER = "buyer"
    SELLER = "seller"
    EITHER = "either"
    PROTECTIVE = "protective"

    __hash__ = str.__hash__


class EvidenceClass(StrEnum):
    """What sort of evidence an item is; E0, a detector's output, never counts."""

    E0 = "E0"
    E1 = "E1"
    E2 = "E2"
    E3 = "E3"
    E4 = "E4"
    E5 = "E5"
    E6 = "E6"
    E7 = "E7"
    E8 = "E8"
    E9 = "E9"

    __hash__ = str.__hash__


class Purpose(StrEnum):
    """What a lookup may be for; anything else is not permissible.

    Source: Credit Reporting Regulation art. 18 and 20, PIPL art. 24.
    """

    REFUND_ONLY_REVIEW = "refund_only_review"
    RETURN_REVIEW = "return_review"
    AFTER_SALE_DISPUTE = "after_sale_dispute"
    HIGH_VALUE_ORDER_REVIEW = "high_value_order_review"
    SECOND_HAND_TRADE_SAFETY = "second_hand_trade_safety"
    OWN_RECORD = "own_record"
    APPEAL_HANDLING = "appeal_handling"
    SUPERVISION = "supervision"


class Filer(StrEnum):
    """Who may file a code."""

    FURNISHER = "furnisher"
    SUBJECT = "subject"


class Band(StrEnum):
    """The grade shown beside a score; N is no record and never a number."""

    N = "N"
    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"


class Unit(Enum):
    """What a time limit counts in."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    MONTHS = "months"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A length of time as the rulebook states it, such as 5 working days."""

    amount: int
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Evidence a code asks for beyond its classes: so many items of one class."""

    evidence_class: EvidenceClass
    items_min: int
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One entry of the taxonomy.

    `evidence` is a conjunction of alternatives: of every group at least one class
    must be there. `severity` is None exactly for protective markers.
    """

    code: str
    name: Text
    role: Role
    severity: Severity | None
    filed_by: Filer
    evidence: tuple[frozenset[EvidenceClass], ...]
    conditions: tuple[Condition, ...]

    @property
    def is_protective(self) -> bool:
        """Whether the code protects the subject and so never costs a point."""
        return self.severity is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRules:
    """How much proof a filing needs. Source: RULEBOOK 2."""

    reviewers_min: Mapping[Severity, int]
    protective_reviewers_min: int
    evidence_classes_min: int
    intent_characters_min: int
    classes_that_never_count: Set[EvidenceClass]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Every time limit of the edition. Source: RULEBOOK 3.

    An extension of zero means that the law of the edition grants none.
    """

    notice_before_effect: Span
    notice_before_effect_min: Span
    event_to_filing: Span
    kept: Mapping[Severity, Span]
    kept_max: Span
    protective_kept: Span
    removed_content_purged: Span
    access_log_kept: Span
    appeal_acknowledged: Span
    appeal_relayed: Span
    furnisher_answer: Span
    furnisher_answer_extension: Span
    first_decision: Span
    first_decision_extension: Span
    absolute_limit: Span
    absolute_limit_extension: Span
    identity_theft_block_provisional: Span
    identity_theft_block_confirmed: Span
    second_tier_requested: Span
    jury_evidence_window: Span
    jury_voting_window: Span
    jury_alternates_window: Span
    staff_review: Span
    correction_told: Span
    correction_acknowledged: Span
    correction_escalated: Span
    result_letter: Span
    reinsertion_notice: Span
    one_use_authorisation: Span
    verification_trusted: Span
    lookup_valid: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRange:
    """A band and the lowest score in it."""

    band: Band
    score_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The numbers of the consumption-credit score. Source: RULEBOOK 4.

    Whole numbers only, so that everyone computes the same score: weights in
    thousandths, the factor in millionths of a point, doubt in per cent.
    """

    score_min: int
    score_max: int
    score_clean: int
    points_to_double_odds: int
    factor_micropoints: int
    weights_milli: Mapping[Severity, int]
    disputed_percent: Mapping[Severity, int]
    blocked_percent: int
    group_points_max: int
    lone_group_band_min: Band
    reasons_max: int
    bands: tuple[BandRange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityPrior:
    """What is believed of a furnisher before any appeal is decided.

    `monthly_forgetting_ppm` is how much of an outcome still counts a month later;
    believed less than `reporting_min_ppm` a furnisher may not report.
    """

    upheld: int
    overturned: int
    monthly_forgetting_ppm: int
    reporting_min_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealRules:
    """What is said of decided appeals, and from how many alike."""

    precedent_cases_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JuryRules:
    """The second tier of appeal. Source: RULEBOOK 6."""

    severities: Set[Severity]
    jurors: int
    alternates: int
    votes_to_decide: int
    safe_margin: int
    panel_jurors: int
    juror_member_months_min: int
    juror_trades_min: int
    juror_clean_months_min: int
    buyer_side_min: int
    seller_side_min: int
    experienced_percent_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """Ages in years below which the registry holds back. Source: PIPL 28–31."""

    filed_from: int
    scored_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Sentences an answer carries, as the law of the edition wants them."""

    weak_match: Text
    adverse_action_notice: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Which days are working days, as far as they are known.

    Beyond `covers_until_on` only weekends are free, so a deadline falls early
    rather than late.
    """

    zone: ZoneInfo
    weekend: Set[int]
    holidays: Set[date]
    working_weekend_days: Set[date]
    covers_from_on: date
    covers_until_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedText:
    """A name that is refused or recorded, and what it means."""

    name: str
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One edition of the rulebook, complete and consistent.

    `document` is the whole file in JSON form, for whoever wants to read it.
    """

    name: str
    title: Text
    region: str
    currency: str
    calendar: Calendar
    codes: Mapping[str, Code]
    evidence_classes: Mapping[EvidenceClass, Text]
    not_filable: Mapping[str, NamedText]
    member_misconduct: Mapping[str, NamedText]
    purposes: Mapping[Purpose, Text]
    purposes_forbidden: tuple[NamedText, ...]
    proof: ProofRules
    deadlines: Deadlines
    scorecard: Scorecard
    reliability: ReliabilityPrior
    appeals: AppealRules
    jury: JuryRules
    ages: Ages
    texts: Texts
    document: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """Every edition this program knows, and the one it files under."""

    editions: Mapping[str, Edition]
    current: Edition
