"""The servers beside each other on one node: the doors, and what they are compared with."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.disks import Disk
from bench.names import STATIC
from bench.nodes import Place
from bench.servers import Memory, Served, largest_of, memory_of, served
from bench.static_files import FILE
from registry.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What a server takes before anybody asks for speed.

    `start_seconds` is until it had answered its first request; memory is that of its
    largest worker, and of its companion, after all rounds. A server without rounds has
    only started.
    """

    start_seconds: float
    workers: int
    worker_memory: Memory
    companion_memory: Memory | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineUp:
    """Running servers by the door they are called after; `static_file` is what STATIC serves."""

    by_door: Mapping[str, Served]
    static_file: Path

    def server_of(self, operation: str) -> Served:
        """The server an operation is sent to."""
        if operation == "bare.flask":
            return self.by_door["bare"]
        return self.by_door[operation.partition(".")[2]]

    def facts(self) -> Mapping[str, ServerFacts]:
        """What each takes now."""
        return {
            door: ServerFacts(
                start_seconds=server.start_seconds,
                workers=len(server.workers),
                worker_memory=largest_of(server),
                companion_memory=None if beside is None else memory_of(beside),
            )
            for door, server in self.by_door.items()
            for beside in [server.companion]
        }


@contextmanager
def lined_up(
    settings: Settings, home: Path, place: Place, disk: Disk, *, serves_static: bool
) -> Iterator[LineUp]:
    """Starts them one after the other, each alone while it starts, all with the same settings."""
    static_file = home / "buckets.json"
    with ExitStack() as stack:

        def start(door: str, application: str | None = None, *, on: str = "flask") -> Served:
            told = {FILE: str(static_file)} if application else {}
            lines = home / f"{door}.txt"
            return stack.enter_context(
                served(settings, lines, application, door=on, disk=disk, told=told)
            )

        by_door = {
            "flask": start("flask"),
            "lean": start("lean", on="lean"),
            "bare": start("bare", "bench.bare:app"),
        }
        if serves_static:
            door = STATIC.partition(".")[2]
            by_door[door] = start(door, "bench.static_files:app", on="lean")
        if place.postmaster is not None:
            # It is written for PostgreSQL.
            by_door["handwritten"] = start("handwritten", "bench.handwritten:create_app()")
        yield LineUp(by_door=by_door, static_file=static_file)
