"""The notice a person gets who was refused something after a lookup.

Who decided (never the registry), what the registry supplied and who had supplied that
to it, how to see and to contest it, and by which entry the lookup can be found. The
inquirer hands it over and records `notice_given_at` with its outcome.

Source: PIPL art. 24; Credit Reporting Regulation art. 17, 25; FCRA § 615(a).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from registry.http.caller import Call
from registry.incidents.model import Course
from registry.incidents.service import Incidents
from registry.kernel.clock import parse_instant
from registry.kernel.ids import EntryId, IncidentId, LookupId, Prefix, with_prefix
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger.contents import header_of, subject_of
from registry.lookups.model import Decision, Match
from registry.lookups.service import Lookups
from registry.members.service import Members
from registry.notices.catalogue import read_texts
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Rulebook

_GONE = (Course.WITHDRAWN, Course.OVERTURNED)


class NothingAdverse(Problem):
    """The registry supplied nothing, or what was asked for was granted."""

    kind = Kind.CONFLICT
    title = Text(en="There is nothing to give notice of", zh="无不利决定可告知")
    advice = Text(
        en="A notice is for who was refused after an answer that named something.",
        zh="仅在查询结果含有信息且作出不利决定时，才需出具告知书。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """One thing the answer rested on: what it is, and who supplied it; None: corrected since."""

    code: str
    text: Text
    furnisher: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseActionNotice:
    """The notice, in members and as a text in both languages."""

    lookup: LookupId
    entry: EntryId
    looked_up_at: datetime
    inquirer: str
    match: Match
    band: str
    edition: str
    supplied: Sequence[Supplied]
    corrected_since: int
    decision: Decision | None
    notice_given_at: datetime | None
    text: Text


class AdverseAction:
    """Makes notices; only for the inquirer of the lookup."""

    def __init__(
        self,
        *,
        lookups: Lookups,
        incidents: Incidents,
        members: Members,
        rulebook: Rulebook,
        origin: str,
    ) -> None:
        self._lookups = lookups
        self._incidents = incidents
        self._members = members
        self._rulebook = rulebook
        self._origin = origin
        self._texts = read_texts("adverse_action.toml")

    def notice(self, call: Call, lookup: LookupId, uuid: UUID) -> AdverseActionNotice:
        """The notice for one of the caller's lookups, as what it rested on stands today.

        Raises: LookupNotFound; NothingAdverse, where nothing was known or the outcome
        says that what was asked for was granted.
        """
        opening, outcomes = self._lookups.on_record(call, lookup)
        header = header_of(opening)
        match = Match(header["match"])
        outcome = outcomes[-1].outcome if outcomes else None
        if match is Match.NONE or (outcome and outcome.decision is Decision.APPROVED):
            raise NothingAdverse
        named = [IncidentId(each) for each in subject_of(opening)["incidents"]]
        found = [self._incidents.rulings.find(call.transaction, each) for each in named]
        standing = [each for each in found if each is not None and each.course not in _GONE]
        edition = self._rulebook.editions[header["edition"]]
        names = {each.id: each.name for each in self._members.list(call.transaction)}
        supplied = [
            Supplied(
                code=each.filing.code,
                text=edition.codes[each.filing.code].name,
                furnisher=names[each.furnisher],
            )
            for each in standing
        ]
        known = AdverseActionNotice(
            lookup=lookup,
            entry=EntryId(with_prefix(Prefix.ENTRY, uuid)),
            looked_up_at=parse_instant(header["at"]),
            inquirer=names[call.caller.member],
            match=match,
            band=header["band"],
            edition=edition.name,
            supplied=supplied,
            corrected_since=len(named) - len(standing),
            decision=None if outcome is None else outcome.decision,
            notice_given_at=None if outcome is None else outcome.notice_given_at,
            text=edition.texts.adverse_action_notice,
        )
        day = local_date(known.looked_up_at, edition).isoformat()
        text = Text(en=self._text(known, "en", day), zh=self._text(known, "zh", day))
        return replace(known, text=text)

    def _text(self, known: AdverseActionNotice, language: str, day: str) -> str:
        say = {name: getattr(each, language) for name, each in self._texts.items()}
        supplied = say["supplied"].format(band=known.band, edition=known.edition)
        if known.match is Match.WEAK:
            supplied = f"{supplied} {say['weak']}"
        lines = [supplied]
        lines += [
            say["item"].format(
                text=getattr(each.text, language), code=each.code, furnisher=each.furnisher
            )
            for each in known.supplied
        ]
        if known.corrected_since:
            lines.append(say["corrected"].format(count=known.corrected_since))
        return "\n\n".join(
            [
                say["decided"].format(inquirer=known.inquirer, day=day, origin=self._origin),
                "\n".join(lines),
                getattr(known.text, language),
                say["rights"].format(origin=self._origin, lookup=known.lookup, entry=known.entry),
            ]
        )
