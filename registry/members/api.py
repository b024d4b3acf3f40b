"""The doors of members. Source: docs/protocol.md, section 1."""

from typing import Any

from registry.http.blueprint import Blueprint
from registry.http.caller import Call
from registry.http.signed import signed
from registry.http.wiring import the
from registry.members.schemas import OwnGrantSchema, grant_document
from registry.members.service import Members

blueprint = Blueprint("members", __name__, description="Who takes part, and may do what")


@blueprint.route("/v1/members/me", methods=["GET"])
@signed(scope=None)
@blueprint.response(200, OwnGrantSchema)
def read_own_grant(call: Call) -> dict[str, Any]:
    """Read your own grant: roles, scopes, what is withheld of them, purposes, quotas, keys."""
    members = the(Members)
    member = members.get(call.transaction, call.caller.member)
    return grant_document(
        member,
        members.keys_of(call.transaction, member.id),
        members.withheld_from(call.transaction, member.id),
    )
