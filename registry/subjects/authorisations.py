"""One-use authorisations: a person lets one member ask once, about one order, soon.

The code is 128 random bits; the database holds its mark. It is spent inside the transaction
of the lookup it opens: a lookup that does not stand in the log has spent nothing, and of
two lookups at once one is refused. By the rules' clock.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from registry.database.transaction import Transaction
from registry.identity.protection import Protector
from registry.kernel import base64url
from registry.kernel.ids import MemberId
from registry.kernel.problems import Kind, Problem, Text
from registry.lookups.consent import PresentedCode
from registry.members.service import Directory
from registry.rulebook.calendar import exact_duration
from registry.rulebook.model import Edition
from registry.subjects import authorisation_store as store
from registry.subjects.authorisation_store import GivenAuthorisation
from registry.subjects.model import Subject

CODE_BYTES = 16


class MemberNotThere(Problem):
    """No member of this id takes part now."""

    kind = Kind.INVALID
    title = Text(en="There is no such member", zh="没有该成员机构")
    advice = Text(
        en="Use the member id that the platform shows you with its request.",
        zh="请使用平台在请求授权时出示的成员机构编号。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAuthorisation:
    """An authorisation as the person gets it: `code` is what to hand to the member."""

    code: str = field(repr=False)
    member: MemberId
    order: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisations:
    """Gives one-use authorisations, and sees that each is used once."""

    protector: Protector
    directory: Directory
    edition: Edition

    def give(
        self,
        transaction: Transaction,
        subject: Subject,
        *,
        member: MemberId,
        order: str,
        now: datetime,
    ) -> NewAuthorisation:
        """A fresh authorisation for this member and order.

        Raises: MemberNotThere.
        """
        self.directory.refresh(transaction)
        if self.directory.member(member) is None or self.directory.is_suspended(member):
            raise MemberNotThere
        code = base64url.encode(secrets.token_bytes(CODE_BYTES))
        expires_at = now + exact_duration(self.edition.deadlines.one_use_authorisation)
        given = GivenAuthorisation(
            lookup_keys=frozenset(subject.lookup_keys),
            member=member,
            order=order,
            expires_at=expires_at,
        )
        store.add(transaction, self._mark(code), given)
        return NewAuthorisation(code=code, member=member, order=order, expires_at=expires_at)

    def redeem(
        self, transaction: Transaction, presented: Sequence[PresentedCode], now: datetime
    ) -> Sequence[bool]:
        """Of each, whether it was good, and is spent from now on.

        Good: not spent, not over, for this member and this order, and given by a person
        who has proved every identity that is asked for: one person's word opens nobody else.
        """
        marks = [self._mark(each.reference) for each in presented]
        unspent = store.lock_unspent(transaction, set(marks))
        spent = {}
        results = []
        for mark, code in zip(marks, presented, strict=True):
            given = unspent.get(mark)
            is_good = given is not None and mark not in spent and _fits(given, code, now)
            if is_good:
                spent[mark] = code.lookup
            results.append(is_good)
        if spent:
            store.spend(transaction, spent)
        return results

    def forget_subject(self, transaction: Transaction, lookup_key: bytes) -> int:
        """Deletes what a person has given, whose erasure was ordered; how many."""
        return store.forget_subject(transaction, lookup_key)

    def sweep(self, transaction: Transaction, now: datetime, rows_max: int) -> int:
        """Deletes what is over; how many."""
        return store.sweep(transaction, now, rows_max)

    def _mark(self, code: str) -> bytes:
        return self.protector.mark(b"one-use\x00" + code.encode())


def _fits(given: GivenAuthorisation, code: PresentedCode, now: datetime) -> bool:
    return (
        now < given.expires_at
        and given.member == code.member
        and given.order == code.order
        and given.lookup_keys.issuperset(code.lookup_keys)
    )
