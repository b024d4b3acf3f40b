"""Where a person asked to be written to: one sealed address for each proven identity.

The one place, beside the sign-in, where the node holds an address of a person: because
the person gave it, for letters, and until the person takes it back.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

from registry.crypto.sealing import Sealer
from registry.database.transaction import Transaction
from registry.lookups.model import trusted_until_on
from registry.notices import letter_store as store
from registry.notices.letter_model import ContactChannel, ContactUnusable
from registry.notices.model import is_mail_address
from registry.rulebook.calendar import day_begins_at
from registry.rulebook.model import Edition


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
        """Writes to this address from now on; given again it stands since when it did.

        Raises: ContactUnusable.
        """
        if not is_mail_address(address):
            raise ContactUnusable
        if self.address(transaction, lookup_key) == address:
            return
        sealed = self._sealer.seal(address.encode(), _context(lookup_key))
        store.keep_contact(transaction, lookup_key, channel.value, sealed, now)

    def forget(self, transaction: Transaction, *, lookup_key: bytes) -> bool:
        """Deletes the address; letters on their way to it take another. Whether there was one."""
        return store.forget_contact(transaction, lookup_key)

    def find_key(
        self,
        transaction: Transaction,
        lookup_keys: Collection[bytes],
        given_by: Mapping[bytes, datetime] | None = None,
    ) -> bytes | None:
        """The key of the newest contact under these lookup keys.

        `given_by`: by when it must have been given; what comes later can be another's,
        who holds the identifier now. Keys that it does not name are out.
        """
        for key, _, kept_at in store.contacts_of(transaction, lookup_keys) if lookup_keys else []:
            if given_by is None or (key in given_by and kept_at <= given_by[key]):
                return key
        return None

    def address(
        self, transaction: Transaction, lookup_key: bytes, given_by: datetime | None = None
    ) -> str | None:
        """The address kept under a lookup key; None where it was taken back, or is a later one."""
        for key, sealed, kept_at in store.contacts_of(transaction, [lookup_key]):
            if given_by is None or kept_at <= given_by:
                return self._sealer.open(sealed, _context(key)).decode()
        return None


def given_while_trusted(
    verified_on: Mapping[bytes, date], edition: Edition
) -> Mapping[bytes, datetime]:
    """By when a contact is the person's of whom each key was last verified, at these days.

    Source: the rule of lookups for identifiers that change hands, docs/protocol.md, section 4.
    """
    moment, day = timedelta(microseconds=1), timedelta(days=1)
    return {
        key: day_begins_at(trusted_until_on(verified, edition) + day, edition) - moment
        for key, verified in verified_on.items()
    }


def _context(lookup_key: bytes) -> bytes:
    return b"ccr-contact\x00" + lookup_key
