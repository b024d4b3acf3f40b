"""The doors of furnishers and reviewers, and what anyone may read of decided appeals."""

from typing import Any
from uuid import UUID

from flask import Response, url_for

from registry.appeals.answering import Answer, Answering
from registry.appeals.model import Appeal, AppealId
from registry.appeals.precedents import Precedents
from registry.appeals.problems import (
    AppealNotFound,
    AppealStateRefuses,
    FurnisherUnheard,
    ReviewedBefore,
    ReviewerConflicted,
)
from registry.appeals.review import Reviews
from registry.appeals.review_schemas import (
    BlockWordSchema,
    FileViewSchema,
    ReviewDecisionSchema,
    ReviewerSchema,
    ViewedAppealSchema,
    viewed_document,
)
from registry.appeals.schemas import (
    AnswerToAppealSchema,
    AppealAnswerSchema,
    AppealPageQuerySchema,
    AppealPageSchema,
    Party,
    PrecedentsQuerySchema,
    PrecedentsSchema,
    WholeAppealSchema,
    appeal_document,
    precedents_document,
    shown_document,
)
from registry.appeals.service import Appeals
from registry.http.blueprint import Blueprint
from registry.http.caller import Call, Scope
from registry.http.openapi import describe_problems
from registry.http.signed import signed
from registry.http.wiring import the
from registry.incidents.model import FilingIncomplete, IncidentClosed, ReinsertionRefused
from registry.incidents.rulebook_api import EditionNotFound
from registry.incidents.rulings import Ruling
from registry.kernel.ids import Prefix, parse_id
from registry.kernel.paging import CursorUnreadable, Page, decode_cursor, encode_cursor
from registry.rulebook.model import Rulebook

# Whatever a file is, no browser shows it.
NOT_SHOWN = {
    "Content-Disposition": "attachment",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}

blueprint = Blueprint("appeals", __name__, description="Answer appeals, decide on them")


@blueprint.route("/v1/appeals", methods=["GET"])
@signed(scope=Scope.ANSWER_APPEALS)
@blueprint.arguments(AppealPageQuerySchema, location="query")
@blueprint.response(200, AppealPageSchema)
def list_appeals(call: Call, query: dict[str, Any]) -> Any:
    """List the open appeals against this member's incidents."""
    page = the(Answering).page(call, after=after_of(query), items_max=query["limit"])
    return page_answer(page, "appeals.list_appeals", query)


@blueprint.route("/v1/appeals/<appeal_id>", methods=["GET"])
@signed(scope=Scope.ANSWER_APPEALS)
@describe_problems(AppealNotFound)
@blueprint.response(200, WholeAppealSchema)
def show_appeal(call: Call, appeal_id: str) -> Any:
    """Read an appeal against one of this member's incidents."""
    appeal = the(Answering).find(call, appeal_id_of(appeal_id))
    shown = the(Appeals).shown(call.transaction, appeal)
    return {"appeal": shown_document(shown, Party.FURNISHER)}


@blueprint.route("/v1/appeals/<appeal_id>/answer", methods=["POST"])
@signed(scope=Scope.ANSWER_APPEALS)
@describe_problems(
    AppealNotFound, AppealStateRefuses, FilingIncomplete, IncidentClosed, ReinsertionRefused
)
@blueprint.arguments(AnswerToAppealSchema)
@blueprint.response(200, AppealAnswerSchema)
def answer_appeal(call: Call, answer: Answer, appeal_id: str) -> Any:
    """Answer an appeal: the incident stands, is amended, or is withdrawn."""
    answered = the(Answering).answer(call, appeal_id_of(appeal_id), answer)
    return {"appeal": appeal_document(answered)}


@blueprint.route("/v1/review/appeals", methods=["GET"])
@signed(scope=Scope.ADMINISTER)
@blueprint.arguments(AppealPageQuerySchema, location="query")
@blueprint.response(200, AppealPageSchema)
def list_cases(call: Call, query: dict[str, Any]) -> Any:
    """List every open appeal, without what anybody wrote."""
    page = the(Reviews).page(call, after=after_of(query), items_max=query["limit"])
    return page_answer(page, "appeals.list_cases", query)


@blueprint.route("/v1/review/appeals/<appeal_id>/views", methods=["POST"])
@signed(scope=Scope.ADMINISTER)
@describe_problems(AppealNotFound)
@blueprint.arguments(ReviewerSchema)
@blueprint.response(200, ViewedAppealSchema)
def view_case(call: Call, view: dict[str, Any], appeal_id: str) -> Any:
    """Read a case; that it was read is an entry of the access log."""
    seen = the(Reviews).view(call, appeal_id_of(appeal_id), view["reviewer"])
    return viewed_document(seen)


