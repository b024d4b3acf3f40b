"""The juror's doors, under a session: one's seats, the vote, leaving."""

from typing import Any

from registry.appeals.jury_api import case_of
from registry.appeals.jury_model import JuryNotFound, NotVotingNow, VoteBound
from registry.appeals.jury_schemas import (
    CommitmentSchema,
    DutiesSchema,
    DutySchema,
    NothingSaidSchema,
    RevealSchema,
    calibration_document,
    duty_document,
)
from registry.appeals.jury_voting import Duty, Voting
from registry.http.blueprint import Blueprint
from registry.http.openapi import describe_problems
from registry.http.wiring import the
from registry.subjects.own import SubjectCall, own

blueprint = Blueprint("own_jury", __name__, description="Sit on a jury")


@blueprint.route("/v1/subject/jury", methods=["GET"])
@own()
@blueprint.response(200, DutiesSchema)
def list_seats(call: SubjectCall) -> Any:
    """List one's own seats, and how often one's votes went with the outcome."""
    keys = call.subject.lookup_keys
    duties = the(Voting).duties(call.transaction, keys)
    calibration = the(Voting).calibration(call.transaction, keys)
    return {
        "seats": [duty_document(each) for each in duties],
        "calibration": calibration_document(calibration),
    }


@blueprint.route("/v1/subject/jury/<case>", methods=["GET"])
@own()
@describe_problems(JuryNotFound)
@blueprint.response(200, DutySchema)
def show_seat(call: SubjectCall, case: str) -> Any:
    """Read one's own seat in a case."""
    return _answer(_duty(call, case))


@blueprint.route("/v1/subject/jury/<case>/commitment", methods=["POST"])
@own()
@describe_problems(JuryNotFound, NotVotingNow, VoteBound)
@blueprint.arguments(CommitmentSchema)
@blueprint.response(200, DutySchema)
def commit_vote(call: SubjectCall, said: dict[str, Any], case: str) -> Any:
    """Bind oneself to a vote that nobody can read yet."""
    duty = _duty(call, case)
    return _answer(the(Voting).commit(call.transaction, duty, said["commitment"], call.now))


@blueprint.route("/v1/subject/jury/<case>/vote", methods=["POST"])
@own()
@describe_problems(JuryNotFound, NotVotingNow, VoteBound)
@blueprint.arguments(RevealSchema)
@blueprint.response(200, DutySchema)
def reveal_vote(call: SubjectCall, said: dict[str, Any], case: str) -> Any:
    """Open the vote one committed to."""
    duty = _duty(call, case)
    revealed = the(Voting).reveal(call.transaction, duty, said["vote"], said["salt"], call.now)
    return _answer(revealed)


@blueprint.route("/v1/subject/jury/<case>/recusal", methods=["POST"])
@own()
@describe_problems(JuryNotFound, NotVotingNow)
@blueprint.arguments(NothingSaidSchema)
@blueprint.response(204)
def leave_seat(call: SubjectCall, _said: dict[str, Any], case: str) -> Any:
    """Leave one's seat: one knows a party, or cannot serve."""
    the(Voting).recuse(call.transaction, _duty(call, case), call.now)
    return ""


def _duty(call: SubjectCall, case: str) -> Duty:
    return the(Voting).duty(call.transaction, call.subject.lookup_keys, case_of(case), call.now)


def _answer(duty: Duty) -> dict[str, Any]:
    return {"seat": duty_document(duty)}
