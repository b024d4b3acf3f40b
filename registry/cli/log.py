"""`registry log`: verify a log from outside; check, export, bundle and sequence it inside."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from registry.app.background import repeat
from registry.app.chores import sequencing
from registry.app.node import Node, open_node
from registry.cli.connecting import named_profile
from registry.cli.log_keys import trust_of
from registry.cli.log_source import UrlSource
from registry.cli.rendering import facts, json_option, panel, show
from registry.cli.signals import until_signal
from registry.client.signing import Signer
from registry.crypto.note import encode_base64, vkey
from registry.crypto.signature import PrivateKey
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import Prefix, parse_id
from registry.ledger.bundling import BundleMaker
from registry.ledger.exporting import SubFolder, export_log, open_folder, published_shards
from registry.ledger.high_water import LogForked
from registry.ledger.model import Log, Shard
from registry.ledger.openings import OpenedEntry, read_lines
from registry.ledger.publishing import NoSuchLog
from registry.ledger.sources import DirectorySource, Source
from registry.ledger.verifying import Verified, verify_log

_SCHEMES = ("http://", "https://")
_FILE = click.Path(dir_okay=False, path_type=Path)
_LOG = click.Choice([log.wire_name for log in Log])


@click.group()
def log() -> None:
    """Verify the transparency logs; check, export and sequence a node's own."""


@log.command()
@click.argument("place", metavar="URL|DIR")
@click.option("--vkey", "vkeys", multiple=True, metavar="VKEY", help="The log's verifier key.")
@click.option(
    "--witness", "witnesses", multiple=True, metavar="VKEY", help="It must have cosigned."
)
@click.option("--seen", type=_FILE, help="Keeps the checkpoint that was verified last.")
@click.option("--openings", type=_FILE, help="entries.jsonl of a bundle: its commitments too.")
@click.option("--profile", type=_FILE, help="A member's profile, to read signed tiles.")
@click.option("--as", "member_name", metavar="NAME", help="A member of the demo, likewise.")
@json_option
def verify(
    place: str,
    vkeys: tuple[str, ...],
    witnesses: tuple[str, ...],
    seen: Path | None,
    openings: Path | None,
    profile: Path | None,
    member_name: str | None,
) -> None:
    """Verify a whole log, and that it continues what was seen last.

    URL is such as https://registry.example/log/incidents/2026h2; DIR is what
    `registry log export` writes. Without --vkey the key is the one the node
    publishes: that is as much as the connection to it can be believed.
    """
    url = place if place.startswith(_SCHEMES) else None
    trust = trust_of(vkeys, witnesses, url)
    seen_file = seen or _seen_file(trust.origin)
    with ExitStack() as stack:
        lines = iter(()) if openings is None else stack.enter_context(_opened(openings))
        verified = verify_log(
            stack.enter_context(_source(place, member_name, profile)),
            trust=trust,
            seen=seen_file.read_bytes() if seen_file.exists() else None,
            openings=lines,
            progress=stack.enter_context(_progress("Verifying")),
        )
    _keep(seen_file, verified.signed)
    _show_verified(verified, seen_file, "given" if vkeys else "published by the node")


@log.command()
@json_option
def fsck() -> None:
    """Compare this node's database with its logs, and name the first bad row."""
    with open_node() as node, _progress("Comparing") as progress:
        checked = node.fsck.check(progress)
    document: dict[str, JsonValue] = {
        "agrees": True,
        "logs": list(checked.shards),
        "entries": checked.entries,
        "erased": checked.erased,
        "waiting": checked.waiting,
    }
    shown = {**document, "agrees": "yes", "logs": ", ".join(checked.shards)}
    show(document, panel("The database and its logs agree", facts(shown), style="green"))


@log.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option("--log", "names", type=_LOG, multiple=True, default=["incidents"], show_default=True)
@json_option
def export(directory: Path, names: tuple[str, ...]) -> None:
    """Write logs as static files that any web server can serve: DIR/incidents/2026h2/…

    The access log's files are for supervisors and mirrors only.
    """
    exported: dict[str, int] = {}
    with open_node() as node, open_folder(directory) as folder, _progress("Writing") as progress:
        for shard in published_shards(node.database):
            if shard.log.wire_name in names:
                newest = export_log(
                    node.database,
                    shard,
                    SubFolder(folder, shard.name),
                    vkey=_vkey(node, shard),
                    progress=progress,
                )
                exported[newest.origin] = newest.size
    document: list[JsonValue] = [
        {"origin": origin, "size": size} for origin, size in exported.items()
    ]
    lines = {origin: f"{size} entries" for origin, size in exported.items()}
    show(document, panel(f"Written to {directory}", facts(lines)))


