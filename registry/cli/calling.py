"""`registry report`, `lookup` and `call`: the SDK at the prompt.

Identifiers are turned into tokens on this machine; what is sent holds tokens only.
"""

import getpass
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

import click
import yaml

from registry.cli import explaining
from registry.cli.connecting import connects
from registry.cli.parameters import day, read_at_most, typed_identifier
from registry.cli.rendering import json_option, show, wants_json
from registry.client.documents import DocumentUnreadable, json_value
from registry.client.receipts import ReceiptNotVerified
from registry.client.registry import Registry
from registry.client.requests import Authorisation, Identifier, mailbox
from registry.client.results import Receipt
from registry.client.transport import Answer
from registry.kernel import strict_json
from registry.kernel.canonical import JsonValue
from registry.rulebook.model import Purpose

REPORT_BYTES_MAX = 1024 * 1024

Command = TypeVar("Command", bound=Callable[..., Any])


@click.command()
@click.argument("file", metavar="FILE")
@connects
@json_option
def report(registry: Registry, file: str) -> None:
    """Report a confirmed incident.

    FILE is the report in JSON or YAML, - for standard input. Its identities may
    carry `identifier` in place of `key_id` and `token`:

    \b
      identities:
        - type: phone/1
          identifier: "138 0013 8000"
          last_verified_on: 2026-10-01
    """
    document = _read_document(file)
    filed = registry.report_document(document)
    receipt = verified(registry, filed.receipt)
    show(
        {**filed.document, "verified_receipt": explaining.receipt_document(receipt)},
        explaining.filed(filed, receipt),
    )


_PERSON = (
    click.option("--phone", "phones", multiple=True, metavar="NUMBER", help="A mobile number."),
    click.option("--email", "emails", multiple=True, metavar="ADDRESS", help="A mail address."),
    click.option(
        "--id",
        "others",
        type=typed_identifier,
        multiple=True,
        metavar="TYPE=VALUE",
        help="An identifier of any type, such as iban/1=….",
    ),
    click.option(
        "--held-since", type=day, metavar="DATE", help="Since when the account has had them."
    ),
)
_REQUEST = (
    click.option("--order", required=True, help="The order it is about, by your own name for it."),
    click.option(
        "--purpose",
        type=click.Choice([each.value for each in Purpose]),
        default=Purpose.REFUND_ONLY_REVIEW.value,
        show_default=True,
        help="Why.",
    ),
    click.option(
        "--consent",
        metavar="REF",
        help="The person's separate consent, by your reference; a sandbox needs none.",
    ),
    click.option("--one-use", metavar="REF", help="The person's one-use authorisation."),
    click.option("--agent", help="Who asks, by your own name for them.  [default: your login]"),
)


def about_a_person(command: Command) -> Command:
    """Gives a command the options that say whom it is about."""
    return _with(command, _PERSON)


def about_a_request(command: Command) -> Command:
    """Gives a command the options that say why it asks, and for whom."""
    return _with(command, _REQUEST)


def _with(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@about_a_person
@about_a_request
@connects
@json_option
def lookup(
    registry: Registry,
    phones: Sequence[str],
    emails: Sequence[str],
    others: Sequence[Identifier],
    held_since: date | None,
    order: str,
    purpose: str,
    consent: str | None,
    one_use: str | None,
    agent: str | None,
) -> None:
    """Ask what is known about one person.

    All identifiers given are that one person's. The person can see that you
    asked, and why.
    """
    answer = registry.lookup(
        identifiers_of(phones, emails, others, held_since),
        purpose=purpose,
        order=order,
        authorisation=authorisation_of(registry, consent, one_use),
        agent=agent or login(),
    )
    receipt = verified(registry, answer.receipt)
    show(
        {**answer.document, "verified_receipt": explaining.receipt_document(receipt)},
        explaining.lookup(answer, receipt),
    )


@click.command()
@click.argument("method", metavar="METHOD")
@click.argument("path", metavar="PATH")
@click.option("--data", "-d", metavar="JSON|@FILE|@-", help="The body, or the file it is in.")
@click.option("--header", "-H", "headers", multiple=True, metavar="NAME: VALUE", help="One more.")
@click.option("--include", "-i", is_flag=True, help="Show the status and the headers, too.")
@connects
@json_option
def call(
    registry: Registry,
    method: str,
    path: str,
    data: str | None,
    headers: Sequence[str],
    include: bool,
) -> None:
    """Make any call, signed for you.

    \b
      registry call GET /v1/incidents
      registry call POST /v1/lookups --data @lookup.json -i
    """
    try:
        answer = registry.call(method, path, _body(data), dict(map(_header, headers)))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if include and not wants_json():
        click.echo(_head(answer))
    elif answer.status >= 400:
        raise registry.problem_of(answer)
    click.echo(explaining.body_shown(answer), nl=False)
    if answer.status >= 400:
        click.get_current_context().exit(1)


def _read_document(file: str) -> dict[str, JsonValue]:
    data = read_at_most(file, REPORT_BYTES_MAX)
    if data.lstrip()[:1] == b"{":
        value = strict_json.parse(data)
    else:
        try:
            value = json_value(yaml.safe_load(data))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise DocumentUnreadable(f"{file} is neither JSON nor YAML") from error
    if not isinstance(value, dict):
        raise DocumentUnreadable(f"{file} does not hold one report")
    return value


def identifiers_of(
    phones: Sequence[str],
    emails: Sequence[str],
    others: Sequence[Identifier],
    held_since: date | None,
) -> list[Identifier]:
    """The identifiers of one person that a command was given; at least one."""
    found = [Identifier.phone(value, held_since=held_since) for value in phones]
    for address in emails:
        found += mailbox(address, held_since=held_since)
    found += [replace(other, held_since=held_since) for other in others]
    if not found:
        raise click.UsageError("Name the person: --phone, --email or --id.")
    return found


def authorisation_of(registry: Registry, consent: str | None, one_use: str | None) -> Authorisation:
    """What lets the member ask; in a sandbox it need not be said."""
    if consent is not None and one_use is not None:
        raise click.UsageError("Say what lets you ask: --consent or --one-use, not both.")
    if one_use is not None:
        return Authorisation(basis="one_use", reference=one_use)
    if consent is None:
        # Made-up people need not be asked; of a real one nobody claims a consent unsaid.
        if registry.well_known().mode != "sandbox":
            raise click.UsageError("Say what lets you ask: --consent or --one-use.")
        consent = "sandbox"
    return Authorisation(basis="separate_consent", reference=consent)


def login() -> str:
    """Who asks, where the command does not say."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        raise click.UsageError("Say who asks: --agent NAME.") from None


def verified(registry: Registry, receipt: str) -> Receipt | None:
    """What a receipt promises; None where it does not verify."""
    try:
        return registry.verify_receipt(receipt)
    except ReceiptNotVerified:
        # What was done is done: the result is shown with what is wrong about it.
        return None


def _body(data: str | None) -> bytes | None:
    if data is None:
        return None
    return read_at_most(data[1:], REPORT_BYTES_MAX) if data.startswith("@") else data.encode()


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise click.UsageError("Write a header as NAME: VALUE.")
    return name.strip(), value.strip()


def _head(answer: Answer) -> str:
    lines = [f"{answer.status} {answer.title}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\n".join([*lines, ""])
