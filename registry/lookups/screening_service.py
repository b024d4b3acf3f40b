"""Keeps the shelves true and publishes snapshots of them. Source: docs/protocol.md, section 5.

    incidents change --> noted in their transaction --.
    time passes ------> found by its index -----------+--> shelves --> files --> logged, published
    members suspended -> their filings walked --------'      ^
    a new epoch ------> built anew, batch by batch ----------'

One hand works at a time: whoever finds the progress moved by another gives up.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from registry.crypto.screening import epoch_of
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.identity.keyring import Keyring
from registry.identity.protection import Protector
from registry.incidents.changes import Change
from registry.incidents.effective import Effective, Place, SealedIdentity
from registry.incidents.model import KeptIdentity
from registry.jobs.model import JobDraft
from registry.jobs.service import Jobs
from registry.kernel.ids import IncidentId, MemberId
from registry.ledger.service import Ledger
from registry.lookups import screening_store as store
from registry.lookups.screening_making import Made, SnapshotMaker
from registry.lookups.screening_model import (
    LATE_MAX,
    SNAPSHOT_AGE_MAX,
    SNAPSHOT_EVERY,
    Build,
    MovedOn,
    Progress,
    Snapshot,
    epochs_wanted,
    next_sequence,
)
from registry.lookups.screening_publishing import Publisher
from registry.lookups.screening_shelving import Shelves

SNAPSHOT_KIND = "screening.snapshot"
ASK_KIND = "screening.ask"
# Bounds of one step; with the least of them a step takes a second or two.
IDENTITIES_MAX = 20_000
INCIDENTS_MAX = 5_000
CHANGES_MAX = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a step has brought about: snapshots to publish, or more to do before."""

    version: int
    made: Sequence[Made]
    is_more_left: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Keys whose standing may have changed, and the progress once they are taken in."""

    keys: set[bytes]
    queued: Sequence[store.Queued]
    to: Progress
    is_more_left: bool


class Screening:
    """The makers' side of screening; `registry.lookups.screening_serving` is the readers'."""

    def __init__(
        self,
        *,
        database: Database,
        effective: Effective,
        protector: Protector,
        keyring: Keyring,
        ledger: Ledger,
        jobs: Jobs,
        maker: SnapshotMaker,
        edition: str,
    ) -> None:
        self._database = database
        self._effective = effective
        self._keyring = keyring
        self._jobs = jobs
        self._maker = maker
        self._shelves = Shelves(protector=protector)
        self._publisher = Publisher(ledger=ledger, keyring=keyring, edition=edition)

    # -- what changes incidents tells

    def incident_changed(self, transaction: Transaction, change: Change) -> None:
        """Notes a change that does not wait for time; what is new takes effect by time alone."""
        if change.before is not None:
            self._note(transaction, change.lookup_keys, change.at)

    def incidents_changed(self, transaction: Transaction, changes: Sequence[Change]) -> None:
        """Notes many changes at once."""
        changed = [each for each in changes if each.before is not None]
        if changed:
            keys = {key for each in changed for key in each.lookup_keys}
            self._note(transaction, keys, changed[0].at)

    def incident_removed(
        self, transaction: Transaction, identities: Sequence[KeptIdentity], now: datetime
    ) -> None:
        """Takes whom a removed incident was about off the shelves: nothing of it may be kept."""
        if not identities:
            return
        store.forget_changes(transaction, {bytes(each.lookup_key) for each in identities})
        seen = store.progress(transaction)
        if seen is None:
            return
        # Moved first: another hand waits for this transaction from here on, then gives up.
        sequence = next_sequence(seen.sequence, now)
        self._advance(transaction, seen, replace(seen, sequence=sequence))
        sealed = {
            each.lookup_key: SealedIdentity(
                lookup_key=bytes(each.lookup_key),
                key_id=each.key_id,
                seed_sealed=bytes(each.seed_sealed),
            )
            for each in identities
        }
        counting = self._effective.among(transaction, sealed, now)
        for build in store.builds(transaction).values():
            reached = [each for key, each in sorted(sealed.items()) if build.has_reached(key)]
            self._shelves.take_in(transaction, build.epoch, reached, counting, sequence)
        self._ask_later(transaction, now)

    def _note(
        self, transaction: Transaction, lookup_keys: Collection[bytes], now: datetime
    ) -> None:
        identities = self._effective.identities(transaction, lookup_keys)
        store.add_changes(transaction, identities, now)
        self._ask_later(transaction, now)

    # -- when

    def _ask_later(self, transaction: Transaction, now: datetime) -> None:
        """Asks for a snapshot as soon as this is committed, by a job of its own.

        Asking here would lock the one row of all who ask, amid what a change locks, until
        its end: changes of different incidents would wait for each other, some in a ring.
        """
        self._jobs.enqueue(transaction, JobDraft(kind=ASK_KIND, payload={}, run_at=now))

    def ask_for_snapshot(self, transaction: Transaction, now: datetime) -> None:
        """Promises a snapshot as soon as a worker is free; asked for often, it is made once."""
        draft = JobDraft(
            kind=SNAPSHOT_KIND, payload={}, run_at=now, deduplication_key=SNAPSHOT_KIND
        )
        self._jobs.enqueue(transaction, draft)

    def is_due(self, transaction: Transaction, now: datetime) -> bool:
        """Whether a snapshot should be made: something waits, or it is time to look."""
        suspended = self._effective.suspended(transaction)
        progress = store.progress(transaction)
        if progress is None or progress.looked_at is None or store.has_changes(transaction):
            return True
        epochs = {each.epoch for each in store.snapshots(transaction)}
        return (
            suspended != progress.suspended
            or epoch_of(now) not in epochs
            or not progress.looked_at <= now < progress.looked_at + SNAPSHOT_EVERY
        )

    def published(self, transaction: Transaction) -> Sequence[Snapshot]:
        """What readers are served."""
        return store.snapshots(transaction)

    def rebuild(self, transaction: Transaction, now: datetime) -> None:
        """Throws the shelves away and has them built anew from the incidents."""
        progress = store.progress(transaction)
        store.drop_all(transaction)
        if progress is not None:
            self._advance(transaction, progress, replace(progress, looked_at=None))
        self.ask_for_snapshot(transaction, now)

    # -- one step

    def prepare(self, now: datetime) -> Prepared:
        """Takes in a bounded batch of what changed; makes snapshots when nothing is left.

        Each batch is a transaction of its own. Raises: MovedOn.
        """
        seen = self._begin(now)
        found = self._look(seen, now)
        progress = self._take_in(seen, found, now)
        if found.is_more_left:
            return Prepared(version=progress.version, made=(), is_more_left=True)
        progress, unfinished = self._build(progress, now)
        # The present epoch's shelves must be whole; those of the next may still be growing.
        made = () if unfinished == epoch_of(now) else self._make(progress, now)
        return Prepared(
            version=progress.version, made=tuple(made), is_more_left=unfinished is not None
        )

    def settle(self, transaction: Transaction, prepared: Prepared, now: datetime) -> None:
        """Logs and publishes what was made; takes out what it replaces. Raises: MovedOn."""
        progress = store.progress(transaction)
        if progress is None or progress.version != prepared.version:
            raise MovedOn
        before = store.snapshots(transaction)
        for made in prepared.made:
            self._publisher.publish(transaction, made, now)
        if prepared.made:
            self._publisher.withdraw(transaction, before, now)
        looked_at = progress.looked_at if prepared.is_more_left else now
        self._advance(transaction, progress, replace(progress, looked_at=looked_at))

    def _begin(self, now: datetime) -> Progress:
        with self._database.transaction() as transaction:
            suspended = self._effective.suspended(transaction)
            seen = store.progress(transaction)
            if seen is not None:
                return seen
            first = Progress(
                version=0,
                sequence=0,
                looked_at=None,
                begun_at=now - LATE_MAX,
                begun_id="",
                ended_on=self._effective.today(now),
                ended_id="",
                suspended=suspended,
                walked_id="",
            )
            store.advance(transaction, seen=None, to=first)
            return first

    # -- finding what changed

    def _look(self, seen: Progress, now: datetime) -> _Found:
        with self._database.reading() as transaction:
            suspended = self._effective.suspended(transaction)
            queued = store.changes(transaction, CHANGES_MAX)
            keys = {each.identity.lookup_key for each in queued}
            is_more_left = len(queued) == CHANGES_MAX
            begun, to, more_begun = self._begun(transaction, seen, now)
            ended, to, more_ended = self._ended(transaction, to, now)
            walked, to, more_walked = self._walked(transaction, to, suspended)
        return _Found(
            keys=keys | begun | ended | walked,
            queued=queued,
            to=to,
            is_more_left=is_more_left or more_begun or more_ended or more_walked,
        )

    def _begun(
        self, transaction: Transaction, at: Progress, now: datetime
    ) -> tuple[set[bytes], Progress, bool]:
        place = Place(at=at.begun_at, incident=IncidentId(at.begun_id))
        keys, last = self._effective.begun(
            transaction, after=place, until=now, incidents_max=INCIDENTS_MAX
        )
        if last is not None:
            return keys, replace(at, begun_at=last.at, begun_id=last.incident), True
        # Looked at once more next time: what is being committed now bears an instant of now.
        return keys, replace(at, begun_at=now - LATE_MAX, begun_id=""), False

    def _ended(
        self, transaction: Transaction, at: Progress, now: datetime
    ) -> tuple[set[bytes], Progress, bool]:
        today = self._effective.today(now)
        if today <= at.ended_on:
            return set(), at, False
        keys, last = self._effective.ended(
            transaction,
            after=at.ended_on,
            until=today,
            behind=at.ended_id,
            incidents_max=INCIDENTS_MAX,
        )
        if last is not None:
            return keys, replace(at, ended_id=last), True
        return keys, replace(at, ended_on=today, ended_id=""), False

    def _walked(
        self, transaction: Transaction, at: Progress, suspended: frozenset[MemberId]
    ) -> tuple[set[bytes], Progress, bool]:
        """Goes through the filings of one member that was suspended or reinstated since."""
        differing = sorted(suspended ^ at.suspended)
        if not differing:
            return set(), at, False
        member = differing[0]
        keys, last = self._effective.of_member(
            transaction, member, behind=at.walked_id, incidents_max=INCIDENTS_MAX
        )
        if last is not None:
            return keys, replace(at, walked_id=last), True
        done = at.suspended ^ {member}
        return keys, replace(at, suspended=done, walked_id=""), len(differing) > 1

    # -- the shelves

    def _take_in(self, seen: Progress, found: _Found, now: datetime) -> Progress:
        """Brings the shelves up to date with the keys that were found."""
        with self._database.transaction() as transaction:
            self._effective.suspended(transaction)
            builds = store.builds(transaction)
            counting = self._effective.among(transaction, found.keys, now)
            known = {each.identity.lookup_key: each.identity for each in found.queued}
            unknown = found.keys - known.keys()
            identities = [*known.values(), *self._effective.identities(transaction, unknown)]
            sequence = next_sequence(seen.sequence, now)
            for build in builds.values():
                # What a build has not reached yet it will read for itself; twice is once too many.
                reached = [each for each in identities if build.has_reached(each.lookup_key)]
                self._shelves.take_in(transaction, build.epoch, reached, counting, sequence)
            store.drop_changes(transaction, [each.id for each in found.queued])
            # Crash point: shelves, and how far they are true, are one transaction.
            return self._advance(transaction, seen, replace(found.to, sequence=sequence))

    # -- a new epoch

    def _build(self, progress: Progress, now: datetime) -> tuple[Progress, str | None]:
        """Reads in one batch of an epoch that is not whole yet, the present one first.

        Gives the first epoch that is not whole then; None: all are.
        """
        with self._database.reading() as transaction:
            self._effective.suspended(transaction)
            builds = store.builds(transaction)
            unfinished = [
                builds.get(epoch, Build(epoch=epoch))
                for epoch in epochs_wanted(now)
                if epoch not in builds or not builds[epoch].is_whole
            ]
            if not unfinished:
                return progress, None
            build = unfinished[0]
            identities, last = self._effective.page(
                transaction, after=build.after, keys_max=IDENTITIES_MAX, now=now
            )
        # Opened outside the transaction: it takes longer than reading them.
        entries = self._shelves.entries(identities, build.epoch)
        after = replace(
            build,
            after=last or build.after,
            parts=build.parts + 1,
            is_whole=last is None,
        )
        with self._database.transaction() as transaction:
            store.add_part(
                transaction,
                epoch=build.epoch,
                part=after.parts,
                sequence=progress.sequence,
                entries=entries,
            )
            store.put_build(transaction, after)
            moved = self._advance(transaction, progress, progress)
        left = unfinished[1:] if after.is_whole else unfinished
        return moved, left[0].epoch if left else None

    # -- snapshots

    def _make(self, progress: Progress, now: datetime) -> list[Made]:
        epoch = epoch_of(now)
        with self._database.reading() as transaction:
            published = {(each.key_id, each.epoch): each for each in store.snapshots(transaction)}
            newest = {
                key.key_id: max(
                    store.changed_in(transaction, epoch=epoch, key_id=key.key_id).values(),
                    default=0,
                )
                for key in self._keyring.published()
            }
        made = []
        for key_id, changed_in in newest.items():
            before = published.get((key_id, epoch))
            if before is None or changed_in > before.sequence or _is_old(before, now):
                made.append(
                    self._maker.make(
                        key_id=key_id, epoch=epoch, sequence=progress.sequence, before=before
                    )
                )
        return made

    def _advance(self, transaction: Transaction, seen: Progress, to: Progress) -> Progress:
        moved = replace(to, version=seen.version + 1)
        if not store.advance(transaction, seen=seen, to=moved):
            raise MovedOn
        return moved


def _is_old(snapshot: Snapshot, now: datetime) -> bool:
    return not snapshot.made_at <= now < snapshot.made_at + SNAPSHOT_AGE_MAX
