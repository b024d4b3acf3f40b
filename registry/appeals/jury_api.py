"""The doors of members that name candidates, and of anyone who recomputes a draw."""

from typing import Any

from registry.appeals.jury_model import (
    CandidateNamed,
    CandidateNotFound,
    CandidateUnreadable,
    JuryNotFound,
)
from registry.appeals.jury_pool import Pool
from registry.appeals.jury_publishing import Publishing
from registry.appeals.jury_schemas import (
    REFERENCE_CHARACTERS_MAX,
    CandidateAnswerSchema,
    CandidateSchema,
    PublishedCaseSchema,
    candidacy_of,
    candidate_document,
    tokens_of,
)
from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.http.blueprint import Blueprint
from registry.http.caller import Call, Scope
from registry.http.openapi import describe_problems
from registry.http.signed import signed
from registry.http.wiring import the
from registry.kernel.ids import Prefix, parse_id

blueprint = Blueprint("jury", __name__, description="Name candidates; recompute who was drawn")


@blueprint.route("/v1/jury/candidates/<reference>", methods=["PUT"])
@signed(scope=Scope.ANSWER_APPEALS)
@describe_problems(CandidateNamed, CandidateUnreadable)
@blueprint.arguments(CandidateSchema)
@blueprint.response(200, CandidateAnswerSchema)
def name_candidate(call: Call, document: dict[str, Any], reference: str) -> Any:
    """Name a person who would serve, or attest anew what is known of them."""
    pool = the(Pool)
    candidacy = candidacy_of(
        document,
        pool.keys_of(tokens_of(document, "identities")),
        pool.keys_of(tokens_of(document, "counterparties")),
    )
    candidate, _ = pool.name(call, _reference_of(reference), candidacy)
    return {"candidate": candidate_document(candidate)}


@blueprint.route("/v1/jury/candidates/<reference>", methods=["GET"])
@signed(scope=Scope.ANSWER_APPEALS)
@describe_problems(CandidateNotFound)
@blueprint.response(200, CandidateAnswerSchema)
def show_candidate(call: Call, reference: str) -> Any:
    """Read what this member attested of a candidate; never by which identities."""
    return {"candidate": candidate_document(the(Pool).find(call, _reference_of(reference)))}


@blueprint.route("/v1/jury/candidates/<reference>", methods=["DELETE"])
@signed(scope=Scope.ANSWER_APPEALS)
@describe_problems(CandidateNotFound)
@blueprint.response(204)
def withdraw_candidate(call: Call, reference: str) -> Any:
    """Take a person out of the pool, who serves no more."""
    the(Pool).withdraw(call, _reference_of(reference))
    return ""


@blueprint.route("/v1/jury/<case>", methods=["GET"])
@describe_problems(JuryNotFound)
@blueprint.response(200, PublishedCaseSchema)
def show_jury(case: str) -> Any:
    """Read all a case's jury was drawn from; `registry jury verify` recomputes it."""
    with the(Database).reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
        return the(Publishing).case(transaction, case_of(case))


def case_of(text: str) -> str:
    """The id in an address. Raises: JuryNotFound."""
    try:
        parse_id(Prefix.APPEAL, text)
    except ValueError:
        raise JuryNotFound from None
    return text


def _reference_of(text: str) -> str:
    if not 1 <= len(text) <= REFERENCE_CHARACTERS_MAX or not text.isprintable():
        raise CandidateNotFound
    return text
