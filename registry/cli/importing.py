"""`registry import`: a platform's history, from a file into the registry, and on after a kill.

    file --> lines --> tokens, 64 in a call --> bodies --> imports --> what was refused
      '-- FILE.import.json says how far: written before anything is taken for done

Identifiers are turned into tokens on this machine. What a kill leaves half done is
sent again: a report that is filed already is found by its reference.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from registry.cli.connecting import connects
from registry.cli.import_checkpoint import Checkpoint
from registry.cli.rendering import facts, json_option, panel, show, wants_json
from registry.client import documents
from registry.client.calls import json_body
from registry.client.importing import ImportProgress, Imports
from registry.client.problems import RegistryProblem
from registry.client.registry import Registry
from registry.client.requests import Identifier
from registry.client.results import IdentityToken
from registry.client.sources import (
    Fault,
    SourceLine,
    SourceUnreadable,
    read_lines,
    read_mapping,
)
from registry.identity.normalise import InvalidIdentifier

Made = TypeVar("Made")

REPORTS_A_BODY = 2000
# Half of what a registry takes in one body.
BODY_BYTES_MAX = 32 * 1024 * 1024
# Fewer than the client keeps, so that none of them is asked for twice.
TOKENS_AT_ONCE = 1024
PENDING_MAX = 4
POLL_SECONDS = 1.0
WAIT_SECONDS_MAX = 3600


@click.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For CSV: which column is which member (TOML).",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 20_000),
    default=REPORTS_A_BODY,
    show_default=True,
    help="How many reports to send in one body.",
)
@connects
@json_option
def import_file(registry: Registry, file: Path, mapping: Path | None, at_once: int) -> None:
    """Report everything in FILE: newline-delimited JSON, or CSV with a mapping.

    Each line is a report as `registry report` takes it; its identities may carry
    `identifier` in place of `key_id` and `token`. Lines that are refused go to
    FILE.errors.ndjson, with their numbers and all that is wrong with them. Killed, the
    command goes on where it was when it is called again; FILE.import.json says where.

    \b
      registry import history.ndjson
      registry import history.csv --mapping columns.toml
    """
    if not file.is_file():
        # A pipe would be empty when its lines are asked for: nothing filed, and no word of it.
        raise click.UsageError(f"{file} is read more than once: save it to a file first.")
    try:
        mapped = None if mapping is None else read_mapping(mapping)
        source = _source(registry, file, mapping)
        checkpoint = Checkpoint.of(file.with_name(file.name + ".import.json"), source)
        errors = file.with_name(file.name + ".errors.ndjson")
        with _bar(file, checkpoint) as bar:
            _Run(registry, checkpoint, errors, bar, at_once).all(read_lines(file, mapped))
    except (SourceUnreadable, OSError) as error:
        raise click.UsageError(str(error)) from error
    # Done: called again, it would begin anew, and find everything filed already.
    checkpoint.path.unlink(missing_ok=True)
    _show(checkpoint, errors)
    if checkpoint.refused:
        click.get_current_context().exit(1)


class _Bar:
    """A bar on the terminal, or nothing where JSON is wanted."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def at(self, lines: int, checkpoint: Checkpoint) -> None:
        """Shows how far it is."""
        self._progress.update(
            self._task,
            completed=lines,
            filed=checkpoint.filed,
            repeated=checkpoint.repeated,
            refused=checkpoint.refused,
        )


