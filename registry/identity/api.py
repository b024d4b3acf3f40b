"""The door of evaluations. Source: docs/protocol.md, section 2."""

from typing import Any

from registry.crypto.voprf import InvalidElement
from registry.http.blueprint import Blueprint
from registry.http.caller import Caller, DetachedCall, Scope
from registry.http.limits import Allowance, announce
from registry.http.openapi import describe_problems
from registry.http.signed import signed_detached
from registry.http.wiring import the
from registry.identity.model import EvaluationQuotaSpent, KeyUnknown
from registry.identity.schemas import (
    EvaluationAnswerSchema,
    EvaluationRequest,
    EvaluationRequestSchema,
)
from registry.identity.service import SECONDS_PER_HOUR, Evaluated, Evaluations
from registry.kernel.clock import SystemClock

blueprint = Blueprint("identity", __name__, description="Make tokens nobody can reverse")

# A quota holds enumeration back in real time: the sandbox's clock, which stands
# still or jumps, would never give it back or give it at will.
_wall = SystemClock()


@blueprint.route("/v1/evaluations", methods=["POST"])
@signed_detached(scope=Scope.EVALUATE)
@describe_problems(KeyUnknown, InvalidElement, EvaluationQuotaSpent)
@blueprint.arguments(EvaluationRequestSchema)
@blueprint.response(200, EvaluationAnswerSchema)
def evaluate(call: DetachedCall, asked: EvaluationRequest) -> dict[str, Any]:
    """Evaluate blinded identifiers with this node's key share, and prove it."""
    evaluated = evaluate_for(the(Evaluations), call.caller, asked)
    announce(allowance_after(evaluated, call.caller))
    return {
        "key_id": evaluated.key_id,
        "evaluated": evaluated.evaluation.elements,
        "proof": evaluated.evaluation.proof,
    }


def evaluate_for(evaluations: Evaluations, caller: Caller, asked: EvaluationRequest) -> Evaluated:
    """Evaluates what `caller` asked for, against its quota of this hour.

    Raises: KeyUnknown, InvalidElement, EvaluationQuotaSpent.
    """
    return evaluations.evaluate(
        member=caller.member,
        evaluations_per_hour=caller.evaluations_per_hour,
        key_id=asked.key_id,
        blinded=asked.blinded,
        now=_wall.now(),
    )


def allowance_after(evaluated: Evaluated, caller: Caller) -> Allowance:
    """What is left of the caller's quota."""
    return Allowance(
        name="evaluations",
        quota=caller.evaluations_per_hour,
        window_seconds=SECONDS_PER_HOUR,
        remaining=evaluated.quota_remaining,
        reset_seconds=evaluated.quota_resets_in_seconds,
    )
