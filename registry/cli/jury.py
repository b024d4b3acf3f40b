"""`registry jury`: recompute who was drawn for a case, and how they voted."""

from urllib.parse import urlsplit

import click

from registry.app.node import open_node
from registry.appeals.jury_verifier import JuryNotVerified, VerifiedRound, verify_case
from registry.cli.log_keys import given_logs, origin_of, published_logs
from registry.cli.parameters import read_at_most
from registry.cli.rendering import facts, json_option, panel, show
from registry.client.receipts import ReceiptNotVerified, log_public_key
from registry.client.transport import Connections, Transport
from registry.crypto.note import VerifierKey, encode_base64, vkey
from registry.kernel import strict_json
from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.ids import Prefix, parse_id
from registry.ledger.model import Log, Shard, half_year_of
from registry.rulebook.editions import load_editions

DOCUMENT_BYTES_MAX = 4 * 1024 * 1024
_SCHEMES = ("http://", "https://")


@click.group()
def jury() -> None:
    """Recompute the juries of appeals from what is published of them."""


@jury.command()
@click.argument("case", metavar="CASE")
@click.option("--from", "place", metavar="ORIGIN|FILE", help="Where it is, if not this node.")
@click.option("--vkey", "vkeys", multiple=True, metavar="VKEY", help="The log's verifier key.")
@json_option
def verify(case: str, place: str | None, vkeys: tuple[str, ...]) -> None:
    """Verify the juries of CASE: that the list was fixed first, and who was drawn from it.

    ORIGIN is a registry such as https://registry.example; FILE is its answer to
    GET /v1/jury/CASE, - standard input. With --vkey and FILE nothing is asked of anybody;
    without --vkey the key is the one the node publishes. Without --from it is the node of
    REGISTRY_HOME.
    """
    try:
        parse_id(Prefix.APPEAL, case)
    except ValueError as error:
        raise click.UsageError(f"CASE: {error}") from error
    keys = _Keys(vkeys)
    document = _own(case, keys) if place is None else strict_json.parse(_read(case, place))
    if not isinstance(document, dict) or document.get("case") != case:
        raise JuryNotVerified("the document is of another case")
    verified = verify_case(document, editions=load_editions(), key_of=keys.of)
    shown: list[JsonValue] = [_document(each) for each in verified]
    show(
        {"verified": True, "case": case, "rounds": shown},
        *(panel(_title(each), facts(_document(each)), style="green") for each in verified),
    )


class _Keys:
    """The keys logs are believed by: those given, else those their nodes publish."""

    def __init__(self, vkeys: tuple[str, ...]) -> None:
        self._given = given_logs(vkeys)

    def also(self, vkey: str) -> None:
        """Believes this key, where none was given."""
        self._given = self._given or given_logs([vkey])

    def of(self, origin: str) -> VerifierKey:
        """The key of the log of this origin. Raises: JuryNotVerified, RegistryError."""
        stem = origin.rpartition("/")[0]
        known = self._given or published_logs(origin_of(origin.partition("/log/")[0]))
        for each in known:
            if each.origin.rpartition("/")[0] == stem:
                try:
                    return VerifierKey(name=origin, public_key=log_public_key(each.vkey))
                except ReceiptNotVerified as error:
                    raise JuryNotVerified(str(error)) from error
        raise JuryNotVerified(f"no key is known of {origin}")


def _own(case: str, keys: _Keys) -> object:
    """What this node publishes, verified by its own key where none is given."""
    with open_node() as node, node.database.reading() as transaction:
        document = node.contesting.judging.publishing.case(transaction, case)
        shard = Shard(log=Log.INCIDENTS, half_year=half_year_of(node.clock.now()))
        origin = f"{node.settings.authority}/log/{shard.name}"
        keys.also(vkey(origin, node.signing_key.public.raw))
    return strict_json.parse(canonical_json(document))


def _read(case: str, place: str) -> bytes:
    if not place.startswith(_SCHEMES):
        return read_at_most(place, DOCUMENT_BYTES_MAX)
    parts = urlsplit(place)
    transport = Transport(f"{parts.scheme}://{parts.netloc}", Connections())
    try:
        answer = transport.exchange(
            "GET", f"/v1/jury/{case}", body=None, headers={}, seconds_max=30
        )
    finally:
        transport.close()
    if answer.status != 200:
        raise JuryNotVerified(f"the registry answered {answer.status}")
    return answer.body


def _title(verified: VerifiedRound) -> str:
    return f"Round {verified.round} is the one that was drawn"


def _document(verified: VerifiedRound) -> dict[str, JsonValue]:
    return {
        "round": verified.round,
        "candidates": verified.candidates,
        "jurors": verified.jurors,
        "alternates": verified.alternates,
        "log": verified.log,
        "beacon_size": verified.size,
        "beacon_root": encode_base64(verified.root),
        "verdict": verified.verdict and verified.verdict.value,
    }
