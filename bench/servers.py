"""gunicorn as `registry serve` runs it, for the node and for the bare route alike."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.disks import AS_IT_IS, Disk
from registry.cli.node import gunicorn_arguments
from registry.settings import Settings

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running gunicorn; `start_seconds` is until it had answered its first request."""

    port: int
    master: int
    start_seconds: float

    @property
    def workers(self) -> Sequence[int]:
        """The worker processes."""
        return children_of(self.master)

    @property
    def companion(self) -> int | None:
        """The process beside them that does what is no answer, if there is one."""
        beside = [child for worker in self.workers for child in children_of(worker)]
        return beside[0] if beside else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Of one process, in MiB: all it maps, and its part of what it shares."""

    rss: float
    pss: float


@contextmanager
def served(
    settings: Settings,
    lines: Path,
    application: str | None = None,
    *,
    door: str = "flask",
    disk: Disk = AS_IT_IS,
    told: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Served]:
    """Serves the node of `settings` through `door`, or `application` on the same settings.

    `told` is what the application finds in its environment. On a port of its own, whatever
    the origin says. Access lines and errors go to the file `lines`, as in production.
    """
    authority = f"127.0.0.1:{free_port()}"
    environment = {name: value for name, value in os.environ.items() if name[:9] != "REGISTRY_"}
    environment |= {
        "REGISTRY_HOME": str(settings.home),
        "REGISTRY_DATABASE_URL": settings.database_url,
        "REGISTRY_DOOR": door,
        **disk.environment,
        **told,
    }
    arguments = gunicorn_arguments(authority)
    if application is not None:
        # The last --config counts: the same settings, without the node's own threads.
        arguments += ["--config", "python:bench.bare_server", application]
    with lines.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(arguments, env=environment, stdout=output, stderr=output)
        try:
            port = int(authority.rpartition(":")[2])
            _wait_until_answering(process, port, lines)
            took = time.monotonic() - began
            yield Served(port=port, master=process.pid, start_seconds=took)
        except Exception as error:
            # Its lines are gone with everything else when this is read.
            state = "runs" if process.poll() is None else f"ended with {process.returncode}"
            error.add_note(f"{lines.name} {state}: {lines.read_text(errors='replace')[-800:]}")
            raise
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def children_of(parent: int) -> list[int]:
    """The child processes of `parent`."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat_fields(status)
        if fields and int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return sorted(found)


def cpu_seconds(parent: int) -> float:
    """What `parent` and all that descend from it have used of the processors so far."""
    fields = _stat_fields(Path(f"/proc/{parent}/stat"))
    own = (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND if fields else 0.0
    return own + sum(map(cpu_seconds, children_of(parent)))


def memory_of(process: int) -> Memory:
    """What `process` holds now."""
    kibibytes = {}
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
        name, value, _ = line.split(maxsplit=2)
        kibibytes[name] = int(value)
    return Memory(rss=kibibytes["Rss:"] / 1024, pss=kibibytes["Pss:"] / 1024)


def largest_of(server: Served) -> Memory:
    """What the largest worker of `server` holds now."""
    return max(map(memory_of, server.workers), key=lambda memory: memory.rss)


def _stat_fields(path: Path) -> list[str]:
    """The fields after the command's name (state first); none when the process is gone."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _wait_until_answering(process: "subprocess.Popen[bytes]", port: int, lines: Path) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(START_SECONDS_MAX)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                probe.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
                if probe.recv(64):
                    return
        time.sleep(0.05)
    raise SystemExit(f"the server did not start:\n{lines.read_text(errors='replace')[-2000:]}")
