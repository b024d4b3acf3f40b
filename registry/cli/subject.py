"""A person's own door at the prompt: sign in with a code, read, take away, say something."""

import json
from datetime import date
from pathlib import Path

import click

from registry.cli.parameters import day
from registry.cli.rendering import json_option, plain, show
from registry.client.person import OwnDoor, OwnSession
from registry.identity.normalise import IdentifierType
from registry.kernel.canonical import canonical_json

_READS = {
    "record": "/v1/subject/record",
    "history": "/v1/subject/history",
    "statement": "/v1/subject/history/statement",
}
_ACTS = {"freeze": "PUT", "unfreeze": "DELETE"}


@click.group()
def subject() -> None:
    """See, as a person, what is known of you, and what you can do.

    Each command has a code sent to the number or address and asks for it; a
    sandbox writes what it sends into codes.ndjson of its home.
    """


@subject.command()
@click.argument("what", type=click.Choice([*_READS, *_ACTS]))
@click.option("--origin", required=True, metavar="URL", help="The registry.")
@click.option("--phone", metavar="NUMBER", help="A phone number of yours.")
@click.option("--email", metavar="ADDRESS", help="A mail address of yours.")
@click.option("--held-since", type=day, metavar="DATE", help="Since when it is yours.")
@json_option
def see(
    what: str, origin: str, phone: str | None, email: str | None, held_since: date | None
) -> None:
    """Read your record or history, or freeze and unfreeze it."""
    with OwnDoor(origin) as door:
        session = _sign_in(door, phone, email, held_since)
        if what in _ACTS:
            document = session.say(_ACTS[what], "/v1/subject/freeze")
        else:
            document = session.get(_READS[what])
    show(dict(document), plain(json.dumps(document, ensure_ascii=False, indent=2)))


@subject.command()
@click.argument("member")
@click.argument("order")
@click.option("--origin", required=True, metavar="URL", help="The registry.")
@click.option("--phone", metavar="NUMBER", help="A phone number of yours.")
@click.option("--email", metavar="ADDRESS", help="A mail address of yours.")
def authorise(member: str, order: str, origin: str, phone: str | None, email: str | None) -> None:
    """Let MEMBER look once, about ORDER; prints the code to hand over."""
    with OwnDoor(origin) as door:
        click.echo(_sign_in(door, phone, email, None).authorise(member, order))


@subject.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--origin", required=True, metavar="URL", help="The registry.")
@click.option("--phone", metavar="NUMBER", help="A phone number of yours.")
@click.option("--email", metavar="ADDRESS", help="A mail address of yours.")
@click.option("--held-since", type=day, metavar="DATE", help="Since when it is yours.")
def export(
    file: Path, origin: str, phone: str | None, email: str | None, held_since: date | None
) -> None:
    """Write all of it to FILE, once the registry's signature is verified."""
    with OwnDoor(origin) as door:
        document = _sign_in(door, phone, email, held_since).export()
    file.write_bytes(canonical_json(document))
    click.echo(f"{file}: verified, as the registry signed it.")


def _sign_in(
    door: OwnDoor, phone: str | None, email: str | None, held_since: date | None
) -> OwnSession:
    if (phone is None) == (email is None):
        raise click.UsageError("Name yourself by --phone or by --email.")
    type = IdentifierType.EMAIL if phone is None else IdentifierType.PHONE
    pending = door.start(type, phone or email or "")
    code = click.prompt("The code that was sent", err=True, hide_input=True)
    return door.prove(pending, code, held_since=held_since)
