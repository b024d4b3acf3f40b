"""Sees whether anything is known of a person, without naming them.

    tokens -> buckets and decoys -> files, verified -> hits

As many buckets are asked for whoever it is about, so that neither which nor how many
tell who. What came is kept and asked for again only when it may have changed.
Source: docs/protocol.md, section 5.
"""

import hmac
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta

from registry.client.calls import Outgoing, document_of, problem_of
from registry.client.decoys import BUCKETS_ASKED, wanted_buckets
from registry.client.problems import AnswerNotUnderstood
from registry.client.receipts import log_public_key
from registry.client.results import (
    IdentityToken,
    LogEntry,
    ProvenSnapshot,
    Screening,
    WellKnown,
)
from registry.client.retrying import Timer
from registry.client.snapshots import (
    INDEX_PATH,
    Listed,
    ScreeningNotTrusted,
    read_snapshots,
    require_root,
)
from registry.client.transport import Answer
from registry.crypto import merkle, screening
from registry.crypto.identity_token import seed_of
from registry.crypto.screening import Bucket
from registry.crypto.signature import PrivateKey, PublicKey
from registry.kernel.ids import EntryId

# Longer than this nothing is used again unasked, whatever a cache on the way allows.
FRESH_SECONDS_MAX = 300.0
KEPT_BUCKETS_MAX = 4096
# Around a Monday's midnight clocks differ, and the new week's first snapshot is being made.
TURN = timedelta(hours=1)
# A registry makes a snapshot every hour, if only to show that it is not an old one.
AGE_MAX = timedelta(days=1)
# A registry's processes come to a new snapshot one after the other, within two seconds:
# what is older than before is asked for again after these before anyone is accused.
PAUSES_SECONDS = (0.0, 1.0, 2.0)

