"""The person's own doors of appeals, under a session."""

from typing import Any

from flask import request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

from registry.appeals.api import after_of, appeal_id_of
from registry.appeals.drafts import Drafts
from registry.appeals.files import FILE_BYTES_MAX, MEDIA_TYPES, examine
from registry.appeals.model import Appeal, AppealId, Appellant
from registry.appeals.problems import (
    AppealNotFound,
    AppealOpen,
    AppealRepeated,
    AppealStateRefuses,
    DraftIncomplete,
    EvidenceRefused,
    EvidenceTooMuch,
    NothingToContest,
)
from registry.appeals.schemas import (
    AppealAnswerSchema,
    AppealDraftSchema,
    AppealFactsAddedSchema,
    AppealPageQuerySchema,
    AppealPageSchema,
    AppealRewriteSchema,
    EvidenceFileAnswerSchema,
    NoWordsSchema,
    Party,
    WholeAppealSchema,
    contest_of,
    file_document,
    party_document,
    shown_document,
)
from registry.appeals.service import Appeals
from registry.database.transaction import Transaction
from registry.http.blueprint import Blueprint
from registry.http.openapi import describe_file_body, describe_problems
from registry.http.wiring import the
from registry.kernel.ids import IncidentId
from registry.kernel.paging import encode_cursor
from registry.subjects.model import Assurance
from registry.subjects.own import SubjectCall, SubjectDoor, own, own_in_steps

blueprint = Blueprint("own_appeals", __name__, description="Contest what is filed about oneself")


@blueprint.route("/v1/subject/appeals", methods=["POST"])
@own()
@describe_problems(NothingToContest, AppealOpen, AppealRepeated, DraftIncomplete)
@blueprint.arguments(AppealDraftSchema)
@blueprint.response(201, AppealAnswerSchema)
def begin_appeal(call: SubjectCall, body: dict[str, Any]) -> Any:
    """Contest an incident: as a draft to go on with, or lodged at once."""
    person, incident = appellant_of(call), IncidentId(body["incident"])
    appeal = the(Drafts).begin(call.transaction, person, incident, contest_of(body), call.now)
    if body["then"] == "lodge":
        appeal = the(Appeals).lodge(call.transaction, person, appeal.id, call.now)
    location = url_for("own_appeals.show_own_appeal", appeal_id=appeal.id)
    return _answer(appeal), 201, {"Location": location}


@blueprint.route("/v1/subject/appeals", methods=["GET"])
@own()
@blueprint.arguments(AppealPageQuerySchema, location="query")
@blueprint.response(200, AppealPageSchema)
def list_own_appeals(call: SubjectCall, query: dict[str, Any]) -> Any:
    """List one's own appeals, oldest first."""
    page = the(Appeals).page(
        call.transaction, appellant_of(call), after=after_of(query), items_max=query["limit"]
    )
    headers = {}
    if page.next_after is not None:
        target = url_for(
            "own_appeals.list_own_appeals",
            cursor=encode_cursor(page.next_after),
            limit=query["limit"],
        )
        headers["Link"] = f'<{target}>; rel="next"'
    documents = [party_document(each, Party.SUBJECT) for each in page.items]
    return {"appeals": documents}, 200, headers


@blueprint.route("/v1/subject/appeals/<appeal_id>", methods=["GET"])
@own()
@describe_problems(AppealNotFound)
@blueprint.response(200, WholeAppealSchema)
def show_own_appeal(call: SubjectCall, appeal_id: str) -> Any:
    """Read one's own appeal: state, time limits, what everyone said."""
    shown = the(Appeals).show(*_who(call, appeal_id))
    return {"appeal": shown_document(shown, Party.SUBJECT)}


@blueprint.route("/v1/subject/appeals/<appeal_id>", methods=["PATCH"])
@own()
@describe_problems(AppealNotFound, AppealStateRefuses)
@blueprint.arguments(AppealRewriteSchema)
@blueprint.response(200, AppealAnswerSchema)
def rewrite_draft(call: SubjectCall, body: dict[str, Any], appeal_id: str) -> Any:
    """Change a draft."""
    appeal = the(Drafts).rewrite(*_who(call, appeal_id), contest_of(body), call.now)
    return _answer(appeal)


