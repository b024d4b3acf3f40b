"""What the commands about members and about keys share: names, files, documents."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from registry.app.node import Node
from registry.cli.parameters import read_at_most
from registry.crypto.signature import COMPACT_BYTES_MAX
from registry.database.transaction import Transaction
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import SystemClock, format_instant
from registry.kernel.ids import MemberId, Prefix, parse_id
from registry.members.model import Member, MemberKey, MemberNotFound, Withheld, reliability_ppm
from registry.members.reliability import forgotten

Command = TypeVar("Command", bound=Callable[..., Any])


PROOF_HELP = "What `registry keys generate` or `prove` wrote; - for standard input."


def key_proof_option(command: Command) -> Command:
    """Gives a command `--key-proof FILE`."""
    option = click.option("--key-proof", metavar="FILE", required=True, help=PROOF_HELP)
    return option(command)


def yes_option(command: Command) -> Command:
    """Gives a command that takes something away `--yes`."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(command)


def read_proof(path: str) -> str:
    """The proof in a file; whether it is one, the members' room says.

    Raises: click.UsageError when the file cannot be read.
    """
    return read_at_most(path, COMPACT_BYTES_MAX).decode("ascii", "replace").strip()


def present() -> datetime:
    """Now, by the clock that keys are judged by: the machine's, in a sandbox too."""
    return SystemClock().now()


def member_named(node: Node, transaction: Transaction, text: str) -> Member:
    """The member of this id, or of exactly this name.

    Raises: MemberNotFound.
    """
    try:
        parse_id(Prefix.MEMBER, text)
    except ValueError:
        for member in node.members.list(transaction):
            if member.name == text:
                return member
        raise MemberNotFound(f"No member is called {text!r}.") from None
    return node.members.get(transaction, MemberId(text))


def believed_ppm_of(node: Node, member: Member) -> int:
    """How far a member's word counts now, in millionths."""
    prior = node.rulebook.current.reliability
    counted = forgotten(member, prior, node.clock.now())
    return reliability_ppm(
        upheld_ppm=counted.upheld_ppm, overturned_ppm=counted.overturned_ppm, prior=prior
    )


def member_document(
    member: Member, keys: Sequence[MemberKey], withheld: Sequence[Withheld], believed_ppm: int
) -> dict[str, JsonValue]:
    """A member as JSON; suspended_at is null while it takes part."""
    suspended_at = member.suspended_at
    return {
        "id": member.id,
        "name": member.name,
        "roles": sorted(member.roles),
        "scopes": sorted(member.scopes),
        "withheld": [
            {
                "scope": each.scope.value,
                "reason": each.reason,
                "withheld_at": format_instant(each.withheld_at),
            }
            for each in withheld
        ],
        "purposes": sorted(member.purposes),
        "reporter_group": member.reporter_group,
        "reliability_ppm": believed_ppm,
        "evaluations_per_hour": member.evaluations_per_hour,
        "requests_per_minute": member.requests_per_minute,
        "admitted_at": format_instant(member.admitted_at),
        "suspended_at": None if suspended_at is None else format_instant(suspended_at),
        "keys": [key_document(key) for key in keys],
    }


def key_document(key: MemberKey) -> dict[str, JsonValue]:
    """A key as JSON; revoked_at is null while no end is set."""
    revoked_at = key.revoked_at
    return {
        "kid": key.kid,
        "alg": key.public_key.algorithm.value,
        "registered_at": format_instant(key.registered_at),
        "revoked_at": None if revoked_at is None else format_instant(revoked_at),
    }


def key_state(key: MemberKey, now: datetime) -> str:
    """Whether a key works, for people."""
    if key.revoked_at is None:
        return "active"
    ends = key.revoked_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return f"ends {ends}" if key.is_active(now) else f"revoked {ends}"


def day(instant: datetime) -> str:
    """The UTC day of an instant."""
    return instant.astimezone(UTC).date().isoformat()