@log.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="BUNDLE")
@click.option("--log", "name", type=_LOG, required=True)
@click.option("--half-year", required=True, metavar="YYYYhN", help="Such as 2026h2.")
@click.option("--entry", "entries", multiple=True, metavar="ent_…", help="Only these entries.")
@json_option
def bundle(path: Path, name: str, half_year: str, entries: tuple[str, ...]) -> None:
    """Write entries with openings and proofs, for a verifier that has nothing else.

    BUNDLE is a directory, or a file that ends in .zip. It shows whom entries are
    about: it is an export, and the access log says so.
    """
    shard = Shard(log=Log[name.upper()], half_year=half_year)
    try:
        uuids = {parse_id(Prefix.ENTRY, each) for each in entries}
    except ValueError as error:
        raise click.UsageError(f"--entry: {error}") from error
    with open_node() as node:
        if shard not in published_shards(node.database):
            raise NoSuchLog(f"{shard.name} is not published.")
        maker = BundleMaker(database=node.database, contents=node.contents, ledger=node.ledger)
        maker.record(shard, uuids, edition=node.rulebook.current.name, now=node.clock.now())
        with open_folder(path) as folder, _progress("Writing") as progress:
            key = _vkey(node, shard)
            if uuids:
                with node.database.reading() as transaction:
                    count = maker.some(transaction, shard, folder, vkey=key, entries=uuids)
            else:
                count = maker.whole(shard, folder, vkey=key, progress=progress)
    document: dict[str, JsonValue] = {"bundle": str(path), "log": shard.name, "entries": count}
    show(document, panel("Bundle written", facts(document)))


@log.command()
def sequence() -> None:
    """Give waiting entries their places in the logs, until a signal ends it.

    For settings with sequencer = "separate". Beside another sequencer it waits
    for that one to end.
    """
    stop = until_signal()
    with open_node() as node:
        try:
            repeat(sequencing(node), stop)
        except LogForked as error:
            raise click.ClickException(f"The log is halted: {error}") from error


@contextmanager
def _source(place: str, member_name: str | None, profile: Path | None) -> Iterator[Source]:
    chosen = named_profile(member_name, profile)
    if not place.startswith(_SCHEMES):
        yield DirectorySource(Path(place))
        return
    try:
        signer = None
        if chosen is not None:
            key = PrivateKey.from_pem(chosen.private_key_file.read_bytes())
            signer = Signer(origin=chosen.origin, member=chosen.member, key=key)
        source = UrlSource(place, signer)
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    if signer is not None and not place.startswith(f"{signer.origin}/"):
        raise click.UsageError(f"The profile's signatures are for {signer.origin} only.")
    try:
        yield source
    finally:
        source.close()


@contextmanager
def _opened(path: Path) -> Iterator[Iterator[OpenedEntry]]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    with file:
        yield read_lines(file)


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(title, total=None)

        def move(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield move


def _seen_file(origin: str) -> Path:
    directory = Path(click.get_app_dir("consumer-credit-registry"))
    return directory / "seen" / quote(origin, safe="")


def _keep(path: Path, signed: bytes) -> None:
    # Crash point: the old checkpoint or the new one; either was verified.
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(signed)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _vkey(node: Node, shard: Shard) -> str:
    return vkey(f"{node.settings.authority}/log/{shard.name}", node.signing_key.public.raw)


def _show_verified(verified: Verified, seen_file: Path, key: str) -> None:
    tree = verified.checkpoint
    document: dict[str, JsonValue] = {
        "verified": True,
        "origin": tree.origin,
        "size": tree.size,
        "root": encode_base64(tree.root),
        "tiles": verified.tiles,
        "openings": verified.opened,
        "seen_before": verified.seen_size,
        "seen_file": str(seen_file),
        "key": key,
    }
    shown = {name: "–" if value is None else value for name, value in document.items()}
    del shown["verified"]
    show(document, panel("The log verifies", facts(shown), style="green"))
