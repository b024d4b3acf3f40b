"""Writes a log as files anyone can serve or keep: tiles and bundles, the checkpoint last."""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from registry.crypto import checkpoint, note
from registry.crypto.tiles import TILE_WIDTH, Bundle
from registry.database.engine import Database
from registry.ledger import log_store
from registry.ledger.model import Shard
from registry.ledger.publishing import checkpoint_of, resource_of
from registry.ledger.sources import CHECKPOINT_PATH
from registry.ledger.verifying import places

VKEY_PATH = "vkey"
Progress = Callable[[int, int], None]


class Folder(Protocol):
    """Somewhere files are written by their relative paths."""

    def write(self, path: str, data: bytes) -> None:
        """Writes a file, in place of one that is there."""
        ...

    @contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        """A file to write piece by piece."""
        ...


class DirectoryFolder:
    """A directory; a file is there whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, path: str, data: bytes) -> None:
        """Writes a file, in place of one that is there."""
        with self.writing(path) as file:
            file.write(data)

    @contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        """A file to write piece by piece."""
        target = self._directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.new")
        with beside.open("wb") as file:
            yield file
        beside.replace(target)


class ZipFolder:
    """A zip archive that is being made."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def write(self, path: str, data: bytes) -> None:
        """Writes a file; each path once."""
        self._archive.writestr(path, data)

    @contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        """A file to write piece by piece."""
        with self._archive.open(path, "w", force_zip64=True) as file:
            yield file  # type: ignore[misc] # a ZipExtFile is written like any other


class SubFolder:
    """A folder inside another."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder = folder
        self._name = name

    def write(self, path: str, data: bytes) -> None:
        """Writes a file, in place of one that is there."""
        self._folder.write(f"{self._name}/{path}", data)

    @contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        """A file to write piece by piece."""
        with self._folder.writing(f"{self._name}/{path}") as file:
            yield file


@contextmanager
def open_folder(path: Path) -> Iterator[Folder]:
    """A new zip archive where `path` ends in .zip, else a directory."""
    if path.suffix != ".zip":
        yield DirectoryFolder(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            yield ZipFolder(archive)
        shutil.move(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def published_shards(database: Database) -> list[Shard]:
    """The shards that have a checkpoint, by their names."""
    with database.reading() as transaction:
        heads = log_store.heads(transaction)
    shards = [head.shard for head in heads if head.checkpoint is not None]
    return sorted(shards, key=lambda shard: shard.name)


def export_log(
    database: Database,
    shard: Shard,
    folder: Folder,
    *,
    vkey: str,
    progress: Progress = lambda done, total: None,
) -> checkpoint.Checkpoint:
    """Writes all files of a shard as far as it is published, and its verifier key.

    Raises: NoSuchLog.
    """
    with database.reading() as transaction:
        signed = checkpoint_of(transaction, shard)
    newest = checkpoint.parse(note.parse(signed.encode()).text)
    for place in places(newest.size):
        # One short transaction a file: what is published never changes.
        with database.reading() as transaction:
            data = resource_of(transaction, shard, place.path())
        folder.write(place.path(), data)
        if isinstance(place, Bundle):
            progress(place.index * TILE_WIDTH + place.width, newest.size)
    folder.write(VKEY_PATH, f"{vkey}\n".encode())
    # Crash point: until the checkpoint is written, a reader sees the log as it was,
    # all of whose files are still there.
    folder.write(CHECKPOINT_PATH, signed.encode())
    return newest
