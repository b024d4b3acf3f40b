"""Codes: what is sent to an identifier to see who reads it, and how often one may try.

A code has two forms. The short one is for typing: 8 digits, so guesses are counted, per
sign-in and per identifier. The long one is for pasting: 128 random bits, which nobody
guesses, so that guesses of others never spend it. Both are of the identifier, not of one
sign-in: while somebody floods an identifier with sign-ins, the person who reads it signs in
with what arrived last.
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from registry.kernel import base64url

SHORT_DIGITS = 8
LONG_BYTES = 16
CODE_LIFE = timedelta(minutes=10)
TRIES_PER_SIGN_IN_MAX = 5
# Wrong short codes of one identifier in an hour, whichever sign-in they are tried at: with
# 10^8 codes and as a rule one live, a year of guessing finds one in a thousand.
WRONG_PER_HOUR_MAX = 10
WRONG_WINDOW = timedelta(hours=1)
# How long after a message the next one may go out, by how many were left unanswered: a flood
# fills no mailbox, and nobody waits longer than an hour for a fresh code.
GAPS = ((3, timedelta(minutes=2)), (12, timedelta(minutes=10)))
GAP_LONGEST = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code in both forms, in the clear; it exists until its message is sealed."""

    short: str = field(repr=False)
    long: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierTries:
    """How often an identifier was written to, unanswered, and guessed at wrongly."""

    sent: int
    sent_at: datetime | None
    wrong: int
    wrong_from_at: datetime | None

    def may_send(self, wall_now: datetime) -> bool:
        """Whether another message may go out."""
        if self.sent_at is None or wall_now - self.sent_at >= FORGOTTEN_AFTER:
            return True
        return wall_now - self.sent_at >= self._gap()

    def may_guess(self, wall_now: datetime) -> bool:
        """Whether a short code is looked at."""
        return self._wrong_lately(wall_now) < WRONG_PER_HOUR_MAX

    def with_sent(self, wall_now: datetime) -> "IdentifierTries":
        """Once a message more has gone out."""
        is_old = self.sent_at is not None and wall_now - self.sent_at >= FORGOTTEN_AFTER
        return replace(self, sent=1 if is_old else self.sent + 1, sent_at=wall_now)

    def with_wrong(self, wall_now: datetime) -> "IdentifierTries":
        """Once a short code more was wrong."""
        lately = self._wrong_lately(wall_now)
        from_at = wall_now if lately == 0 else self.wrong_from_at
        return replace(self, wrong=lately + 1, wrong_from_at=from_at)

    def answered(self) -> "IdentifierTries":
        """Once a code was right; wrong guesses of others stay counted."""
        return replace(self, sent=0, sent_at=None)

    def _gap(self) -> timedelta:
        return next((gap for sent_max, gap in GAPS if self.sent <= sent_max), GAP_LONGEST)

    def _wrong_lately(self, wall_now: datetime) -> int:
        if self.wrong_from_at is None or wall_now - self.wrong_from_at >= WRONG_WINDOW:
            return 0
        return self.wrong


def new_code() -> Code:
    """A fresh code."""
    return Code(
        short=f"{secrets.randbelow(10**SHORT_DIGITS):0{SHORT_DIGITS}d}",
        long=base64url.encode(secrets.token_bytes(LONG_BYTES)),
    )


def is_short(code: str) -> bool:
    """Whether it is the form whose guesses are counted."""
    return len(code) == SHORT_DIGITS
