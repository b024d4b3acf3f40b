"""Appends entries, hands out receipts, opens entries again."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from registry.crypto.merkle import inclusion_ranges, leaf_hash
from registry.crypto.sealing import BatchSealer, Sealer
from registry.crypto.signature import Algorithm, PrivateKey, sign_compact
from registry.crypto.tiles import TiledTree, tiles_of_ranges
from registry.database.transaction import Transaction
from registry.kernel import base64url, strict_json
from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.ids import MemberId, Prefix, made_at, new_uuids, parse_id
from registry.ledger import first_checkpoints, log_store, store, tile_store
from registry.ledger.model import (
    MERGE_DELAY_MAX,
    SALT_BYTES,
    Appended,
    Draft,
    Entry,
    Log,
    LogProof,
    Opening,
    encode_entry,
    header_commitment,
    subject_commitment,
)
from registry.ledger.sealing import open_request, seal_context, seal_request

RECEIPT_TYPE = "ccr-receipt+jwt"
DRAFTS_MAX = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeEntries:
    """Entries ready to be written, and what each is known by, in the same order."""

    rows: Sequence[store.AppendedRow]
    appended: Sequence[Appended]


class _Given(NamedTuple):
    """What an entry is made with, beside its draft."""

    uuid: UUID
    header: bytes
    header_salt: bytes
    subject_salt: bytes


class Ledger:
    """The two logs of this node, as far as the pending entry.

    `key` signs receipts, `sealer` keeps whom an entry is about, and the request it
    was made by, unreadable in the database.
    """

    def __init__(self, *, origin: str, key: PrivateKey, sealer: Sealer) -> None:
        assert key.algorithm is Algorithm.EDDSA, "receipts are signed with Ed25519"
        self._origin = origin
        self._key = key
        self._sealer = sealer
        self._receipt_header = {
            "alg": key.algorithm.value,
            "kid": key.public.kid,
            "typ": RECEIPT_TYPE,
        }

    def append(
        self, transaction: Transaction, drafts: Sequence[Draft], now: datetime
    ) -> list[Appended]:
        """Adds an entry for each draft, in their order, with one INSERT.

        The entries are durable when the transaction is committed; receipts and
        answers may leave only then.
        """
        made = self.make(drafts, now)
        self.write(transaction, made)
        return list(made.appended)

    def make(self, drafts: Sequence[Draft], now: datetime) -> MadeEntries:
        """An entry for each draft, in their order; nothing is written yet.

        Drafts that share one header, as those of an import do, have it serialised once.
        """
        assert len(drafts) <= DRAFTS_MAX
        headers = {id(draft.header): draft.header for draft in drafts}
        serialised = {name: header.to_bytes() for name, header in headers.items()}
        sealer = self._sealer.for_batch() if len(drafts) > 1 else self._sealer
        # Chance is asked once for all: ids for those that have none, two salts for each.
        uuids = iter(new_uuids(now, sum(draft.uuid is None for draft in drafts)))
        salts = secrets.token_bytes(2 * SALT_BYTES * len(drafts))
        made = [
            self._make(
                draft,
                _Given(
                    uuid=draft.uuid or next(uuids),
                    header=serialised[id(draft.header)],
                    header_salt=salts[at : at + SALT_BYTES],
                    subject_salt=salts[at + SALT_BYTES : at + 2 * SALT_BYTES],
                ),
                sealer,
                now,
            )
            for draft, at in zip(drafts, range(0, len(salts), 2 * SALT_BYTES), strict=True)
        ]
        return MadeEntries(
            rows=[row for row, _ in made], appended=[appended for _, appended in made]
        )

    def write(self, transaction: Transaction, made: MadeEntries) -> None:
        """Writes entries with one INSERT, if there are any; durable with the transaction."""
        if made.rows:
            store.insert(transaction, made.rows)

    def receipt(self, appended: Appended) -> str:
        """The signed promise that the entry will stand in its log within a minute (JWS)."""
        issued_at = int(appended.at.timestamp())
        claims: dict[str, JsonValue] = {
            "iss": self._origin,
            "log": appended.log.wire_name,
            "entry": appended.entry_id,
            "leaf": base64url.encode(appended.leaf),
            "iat": issued_at,
            "merge_by": issued_at + int(MERGE_DELAY_MAX.total_seconds()),
        }
        return sign_compact(header=self._receipt_header, claims=claims, key=self._key)

    def promise(self, appended: Appended) -> str:
        """What a receipt is signed from later: a signature costs as much as an entry.

        The entry's id holds its time, so that the receipt is the same to the byte
        whenever it is signed, as long as the node's key is.
        """
        return f"{appended.entry_id} {base64url.encode(appended.leaf)}"

    def signed_receipt(self, kept: str) -> str:
        """The receipt that is kept as itself, or as its promise, in the log of incidents."""
        entry, is_promise, leaf = kept.partition(" ")
        if not is_promise:
            return kept
        uuid = parse_id(Prefix.ENTRY, entry)
        return self.receipt(
            Appended(
                uuid=uuid,
                log=Log.INCIDENTS,
                entry=b"",
                leaf=base64url.decode(leaf),
                at=made_at(uuid),
            )
        )

    def entry(self, transaction: Transaction, uuid: UUID) -> bytes | None:
        """The 92 bytes of the entry `uuid`, also when its content has been erased."""
        row = store.find(transaction, uuid)
        if row is not None:
            return row.entry
        place = log_store.place_of(transaction, uuid)
        return None if place is None else place.entry

    def opening(self, transaction: Transaction, uuid: UUID) -> Opening | None:
        """The entry `uuid` with all it commits to; who may see it is for the caller to say.

        None where there is no such entry, or its content has been erased.
        """
        row = store.find(transaction, uuid) or log_store.settled(transaction, uuid)
        if row is None:
            return None
        member = strict_json.parse(row.header)["member"]
        return Opening(
            entry=row.entry,
            member=None if member is None else MemberId(member),
            header=row.header,
            subject=self._sealer.open(row.subject_sealed, seal_context(uuid)),
            header_salt=row.header_salt,
            subject_salt=row.subject_salt,
            signed_request=open_request(self._sealer, uuid, row.signed_request),
        )

    def proof(self, transaction: Transaction, uuid: UUID) -> LogProof | None:
        """That the entry `uuid` stands in its log, as published last; None until it does."""
        found = log_store.published(transaction, uuid)
        if found is None:
            return None
        wanted = tiles_of_ranges(inclusion_ranges(found.position, found.size), found.size)
        tree = TiledTree(tile_store.StoredTiles(transaction, found.shard, wanted), found.size)
        return LogProof(
            index=found.position,
            size=found.size,
            hashes=tree.inclusion_proof(found.position),
            checkpoint=found.checkpoint,
        )

    def await_first_proof(self, transaction: Transaction, uuid: UUID) -> None:
        """Has the first checkpoint that will hold the entry `uuid` kept, until it is taken."""
        first_checkpoints.await_first(transaction, uuid)

    def take_first_proof(self, transaction: Transaction, uuid: UUID) -> LogProof | None:
        """That an awaited entry stands in its log by the first checkpoint that holds it; once.

        None until there is one.
        """
        first = first_checkpoints.first_of(transaction, uuid)
        found = log_store.published(transaction, uuid)
        if first is None or found is None:
            return None
        size, checkpoint = first
        ranges = inclusion_ranges(found.position, size)
        wanted = tiles_of_ranges(ranges, found.size)
        tree = TiledTree(tile_store.StoredTiles(transaction, found.shard, wanted), found.size)
        first_checkpoints.forget_first(transaction, uuid)
        return LogProof(
            index=found.position,
            size=size,
            hashes=tree.inclusion_proof(found.position, size),
            checkpoint=checkpoint,
        )

    def _make(
        self, draft: Draft, given: _Given, sealer: Sealer | BatchSealer, now: datetime
    ) -> tuple[store.AppendedRow, Appended]:
        uuid, subject = given.uuid, draft.subject
        if not isinstance(subject, bytes):
            subject = canonical_json(subject)
        entry = encode_entry(
            Entry(
                log=draft.log,
                record_type=draft.record_type,
                hour=now,
                uuid=uuid,
                header_commitment=header_commitment(given.header_salt, given.header),
                subject_commitment=subject_commitment(given.subject_salt, subject),
            )
        )
        row = store.AppendedRow(
            entry_id=uuid.bytes,
            log=draft.log,
            entry=entry,
            header=given.header,
            subject_sealed=sealer.seal(subject, seal_context(uuid)),
            header_salt=given.header_salt,
            subject_salt=given.subject_salt,
            signed_request=seal_request(sealer, uuid, draft.signed_request),
            # Two identities may be one subject: it is noted once.
            lookup_keys=b"".join(dict.fromkeys(draft.lookup_keys)),
        )
        return row, Appended(uuid=uuid, log=draft.log, entry=entry, leaf=leaf_hash(entry), at=now)
