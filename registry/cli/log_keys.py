"""Which keys a log is verified with: those one was given, else those its node publishes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import click

from registry.client.answers import read_well_known
from registry.client.calls import document_of
from registry.client.knowing import WELL_KNOWN_PATH
from registry.client.receipts import log_public_key
from registry.client.results import LogKey
from registry.client.transport import Connections, Transport
from registry.crypto.cosignature import WitnessKey
from registry.crypto.note import MalformedVerifierKey, VerifierKey, vkey
from registry.ledger.model import Log
from registry.ledger.verifying import Trust

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def origin_of(authority: str) -> str:
    """The address of the node whose logs' names begin with `authority`."""
    scheme = "http" if urlsplit(f"//{authority}").hostname in _LOOPBACK else "https"
    return f"{scheme}://{authority}"


def published_logs(origin: str) -> tuple[LogKey, ...]:
    """The logs and keys the node at `origin` names in its well-known document.

    Raises: RegistryError, ValueError for an address that is none.
    """
    transport = Transport(origin, Connections())
    try:
        answer = transport.exchange("GET", WELL_KNOWN_PATH, body=None, headers={}, seconds_max=30)
        return read_well_known(document_of(answer, datetime.now(UTC))).logs
    finally:
        transport.close()


def given_logs(vkeys: Sequence[str]) -> list[LogKey]:
    """The logs of the nodes whose verifier keys these are.

    A node signs all its logs with one key, under a name of its own for each.
    """
    logs = []
    for text in vkeys:
        given = _verifier(text)
        authority, _, rest = given.name.partition("/log/")
        for log in Log:
            origin = f"{authority}/log/{log.wire_name}/{rest.partition('/')[2]}"
            key = vkey(origin, given.public_key.raw)
            logs.append(LogKey(name=log.wire_name, origin=origin, vkey=key))
    return logs


def trust_of(vkeys: Sequence[str], witnesses: Sequence[str], url: str | None) -> Trust:
    """Whom to believe of the log at `url`, or in a directory.

    Raises: click.UsageError, RegistryError.
    """
    try:
        cosigners = tuple(WitnessKey.from_vkey(text) for text in witnesses)
    except MalformedVerifierKey as error:
        raise click.UsageError(f"--witness: {error}") from error
    if vkeys:
        keys = tuple(_verifier(text) for text in vkeys)
        if len({key.name for key in keys}) != 1:
            raise click.UsageError("--vkey: the keys are of different logs")
        return Trust(log_keys=keys, witnesses=cosigners)
    if url is None:
        raise click.UsageError("Give the log's verifier key with --vkey; a directory proves none.")
    return Trust(log_keys=(_published_verifier(url),), witnesses=cosigners)


def _published_verifier(url: str) -> VerifierKey:
    parts = urlsplit(url)
    name, _, half_year = parts.path.removeprefix("/log/").rstrip("/").partition("/")
    try:
        logs = published_logs(f"{parts.scheme}://{parts.netloc}")
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    log = next((each for each in logs if each.name == name), None)
    if log is None:
        raise click.UsageError(f"{url} is none of the node's logs; give --vkey for another's.")
    origin = f"{log.origin.rpartition('/')[0]}/{half_year}" if half_year else log.origin
    return VerifierKey(name=origin, public_key=log_public_key(log.vkey))


def _verifier(text: str) -> VerifierKey:
    try:
        return VerifierKey.from_vkey(text)
    except MalformedVerifierKey as error:
        raise click.UsageError(f"--vkey: {error}") from error
