"""`registry keys`: a member makes and proves its keys, an operator registers them."""

import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from registry.app.node import open_node
from registry.cli.membership import (
    day,
    key_document,
    key_proof_option,
    key_state,
    member_named,
    present,
    read_proof,
    yes_option,
)
from registry.cli.rendering import facts, json_option, panel, show, table_of_ids, wants_json
from registry.crypto.keyfile import create_guarded, read_guarded
from registry.crypto.signature import Algorithm, PrivateKey
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.members.key_proof import JTI_BYTES, PROOF_LIFE_MAX, make_key_proof
from registry.members.model import OVERLAP_MAX, MemberKey

PROOF_SUFFIX = ".proof"

# A JWK thumbprint (RFC 7638): SHA-256 in base64url, which is 43 characters.
_KID = re.compile(r"[A-Za-z0-9_-]{43}")


@click.group()
def keys() -> None:
    """Generate, add, revoke and rotate keys."""


@keys.command()
@click.option("--origin", required=True, metavar="URL", help="The registry it is for.")
@click.option(
    "--out",
    required=True,
    metavar="FILE.pem",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the private key goes; it stays there.",
)
@click.option(
    "--alg",
    type=click.Choice([algorithm.value for algorithm in Algorithm]),
    default=Algorithm.EDDSA.value,
    show_default=True,
)
@json_option
def generate(origin: str, out: Path, alg: str) -> None:
    """Make a private key, and the proof to send to the operator.

    The key is written to FILE.pem, readable by you alone and never overwritten;
    the proof to FILE.proof beside it. Nothing is sent anywhere.
    """
    key = PrivateKey.generate(Algorithm(alg))
    create_guarded(out, key.to_pem())
    proof_file = out.with_suffix(PROOF_SUFFIX)
    now = present()
    proof_file.write_text(_prove(key, origin) + "\n", encoding="ascii")
    document: dict[str, JsonValue] = {
        "kid": key.public.kid,
        "alg": alg,
        "private_key_file": str(out),
        "proof_file": str(proof_file),
        "proof_expires_at": format_instant((now + PROOF_LIFE_MAX).replace(microsecond=0)),
    }
    show(document, panel("Keep the key; send the proof", facts(document), style="green"))


@keys.command()
@click.option(
    "--key",
    "key_file",
    required=True,
    metavar="FILE.pem",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The private key.",
)
@click.option("--origin", required=True, metavar="URL", help="The registry it is for.")
@json_option
def prove(key_file: Path, origin: str) -> None:
    """Print a fresh proof that you hold a key, good for a week."""
    try:
        key = PrivateKey.from_pem(read_guarded(key_file))
    except ValueError as error:
        raise click.UsageError(f"{key_file} is not an Ed25519 or P-256 key in PEM.") from error
    proof = _prove(key, origin)
    if wants_json():
        show({"kid": key.public.kid, "proof": proof})
    else:
        # By no console, which would break it into lines.
        click.echo(proof)


@keys.command()
@click.argument("member")
@key_proof_option
@json_option
def add(member: str, key_proof: str) -> None:
    """Register one more key for MEMBER, an id or a name."""
    proof = read_proof(key_proof)
    with open_node() as node, node.database.transaction() as transaction:
        found = member_named(node, transaction, member)
        key = node.members.add_key(transaction, found.id, proof, present())
    _show_keys("Registered", [key])


@keys.command(name="list")
@click.argument("member")
@json_option
def list_keys(member: str) -> None:
    """List every key MEMBER, an id or a name, has or had."""
    with open_node() as node, node.database.reading() as transaction:
        found = member_named(node, transaction, member)
        known = node.members.keys_of(transaction, found.id)
    _show_keys(None, known)


class _KidCommand(click.Command):
    """A command on a kid: base64url, so one in 64 begins with the dash of an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" not in args:
            options = [each for each in args if not _KID.fullmatch(each)]
            args = [*options, "--", *filter(_KID.fullmatch, args)]
        return super().parse_args(ctx, args)


@keys.command(cls=_KidCommand)
@click.argument("kid")
@yes_option
@json_option
def revoke(kid: str, yes: bool) -> None:
    """End the key KID now; it cannot be registered again."""
    if not yes:
        click.confirm(f"Revoke {kid}?", abort=True, err=True)
    with open_node() as node, node.database.transaction() as transaction:
        key = node.members.revoke_key(transaction, kid, present())
    _show_keys("Revoked", [key])


@keys.command()
@click.argument("member")
@key_proof_option
@click.option(
    "--overlap",
    required=True,
    metavar="HOURS",
    type=click.IntRange(min=0, max=int(OVERLAP_MAX / timedelta(hours=1))),
    help="How long the old key goes on working.",
)
@json_option
def rotate(member: str, key_proof: str, overlap: int) -> None:
    """Register a new key for MEMBER, and end its old one after HOURS."""
    proof = read_proof(key_proof)
    with open_node() as node, node.database.transaction() as transaction:
        found = member_named(node, transaction, member)
        changed = node.members.rotate_key(
            transaction, found.id, proof, timedelta(hours=overlap), present()
        )
    _show_keys("Rotated", changed)


def _prove(key: PrivateKey, origin: str) -> str:
    jti = secrets.token_bytes(JTI_BYTES)
    # An address copied from a browser ends in a slash; an origin does not.
    return make_key_proof(key, audience=origin.rstrip("/"), now=present(), jti=jti)


def _show_keys(title: str | None, shown: Sequence[MemberKey]) -> None:
    now = present()
    rows = [
        (key.kid, key.public_key.algorithm.value, day(key.registered_at), key_state(key, now))
        for key in shown
    ]
    columns = ["kid", "alg", "registered", "state"]
    show([key_document(key) for key in shown], table_of_ids(title, columns, rows))
