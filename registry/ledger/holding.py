"""What may not be erased now, for every room that erases by a clock of its own.

A hold outweighs those clocks too. What opens a door is not kept by it: sessions, codes
and authorisations end as they always do.
"""

from registry.database.transaction import Transaction
from registry.ledger import erasure_store
from registry.ledger.erasure_model import Held


def held_now(transaction: Transaction) -> Held:
    """All that is held; whoever holds nothing else yet uses `begin`."""
    return erasure_store.held(transaction)


def begin(transaction: Transaction) -> Held:
    """All that is held; nothing is added to it until the transaction ends.

    Asked before anything else is locked: every eraser waits here, and nowhere else.
    """
    erasure_store.lock(transaction)
    return erasure_store.held(transaction)
