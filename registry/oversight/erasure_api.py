"""The doors of legal holds and of erasure by order. Source: RULEBOOK 3."""

from typing import Any
from uuid import UUID

from registry.http.blueprint import Blueprint
from registry.http.caller import Call, Scope
from registry.http.openapi import describe_problems
from registry.http.signed import signed
from registry.http.wiring import the
from registry.identity.protection import Protector
from registry.incidents.model import IncidentErased, IncidentNotFound
from registry.incidents.service import Incidents
from registry.kernel.ids import Prefix, parse_id
from registry.kernel.paging import CursorUnreadable
from registry.ledger.erasure_model import (
    HoldNotFound,
    HoldReleased,
    IncidentTarget,
    OrderDecided,
    OrderNotFound,
    SecondPersonNeeded,
    Target,
    TargetNotErasable,
)
from registry.ledger.model import EntryNotFound
from registry.ledger.orders import ErasureOrders, LegalHolds
from registry.oversight.cursors import after_of, cursor_of
from registry.oversight.erasure_schemas import (
    ActSchema,
    DecidedSchema,
    HoldAnswerSchema,
    HoldsSchema,
    ListSchema,
    OrderAnswerSchema,
    OrderedSchema,
    OrdersSchema,
    hold_document,
    order_document,
    target_of,
)
from registry.oversight.model import SupervisionOnly
from registry.oversight.recording import Recorder, require_supervision
from registry.oversight.schemas import NothingSchema

blueprint = Blueprint("erasure", __name__, description="Legal holds, and erasure by order")


@blueprint.route("/v1/oversight/legal-holds", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, EntryNotFound, IncidentNotFound, IncidentErased)
@blueprint.arguments(ActSchema)
@blueprint.response(201, HoldAnswerSchema)
def place_hold(call: Call, act: dict[str, Any]) -> Any:
    """Hold an entry, an incident or all that is known of a person: nothing of it is erased."""
    require_supervision(call)
    target = target_of(act["target"], the(Protector))
    hold, receipt = the(LegalHolds).place(call, target, act["ground"])
    _require_kept(call, target)
    return {"hold": hold_document(hold), "receipt": receipt}


@blueprint.route("/v1/oversight/legal-holds/search", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, CursorUnreadable)
@blueprint.arguments(ListSchema)
@blueprint.response(200, HoldsSchema)
def list_holds(call: Call, asked: dict[str, Any]) -> Any:
    """List every hold there is or was, oldest first."""
    require_supervision(call)
    after = after_of(asked, Prefix.ENTRY)
    holds, next_after = the(LegalHolds).page(call.transaction, after, asked["limit"])
    receipt = the(Recorder).record(call, "legal holds", {"results": len(holds)})
    return {
        "holds": [hold_document(each) for each in holds],
        "next": cursor_of(next_after, Prefix.ENTRY),
        "receipt": receipt,
    }


@blueprint.route("/v1/oversight/legal-holds/<hold_id>/release", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, HoldNotFound, HoldReleased)
@blueprint.arguments(NothingSchema)
@blueprint.response(200, HoldAnswerSchema)
def release_hold(call: Call, _: dict[str, Any], hold_id: str) -> Any:
    """Release a hold; what is due is erased by the next run of retention."""
    require_supervision(call)
    hold, receipt = the(LegalHolds).release(call, _id(hold_id, HoldNotFound))
    return {"hold": hold_document(hold), "receipt": receipt}


@blueprint.route("/v1/oversight/erasure-orders", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(
    SupervisionOnly, EntryNotFound, IncidentNotFound, IncidentErased, TargetNotErasable
)
@blueprint.arguments(OrderedSchema)
@blueprint.response(201, OrderAnswerSchema)
def order_erasure(call: Call, act: dict[str, Any]) -> Any:
    """Order an erasure, which another person must confirm."""
    require_supervision(call)
    target = target_of(act["target"], the(Protector))
    order, receipt = the(ErasureOrders).order(call, target, act["ground"], act.get("agent"))
    _require_kept(call, target)
    return {"order": order_document(order), "receipt": receipt}


@blueprint.route("/v1/oversight/erasure-orders/search", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, CursorUnreadable)
@blueprint.arguments(ListSchema)
@blueprint.response(200, OrdersSchema)
def list_orders(call: Call, asked: dict[str, Any]) -> Any:
    """List every order of erasure, oldest first."""
    require_supervision(call)
    after = after_of(asked, Prefix.ENTRY)
    orders, next_after = the(ErasureOrders).page(call.transaction, after, asked["limit"])
    receipt = the(Recorder).record(call, "erasure orders", {"results": len(orders)})
    return {
        "orders": [order_document(each) for each in orders],
        "next": cursor_of(next_after, Prefix.ENTRY),
        "receipt": receipt,
    }


@blueprint.route("/v1/oversight/erasure-orders/<order_id>/confirmation", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, SecondPersonNeeded, OrderNotFound, OrderDecided)
@blueprint.arguments(DecidedSchema)
@blueprint.response(200, OrderAnswerSchema)
def confirm_order(call: Call, decided: dict[str, Any], order_id: str) -> Any:
    """Confirm another person's order; the next run of retention carries it out."""
    require_supervision(call)
    order, receipt = the(ErasureOrders).confirm(
        call, _id(order_id, OrderNotFound), decided.get("agent")
    )
    return {"order": order_document(order), "receipt": receipt}


@blueprint.route("/v1/oversight/erasure-orders/<order_id>/refusal", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, OrderNotFound, OrderDecided)
@blueprint.arguments(DecidedSchema)
@blueprint.response(200, OrderAnswerSchema)
def decline_order(call: Call, decided: dict[str, Any], order_id: str) -> Any:
    """Decline an order nobody has confirmed, or take back one's own."""
    require_supervision(call)
    order, receipt = the(ErasureOrders).decline(
        call, _id(order_id, OrderNotFound), decided.get("agent")
    )
    return {"order": order_document(order), "receipt": receipt}


def _require_kept(call: Call, target: Target) -> None:
    # After the hold keeps erasers waiting; a Problem undoes it. What a person's keys hold is
    # not asked for: they may be held before anything is filed.
    if isinstance(target, IncidentTarget):
        the(Incidents).removal.require_kept(call.transaction, target.incident)


def _id(text: str, unknown: type[HoldNotFound | OrderNotFound]) -> UUID:
    try:
        return parse_id(Prefix.ENTRY, text)
    except ValueError:
        raise unknown from None
