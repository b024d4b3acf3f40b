"""Puts tags on shelves and takes them off again; opens the seeds they are made of."""

from collections.abc import Iterable, Set

from registry.crypto.screening import place_of, tag_of
from registry.database.transaction import Transaction
from registry.identity.protection import Protector
from registry.incidents.effective import SealedIdentity
from registry.lookups import screening_store as store
from registry.lookups.screening_model import entry_of, shelf_of

_SHELVES_AT_ONCE = 64


class Shelves:
    """The shelves of every epoch, as sets of entries."""

    def __init__(self, *, protector: Protector) -> None:
        self._protector = protector

    def entries(
        self, identities: Iterable[SealedIdentity], epoch: str
    ) -> dict[tuple[str, int], bytes]:
        """The entries of these identities, by key id and shelf, joined."""
        joined: dict[tuple[str, int], bytearray] = {}
        for identity in identities:
            place, entry = self._entry(identity, epoch)
            joined.setdefault((identity.key_id, shelf_of(place)), bytearray()).extend(entry)
        return {place: bytes(entries) for place, entries in joined.items()}

    def take_in(
        self,
        transaction: Transaction,
        epoch: str,
        identities: Iterable[SealedIdentity],
        counting: Set[bytes],
        sequence: int,
    ) -> None:
        """Puts the tags of the `counting` on an epoch's shelves, and takes those of others off."""
        present: dict[tuple[str, int], set[bytes]] = {}
        absent: dict[tuple[str, int], set[bytes]] = {}
        for identity in identities:
            into = present if identity.lookup_key in counting else absent
            place, entry = self._entry(identity, epoch)
            into.setdefault((identity.key_id, shelf_of(place)), set()).add(entry)
        touched = sorted(present.keys() | absent.keys())
        for key_id in sorted({each for each, _ in touched}):
            numbers = [number for each, number in touched if each == key_id]
            for start in range(0, len(numbers), _SHELVES_AT_ONCE):
                some = numbers[start : start + _SHELVES_AT_ONCE]
                shelves = store.shelves(transaction, epoch=epoch, key_id=key_id, wanted=some)
                changed = [
                    store.shelf_in(shelves, number).changed(
                        present=present.get((key_id, number), set()),
                        absent=absent.get((key_id, number), set()),
                        sequence=sequence,
                    )
                    for number in some
                ]
                store.put_shelves(
                    transaction,
                    epoch=epoch,
                    key_id=key_id,
                    changed=[each for each in changed if each is not None],
                )

    def _entry(self, identity: SealedIdentity, epoch: str) -> tuple[int, bytes]:
        seed = self._protector.open_seed(identity.seed_sealed, identity.lookup_key)
        place = place_of(seed)
        return place, entry_of(place, tag_of(seed, epoch))
