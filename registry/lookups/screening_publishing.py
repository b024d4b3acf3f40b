"""Publishes snapshots: the root into the incident log, and what it replaces out."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from registry.crypto.screening import epoch_of
from registry.database.transaction import Transaction
from registry.identity.keyring import Keyring
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import new_uuid
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger
from registry.lookups import screening_store as store
from registry.lookups.screening_making import Made
from registry.lookups.screening_model import Snapshot, epochs_wanted


class Publisher:
    """What readers are served is decided here, in one transaction with the log."""

    def __init__(self, *, ledger: Ledger, keyring: Keyring, edition: str) -> None:
        self._ledger = ledger
        self._keyring = keyring
        self._edition = edition

    def publish(self, transaction: Transaction, made: Made, now: datetime) -> None:
        """Publishes a snapshot, its root an entry: nobody can be shown another than all others."""
        plan = made.plan
        subject: dict[str, JsonValue] = {
            "bits": plan.bits,
            "count": plan.count,
            "epoch": plan.epoch,
            "key_id": plan.key_id,
            "root": base64url.encode(made.root),
            "sequence": plan.sequence,
        }
        uuid: UUID = new_uuid(now)
        header = Header(
            member=None,
            purpose=None,
            at=now,
            request_id=uuid,
            outcome="published",
            edition=self._edition,
            signed_request=None,
        )
        draft = Draft(
            log=Log.INCIDENTS,
            record_type=RecordType.SNAPSHOT,
            header=header,
            subject=subject,
            uuid=uuid,
        )
        self._ledger.append(transaction, [draft], now)
        snapshot = Snapshot(
            key_id=plan.key_id,
            epoch=plan.epoch,
            bits=plan.bits,
            count=plan.count,
            sequence=plan.sequence,
            root=made.root,
            entry=uuid,
            made_at=now,
        )
        store.publish(transaction, snapshot)

    def withdraw(
        self,
        transaction: Transaction,
        before: Sequence[Snapshot],
        now: datetime,
    ) -> None:
        """Takes out past epochs: shelves at once, the last snapshot with the second of the new.

        Until then whoever has read the index before the turn finds what it names.
        """
        epoch, keys = epoch_of(now), {each.key_id for each in self._keyring.published()}
        standing = {each.key_id for each in before if each.epoch == epoch}
        for each in before:
            if each.key_id not in keys or (each.epoch != epoch and each.key_id in standing):
                store.withdraw(transaction, each)
        past = store.builds(transaction).keys() - set(epochs_wanted(now))
        store.drop_epochs(transaction, past)