@blueprint.route("/v1/subject/appeals/<appeal_id>/lodgement", methods=["POST"])
@own()
@describe_problems(AppealNotFound, DraftIncomplete, AppealOpen, AppealRepeated)
@blueprint.arguments(NoWordsSchema)
@blueprint.response(200, AppealAnswerSchema)
def lodge_appeal(call: SubjectCall, _: dict[str, Any], appeal_id: str) -> Any:
    """Lodge a draft: the incident is flagged as contested from now on."""
    appeal = the(Appeals).lodge(*_who(call, appeal_id), call.now)
    return _answer(appeal)


@blueprint.route("/v1/subject/appeals/<appeal_id>/facts", methods=["POST"])
@own()
@describe_problems(AppealNotFound, AppealStateRefuses)
@blueprint.arguments(AppealFactsAddedSchema)
@blueprint.response(200, AppealAnswerSchema)
def add_facts(call: SubjectCall, body: dict[str, Any], appeal_id: str) -> Any:
    """Add facts to a lodged appeal."""
    appeal = the(Appeals).add_facts(*_who(call, appeal_id), body["facts"], call.now)
    return _answer(appeal)


@blueprint.route("/v1/subject/appeals/<appeal_id>/evidence", methods=["POST"])
@own_in_steps
@describe_file_body(*MEDIA_TYPES)
@describe_problems(AppealNotFound, AppealStateRefuses, EvidenceRefused, EvidenceTooMuch)
@blueprint.response(201, EvidenceFileAnswerSchema)
def add_evidence(appeal_id: str) -> Any:
    """Add a file: the body is the file, Content-Type its type."""
    door, appeals = the(SubjectDoor), the(Appeals)
    # Whose appeal it is comes first: for nobody else a file is read, or looked through.
    door.answer(Assurance.PROVEN, lambda call: appeals.show(*_who(call, appeal_id)))
    # Every other body is smaller; this one is read here and nowhere else.
    request.max_content_length = FILE_BYTES_MAX + 1
    # In no transaction: it takes as long as the caller sends, and the file takes to unpack.
    content = request.get_data(cache=False)
    if len(content) > FILE_BYTES_MAX:
        # What comes in pieces, without a length, is cut at the limit and not refused there.
        raise RequestEntityTooLarge
    examined = examine(content, request.mimetype)
    file = door.answer(
        Assurance.PROVEN,
        lambda call: appeals.attach(*_who(call, appeal_id), examined, call.now),
    )
    return {"file": file_document(file)}


@blueprint.route("/v1/subject/appeals/<appeal_id>/withdrawal", methods=["POST"])
@own()
@describe_problems(AppealNotFound, AppealStateRefuses)
@blueprint.arguments(NoWordsSchema)
@blueprint.response(200, AppealAnswerSchema)
def withdraw_appeal(call: SubjectCall, _: dict[str, Any], appeal_id: str) -> Any:
    """Give an appeal up."""
    appeal = the(Appeals).withdraw(*_who(call, appeal_id), call.now)
    return _answer(appeal)


@blueprint.route("/v1/subject/appeals/<appeal_id>/second-tier", methods=["POST"])
@own()
@describe_problems(AppealNotFound, AppealStateRefuses)
@blueprint.arguments(NoWordsSchema)
@blueprint.response(200, AppealAnswerSchema)
def ask_second_tier(call: SubjectCall, _: dict[str, Any], appeal_id: str) -> Any:
    """Let others decide again."""
    appeal = the(Appeals).ask_second_tier(*_who(call, appeal_id), call.now)
    return _answer(appeal)


def appellant_of(call: SubjectCall) -> Appellant:
    """The person of a session, under each identity proved, as they say since when."""
    return Appellant(
        held_since_on={each.lookup_key: each.held_since_on for each in call.subject.identities}
    )


def _who(call: SubjectCall, appeal_id: str) -> tuple[Transaction, Appellant, AppealId]:
    """Whose appeal is meant. Raises: AppealNotFound."""
    return call.transaction, appellant_of(call), appeal_id_of(appeal_id)


def _answer(appeal: Appeal) -> dict[str, Any]:
    return {"appeal": party_document(appeal, Party.SUBJECT)}
