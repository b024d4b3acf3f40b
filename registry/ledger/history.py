"""A subject's history: every entry about them, proven, as a signed statement.

The node says: as of these checkpoints, these entries are about you, so many, and
no others. An entry about them below one of those sizes that is not in the
statement convicts it; the statement is its own evidence.

    JWS, typ ccr-history+jwt, EdDSA by the node:
    {"iss": origin, "iat", "count": n, "waiting": m,
     "subject": b64u SHA-256("ccr-history-v1" 00 || each seed, ascending),
     "logs": [{"log": "access/2026h2", "size": S, "root": b64u,
               "entries": [{"entry", "index", "leaf": b64u SHA-256(00 || entry)}]}]}

With `since`, an instant, it speaks of the entries made from the hour of it on.
`waiting` counts the entries that came after those checkpoints. Entries whose
content was erased are not in it: nobody knows any more whom they were about.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from registry.crypto.merkle import leaf_hash
from registry.crypto.signature import PrivateKey, sign_compact
from registry.database.transaction import Transaction
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.ledger import content_store
from registry.ledger.contents import Contents, Settled, SignedTree
from registry.ledger.model import Shard, decode_entry

HISTORY_TYPE = "ccr-history+jwt"
_LABEL = b"ccr-history-v1\x00"
_READ_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An entry about the subject, opened, with the proof that it stands in its log."""

    settled: Settled
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHistory:
    """What one shard holds about the subject, below the size its checkpoint signs."""

    shard: Shard
    size: int
    root: bytes
    checkpoint: str
    entries: tuple[Proven, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that the logs hold about a subject; `statement` is the JWS over it."""

    statement: str
    count: int
    waiting: int
    logs: tuple[LogHistory, ...]


class SubjectHistory:
    """Tells subjects what was said of them and who asked; that they are who, the caller knows."""

    def __init__(self, *, contents: Contents, origin: str, key: PrivateKey) -> None:
        self._contents = contents
        self._origin = origin
        self._key = key

    def of(
        self,
        transaction: Transaction,
        seeds: Sequence[bytes],
        now: datetime,
        *,
        since: datetime | None = None,
    ) -> History:
        """Every entry about the person who has these seeds, oldest first in each shard.

        `since`: what was made before is an earlier holder's, and not in it.
        """
        assert seeds, "a person has an identity"
        keys = self._contents.lookup_keys(seeds)
        waiting = set(content_store.waiting_ids_about(transaction, keys))
        # The checkpoints first: whatever stands below them is committed, and found after.
        trees = {
            shard: tree
            for shard in self._contents.shards(transaction)
            if (tree := self._contents.signed_tree(transaction, shard)) is not None
        }
        found = [each for each in self._entries(transaction, keys) if _is_of(each, since)]
        by_shard: dict[Shard, list[Settled]] = defaultdict(list)
        for each in found:
            tree = trees.get(each.place.shard)
            if tree is None or each.place.position >= tree.tree.size:
                waiting.add(each.uuid)
            else:
                # What waited and has its place since is counted there, and once.
                waiting.discard(each.uuid)
                by_shard[each.place.shard].append(each)
        logs = tuple(
            _log_history(trees[shard], by_shard[shard])
            for shard in sorted(trees, key=lambda shard: shard.name)
        )
        count = sum(len(each.entries) for each in logs)
        return History(
            statement=self._sign(seeds, logs, count, len(waiting), now, since),
            count=count,
            waiting=len(waiting),
            logs=logs,
        )

    def _entries(self, transaction: Transaction, keys: Sequence[bytes]) -> list[Settled]:
        found: dict[UUID, Settled] = {}
        for key in keys:
            after: UUID | None = None
            while True:
                uuids = self._contents.about(
                    transaction, key, after=after, entries_max=_READ_AT_ONCE
                )
                fresh = [each for each in uuids if each not in found]
                found |= self._contents.of(transaction, fresh)
                if len(uuids) < _READ_AT_ONCE:
                    break
                after = uuids[-1]
        return sorted(found.values(), key=lambda each: each.place.position)

    def _sign(
        self,
        seeds: Sequence[bytes],
        logs: Sequence[LogHistory],
        count: int,
        waiting: int,
        now: datetime,
        since: datetime | None,
    ) -> str:
        header = {
            "alg": self._key.algorithm.value,
            "kid": self._key.public.kid,
            "typ": HISTORY_TYPE,
        }
        claims: dict[str, JsonValue] = {
            "iss": self._origin,
            "iat": int(now.timestamp()),
            "subject": base64url.encode(subject_digest(seeds)),
            "count": count,
            "waiting": waiting,
            "logs": [_claimed(each) for each in logs],
        }
        if since is not None:
            claims["since"] = format_instant(since)
        return sign_compact(header=header, claims=claims, key=self._key)


def subject_digest(seeds: Sequence[bytes]) -> bytes:
    """Whom a statement is about: whoever holds the seeds can tell, nobody else."""
    return hashlib.sha256(_LABEL + b"".join(sorted(set(seeds)))).digest()


def _is_of(settled: Settled, since: datetime | None) -> bool:
    """Whether an entry is of the hour of `since`, or later: its bytes say no more."""
    if since is None:
        return True
    hour = decode_entry(settled.place.entry).hour
    return hour + timedelta(hours=1) > since


def _log_history(signed: SignedTree, entries: Sequence[Settled]) -> LogHistory:
    tree = signed.tree
    signed.read_ahead(each.place.position for each in entries)
    return LogHistory(
        shard=signed.shard,
        size=tree.size,
        root=tree.root(),
        checkpoint=signed.checkpoint,
        entries=tuple(
            Proven(settled=each, proof=tree.inclusion_proof(each.place.position))
            for each in entries
        ),
    )


def _claimed(log: LogHistory) -> dict[str, JsonValue]:
    return {
        "log": log.shard.name,
        "size": log.size,
        "root": base64url.encode(log.root),
        "entries": [
            {
                "entry": each.settled.entry_id,
                "index": each.settled.place.position,
                "leaf": base64url.encode(leaf_hash(each.settled.place.entry)),
            }
            for each in log.entries
        ],
    }