_MAX_AGE = re.compile(r"(?:^|,)\s*max-age=(\d{1,9})\s*(?:,|$)", re.ASCII)
_DECOY_KEY_LABEL = b"ccr-decoy-key-v1"
_UNCACHED = {"Cache-Control": "no-cache"}
_SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A verified bucket, and until when it may be used unasked."""

    bucket: Bucket
    leaf: bytes
    etag: str | None
    fresh_until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    snapshots: Mapping[str, Listed]
    etag: str | None
    fresh_until: float


class _OutOfDate(Exception):
    """The index names what is served no more."""


class _OlderThanBefore(ScreeningNotTrusted):
    """What came is older than what is known to have been there."""


class Screener:
    """The screenings of one member; threads may share it.

    `call` makes an unsigned call: a signed one would tell the registry who asks.
    """

    def __init__(
        self,
        *,
        call: Callable[[Outgoing], Answer],
        well_known: Callable[[], WellKnown],
        key: PrivateKey,
        timer: Timer,
    ) -> None:
        self._call = call
        self._well_known = well_known
        # The same in every process of the member, and nobody else's: see `wanted_buckets`.
        self._decoy_key = hmac.digest(key.to_pem(), _DECOY_KEY_LABEL, "sha256")
        self._timer = timer
        self._lock = threading.Lock()
        self._index: _Index | None = None
        self._kept: dict[str, _Kept] = {}
        self._newest: dict[str, tuple[str, int]] = {}

    def screen(self, tokens: Sequence[IdentityToken]) -> Screening:
        """Which of one person's identities something is known under.

        Raises: ValueError for none, more than 8, or of several keys; ScreeningNotTrusted.
        """
        key_ids = {token.key_id for token in tokens}
        if not 1 <= len(tokens) <= BUCKETS_ASKED or len(key_ids) != 1:
            raise ValueError(f"1 to {BUCKETS_ASKED} identities of one person, under one key")
        (key_id,) = key_ids
        public_key = self._pinned_key()
        headers: Mapping[str, str] = {}
        for pause in PAUSES_SECONDS:
            try:
                return self._screen(tokens, self._listed(key_id, headers), public_key)
            except (_OutOfDate, _OlderThanBefore):
                self._timer.wait(pause)
                headers = _UNCACHED
        try:
            return self._screen(tokens, self._listed(key_id, headers), public_key)
        except _OutOfDate as error:
            raise AnswerNotUnderstood("the index names buckets that are not served") from error

    def prove(self, receipt: Callable[[EntryId], LogEntry]) -> list[ProvenSnapshot]:
        """Holds every kept bucket to the root its snapshot has in the incident log.

        `receipt` reads an entry and verifies its place. Raises: ScreeningNotTrusted.
        """
        with self._lock:
            index = self._index
            kept = dict(self._kept)
        proven = []
        for listed in index.snapshots.values() if index is not None else ():
            entry = receipt(listed.entry)
            require_root(entry, listed)
            buckets = [
                each
                for address, each in sorted(kept.items())
                if address.startswith(listed.place) and each.bucket.sequence == listed.sequence
            ]
            for each in buckets:
                self._require_under_root(each, listed)
            proven.append(
                ProvenSnapshot(
                    key_id=listed.key_id,
                    epoch=listed.epoch,
                    sequence=listed.sequence,
                    root=listed.root,
                    entry=entry,
                    buckets=len(buckets),
                )
            )
        return proven

    def _screen(
        self, tokens: Sequence[IdentityToken], listed: Listed, public_key: PublicKey
    ) -> Screening:
        seeds = [seed_of(token.token) for token in tokens]
        wanted = wanted_buckets(seeds, listed.bits, self._decoy_key)
        fetched, files = 0, {}
        # In the order of their numbers: the order they are needed in would tell.
        for number in sorted(wanted):
            files[number], is_fetched = self._bucket(listed, number, public_key)
            fetched += is_fetched
        hits = [
            token
            for token, seed in zip(tokens, seeds, strict=True)
            if files[screening.bucket_of(screening.place_of(seed), listed.bits)].has(
                screening.tag_of(seed, listed.epoch)
            )
        ]
        return Screening(
            identities=tuple(tokens),
            hits=tuple(hits),
            key_id=listed.key_id,
            epoch=listed.epoch,
            sequence=min(each.sequence for each in files.values()),
            buckets_fetched=fetched,
        )

    # -- the index

    def _listed(self, key_id: str, headers: Mapping[str, str]) -> Listed:
        with self._lock:
            index = self._index
        if index is None or headers or self._timer.monotonic() >= index.fresh_until:
            index = self._read_index(index, headers)
        listed = index.snapshots.get(key_id)
        if listed is None:
            raise AnswerNotUnderstood(f"nothing is served for tokens of the key {key_id}")
        return listed

    def _read_index(self, known: _Index | None, headers: Mapping[str, str]) -> _Index:
        asked = dict(headers)
        if known is not None and known.etag is not None:
            asked["If-None-Match"] = known.etag
        answer = self._call(Outgoing(method="GET", target=INDEX_PATH, headers=asked))
        if answer.status == 304 and known is not None:
            snapshots, etag = known.snapshots, known.etag
        else:
            document = document_of(answer, self._timer.now())
            if document.data("public_key", 32) != self._pinned_key().raw:
                raise ScreeningNotTrusted("the index names another key than the registry's")
            snapshots, etag = read_snapshots(document), answer.headers.get("etag")
        try:
            for listed in snapshots.values():
                self._require_recent(listed)
                self._require_forwards(listed.key_id, listed.epoch, listed.sequence)
        except ScreeningNotTrusted:
            if headers:
                raise
            # As a rule a cache on the way: ask behind it before anyone is accused.
            return self._read_index(None, _UNCACHED)
        index = _Index(snapshots=snapshots, etag=etag, fresh_until=self._fresh_until(answer))
        with self._lock:
            self._index = index
        return index

    def _pinned_key(self) -> PublicKey:
        """The key of the logs, as the well-known document has it."""
        return log_public_key(next(iter(self._well_known().logs)).vkey)

    # -- a bucket

    def _bucket(self, listed: Listed, number: int, public_key: PublicKey) -> tuple[Bucket, bool]:
        """A bucket no older than its index, and whether it was asked for."""
        address = listed.address(number)
        with self._lock:
            kept = self._kept.get(address)
        is_current = kept is not None and kept.bucket.sequence >= listed.sequence
        if kept is not None and is_current and self._timer.monotonic() < kept.fresh_until:
            return kept.bucket, False
        got = self._fetch(address, kept, {}, listed, number, public_key)
        if got.bucket.sequence < listed.sequence:
            # As a rule a cache on the way: ask behind it before anyone is accused.
            got = self._fetch(address, None, _UNCACHED, listed, number, public_key)
            if got.bucket.sequence < listed.sequence:
                raise _OlderThanBefore("the bucket is older than the registry says it is")
        self._require_forwards(listed.key_id, got.bucket.epoch, got.bucket.sequence)
        if got.bucket.sequence == listed.sequence and got.bucket.count != listed.count:
            raise ScreeningNotTrusted("the bucket has another size than all others")
        self._keep(address, got)
        return got.bucket, True

    def _fetch(
        self,
        address: str,
        kept: _Kept | None,
        headers: Mapping[str, str],
        listed: Listed,
        number: int,
        public_key: PublicKey,
    ) -> _Kept:
        asked = {"Accept": "application/octet-stream, application/problem+json", **headers}
        if kept is not None and kept.etag is not None:
            asked["If-None-Match"] = kept.etag
        answer = self._call(Outgoing(method="GET", target=address, headers=asked))
        if answer.status == 304 and kept is not None:
            return _Kept(
                bucket=kept.bucket,
                leaf=kept.leaf,
                etag=kept.etag,
                fresh_until=self._fresh_until(answer),
            )
        if answer.status == 404:
            raise _OutOfDate
        if answer.status >= 400:
            raise problem_of(answer, self._timer.now())
        bucket = _verified(answer.body, public_key, listed, number)
        return _Kept(
            bucket=bucket,
            leaf=screening.leaf_of(screening.digest_of(bucket.unsigned())),
            etag=answer.headers.get("etag"),
            fresh_until=self._fresh_until(answer),
        )

    def _keep(self, address: str, kept: _Kept) -> None:
        with self._lock:
            self._kept.pop(address, None)
            self._kept[address] = kept
            while len(self._kept) > KEPT_BUCKETS_MAX:
                del self._kept[next(iter(self._kept))]

    def _fresh_until(self, answer: Answer) -> float:
        match = _MAX_AGE.search(answer.headers.get("cache-control", ""))
        seconds = float(match[1]) if match is not None else 0.0
        return self._timer.monotonic() + min(seconds, FRESH_SECONDS_MAX)

    # -- what must be true

    def _require_recent(self, listed: Listed) -> None:
        """Of this week, or of its neighbour within an hour of the turn; made within a day.

        A sandbox's clock may stand anywhere: there it only must not go back.
        """
        if self._well_known().mode == _SANDBOX:
            return
        now = self._timer.now().astimezone(UTC)
        if listed.epoch not in {screening.epoch_of(each) for each in (now - TURN, now, now + TURN)}:
            raise ScreeningNotTrusted(f"the buckets are of {listed.epoch}, which is not this week")
        # A sequence is at least the unix time of its making.
        if listed.sequence < (now - AGE_MAX).timestamp():
            raise ScreeningNotTrusted("the buckets are more than a day old")

    def _require_forwards(self, key_id: str, epoch: str, sequence: int) -> None:
        with self._lock:
            newest = self._newest.get(key_id, ("", 0))
            # A file of the week before has the lower sequence, and was seen before.
            if epoch < newest[0] or (epoch == newest[0] and sequence < newest[1]):
                raise _OlderThanBefore(
                    f"{epoch}, sequence {sequence}, comes after {newest[0]}, {newest[1]}"
                )
            if epoch > newest[0] and sequence <= newest[1]:
                raise ScreeningNotTrusted("a new week began with an old sequence")
            self._newest[key_id] = (epoch, max(sequence, newest[1]))

    def _require_under_root(self, kept: _Kept, listed: Listed) -> None:
        number = kept.bucket.bucket
        answer = self._call(
            Outgoing(method="GET", target=f"{listed.address(number)}/proof", headers=_UNCACHED)
        )
        document = document_of(answer, self._timer.now())
        if document.integer("sequence") != listed.sequence:
            raise AnswerNotUnderstood("a newer snapshot is served meanwhile; screen, then prove")
        included = merkle.verify_inclusion(
            index=number,
            size=1 << listed.bits,
            leaf=kept.leaf,
            proof=document.datas("proof"),
            root=listed.root,
        )
        if not included:
            raise ScreeningNotTrusted("a bucket is not under the root that was logged")


def _verified(data: bytes, public_key: PublicKey, listed: Listed, number: int) -> Bucket:
    try:
        bucket = screening.decode(data, public_key)
    except (screening.MalformedBucket, screening.BucketNotSigned) as error:
        raise ScreeningNotTrusted(f"a bucket does not verify: {error}") from error
    if (bucket.bits, bucket.epoch, bucket.bucket) != (listed.bits, listed.epoch, number):
        raise ScreeningNotTrusted("another bucket came than was asked for")
    return bucket
