"""What is known of the person of one inquiry, and how surely it is about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.incidents.flags import Flags
from registry.incidents.model import KnownSubject
from registry.lookups.model import Match, PresentedIdentity, may_have_changed_hands
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Edition
from registry.score.model import Contribution, ProtectiveMarker, in_effect

_NOTHING_KNOWN = KnownSubject(incidents=(), protective=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known; `flags` are what the person says of the identities asked for."""

    sure: tuple[Contribution, ...] = ()
    unsure: tuple[Contribution, ...] = ()
    protective: tuple[ProtectiveMarker, ...] = ()
    flags: tuple[Flags, ...] = ()

    @property
    def match(self) -> Match:
        """How sure it is that what is known is about the person asked for."""
        if self.sure:
            return Match.MATCH
        return Match.WEAK if self.unsure else Match.NONE

    @property
    def is_frozen(self) -> bool:
        """Whether the person has frozen one of the identities."""
        return any(each.frozen_at is not None for each in self.flags)

    @property
    def is_alerted(self) -> bool:
        """Whether the person wants to be told."""
        return any(each.alerted_at is not None for each in self.flags)

    @property
    def statement(self) -> str | None:
        """What the person says about it, said last; shown where something is known."""
        said = [
            (each.stated_at, each.statement)
            for each in self.flags
            if each.statement is not None and each.stated_at is not None
        ]
        return max(said)[1] if said and self.match is not Match.NONE else None


NOTHING_FOUND = Finding()


def find(
    identities: Sequence[PresentedIdentity],
    lookup_keys: Sequence[bytes],
    known: Mapping[bytes, KnownSubject],
    edition: Edition,
    now: datetime,
) -> Finding:
    """What is known under the keys of these identities, united by incident.

    NOTHING_FOUND itself where no key is known.
    """
    if known.keys().isdisjoint(lookup_keys):
        return NOTHING_FOUND
    sure: dict[str, Contribution] = {}
    unsure: dict[str, Contribution] = {}
    protective: dict[str, ProtectiveMarker] = {}
    flags: list[Flags] = []
    for identity, key in zip(identities, lookup_keys, strict=True):
        subject = known.get(key, _NOTHING_KNOWN)
        protective |= {marker.incident_id: marker for marker in subject.protective}
        # What an earlier holder said binds nobody who came after.
        if subject.flags is not None and not may_have_changed_hands(
            held_since_on=identity.held_since_on,
            last_verified_on=subject.flags.proven_on,
            edition=edition,
        ):
            flags.append(subject.flags)
            protective |= {marker.incident_id: marker for marker in subject.flags.markers}
        for incident in subject.incidents:
            weak = may_have_changed_hands(
                held_since_on=identity.held_since_on,
                last_verified_on=incident.last_verified_on,
                edition=edition,
            )
            found = unsure if weak else sure
            found[incident.contribution.incident_id] = incident.contribution
    # Union by incident: one sure identity is enough for it.
    only_unsure = [each for name, each in unsure.items() if name not in sure]
    today = local_date(now, edition)
    return Finding(
        sure=in_effect(tuple(sure.values()), now, today),
        unsure=in_effect(only_unsure, now, today),
        protective=tuple(protective.values()),
        flags=tuple(flags),
    )
