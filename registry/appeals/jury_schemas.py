"""The wire of juries. Source: docs/protocol.md, section 10."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from marshmallow import fields, validate

from registry.appeals.case_file import Said
from registry.appeals.filed_schemas import (
    EvidenceForJurorsSchema,
    FiledForJurorsSchema,
    filed_document,
)
from registry.appeals.jury import SALT_BYTES, Side, Vote
from registry.appeals.jury_model import (
    COUNTERPARTIES_MAX,
    EMPLOYERS_MAX,
    EXPERIENCE_MAX,
    KEYS_MAX,
    Calibration,
    Candidacy,
    Candidate,
    Ending,
)
from registry.appeals.jury_publishing import progress_document
from registry.appeals.jury_sight import CaseForJurors
from registry.appeals.jury_voting import Duty
from registry.http.fields import (
    AnswerSchema,
    Base64Url,
    Day,
    Moment,
    OneOf,
    PrefixedId,
    StrictBoolean,
    StrictInteger,
    StrictSchema,
)
from registry.identity.schemas import TokenSchema, loaded_token
from registry.kernel import base64url
from registry.kernel.ids import MemberId, Prefix

COMMITMENT_BYTES = 32
REFERENCE_CHARACTERS_MAX = 64
_TRADES_MAX = 10_000_000


class CandidateSchema(StrictSchema):
    """What a member attests of a person who would serve, and asked to."""

    identities = fields.List(
        fields.Nested(TokenSchema), required=True, validate=validate.Length(min=1, max=KEYS_MAX)
    )
    # A fact the member attests; nobody else is named, so only yes is an answer.
    of_age = StrictBoolean(
        required=True, validate=validate.OneOf([True], error="Only people of age serve.")
    )
    side = OneOf(Side, required=True)
    experience = StrictInteger(least=0, most=EXPERIENCE_MAX, required=True)
    member_since = Day(required=True)
    completed_trades = StrictInteger(least=0, most=_TRADES_MAX, required=True)
    qualified_on = Day(required=True)
    works_for = fields.List(
        PrefixedId(Prefix.MEMBER), load_default=list, validate=validate.Length(max=EMPLOYERS_MAX)
    )
    counterparties = fields.List(
        fields.Nested(TokenSchema),
        load_default=list,
        validate=validate.Length(max=COUNTERPARTIES_MAX),
    )


class CandidateFactsSchema(AnswerSchema):
    """A candidate as the member that named it sees it."""

    reference = fields.String(required=True)
    side = OneOf(Side, required=True)
    experience = fields.Integer(required=True)
    member_since = Day(required=True)
    completed_trades = fields.Integer(required=True)
    qualified_on = Day(required=True)
    works_for = fields.List(fields.String(), required=True)
    furnished_at = Moment(required=True)


class CandidateAnswerSchema(AnswerSchema):
    """One candidate."""

    candidate = fields.Nested(CandidateFactsSchema, required=True)


class ProgressSchema(AnswerSchema):
    """How far a round has come, and by when what must have happened."""

    round = fields.Integer(required=True)
    edition = fields.String(required=True)
    stage = fields.String(required=True)
    convened_at = fields.String(required=True)
    evidence_until = fields.String(required=True)
    voting_until = fields.String(required=True)
    alternates_until = fields.String(required=True, allow_none=True)
    choice_until = fields.String(required=True, allow_none=True)
    ended_at = fields.String(required=True, allow_none=True)
    ending = fields.String(required=True, allow_none=True)
    verdict = fields.String(required=True, allow_none=True)


class PublishedRoundSchema(ProgressSchema):
    """A round with all its draw was made from."""

    composition = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    candidates = fields.List(fields.Dict(), required=True)
    root = fields.String(required=True, allow_none=True)
    commitment = fields.Dict(required=True, allow_none=True)
    beacon = fields.Dict(required=True, allow_none=True)
    jurors = fields.List(fields.String(), required=True)
    alternates = fields.List(fields.String(), required=True)
    votes = fields.List(fields.Dict(), required=True, allow_none=True)


class PublishedCaseSchema(AnswerSchema):
    """The juries of one case, for anyone to recompute."""

    case = fields.String(required=True)
    rounds = fields.List(fields.Nested(PublishedRoundSchema), required=True)


class SeatSchema(AnswerSchema):
    """One's own seat; nobody else sees whose it is."""

    case = fields.String(required=True)
    mark = fields.String(required=True)
    has_left = fields.Boolean(required=True)
    has_committed = fields.Boolean(required=True)
    may_reveal = fields.Boolean(required=True)
    vote = fields.String(required=True, allow_none=True)
    jury = fields.Nested(ProgressSchema, required=True)


class CalibrationSchema(AnswerSchema):
    """How often one's votes went with the outcome."""

    votes = fields.Integer(required=True)
    with_outcome = fields.Integer(required=True)


