"""A person's own record: what is filed about them, what it costs, and what is kept from them.

What may be an earlier holder's is not shown: an incident is the person's own when one of
their identities on it was verified at a time they held it, by the rule lookups go by. For a
member's vouch only what that member filed is shown in full (decision 0051).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from registry.database.transaction import Transaction
from registry.incidents.flags import Flags
from registry.incidents.model import Incident, KnownSubject, State
from registry.incidents.own import FiledUnder
from registry.incidents.service import Incidents
from registry.kernel.ids import IncidentId, MemberId
from registry.kernel.problems import Kind, Problem, Text
from registry.lookups.model import may_have_changed_hands
from registry.members.service import Directory
from registry.rulebook.model import Edition
from registry.score.model import Assessment, Contribution, ProtectiveMarker, Standing, assess
from registry.score.what_if import BandFrom, next_band, without
from registry.subjects.contests import Hearing, OpenAppeal
from registry.subjects.model import Assurance, ProvenIdentity, Subject

# A what-if is a whole assessment; more incidents than these have one for the dearest.
WHAT_IFS_MAX = 50


class NotYourIncident(Problem):
    """No incident of this id is found by an identity of this session, as far as it may say."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such incident", zh="没有该事件")
    advice = Text(
        en="Your record lists the incidents that are yours.",
        zh="本人信用信息中列出了与您有关的事件。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIncident:
    """An incident of the person; `is_shown_whole` False: only that it exists is told."""

    incident: Incident
    state: State
    furnisher_name: str
    identities: tuple[ProvenIdentity, ...]
    is_shown_whole: bool
    appeal: OpenAppeal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What the score would be had this incident never been reported."""

    incident: IncidentId
    assessment: Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnScore:
    """The score of today with what it would take to change it."""

    assessment: Assessment
    standing: Standing
    without: tuple[WhatIf, ...]
    next_band: BandFrom | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the person's incidents, and the id to go on after.

    `earlier_holder`: what was passed over because it may not be theirs exists.
    """

    incidents: tuple[OwnIncident, ...]
    next_after: str | None
    earlier_holder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRecords:
    """Reads records for the people they are about."""

    edition: Edition
    incidents: Incidents
    directory: Directory
    hearing: Hearing

    def page(
        self,
        transaction: Transaction,
        subject: Subject,
        *,
        after: str,
        items_max: int,
        now: datetime,
    ) -> Page:
        """The next incidents of the person, oldest first."""
        self.directory.refresh(transaction)
        found, next_after = self.incidents.own.page(
            transaction, subject.lookup_keys, after=after, items_max=items_max
        )
        judged = [(each, self._holders(subject, each)) for each in found]
        own = [(each, identities) for each, identities in judged if identities]
        contested = self.hearing.open_appeals(
            transaction, subject.lookup_keys, [each.incident.id for each, _ in own]
        )
        return Page(
            incidents=tuple(
                replace(
                    self._own(each.incident, identities, now),
                    appeal=contested.get(each.incident.id),
                )
                for each, identities in own
            ),
            next_after=next_after,
            earlier_holder=len(own) < len(judged),
        )

    def find(
        self, transaction: Transaction, subject: Subject, incident: IncidentId, now: datetime
    ) -> OwnIncident:
        """One incident of the person.

        Raises: NotYourIncident, also where it may be an earlier holder's.
        """
        self.directory.refresh(transaction)
        found = self.incidents.own.find(transaction, subject.lookup_keys, incident)
        identities = () if found is None else self._holders(subject, found)
        if found is None or not identities:
            raise NotYourIncident
        return self._own(found.incident, identities, now)

    def may_be_theirs(self, subject: Subject, found: FiledUnder) -> bool:
        """Whether an incident is the person's, as far as that can be told."""
        return bool(self._holders(subject, found))

    def score(self, transaction: Transaction, subject: Subject, now: datetime) -> OwnScore:
        """What the person's standing means today, without what may be an earlier holder's."""
        known = self.incidents.standings_of(transaction, subject.lookup_keys)
        standing = self._standing(subject, known)
        assessment = assess(standing, self.edition, now)
        counted = [each for event in assessment.events for each in event.incidents]
        return OwnScore(
            assessment=assessment,
            standing=standing,
            without=tuple(
                WhatIf(incident=each, assessment=without(standing, each, self.edition, now))
                for each in counted[:WHAT_IFS_MAX]
            ),
            next_band=next_band(standing, self.edition, now),
        )

    def flags(self, transaction: Transaction, subject: Subject) -> Mapping[bytes, Flags]:
        """What the person said before, by identity; not what an earlier holder said."""
        known = self.incidents.standings_of(transaction, subject.lookup_keys)
        by_key = {each.lookup_key: each for each in subject.identities}
        return {
            key: flags
            for key, each in known.items()
            if (flags := own_flags(each.flags, by_key[key], self.edition)) is not None
        }

    def _standing(self, subject: Subject, known: Mapping[bytes, KnownSubject]) -> Standing:
        contributions: dict[str, Contribution] = {}
        protective: dict[str, ProtectiveMarker] = {}
        for identity in subject.identities:
            each = known.get(identity.lookup_key)
            if each is None:
                continue
            protective |= {marker.incident_id: marker for marker in each.protective}
            flags = own_flags(each.flags, identity, self.edition)
            if flags is not None:
                protective |= {marker.incident_id: marker for marker in flags.markers}
            contributions |= {
                incident.contribution.incident_id: incident.contribution
                for incident in each.incidents
                if not may_have_changed_hands(
                    held_since_on=identity.held_since_on,
                    last_verified_on=incident.last_verified_on,
                    edition=self.edition,
                )
            }
        return Standing(
            contributions=tuple(contributions.values()), protective=tuple(protective.values())
        )

    def _holders(self, subject: Subject, found: FiledUnder) -> tuple[ProvenIdentity, ...]:
        """The identities of the person that make an incident theirs."""
        return tuple(
            each
            for each in subject.identities
            if each.lookup_key in found.verified_on
            and not may_have_changed_hands(
                held_since_on=each.held_since_on,
                last_verified_on=found.verified_on[each.lookup_key],
                edition=self.edition,
            )
        )

    def _own(
        self, incident: Incident, identities: Sequence[ProvenIdentity], now: datetime
    ) -> OwnIncident:
        member = self.directory.member(incident.furnisher)
        return OwnIncident(
            incident=incident,
            state=self.incidents.state_of(incident, now),
            furnisher_name="" if member is None else member.name,
            identities=tuple(identities),
            is_shown_whole=shows_whole(identities, incident.furnisher),
        )


def shows_whole(identities: Sequence[ProvenIdentity], furnisher: MemberId) -> bool:
    """Whether these identities may see all of what a furnisher filed."""
    return any(
        each.assurance is Assurance.PROVEN or each.vouched_by == furnisher for each in identities
    )


def own_flags(flags: Flags | None, identity: ProvenIdentity, edition: Edition) -> Flags | None:
    """The flags, unless they may be what an earlier holder of the identity said."""
    if flags is None or may_have_changed_hands(
        held_since_on=identity.held_since_on, last_verified_on=flags.proven_on, edition=edition
    ):
        return None
    return flags


def flags_to_change(
    flags: Flags | None, identity: ProvenIdentity, edition: Edition, today: date
) -> Flags:
    """The flags a person changes: their own, proven today; what an earlier holder said is gone."""
    own = own_flags(flags, identity, edition)
    return Flags(proven_on=today) if own is None else replace(own, proven_on=today)
