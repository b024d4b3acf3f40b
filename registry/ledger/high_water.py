"""The high-water mark: what was signed last, kept where no database backup reaches.

A log that has promised a size and a root may never sign less, nor another
history. The mark is written before a checkpoint is served; a database that was
restored, or a second one, cannot meet it and so cannot fork the log.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry.kernel import base64url


class LogForked(Exception):
    """The database holds another history than the one that was signed: stop and look."""


class MarkMoved(Exception):
    """Another moved the mark meanwhile: what was compared with it must be compared again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A tree that was signed: no other of its size may ever be."""

    size: int
    root: bytes


class HighWaterMarks:
    """One small file a log shard, moved forward by compare-and-swap under a file lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, name: str) -> Mark | None:
        """The mark of a shard; None before its first checkpoint."""
        try:
            document = json.loads(self._path(name).read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        return Mark(size=document["size"], root=base64url.decode(document["root"]))

    def advance(self, name: str, *, seen: Mark | None, to: Mark) -> None:
        """Moves a mark from `seen` to `to`, durably.

        Raises: MarkMoved when it is not at `seen` any more.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        with self._locked(name):
            if self.read(name) != seen:
                raise MarkMoved(name)
            path = self._path(name)
            beside = path.with_suffix(".new")
            text = json.dumps({"size": to.size, "root": base64url.encode(to.root)}) + "\n"
            with beside.open("w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # Crash point: the old mark or the new one, never half of one.
            beside.replace(path)
            directory = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def _path(self, name: str) -> Path:
        return self._directory / f"{name.replace('/', '-')}.json"

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with self._path(name).with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