class DutiesSchema(AnswerSchema):
    """All one's seats, the newest first."""

    seats = fields.List(fields.Nested(SeatSchema), required=True)
    calibration = fields.Nested(CalibrationSchema, required=True)


class DutySchema(AnswerSchema):
    """One seat."""

    seat = fields.Nested(SeatSchema, required=True)


class CommitmentSchema(StrictSchema):
    """SHA-256(vote ‖ salt), the vote in ASCII, the salt 32 random bytes kept by the juror."""

    commitment = Base64Url(octets=COMMITMENT_BYTES, required=True)


class RevealSchema(StrictSchema):
    """What the commitment was made of."""

    vote = OneOf(Vote, required=True)
    salt = Base64Url(octets=SALT_BYTES, required=True)


class DecidedBy(Enum):
    """Who decides after a close verdict."""

    PANEL = "panel"
    STAFF = "staff"


class ChoiceSchema(StrictSchema):
    """What the person wishes after a close verdict."""

    decided_by = OneOf(DecidedBy, required=True)


class SaidToJurorsSchema(AnswerSchema):
    """What a party said."""

    kind = fields.String(required=True)
    at = Moment(required=True)
    text = fields.String(required=True)
    evidence = fields.List(fields.Nested(EvidenceForJurorsSchema), required=True)


class FileForJurorsSchema(AnswerSchema):
    """An evidence file as it is listed."""

    id = fields.String(required=True)
    media_type = fields.String(required=True)
    bytes = fields.Integer(required=True)
    digest = fields.String(required=True)


class CaseForJurorsSchema(AnswerSchema):
    """A case as its jurors see it: nobody's name."""

    code = fields.String(required=True)
    severity = fields.String(required=True, allow_none=True)
    grounds = fields.List(fields.String(), required=True)
    filed = fields.Nested(FiledForJurorsSchema, required=True)
    said = fields.List(fields.Nested(SaidToJurorsSchema), required=True)
    files = fields.List(fields.Nested(FileForJurorsSchema), required=True)
    receipt = fields.String(required=True)


class NothingSaidSchema(StrictSchema):
    """An empty object."""


def candidacy_of(
    document: Mapping[str, Any], keys: frozenset[bytes], counterparties: frozenset[bytes]
) -> Candidacy:
    """What was attested, with the keys the tokens stand for."""
    return Candidacy(
        keys=keys,
        side=document["side"],
        experience=document["experience"],
        member_since=document["member_since"],
        completed_trades=document["completed_trades"],
        qualified_on=document["qualified_on"],
        works_for=frozenset(map(MemberId, document["works_for"])),
        counterparties=counterparties,
    )


def tokens_of(document: Mapping[str, Any], name: str) -> list[Any]:
    """The tokens of a member of the document."""
    return [loaded_token(each) for each in document[name]]


def candidate_document(candidate: Candidate) -> dict[str, Any]:
    """A candidate on the wire."""
    return {
        "reference": candidate.reference,
        "side": candidate.side,
        "experience": candidate.experience,
        "member_since": candidate.member_since,
        "completed_trades": candidate.completed_trades,
        "qualified_on": candidate.qualified_on,
        "works_for": sorted(candidate.works_for),
        "furnished_at": candidate.furnished_at,
    }


def duty_document(duty: Duty) -> dict[str, Any]:
    """A juror's seat on the wire; a verdict that does not decide is nobody's yet."""
    seat = duty.seat
    hidden = {} if duty.jury.ending is Ending.DECIDED else {"verdict": None}
    return {
        "case": seat.case,
        "mark": base64url.encode(seat.mark),
        "has_left": seat.left_at is not None,
        "has_committed": seat.commitment is not None,
        "may_reveal": duty.may_reveal,
        "vote": seat.vote and seat.vote.value,
        "jury": progress_document(duty.jury) | hidden,
    }


def case_document(seen: CaseForJurors) -> dict[str, Any]:
    """A case on the jurors' wire."""
    return {
        "code": seen.appeal.code,
        "severity": seen.appeal.severity and seen.appeal.severity.value,
        "grounds": [each.value for each in seen.appeal.grounds],
        "filed": filed_document(seen.filed),
        "said": [_said_document(each) for each in seen.said],
        "files": [
            {
                "id": str(each.id),
                "media_type": each.media_type,
                "bytes": each.octets,
                "digest": each.digest,
            }
            for each in seen.files
        ],
        "receipt": seen.receipt,
    }


def calibration_document(calibration: Calibration) -> dict[str, int]:
    """A calibration on the wire."""
    return {"votes": calibration.votes, "with_outcome": calibration.with_outcome}


def _said_document(said: Said) -> dict[str, Any]:
    named = (said.more or {}).get("evidence", [])
    evidence = [
        {
            "evidence_class": each["class"],
            "media_type": each["media_type"],
            "adjudicator": each.get("adjudicator"),
        }
        for each in named
    ]
    return {"kind": said.kind.value, "at": said.at, "text": said.text, "evidence": evidence}
