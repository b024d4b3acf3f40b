"""Values on the command line, each read as the one type it must have."""

import sys
from datetime import date
from pathlib import Path

import click

from registry.client.requests import Identifier
from registry.identity.normalise import IdentifierType


def day(text: str) -> date:
    """A date such as 2026-10-01.

    Raises: click.BadParameter.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a date such as 2026-10-01") from None


def typed_identifier(text: str) -> Identifier:
    """An identifier with its type before it, such as email/1=a@b.example.

    Raises: click.BadParameter, which does not repeat the identifier.
    """
    name, equals, value = text.partition("=")
    known = [each.value for each in IdentifierType]
    if not equals or name not in known:
        raise click.BadParameter(f"write TYPE=VALUE with a TYPE of {', '.join(known)}")
    return Identifier(type=IdentifierType(name), value=value)


def read_at_most(path: str, bytes_max: int) -> bytes:
    """The bytes of a file, or of standard input for `-`.

    Raises: click.UsageError when it cannot be read or is longer.
    """
    try:
        if path == "-":
            data = sys.stdin.buffer.read(bytes_max + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(bytes_max + 1)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    if len(data) > bytes_max:
        raise click.UsageError(f"{path} is longer than {bytes_max} bytes")
    return data
