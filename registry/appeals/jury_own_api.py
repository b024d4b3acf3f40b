"""The juror's doors, under a session: one's seats, the vote, leaving."""

from typing import Any
from uuid import UUID

from flask import Response

from registry.appeals.api import NOT_SHOWN, appeal_id_of
from registry.appeals.jury_api import case_of
from registry.appeals.jury_model import JuryNotFound, NoPanelToAsk, NotVotingNow, VoteBound
from registry.appeals.jury_schemas import (
    CaseForJurorsSchema,
    ChoiceSchema,
    CommitmentSchema,
    DecidedBy,
    DutiesSchema,
    DutySchema,
    NothingSaidSchema,
    RevealSchema,
    calibration_document,
    case_document,
    duty_document,
)
from registry.appeals.jury_service import Juries
from registry.appeals.jury_sight import Sight
from registry.appeals.jury_voting import Duty, Voting
from registry.appeals.problems import AppealNotFound
from registry.appeals.schemas import AppealAnswerSchema, Party, party_document
from registry.appeals.service import Appeals
from registry.appeals.subject_api import appellant_of
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
    """Read one's own seat in a case, and by when what is to be done."""
    return _answer(_duty(call, case))


@blueprint.route("/v1/subject/jury/<case>/case", methods=["GET"])
@own()
@describe_problems(JuryNotFound)
@blueprint.response(200, CaseForJurorsSchema)
def read_case(call: SubjectCall, case: str) -> Any:
    """Read what was said and shown in the case one sits on; the look is an entry."""
    seen = the(Sight).show(call.transaction, _duty(call, case), call.now, call.request_id)
    return case_document(seen)


@blueprint.route("/v1/subject/jury/<case>/files/<file>", methods=["GET"])
@own()
@describe_problems(JuryNotFound)
@blueprint.response(200, content_type="application/octet-stream", description="The file")
def read_case_file(call: SubjectCall, case: str, file: str) -> Response:
    """Download an evidence file of the case one sits on; the look is an entry."""
    try:
        file_id = UUID(file)
    except ValueError:
        raise JuryNotFound from None
    content = the(Sight).open_file(
        call.transaction, _duty(call, case), file_id, call.now, call.request_id
    )
    return Response(content, content_type="application/octet-stream", headers=NOT_SHOWN)


@blueprint.route("/v1/subject/appeals/<appeal_id>/close-verdict", methods=["POST"])
@own()
@describe_problems(AppealNotFound, NoPanelToAsk)
@blueprint.arguments(ChoiceSchema)
@blueprint.response(200, AppealAnswerSchema)
def choose_after_close_verdict(call: SubjectCall, said: dict[str, Any], appeal_id: str) -> Any:
    """Say who decides after a close verdict: a panel of other jurors, or staff at once."""
    appeals, person, juries = the(Appeals), appellant_of(call), the(Juries)
    # Whose appeal it is comes first: nobody else learns that there is one.
    appeal = appeals.show(call.transaction, person, appeal_id_of(appeal_id)).appeal
    if said["decided_by"] is DecidedBy.PANEL:
        juries.ask_panel(call.transaction, appeal.id, call.now, call.subject.lookup_keys)
    else:
        juries.ask_staff(call.transaction, appeal.id, call.now)
    shown = appeals.show(call.transaction, person, appeal.id)
    return {"appeal": party_document(shown.appeal, Party.SUBJECT)}


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
