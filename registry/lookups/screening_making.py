"""Makes the file of a snapshot out of the shelves, where it can out of the one before."""

from collections.abc import Iterator
from dataclasses import dataclass

from registry.crypto.screening import COUNT_STEP, bits_for, count_for
from registry.database.engine import Database
from registry.lookups import screening_store as store
from registry.lookups.screening_files import (
    BucketTooFull,
    Plan,
    SnapshotFile,
    SnapshotFiles,
    plan_of,
)
from registry.lookups.screening_model import Shelf, Snapshot, buckets_changed, cut, shelves_of

SHELVES_READ = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A snapshot whose file lies ready."""

    plan: Plan
    root: bytes


class SnapshotMaker:
    """Writes snapshots; the worker does for publishing, any host for itself."""

    def __init__(self, *, database: Database, files: SnapshotFiles) -> None:
        self._database = database
        self._files = files

    def make(self, *, key_id: str, epoch: str, sequence: int, before: Snapshot | None) -> Made:
        """The snapshot of what the shelves hold now.

        Where a bucket has more tags than the formula allows (once in a thousand million
        buckets), the files of all become longer by as much: none is cut, and none differs.
        """
        with self._database.reading() as transaction:
            subjects = store.subjects(transaction, epoch=epoch, key_id=key_id)
        bits = bits_for(subjects)
        count = count_for(subjects, bits)
        while True:
            plan = Plan(key_id=key_id, epoch=epoch, bits=bits, count=count, sequence=sequence)
            try:
                file = self._write(
                    plan, None if before is None else self._files.open(plan_of(before))
                )
            except BucketTooFull as full:
                count = -(-full.tags // COUNT_STEP) * COUNT_STEP
            else:
                return Made(plan=plan, root=file.tree.root)

    def restore(self, snapshot: Snapshot, before: SnapshotFile | None) -> SnapshotFile | None:
        """The file of a published snapshot, made here since another host has it.

        None while the shelves have gone on and make another root: the next one is near.
        """
        try:
            file = self._write(plan_of(snapshot), before)
        except BucketTooFull:
            return None
        return file if file.tree.root == snapshot.root else None

    def _write(self, plan: Plan, before: SnapshotFile | None) -> SnapshotFile:
        buckets = set(range(1 << plan.bits))
        changed = buckets
        if before is not None and _is_alike(before.plan, plan):
            with self._database.reading() as transaction:
                changed_in = store.changed_in(transaction, epoch=plan.epoch, key_id=plan.key_id)
            changed = buckets_changed(changed_in, since=before.plan.sequence, bits=plan.bits)
        return self._files.write(
            plan,
            (each for each in cut(self._shelves(plan, changed), plan.bits) if each[0] in changed),
            kept=buckets - changed,
            before=before,
        )

    def _shelves(self, plan: Plan, buckets: set[int]) -> Iterator[Shelf]:
        """The shelves of some buckets, a few at a time: no transaction waits for a file."""
        numbers = sorted(shelves_of(buckets, plan.bits))
        for start in range(0, len(numbers), SHELVES_READ):
            some = numbers[start : start + SHELVES_READ]
            with self._database.reading() as transaction:
                found = store.shelves(
                    transaction, epoch=plan.epoch, key_id=plan.key_id, wanted=some
                )
            for number in some:
                yield store.shelf_in(found, number)


def _is_alike(before: Plan, after: Plan) -> bool:
    """Whether a bucket in which nothing changed has the same tags and pads in both."""
    return (before.key_id, before.epoch, before.bits, before.count) == (
        after.key_id,
        after.epoch,
        after.bits,
        after.count,
    )
