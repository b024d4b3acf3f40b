"""`registry worker` does the jobs of a node; `registry jobs` shows them and revives dead ones."""

from uuid import UUID

import click

from registry.app.background import Background
from registry.app.chores import working
from registry.app.node import open_node
from registry.cli.rendering import facts, json_option, panel, show, table_of_ids
from registry.cli.signals import until_signal
from registry.jobs.model import JobStatus
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant

LISTED_MAX = 1000
_REQUEUED_AT_ONCE_MAX = 500


@click.command()
def worker() -> None:
    """Do the jobs of this node, until a signal ends it.

    For settings with jobs = "separate", or beside servers that do them too: each job is
    done by one. At SIGTERM it ends what it is at, and gives back the rest.
    """
    stop = until_signal()
    with open_node() as node:
        threads = Background.start(working(node))
        stop.wait()
        Background.stop(threads)


@click.group()
def jobs() -> None:
    """See what waits to be done; requeue or drop what was given up."""


@jobs.command(name="list")
@click.option("--dead", is_flag=True, help="Only what was given up.")
@click.option("--limit", type=click.IntRange(1, LISTED_MAX), default=50, show_default=True)
@json_option
def list_(dead: bool, limit: int) -> None:
    """List jobs in the order they are due, or dead letters, the oldest first."""
    with open_node() as node, node.database.reading() as transaction:
        list_jobs = node.jobs.dead_letters if dead else node.jobs.waiting
        found = list_jobs(transaction, limit)
    rows = [
        (each.id, each.kind, format_instant(each.run_at), each.failures, each.error)
        for each in found
    ]
    title = "Dead letters" if dead else "Jobs that wait or run"
    show(
        [_document(each) for each in found],
        table_of_ids(title, ("job", "kind", "due", "failures", "last error"), rows),
    )


@jobs.command(name="show")
@click.argument("job", type=click.UUID)
@json_option
def show_(job: UUID) -> None:
    """Show one job: what it is about, how often it was tried, what went wrong last."""
    with open_node() as node, node.database.reading() as transaction:
        document = _document(node.jobs.find(transaction, job))
    shown = {name: "–" if value is None else value for name, value in document.items()}
    show(document, panel("Job", facts(shown)))


@jobs.command()
@click.argument("job", type=click.UUID, nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every dead letter.")
@click.option("--kind", help="With --all: only those of this kind.")
@json_option
def requeue(job: tuple[UUID, ...], is_all: bool, kind: str | None) -> None:
    """Give dead letters all their attempts again, from now on."""
    if bool(job) == is_all:
        raise click.UsageError("Name jobs, or give --all.")
    with open_node() as node:
        now = node.clock.now()
        requeued: list[JsonValue] = []
        wanted = list(job)
        while wanted or is_all:
            with node.database.transaction() as transaction:
                if is_all:
                    dead = node.jobs.dead_letters(transaction, _REQUEUED_AT_ONCE_MAX, kind)
                    wanted = [each.id for each in dead]
                    is_all = len(wanted) == _REQUEUED_AT_ONCE_MAX
                for each in wanted:
                    node.jobs.requeue(transaction, each, now)
            requeued += [str(each) for each in wanted]
            wanted = []
    show({"requeued": requeued}, panel("Requeued", facts({"jobs": len(requeued)}), style="green"))


@jobs.command()
@click.argument("job", type=click.UUID)
@json_option
def drop(job: UUID) -> None:
    """Delete a dead letter for good: its work is not done."""
    with open_node() as node, node.database.transaction() as transaction:
        dropped = node.jobs.find(transaction, job)
        node.jobs.drop(transaction, job)
    document = _document(dropped)
    show(document, panel("Dropped", facts({"job": job, "kind": dropped.kind}), style="yellow"))


def _document(job: JobStatus) -> dict[str, JsonValue]:
    instants = {"leased_until": job.leased_until, "dead_at": job.dead_at}
    return {
        "id": str(job.id),
        "kind": job.kind,
        "payload": dict(job.payload),
        "deduplication_key": job.deduplication_key,
        "run_at": format_instant(job.run_at),
        "attempt": job.attempt,
        "failures": job.failures,
        "error": job.error,
        **{name: None if at is None else format_instant(at) for name, at in instants.items()},
    }
