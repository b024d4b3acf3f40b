"""`registry certificate`: verify what a registry certifies of a correction."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Group, RenderableType

from registry.cli.log_keys import given_logs, published_logs
from registry.cli.parameters import read_at_most
from registry.cli.rendering import facts, json_option, panel, show, table
from registry.client.certificates import (
    CERTIFICATE_BYTES_MAX,
    CertificateNotVerified,
    certificate_issuer,
    verify_certificate,
)
from registry.client.problems import AnswerNotUnderstood
from registry.client.results import LogKey
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant


@click.group()
def certificate() -> None:
    """Verify certificates of corrections."""


@certificate.command()
@click.argument("file", metavar="FILE")
@click.option("--vkey", "vkeys", multiple=True, metavar="VKEY", help="A log's verifier key.")
@json_option
def verify(file: str, vkeys: tuple[str, ...]) -> None:
    """Verify the certificate in FILE; - is standard input.

    With --vkey nothing is asked of anybody; without it the key is the one the node
    publishes.
    """
    try:
        text = read_at_most(file, CERTIFICATE_BYTES_MAX).decode("ascii").strip()
    except UnicodeDecodeError:
        raise CertificateNotVerified("the file holds no certificate") from None
    issuer = certificate_issuer(text)
    known = given_logs(vkeys)
    if known:
        stem = f"{urlsplit(issuer).netloc}/log/"
        logs = [each for each in known if each.origin.startswith(stem)]
    else:
        logs = _published(issuer)
    claims = verify_certificate(text, origin=issuer, logs=logs)
    document: dict[str, JsonValue] = {"verified": True, "certificate": dict(claims)}
    show(document, panel("The certificate verifies", _shown(claims), style="green"))


def _published(origin: str) -> list[LogKey]:
    try:
        return list(published_logs(origin))
    except ValueError as error:
        raise AnswerNotUnderstood(f"{origin}: {error}") from error


def _shown(claims: Any) -> Group:
    issued_at = format_instant(datetime.fromtimestamp(claims["iat"], UTC))
    pairs = {"incident": claims["incident"], "registry": claims["iss"], "as of": issued_at}
    parts: list[RenderableType] = [facts(pairs)]
    for each in claims["corrections"]:
        title = f"{each['kind']} at {each['at']}"
        if not each["is_complete"]:
            title += ", the search goes on"
        rows = [
            (told["name"], told["lookups"], told["acknowledged_at"] or "owed", told["did"] or "")
            for told in each["told"]
        ]
        parts.append(table(title, ["told", "lookups", "acknowledged", "did"], rows))
    return Group(*parts)