class _Run:
    """One call of the command."""

    def __init__(
        self,
        registry: Registry,
        checkpoint: Checkpoint,
        errors: Path,
        bar: _Bar,
        at_once: int,
    ) -> None:
        self._registry = registry
        self._imports = Imports(registry)
        self._checkpoint = checkpoint
        self._errors = errors
        self._bar = bar
        self._at_once = at_once

    def all(self, lines: Iterator[SourceLine]) -> None:
        """Sends what was not sent, and sees everything to its end."""
        checkpoint = self._checkpoint
        self._cut_errors()
        left = (line for line in lines if line.number > checkpoint.lines_sent)
        while batch := list(islice(left, self._at_once)):
            while len(checkpoint.pending) >= PENDING_MAX:
                self._settle_first()
            self._send(batch)
        while checkpoint.pending:
            self._settle_first()

    def _send(self, batch: Sequence[SourceLine]) -> None:
        """Tokens, bodies, and only then the checkpoint.

        Crash point: sent and not noted is sent again, and found filed already.
        """
        checkpoint = self._checkpoint
        refused: list[dict[str, Any]] = []
        readable: list[SourceLine] = []
        wanted: list[Identifier] = []
        for line in batch:
            identifiers, faults = self._read(line)
            if faults:
                refused.append(_local_error(line, faults))
            else:
                wanted += identifiers
                readable.append(line)
        made = self._tokens(wanted)

        def next_tokens(identifiers: Sequence[Identifier]) -> list[IdentityToken]:
            return list(islice(made, len(identifiers)))

        lines = [
            (line.number, json_body(documents.with_tokens(line.document or {}, next_tokens)))
            for line in readable
        ]
        for body in _bodies(lines):
            started = self._patiently(partial(self._imports.start, [data for _, data in body]))
            checkpoint.pending.append((started.id, [number for number, _ in body]))
        self._note_errors(refused)
        checkpoint.refused += len(refused)
        checkpoint.lines_sent = batch[-1].number
        checkpoint.keep()
        self._bar.at(checkpoint.lines_sent, checkpoint)

    def _tokens(self, identifiers: Sequence[Identifier]) -> Iterator[IdentityToken]:
        """The tokens of all of them, some at a time: what a spent quota ends is begun anew."""
        for start in range(0, len(identifiers), TOKENS_AT_ONCE):
            some = identifiers[start : start + TOKENS_AT_ONCE]
            yield from self._patiently(partial(self._registry.tokens_for, some))

    def _read(self, line: SourceLine) -> tuple[list[Identifier], list[Fault]]:
        """The identifiers of a line, and everything that keeps it from being sent."""
        found: list[Identifier] = []
        faults = list(line.faults)
        if line.document is None:
            return found, faults
        try:
            for index, each in documents.identifiers_in(line.document):
                if isinstance(each, documents.DocumentUnreadable):
                    faults.append(Fault(pointer=f"/identities/{index}", detail=str(each)))
                    continue
                try:
                    self._registry.check([each])
                except InvalidIdentifier as error:
                    pointer = f"/identities/{index}/{documents.IDENTIFIER_MEMBER}"
                    faults.append(Fault(pointer=pointer, detail=str(error)))
                found.append(each)
        except documents.DocumentUnreadable as error:
            faults.append(Fault(pointer="/identities", detail=str(error)))
        return found, faults

    def _settle_first(self) -> None:
        """Waits for the oldest import, and notes what was refused of it."""
        checkpoint = self._checkpoint
        wanted, numbers = checkpoint.pending[0]
        ended = self._wait(wanted)
        refused = [
            {
                "line": numbers[each.line - 1],
                "reference": each.reference,
                "problem": dict(each.problem),
            }
            for each in self._imports.refused(wanted)
        ]
        if ended.state == "stopped":
            raise click.ClickException(
                "The registry stopped the import: this member may not report any more."
            )
        self._note_errors(refused)
        checkpoint.filed += ended.filed
        checkpoint.repeated += ended.repeated
        checkpoint.refused += ended.refused
        checkpoint.pending.pop(0)
        checkpoint.keep()
        self._bar.at(checkpoint.lines_sent, checkpoint)

    def _wait(self, wanted: str) -> ImportProgress:
        until = time.monotonic() + WAIT_SECONDS_MAX
        while not (progress := self._imports.progress(wanted)).has_ended:
            if time.monotonic() > until:
                raise click.ClickException(
                    f"{wanted} has not ended for an hour: does the registry's worker run?"
                    " Call again to go on."
                )
            time.sleep(POLL_SECONDS)
        return progress

    def _patiently(self, act: Callable[[], Made]) -> Made:
        """Waits as long as the registry asks for, when a quota is spent."""
        while True:
            try:
                return act()
            except RegistryProblem as problem:
                if problem.status != 429 or problem.retry_after_seconds is None:
                    raise
                time.sleep(problem.retry_after_seconds)

    def _cut_errors(self) -> None:
        # What was written after the last checkpoint will be written again.
        if self._errors.exists():
            with self._errors.open("r+b") as file:
                file.truncate(self._checkpoint.errors_bytes)

    def _note_errors(self, refused: Sequence[dict[str, Any]]) -> None:
        if not refused:
            return
        with self._errors.open("ab") as file:
            for each in refused:
                file.write(json.dumps(each, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            self._checkpoint.errors_bytes = file.tell()


def _bodies(lines: Sequence[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Numbered lines as bodies no longer than a registry takes."""
    body: list[tuple[int, bytes]] = []
    size = 0
    for number, data in lines:
        if body and size + len(data) >= BODY_BYTES_MAX:
            yield body
            body, size = [], 0
        body.append((number, data))
        size += len(data) + 1
    if body:
        yield body


def _local_error(line: SourceLine, faults: Sequence[Fault]) -> dict[str, Any]:
    """Everything that is wrong with a line that was not sent; it repeats no identifier."""
    reference = None if line.document is None else line.document.get("reference")
    return {
        "line": line.number,
        "reference": reference if isinstance(reference, str) else None,
        "problem": {
            "title": "The line was not sent",
            "detail": "; ".join(each.detail for each in faults),
            "errors": [
                {"pointer": each.pointer, "code": "invalid", "detail": each.detail}
                for each in faults
            ],
        },
    }


def _source(registry: Registry, file: Path, mapping: Path | None) -> str:
    """What a checkpoint is good for: these bytes, read so, told to this registry."""
    digest = hashlib.sha256(f"{registry.origin}\x00{registry.member}\x00".encode())
    for path in (file, mapping):
        if path is not None:
            with path.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()


def _bar(file: Path, checkpoint: Checkpoint) -> _Bar:
    with file.open("rb") as opened:
        lines, last = 0, b"\n"
        for piece in iter(lambda: opened.read(1 << 20), b""):
            lines, last = lines + piece.count(b"\n"), piece[-1:]
        lines += last != b"\n"
    progress = Progress(
        TextColumn("{task.completed}/{task.total} lines"),
        BarColumn(),
        TextColumn("{task.fields[filed]} filed, {task.fields[refused]} refused"),
        TimeRemainingColumn(),
        disable=wants_json(),
    )
    task = progress.add_task(
        "import",
        total=lines,
        completed=checkpoint.lines_sent,
        filed=checkpoint.filed,
        repeated=checkpoint.repeated,
        refused=checkpoint.refused,
    )
    return _Bar(progress, task)


def _show(checkpoint: Checkpoint, errors: Path) -> None:
    document: dict[str, Any] = {
        "filed": checkpoint.filed,
        "repeated": checkpoint.repeated,
        "refused": checkpoint.refused,
    }
    if checkpoint.refused:
        document["errors"] = str(errors)
    style = "yellow" if checkpoint.refused else "green"
    show(document, panel("The file is imported", facts(document), style=style))
