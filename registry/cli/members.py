"""`registry members`: who takes part in this node."""

from collections.abc import Sequence
from dataclasses import fields

import click
from rich.console import Group

from registry.app.node import Node, open_node
from registry.cli.membership import (
    PROOF_HELP,
    believed_ppm_of,
    key_state,
    member_document,
    member_named,
    present,
    read_proof,
    yes_option,
)
from registry.cli.rendering import facts, json_option, panel, plain, show, table_of_ids
from registry.http.caller import Scope
from registry.kernel.ids import MemberId
from registry.members.model import PPM, WITHHOLDABLE_SCOPES, Admission, Member, Role
from registry.rulebook.model import Purpose

_DEFAULTS = {field.name: field.default for field in fields(Admission)}

_scope_argument = click.argument(
    "scope", type=click.Choice(sorted(scope.value for scope in WITHHOLDABLE_SCOPES))
)
_reason_option = click.option(
    "--reason", required=True, help="Which reason; each stands for itself."
)


@click.group()
def members() -> None:
    """Admit, list, suspend and reinstate members, withhold scopes from them."""


@members.command()
@click.argument("name")
@click.option(
    "--role",
    "roles",
    required=True,
    multiple=True,
    type=click.Choice([role.value for role in Role]),
    help="What it takes part as; may be given again.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="Only these; all that the roles allow if not given.",
)
@click.option(
    "--purpose",
    "purposes",
    multiple=True,
    type=click.Choice([purpose.value for purpose in Purpose]),
    help="Only these; all that the roles allow if not given.",
)
@click.option("--key-proof", "key_proofs", metavar="FILE", multiple=True, help=PROOF_HELP)
@click.option("--reporter-group", metavar="NAME", help="Members that count as one voice.")
@click.option(
    "--evaluations-per-hour",
    type=int,
    default=_DEFAULTS["evaluations_per_hour"],
    show_default=True,
    help="How many identifiers it may have evaluated.",
)
@click.option(
    "--requests-per-minute",
    type=int,
    default=_DEFAULTS["requests_per_minute"],
    show_default=True,
    help="How many calls it may make.",
)
@json_option
def admit(
    name: str,
    roles: Sequence[str],
    scopes: Sequence[str],
    purposes: Sequence[str],
    key_proofs: Sequence[str],
    reporter_group: str | None,
    evaluations_per_hour: int,
    requests_per_minute: int,
) -> None:
    """Admit a member with the keys it proves to hold.

    The member makes its key and proof by itself, by `registry keys generate`, and
    sends the proof alone.
    """
    admission = Admission(
        name=name,
        roles=frozenset(map(Role, roles)),
        scopes=frozenset(map(Scope, scopes)) or None,
        purposes=frozenset(map(Purpose, purposes)) or None,
        reporter_group=reporter_group,
        evaluations_per_hour=evaluations_per_hour,
        requests_per_minute=requests_per_minute,
    )
    proofs = [read_proof(path) for path in key_proofs]
    with open_node() as node:
        with node.database.transaction() as transaction:
            member = node.members.admit(transaction, admission, proofs, present())
        _show_member(node, member.id, "Admitted")


@members.command(name="list")
@json_option
def list_members() -> None:
    """List every member, in the order of admission."""
    with open_node() as node, node.database.reading() as transaction:
        known = [
            (
                member,
                node.members.keys_of(transaction, member.id),
                node.members.withheld_from(transaction, member.id),
            )
            for member in node.members.list(transaction)
        ]
    now = present()
    rows = [
        (
            member.id,
            member.name,
            " ".join(sorted(member.roles)),
            _state(member, sum(key.is_active(now) for key in keys)),
        )
        for member, keys, _ in known
    ]
    show(
        [member_document(*each, believed_ppm_of(node, each[0])) for each in known],
        table_of_ids(None, ["id", "name", "roles", "state"], rows)
        if rows
        else plain("No member has been admitted."),
    )


@members.command(name="show")
@click.argument("member")
@json_option
def show_member(member: str) -> None:
    """Show what MEMBER, an id or a name, may do, and its keys."""
    with open_node() as node:
        with node.database.reading() as transaction:
            found = member_named(node, transaction, member)
        _show_member(node, found.id, "Member")


@members.command()
@click.argument("member")
@yes_option
@json_option
def suspend(member: str, yes: bool) -> None:
    """Keep MEMBER out; what it filed is without effect until it is reinstated."""
    with open_node() as node:
        with node.database.reading() as transaction:
            found = member_named(node, transaction, member)
        if not yes:
            click.confirm(f"Suspend {found.name}?", abort=True, err=True)
        with node.database.transaction() as transaction:
            node.members.suspend(transaction, found.id, present())
        _show_member(node, found.id, "Suspended")


@members.command()
@click.argument("member")
@json_option
def reinstate(member: str) -> None:
    """Let MEMBER take part again; what it filed has effect again."""
    with open_node() as node:
        with node.database.transaction() as transaction:
            found = member_named(node, transaction, member)
            node.members.reinstate(transaction, found.id, present())
        _show_member(node, found.id, "Reinstated")


@members.command()
@click.argument("member")
@_scope_argument
@_reason_option
@yes_option
@json_option
def withhold(member: str, scope: str, reason: str, yes: bool) -> None:
    """Take SCOPE from MEMBER until it is restored for the same reason.

    The reason is shown to the member and stands in the log of incidents.
    """
    with open_node() as node:
        with node.database.reading() as transaction:
            found = member_named(node, transaction, member)
        if not yes:
            click.confirm(f"Withhold {scope} from {found.name}?", abort=True, err=True)
        with node.database.transaction() as transaction:
            node.members.withhold(transaction, found.id, Scope(scope), reason, present())
        _show_member(node, found.id, "Withheld")


@members.command()
@click.argument("member")
@_scope_argument
@_reason_option
@json_option
def restore(member: str, scope: str, reason: str) -> None:
    """End one reason for which SCOPE is withheld from MEMBER."""
    with open_node() as node:
        with node.database.transaction() as transaction:
            found = member_named(node, transaction, member)
            node.members.restore(transaction, found.id, Scope(scope), reason, present())
        _show_member(node, found.id, "Restored")


def _show_member(node: Node, member_id: MemberId, title: str) -> None:
    with node.database.reading() as transaction:
        member = node.members.get(transaction, member_id)
        keys = node.members.keys_of(transaction, member_id)
        withheld = node.members.withheld_from(transaction, member_id)
    believed_ppm, now = believed_ppm_of(node, member), present()
    document = member_document(member, keys, withheld, believed_ppm)
    pairs: dict[str, object] = {
        "id": member.id,
        "name": member.name,
        "state": _state(member, sum(key.is_active(now) for key in keys)),
        "roles": ", ".join(sorted(member.roles)),
        "scopes": ", ".join(sorted(member.scopes)),
        "withheld": ", ".join(f"{each.scope} ({each.reason})" for each in withheld) or "nothing",
        "purposes": ", ".join(sorted(member.purposes)),
        "reporter group": member.reporter_group,
        "reliability": f"{believed_ppm / PPM:.2f}",
        "evaluations per hour": member.evaluations_per_hour,
        "requests per minute": member.requests_per_minute,
        "keys": Group(*(plain(f"{key.kid} {key_state(key, now)}") for key in keys)),
    }
    show(document, panel(title, facts(pairs), style="green"))


def _state(member: Member, active_keys: int) -> str:
    if member.is_suspended:
        return "suspended"
    return f"active, {active_keys} {'key' if active_keys == 1 else 'keys'}"
