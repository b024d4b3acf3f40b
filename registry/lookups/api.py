"""The doors of lookups. Source: docs/protocol.md, section 4."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import ValidationError

from registry.http.answers import json_response
from registry.http.blueprint import Blueprint
from registry.http.caller import Call
from registry.http.openapi import describe_problems
from registry.http.problems import RequestInvalid, problem_document, problem_response, schema_errors
from registry.http.signed import Door, signed
from registry.http.wiring import the
from registry.kernel.ids import LookupId, Prefix, parse_id
from registry.kernel.problems import Problem
from registry.lookups.model import (
    AuthorisationNotKnown,
    Inquiry,
    LookupAnswer,
    LookupNotFound,
    LookupRequest,
    LookupScopeMissing,
    OneUseRequired,
    Outcome,
    OutcomeAlreadyRecorded,
    PurposeNotGranted,
    SubjectFrozen,
)
from registry.lookups.schemas import (
    BatchAnswerSchema,
    LookupAnswerSchema,
    LookupBatchSchema,
    LookupRequestSchema,
    OutcomeAnswerSchema,
    OutcomeSchema,
    answer_document,
)
from registry.lookups.service import Lookups

blueprint = Blueprint("lookups", __name__, description="Ask before a refund, on the record")
_request_schema = LookupRequestSchema()


@blueprint.route("/v1/lookups", methods=["POST"])
@signed(scope=None)
@describe_problems(
    LookupScopeMissing, PurposeNotGranted, AuthorisationNotKnown, OneUseRequired, SubjectFrozen
)
@blueprint.arguments(LookupRequestSchema)
@blueprint.response(200, LookupAnswerSchema)
def make_lookup(call: Call, lookup: LookupRequest) -> Response:
    """Look one person up before a refund."""
    (result,) = _look_up(call, [lookup])
    if isinstance(result, Problem):
        # Returned, not raised: the refused lookup stands in the access log.
        return problem_response(result, the(Door).origin)
    return json_response(answer_document(result))


@blueprint.route("/v1/lookups/batch", methods=["POST"])
@signed(scope=None)
@blueprint.arguments(LookupBatchSchema)
@blueprint.response(200, BatchAnswerSchema)
def make_lookups(call: Call, batch: dict[str, Any]) -> Response:
    """Look up to 100 people up, each with its own order and purpose."""
    read = [read_one(document) for document in batch["lookups"]]
    requests = [each for each in read if isinstance(each, LookupRequest)]
    answers = iter(_look_up(call, requests) if requests else ())
    results = [next(answers) if isinstance(each, LookupRequest) else each for each in read]
    return json_response({"results": results_document(results, the(Door).origin, call.request_id)})


@blueprint.route("/v1/lookups/<lookup_id>/outcome", methods=["POST"])
@signed(scope=None)
@describe_problems(LookupNotFound, OutcomeAlreadyRecorded)
@blueprint.arguments(OutcomeSchema)
@blueprint.response(201, OutcomeAnswerSchema)
@blueprint.alt_response(200, schema=OutcomeAnswerSchema, description="It stood already")
def record_outcome(call: Call, outcome: Outcome, lookup_id: str) -> Any:
    """Record what was decided after a lookup."""
    recorded, added = the(Lookups).record_outcome(call, _lookup_id(lookup_id), outcome)
    document = {
        "lookup": lookup_id,
        "decision": recorded.outcome.decision,
        "human_reviewed": recorded.outcome.human_reviewed,
        "notice_given_at": recorded.outcome.notice_given_at,
        "recorded_at": recorded.recorded_at,
        "receipt": recorded.receipt,
    }
    return document, 201 if added else 200


def _look_up(call: Call, requests: Sequence[LookupRequest]) -> list[LookupAnswer | Problem]:
    inquiries = [Inquiry(call=call, request=request) for request in requests]
    return the(Lookups).look_up(call.transaction, inquiries, call.now)


def read_one(document: object) -> LookupRequest | Problem:
    """One lookup of a batch; what does not fit is that lookup's own problem."""
    try:
        request = _request_schema.load(document)  # type: ignore[arg-type] # it refuses non-objects
    except ValidationError as error:
        return RequestInvalid(errors=schema_errors(error.messages))
    assert isinstance(request, LookupRequest)
    return request


def results_document(
    results: Sequence[LookupAnswer | Problem], origin: str, request_id: UUID
) -> list[dict[str, Any]]:
    """What a batch is answered with: a result for each lookup, in their order."""
    documents: list[dict[str, Any]] = []
    for result in results:
        if isinstance(result, Problem):
            problem = problem_document(result, origin=origin, request=request_id)
            documents.append({"status": problem["status"], "problem": problem})
        else:
            documents.append({"status": 200, "answer": answer_document(result)})
    return documents


def _lookup_id(text: str) -> LookupId:
    try:
        parse_id(Prefix.LOOKUP, text)
    except ValueError:
        raise LookupNotFound from None
    return LookupId(text)
