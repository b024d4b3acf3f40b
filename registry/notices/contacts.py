"""Where a person asked to be written to: one sealed address for each proven identity.

The one place, beside the sign-in, where the node holds an address of a person: because
the person gave it, for letters, and until the person takes it back.
"""

from collections.abc import Collection
from datetime import datetime

from registry.crypto.sealing import Sealer
from registry.database.transaction import Transaction
from registry.notices import letter_store as store
from registry.notices.letter_model import ContactChannel, ContactUnusable
from registry.notices.model import is_mail_address


class Contacts:
    """Keeps and forgets contacts; only letters read them."""

    def __init__(self, *, sealer: Sealer) -> None:
        self._sealer = sealer

    def keep(
        self,
        transaction: Transaction,
        *,
        lookup_key: bytes,
        channel: ContactChannel,
        address: str,
        now: datetime,
    ) -> None:
        """Writes to this address from now on. Raises: ContactUnusable."""
        if not is_mail_address(address):
            raise ContactUnusable
        sealed = self._sealer.seal(address.encode(), _context(lookup_key))
        store.keep_contact(transaction, lookup_key, channel.value, sealed, now)

    def forget(self, transaction: Transaction, *, lookup_key: bytes) -> bool:
        """Deletes the address; letters on their way to it take another. Whether there was one."""
        return store.forget_contact(transaction, lookup_key)

    def find_key(self, transaction: Transaction, lookup_keys: Collection[bytes]) -> bytes | None:
        """The key of the newest contact under these lookup keys."""
        found = store.contacts_of(transaction, lookup_keys) if lookup_keys else []
        return found[0][0] if found else None

    def address(self, transaction: Transaction, lookup_key: bytes) -> str | None:
        """The address kept under a lookup key; None where it was taken back."""
        for key, sealed in store.contacts_of(transaction, [lookup_key]):
            return self._sealer.open(sealed, _context(key)).decode()
        return None


def _context(lookup_key: bytes) -> bytes:
    return b"ccr-contact\x00" + lookup_key
