"""What a person says of themselves: statement, freeze, markers, alerts.

Kept in the standing rows of all their identities in the session at once, under the lock
filings take. Each act is an entry; none costs a point.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

from registry.incidents.flags import Flags
from registry.incidents.service import Incidents
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import IncidentId, Prefix, new_uuid, with_prefix
from registry.kernel.problems import Kind, Problem, Text
from registry.notices.contacts import Contacts
from registry.rulebook.calendar import add_span, local_date
from registry.rulebook.model import Edition
from registry.score.model import ProtectiveMarker
from registry.subjects.model import ProvenIdentity
from registry.subjects.own import SubjectCall
from registry.subjects.recording import OwnViews
from registry.subjects.records import flags_to_change

STATEMENT_CHARACTERS_MAX = 500
MARKERS_MAX = 8

Change = Callable[[Flags], Flags]


class MarkerNotFiled(Problem):
    """The code is not a protective one."""

    kind = Kind.INVALID
    title = Text(en="This is no protective marker", zh="不是保护性标记")
    advice = Text(
        en="A person files the markers V401, V402 and V403 for themselves.",
        zh="本人可自行登记的标记为 V401、V402 和 V403。",
    )


class MarkerNotFound(Problem):
    """The person has filed no marker of this id."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such marker", zh="没有该标记")
    advice = Text(
        en="Your record lists the markers you filed.", zh="本人信用信息中列出了您登记的标记。"
    )


class TooManyMarkers(Problem):
    """As many markers as one may have stand already."""

    kind = Kind.CONFLICT
    title = Text(en="There are too many markers", zh="标记过多")
    advice = Text(en="Renew or lift one that stands.", zh="请续期或解除已有标记。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sayings:
    """Keeps what people say of themselves."""

    edition: Edition
    incidents: Incidents
    own_views: OwnViews
    contacts: Contacts

    def state(self, call: SubjectCall, text: str) -> str:
        """Keeps a statement, shown to whoever is shown anything; gives the receipt."""
        return self._change(
            call,
            "statement",
            lambda flags: replace(flags, statement=text, stated_at=call.now),
            {"digest": base64url.encode(sha256(text.encode()).digest())},
        )

    def retract(self, call: SubjectCall) -> str:
        """Takes the statement back."""
        return self._change(
            call,
            "statement_retracted",
            lambda flags: replace(flags, statement=None, stated_at=None),
        )

    def freeze(self, call: SubjectCall) -> str:
        """From now on lookups need the person's one-use authorisation; frozen stays frozen."""
        return self._change(
            call,
            "frozen",
            lambda flags: replace(flags, frozen_at=flags.frozen_at or call.now),
        )

    def unfreeze(self, call: SubjectCall) -> str:
        """Ends a freeze."""
        return self._change(call, "unfrozen", lambda flags: replace(flags, frozen_at=None))

    def alert(self, call: SubjectCall) -> str:
        """From now on the person is told of lookups and filings."""
        return self._change(
            call, "alerts_on", lambda flags: replace(flags, alerted_at=flags.alerted_at or call.now)
        )

    def stop_alerts(self, call: SubjectCall) -> str:
        """Ends the alerts."""
        return self._change(call, "alerts_off", lambda flags: replace(flags, alerted_at=None))

    def stop_letters(self, call: SubjectCall) -> str:
        """Forgets the address letters went to; alerts stand in the history alone from then on."""
        for key in call.subject.lookup_keys:
            self.contacts.forget(call.transaction, lookup_key=key)
        return self._change(call, "contact_forgotten", lambda flags: flags)

    def mark(
        self, call: SubjectCall, code: str, statement: str | None
    ) -> tuple[ProtectiveMarker, str]:
        """Files a protective marker; the same code again renews the one that stands.

        Raises: MarkerNotFiled, TooManyMarkers.
        """
        known = self.edition.codes.get(code)
        if known is None or not known.is_protective:
            raise MarkerNotFiled
        identifier = with_prefix(Prefix.MARKER, new_uuid(call.now))
        marker = self._fresh(call, IncidentId(identifier), code)

        def add(flags: Flags) -> Flags:
            others = tuple(each for each in flags.markers if each.code != code)
            if len(others) >= MARKERS_MAX:
                raise TooManyMarkers
            return replace(flags, markers=(*others, marker))

        said: dict[str, JsonValue] = {"code": code, "marker": marker.incident_id}
        if statement is not None:
            said["digest"] = base64url.encode(sha256(statement.encode()).digest())
        return marker, self._change(call, "marked", add, said)

    def renew(self, call: SubjectCall, marker_id: str) -> tuple[ProtectiveMarker, str]:
        """Lets a marker run anew from today. Raises: MarkerNotFound."""
        standing = self._standing(call, marker_id)
        renewed = replace(
            standing,
            expires_on=self._fresh(call, standing.incident_id, standing.code).expires_on,
        )

        def change(flags: Flags) -> Flags:
            others = tuple(each for each in flags.markers if each.incident_id != marker_id)
            return replace(flags, markers=(*others, renewed))

        return renewed, self._change(call, "marker_renewed", change, {"marker": marker_id})

    def lift(self, call: SubjectCall, marker_id: str) -> str:
        """Takes a marker away. Raises: MarkerNotFound."""
        self._standing(call, marker_id)
        return self._change(
            call,
            "marker_lifted",
            lambda flags: replace(
                flags,
                markers=tuple(each for each in flags.markers if each.incident_id != marker_id),
            ),
            {"marker": marker_id},
        )

    def _fresh(self, call: SubjectCall, identifier: IncidentId, code: str) -> ProtectiveMarker:
        today = local_date(call.now, self.edition)
        return ProtectiveMarker(
            incident_id=identifier,
            code=code,
            effective_at=call.now,
            expires_on=add_span(today, self.edition.deadlines.protective_kept, self.edition),
        )

    def _standing(self, call: SubjectCall, marker_id: str) -> ProtectiveMarker:
        known = self.incidents.standings_of(call.transaction, call.subject.lookup_keys)
        for each in known.values():
            for marker in () if each.flags is None else each.flags.markers:
                if marker.incident_id == marker_id:
                    return marker
        raise MarkerNotFound

    def _change(
        self,
        call: SubjectCall,
        act: str,
        change: Change,
        said: dict[str, JsonValue] | None = None,
    ) -> str:
        """Changes what is said of every identity; gives the receipt of the entry."""
        today = local_date(call.now, self.edition)
        for identity in sorted(call.subject.identities, key=lambda each: each.lookup_key):
            self.incidents.own.change_flags(
                call.transaction,
                [identity.lookup_key],
                _of(identity, change, self.edition, today),
            )
        return self.own_views.record(
            call.transaction,
            call.subject.identities,
            act,
            now=call.now,
            request_id=call.request_id,
            said=said,
        )


def _of(
    identity: ProvenIdentity, change: Change, edition: Edition, today: date
) -> Callable[[Flags | None], Flags | None]:
    return lambda flags: change(flags_to_change(flags, identity, edition, today))
