"""What protects a person covers every identifier they prove, not the one they began with.

Freeze, protective markers and alerts of any identity of a session stand under all of them
from the moment they are in it together. A statement does not: words are said under the
identifiers they were said under, until they are said again. Each spread is an entry.
Source: decision 0075.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce
from uuid import UUID

from registry.database.transaction import Transaction
from registry.incidents.flags import Flags
from registry.incidents.service import Incidents
from registry.kernel.canonical import JsonValue
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Edition
from registry.score.model import ProtectiveMarker
from registry.subjects.model import Assurance, ProvenIdentity
from registry.subjects.recording import OwnViews
from registry.subjects.records import flags_to_change, own_flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """Spreads protection over the identities of a session."""

    edition: Edition
    incidents: Incidents
    own_views: OwnViews

    def cover(
        self,
        transaction: Transaction,
        identities: Sequence[ProvenIdentity],
        *,
        now: datetime,
        request_id: UUID,
    ) -> None:
        """Protects all of these alike; a member's word neither gives protection nor gets it.

        What an earlier holder of one of them said is nobody's here. Repeated: nothing.
        """
        proven = [each for each in identities if each.assurance is Assurance.PROVEN]
        keys = sorted(each.lookup_key for each in proven)
        known = self.incidents.flags_of(transaction, keys) if len(keys) > 1 else {}
        own = {
            each.lookup_key: own_flags(known.get(each.lookup_key), each, self.edition)
            for each in proven
        }
        today = local_date(now, self.edition)
        shared = reduce(
            lambda found, flags: _with(found, flags, today),
            (flags for flags in own.values() if flags is not None),
            Flags(proven_on=today),
        )
        bare = [each for each in proven if _lacks(own[each.lookup_key], shared, today)]
        for identity in sorted(bare, key=lambda each: each.lookup_key):
            self.incidents.own.change_flags(
                transaction, [identity.lookup_key], self._protecting(identity, shared, today)
            )
        if bare:
            markers: list[JsonValue] = [each.code for each in shared.markers]
            said: dict[str, JsonValue] = {
                "alerts": shared.alerted_at is not None,
                "freeze": shared.frozen_at is not None,
                "markers": markers,
            }
            self.own_views.record(
                transaction, bare, "covered", now=now, request_id=request_id, said=said
            )

    def _protecting(
        self, identity: ProvenIdentity, shared: Flags, today: date
    ) -> Callable[[Flags | None], Flags | None]:
        return lambda flags: _with(
            flags_to_change(flags, identity, self.edition, today), shared, today
        )


def _with(flags: Flags, more: Flags, today: date) -> Flags:
    """The flags, and what protects in `more`: the earliest freeze, the longest markers."""
    markers: dict[str, ProtectiveMarker] = {}
    for each in (*flags.markers, *more.markers):
        standing = markers.get(each.code)
        if each.expires_on > today and (standing is None or standing.expires_on < each.expires_on):
            markers[each.code] = each
    return replace(
        flags,
        frozen_at=_earliest(flags.frozen_at, more.frozen_at),
        alerted_at=_earliest(flags.alerted_at, more.alerted_at),
        markers=tuple(markers[code] for code in sorted(markers)),
    )


def _lacks(flags: Flags | None, shared: Flags, today: date) -> bool:
    """Whether something that protects the others does not protect this one."""
    if flags is None:
        return not shared.says_nothing
    lasting = {(each.code, each.expires_on) for each in flags.markers}
    return (
        (flags.frozen_at is None and shared.frozen_at is not None)
        or (flags.alerted_at is None and shared.alerted_at is not None)
        or not {(each.code, each.expires_on) for each in shared.markers} <= lasting
    )


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (one, other) if each is not None), default=None)
