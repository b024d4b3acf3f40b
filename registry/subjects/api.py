"""The way in and out of the person's door. Source: docs/protocol.md, section 9."""

from typing import Any
from uuid import UUID

from flask import Response

from registry.crypto.voprf import InvalidElement
from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.database.transaction import Transaction
from registry.http.blueprint import Blueprint
from registry.http.limits import TooManyRequests
from registry.http.openapi import describe_optionally_own, describe_problems
from registry.http.problems import problem_response
from registry.http.signed import Door
from registry.http.wiring import the
from registry.identity.normalise import InvalidIdentifier
from registry.identity.schemas import loaded_token
from registry.kernel.ids import Prefix, parse_id
from registry.kernel.problems import Problem
from registry.subjects.model import (
    Assurance,
    BlindNotOpened,
    NoSender,
    NotProvable,
    NotSignedIn,
    ProofNotAccepted,
    Session,
    SessionFull,
)
from registry.subjects.own import (
    SubjectCall,
    SubjectDoor,
    bearer_of_request,
    own,
    own_in_steps,
)
from registry.subjects.schemas import (
    ProofSchema,
    SessionAnswerSchema,
    SignedInSchema,
    SignInAnswerSchema,
    SignInSchema,
    VouchSchema,
    session_document,
    sign_in_document,
    signed_in_document,
)
from registry.subjects.service import NoLettersThere, SubjectAccess
from registry.subjects.sessions import Sessions
from registry.subjects.sign_ins import Asked, Proof
from registry.subjects.vouches import VouchNotAccepted

blueprint = Blueprint("subjects", __name__, description="A person's own door")


@blueprint.route("/v1/subject/sign-ins", methods=["POST"])
@describe_problems(NotProvable, NoSender, InvalidIdentifier, InvalidElement, TooManyRequests)
@blueprint.arguments(SignInSchema)
@blueprint.response(202, SignInAnswerSchema)
def start_sign_in(asked: Asked) -> dict[str, Any]:
    """Have a code sent to an identifier; the answer is the same whoever it is."""
    door = the(SubjectDoor)
    with the(Database).transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
        started = the(SubjectAccess).start(transaction, asked, door.moment())
    # Crash point: the code is promised to the jobs in the same transaction.
    return sign_in_document(started)


@blueprint.route("/v1/subject/sign-ins/<sign_in_id>/proof", methods=["POST"])
@describe_optionally_own
@describe_problems(
    ProofNotAccepted, BlindNotOpened, NoLettersThere, SessionFull, NotSignedIn, TooManyRequests
)
@blueprint.arguments(ProofSchema)
@blueprint.response(201, SignedInSchema)
def prove_sign_in(shown: dict[str, Any], sign_in_id: str) -> Any:
    """Show the code and open the blind; with a session, one identifier more is in it."""
    access, at = the(SubjectAccess), the(SubjectDoor).moment()
    proof = Proof(
        code=shown["code"],
        blind=shown["blind"],
        held_since_on=shown["held_since"] or access.today(at),
    )
    with the(Database).transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
        session = _session_if_any(transaction)
        result = access.prove(
            transaction, _sign_in_id(sign_in_id), proof, at, session, shown["letters"]
        )
    if isinstance(result, Problem):
        # After the commit: that somebody tried is counted, also when the node dies now.
        return problem_response(result, the(Door).origin)
    return signed_in_document(result)


@blueprint.route("/v1/subject/vouches", methods=["POST"])
@describe_optionally_own
@describe_problems(VouchNotAccepted, SessionFull, NotSignedIn, TooManyRequests)
@blueprint.arguments(VouchSchema)
@blueprint.response(201, SignedInSchema)
def exchange_vouch(body: dict[str, Any]) -> dict[str, Any]:
    """Exchange a member's vouch for a session, which opens less than a proof."""
    with the(Database).transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
        session = _session_if_any(transaction)
        signed_in = the(SubjectAccess).accept_vouch(
            transaction,
            body["vouch"],
            loaded_token(body["identity"]),
            the(SubjectDoor).moment(),
            session,
        )
    return signed_in_document(signed_in)


@blueprint.route("/v1/subject/session", methods=["GET"])
@own(needs=Assurance.VOUCHED)
@blueprint.response(200, SessionAnswerSchema)
def show_session(call: SubjectCall) -> dict[str, Any]:
    """Read who is in the session, and until when."""
    return {"session": session_document(call.session)}


@blueprint.route("/v1/subject/session", methods=["DELETE"])
@own(needs=Assurance.VOUCHED)
@blueprint.response(204)
def end_session(call: SubjectCall) -> Response:
    """Sign out."""
    the(Sessions).end(call.transaction, call.session.id)
    return Response(status=204)


@blueprint.route("/v1/subject/sessions", methods=["DELETE"])
@own_in_steps
@blueprint.response(204)
def end_all_sessions() -> Response:
    """Sign out everywhere: every session of these identities ends, this one too."""
    mine, keys = the(SubjectDoor).answer(
        Assurance.PROVEN, lambda call: (call.session.id, call.subject.lookup_keys)
    )
    # Not in the call's own transaction, which holds this session: two that end each other's
    # would wait in a ring. Crash point: none has ended yet, and the person asks again.
    with the(Database).transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
        the(Sessions).end_all_of(transaction, keys, mine)
    return Response(status=204)


def _session_if_any(transaction: Transaction) -> Session | None:
    bearer = bearer_of_request()
    return None if bearer is None else the(SubjectDoor).session_of(transaction, bearer)


def _sign_in_id(text: str) -> UUID:
    try:
        return parse_id(Prefix.SIGN_IN, text)
    except ValueError:
        # As for one that is over: which there are is nobody's business.
        raise ProofNotAccepted from None