@blueprint.route("/v1/review/appeals/<appeal_id>/file-views", methods=["POST"])
@signed(scope=Scope.ADMINISTER)
@describe_problems(AppealNotFound, AppealStateRefuses)
@blueprint.arguments(FileViewSchema)
@blueprint.response(200, content_type="application/octet-stream", description="The file")
def view_case_file(call: Call, view: dict[str, Any], appeal_id: str) -> Response:
    """Download an evidence file; that it was read is an entry of the access log."""
    content = the(Reviews).view_file(
        call, appeal_id_of(appeal_id), UUID(view["file"]), view["reviewer"]
    )
    return Response(content, content_type="application/octet-stream", headers=NOT_SHOWN)


@blueprint.route("/v1/review/appeals/<appeal_id>/acknowledgement", methods=["POST"])
@signed(scope=Scope.ADMINISTER)
@describe_problems(AppealNotFound, AppealStateRefuses)
@blueprint.arguments(ReviewerSchema)
@blueprint.response(200, AppealAnswerSchema)
def acknowledge_appeal(call: Call, said: dict[str, Any], appeal_id: str) -> Any:
    """Say that a person has read an appeal."""
    appeal = the(Reviews).acknowledge(call, appeal_id_of(appeal_id), said["reviewer"])
    return {"appeal": appeal_document(appeal)}


@blueprint.route("/v1/review/appeals/<appeal_id>/block", methods=["POST"])
@signed(scope=Scope.ADMINISTER)
@describe_problems(AppealNotFound, AppealStateRefuses, ReviewerConflicted)
@blueprint.arguments(BlockWordSchema)
@blueprint.response(200, AppealAnswerSchema)
def rule_on_block(call: Call, said: dict[str, Any], appeal_id: str) -> Any:
    """Place, confirm or refuse the block for identity theft that an appeal asks for."""
    appeal = the(Reviews).rule_on_block(
        call, appeal_id_of(appeal_id), said["reviewer"], said["block"], said["reasons"]
    )
    return {"appeal": appeal_document(appeal)}


@blueprint.route("/v1/review/appeals/<appeal_id>/decisions", methods=["POST"])
@signed(scope=Scope.ADMINISTER)
@describe_problems(
    AppealNotFound, AppealStateRefuses, ReviewerConflicted, ReviewedBefore, FurnisherUnheard
)
@blueprint.arguments(ReviewDecisionSchema)
@blueprint.response(200, AppealAnswerSchema)
def decide_appeal(call: Call, said: dict[str, Any], appeal_id: str) -> Any:
    """Give one reviewer's word; with enough that agree it is the decision."""
    appeal = the(Reviews).decide(
        call,
        appeal_id_of(appeal_id),
        said["reviewer"],
        Ruling(said["ruling"]),
        said["reasons"],
    )
    return {"appeal": appeal_document(appeal)}


@blueprint.route("/v1/precedents", methods=["GET"])
@describe_problems(EditionNotFound)
@blueprint.arguments(PrecedentsQuerySchema, location="query")
@blueprint.response(200, PrecedentsSchema)
def list_precedents(query: dict[str, Any]) -> Any:
    """Read how appeals were decided, where enough cases are alike."""
    rulebook = the(Rulebook)
    edition = rulebook.editions.get(query.get("edition", rulebook.current.name))
    if edition is None:
        raise EditionNotFound
    found = the(Precedents).published(edition)
    document = precedents_document(edition.name, edition.appeals.precedent_cases_min, found)
    return document, 200, {"Cache-Control": "public, max-age=3600"}


def appeal_id_of(text: str) -> AppealId:
    """The id in an address. Raises: AppealNotFound."""
    try:
        parse_id(Prefix.APPEAL, text)
    except ValueError:
        raise AppealNotFound from None
    return AppealId(text)


def after_of(query: dict[str, Any]) -> str:
    """The appeal id after which the page begins; before all of them without a cursor."""
    if "cursor" not in query:
        return ""
    after = decode_cursor(query["cursor"])
    try:
        parse_id(Prefix.APPEAL, after)
    except ValueError:
        raise CursorUnreadable from None
    return after


def page_answer(page: Page[Appeal], endpoint: str, query: dict[str, Any]) -> Any:
    """A page and where the next one is."""
    headers = {}
    if page.next_after is not None:
        target = url_for(endpoint, cursor=encode_cursor(page.next_after), limit=query["limit"])
        headers["Link"] = f'<{target}>; rel="next"'
    return {"appeals": [appeal_document(each) for each in page.items]}, 200, headers
