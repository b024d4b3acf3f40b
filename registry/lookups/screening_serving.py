"""Serves the index and the buckets as ready bytes; no call touches the database.

Both doors ask `ScreeningDoor.answer` with a path and headers, and send what it says.
What it serves is exchanged whole when a newer snapshot is published: within
STALE_SECONDS_MAX, by a chore that calls `refresh` beside the calls.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.crypto.screening import bucket_name
from registry.crypto.signature import PublicKey
from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.database.transaction import DatabaseUnavailable
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.ids import Prefix, with_prefix
from registry.lookups import screening_store as store
from registry.lookups.screening_files import SnapshotFile, SnapshotFiles, plan_of
from registry.lookups.screening_making import SnapshotMaker
from registry.lookups.screening_model import BucketNotServed, ScreeningNotReady, Snapshot

logger = logging.getLogger("registry.screening")

INDEX_PATH = "/v1/screening"
STALE_SECONDS_MAX = 2.0
# A bucket that is a minute old names nobody: a hit leads to a lookup, and that one knows.
CACHE_CONTROL = "public, max-age=60"
PROOF = "proof"

_PREFIX = f"{INDEX_PATH}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as both doors send it; a HEAD's body is empty, its headers are a GET's."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """What is served at a moment; never changed, only exchanged."""

    snapshots: Sequence[Snapshot] = ()
    files: Mapping[tuple[str, str], SnapshotFile] | None = None
    index: bytes | None = None
    index_etag: str = ""


class ScreeningDoor:
    """The readers' side of screening, shared by all threads of a process."""

    def __init__(
        self,
        *,
        database: Database,
        files: SnapshotFiles,
        maker: SnapshotMaker,
        public_key: PublicKey,
        current_key_id: str,
    ) -> None:
        self._database = database
        self._files = files
        self._maker = maker
        self._public_key = base64url.encode(public_key.raw)
        self._current_key_id = current_key_id
        self._lock = threading.Lock()
        self._served = _Served()
        self._refreshed_at = float("-inf")

    # -- answering

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        """The answer to GET or HEAD of `path`; the names of `headers` are in lower case.

        Raises: ScreeningNotReady, BucketNotServed.
        """
        self._refresh_if_nobody_does()
        return self._answer(method, path, headers)

    def answer_at_once(self, method: str, path: str, headers: Mapping[str, str]) -> Reply | None:
        """As `answer`; None where it would have to look into the database first."""
        if time.monotonic() - self._refreshed_at >= STALE_SECONDS_MAX:
            return None
        return self._answer(method, path, headers)

    def _answer(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        served = self._served
        if served.index is None or served.files is None:
            raise ScreeningNotReady(retry_after_seconds=5)
        if path == INDEX_PATH:
            return _reply(method, headers, served.index, served.index_etag, "application/json")
        parts = path.removeprefix(_PREFIX).split("/")
        if path.startswith(_PREFIX) and len(parts) == 4:
            file, number = _find(served.files, parts)
            etag = f'"{file.tree.leaf(number)[:16].hex()}"'
            return _reply(method, headers, file.bucket(number), etag, "application/octet-stream")
        if path.startswith(_PREFIX) and len(parts) == 5 and parts[4] == PROOF:
            file, number = _find(served.files, parts[:4])
            etag = f'"{file.tree.root[:16].hex()}-{number:x}"'
            return _reply(method, headers, _proof(file, number), etag, "application/json")
        raise BucketNotServed("No bucket has such an address.")

    # -- keeping up

    def refresh(self) -> None:
        """Serves what is published now. While the database is away, what was served before."""
        with self._lock:
            self._refresh()

    def _refresh_if_nobody_does(self) -> None:
        """For servers without a chore beside the calls: one call in a while pays for it."""
        if time.monotonic() - self._refreshed_at < STALE_SECONDS_MAX:
            return
        # Whoever finds another at it goes on with what there is, unless there is nothing.
        if self._lock.acquire(blocking=self._served.index is None):
            try:
                if time.monotonic() - self._refreshed_at >= STALE_SECONDS_MAX:
                    self._refresh()
            finally:
                self._lock.release()

    def _refresh(self) -> None:
        try:
            with self._database.reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
                published = tuple(store.snapshots(transaction))
            if published != self._served.snapshots:
                self._exchange(published)
        except (DatabaseUnavailable, OSError) as error:
            # One of the outermost loops: what is served stays; the epoch in it bounds its age.
            logger.warning("screening is not refreshed: %s", type(error).__name__)
        self._refreshed_at = time.monotonic()

    def _exchange(self, published: Sequence[Snapshot]) -> None:
        old = self._served.files or {}
        files = {}
        for each in published:
            place = (each.key_id, each.epoch)
            opened = self._opened(each, old.get(place))
            if opened is not None:
                files[place] = opened
        missing = [each for each in published if (each.key_id, each.epoch) not in files]
        ready = [each for each in published if each not in missing]
        newest = max((each.epoch for each in ready), default=None)
        index = self._index(ready, newest)
        if index is None:
            # Not even the first is here yet: nothing better than what is served.
            return
        digest = base64url.encode(max(ready, key=lambda each: each.sequence).root[:9])
        sequence = max(each.sequence for each in ready)
        self._served = _Served(
            # While one is missing it is looked for again.
            snapshots=() if missing else tuple(published),
            files=files,
            index=index,
            index_etag=f'"{sequence}-{digest}-{len(ready)}"',
        )
        self._files.sweep(published)

    def _opened(self, snapshot: Snapshot, before: SnapshotFile | None) -> SnapshotFile | None:
        if before is not None and before.plan == plan_of(snapshot):
            return before
        opened = self._files.open(plan_of(snapshot))
        if opened is not None and opened.tree.root == snapshot.root:
            return opened
        with self._files.alone():
            # Another worker of this host may have made it meanwhile.
            opened = self._files.open(plan_of(snapshot))
            if opened is not None and opened.tree.root == snapshot.root:
                return opened
            return self._maker.restore(snapshot, before)

    def _index(self, ready: Sequence[Snapshot], epoch: str | None) -> bytes | None:
        """The index: the current key's newest snapshot, and all that are served."""
        main = next(
            (each for each in ready if each.key_id == self._current_key_id and each.epoch == epoch),
            None,
        )
        if main is None:
            return None
        document: dict[str, JsonValue] = {
            **_listed(main),
            "public_key": self._public_key,
            "snapshots": [_listed(each) for each in ready],
        }
        return json.dumps(document, separators=(",", ":")).encode()


def _find(
    files: Mapping[tuple[str, str], SnapshotFile], parts: Sequence[str]
) -> tuple[SnapshotFile, int]:
    """The snapshot and the number of a bucket's address. Raises: BucketNotServed."""
    key_id, epoch, bits, name = parts
    file = files.get((key_id, epoch))
    if file is None:
        known = {each for each, _ in files}
        if key_id not in known:
            raise BucketNotServed("No buckets of this key are served.")
        raise BucketNotServed("No buckets of this epoch are served.")
    if bits != str(file.plan.bits):
        raise BucketNotServed(f"The buckets of this epoch have {file.plan.bits} bits now.")
    try:
        number = int(name, 16)
    except ValueError:
        number = -1
    # One spelling for each, so that caches keep it once.
    if not 0 <= number < 1 << file.plan.bits or name != bucket_name(number, file.plan.bits):
        raise BucketNotServed(
            f"A bucket of {file.plan.bits} bits is written like"
            f" {bucket_name((1 << file.plan.bits) - 1, file.plan.bits)}."
        )
    return file, number


def _reply(
    method: str, headers: Mapping[str, str], body: bytes, etag: str, content_type: str
) -> Reply:
    common = [("ETag", etag), ("Cache-Control", CACHE_CONTROL)]
    if _matches(headers.get("if-none-match"), etag):
        return Reply(status=304, headers=common, body=b"")
    typed = [
        *common,
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
    ]
    return Reply(status=200, headers=typed, body=b"" if method == "HEAD" else body)


def _matches(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    tags = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in tags or "*" in tags


def _listed(snapshot: Snapshot) -> dict[str, JsonValue]:
    return {
        "key_id": snapshot.key_id,
        "epoch": snapshot.epoch,
        "bits": snapshot.bits,
        "count": snapshot.count,
        "sequence": snapshot.sequence,
        "snapshot_root": base64url.encode(snapshot.root),
        "entry": with_prefix(Prefix.ENTRY, snapshot.entry),
        "made_at": format_instant(snapshot.made_at),
    }


def _proof(file: SnapshotFile, number: int) -> bytes:
    """Of one length for every bucket of a snapshot, as the buckets themselves."""
    document = {
        "bucket": bucket_name(number, file.plan.bits),
        "sequence": file.plan.sequence,
        "leaf": base64url.encode(file.tree.leaf(number)),
        "proof": [base64url.encode(each) for each in file.tree.proof(number)],
        "snapshot_root": base64url.encode(file.tree.root),
    }
    return json.dumps(document, separators=(",", ":")).encode()
