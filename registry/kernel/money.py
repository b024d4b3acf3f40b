"""Money: whole minor units of one currency, never a float."""

import re
from dataclasses import dataclass

MINOR_UNITS_MAX = 10**15
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in minor units (fen, cents) of an ISO 4217 currency.

    Raises: ValueError for a negative or absurd amount or an impossible code.
    """

    minor_units: int
    currency: str

    def __post_init__(self) -> None:
        if not 0 <= self.minor_units <= MINOR_UNITS_MAX:
            raise ValueError(f"minor_units must be from 0 to {MINOR_UNITS_MAX}")
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError("currency must be an ISO 4217 code such as CNY")
