"""Looks people up, on the record, and records what became of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from registry.database.transaction import Transaction
from registry.http.caller import Call, Scope
from registry.identity.keyring import Keyring
from registry.identity.protection import Protector
from registry.incidents.model import KnownSubject
from registry.incidents.service import Incidents
from registry.kernel import base64url, strict_json
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import LookupId, Prefix, new_uuid, parse_id, with_prefix
from registry.kernel.problems import Problem
from registry.ledger.model import Appended, Draft, Header, Log, Opening, RecordType, decode_entry
from registry.ledger.service import Ledger
from registry.ledger.watch import LogWatch
from registry.lookups import store
from registry.lookups.consent import Alerts, OneUseAuthorisations
from registry.lookups.finding import NOTHING_FOUND, Finding, find
from registry.lookups.model import (
    REASON_WEAK,
    AuthorisationNotKnown,
    Basis,
    Inquiry,
    LookupAnswer,
    LookupKeyUnknown,
    LookupNotFound,
    LookupRequest,
    LookupScopeMissing,
    Match,
    OneUseRequired,
    Outcome,
    OutcomeAlreadyRecorded,
    PurposeNotGranted,
    ShownReason,
    advise,
    may_follow,
)
from registry.lookups.questions import (
    Answered,
    Asked,
    Question,
    Search,
    Sought,
    frozen_out,
    looked_at,
    presented,
    presents_code,
)
from registry.rulebook.calendar import exact_duration
from registry.rulebook.model import Edition, Rulebook
from registry.score.model import Assessment, Standing, assess, count
from registry.settings import AuthorisationRule

# Of all the calls that are answered together.
INQUIRIES_MAX = 256


class Lookups:
    """The accountable inquiry.

    Inquiries come as a list, of one call or of many: whatever is read or written
    for them is one statement for the list, and each is answered or refused alone.
    A door that has several things to ask of the database calls `seek` before, so that
    they travel together.
    """

    def __init__(
        self,
        *,
        rulebook: Rulebook,
        keyring: Keyring,
        protector: Protector,
        incidents: Incidents,
        ledger: Ledger,
        log_watch: LogWatch,
        authorisations: OneUseAuthorisations,
        authorisation_rule: AuthorisationRule,
    ) -> None:
        self._edition = rulebook.current
        self._keyring = keyring
        self._protector = protector
        self._incidents = incidents
        self._ledger = ledger
        self._log_watch = log_watch
        self._authorisations = authorisations
        self._authorisation_rule = authorisation_rule
        self._alerts: Alerts | None = None

    def subscribe(self, alerts: Alerts) -> None:
        """Tells `alerts` of lookups of people who want to be told; once, at assembly."""
        assert self._alerts is None, "one hand writes to people"
        self._alerts = alerts

    def seek(self, transaction: Transaction, requests: Sequence[LookupRequest]) -> Search:
        """Has what answers `requests` read with whatever the database is asked next.

        Nothing of it leaves without `look_up`, which records it: what is read for a
        request that is then refused is let go of unseen.
        """
        sought = {id(request): self._sought(request) for request in requests}
        keys = sorted({key for each in sought.values() for key in each.lookup_keys})
        known: Callable[[], Mapping[bytes, KnownSubject]] = dict
        if keys:
            known = self._incidents.standings_later(transaction, keys)
        return Search(sought=sought, known=known)

    def look_up(
        self,
        transaction: Transaction,
        inquiries: Sequence[Inquiry],
        now: datetime,
        search: Search | None = None,
    ) -> list[LookupAnswer | Problem]:
        """An answer or a refusal for each inquiry, in their order; each stands in the log.

        One SELECT and one INSERT for the whole list, and two statements more where
        one-use authorisations are presented; `search` is the SELECT, if it was begun in
        this transaction. The caller commits before any of it leaves.
        Raises: LogBehind, LogFull.
        """
        search = search or self.seek(transaction, [each.request for each in inquiries])
        self._log_watch.require_keeping_up(transaction)
        asked = self._redeemed(transaction, self.ask(inquiries, search, now))
        answered = self.answer(asked, search.known())
        self._ledger.write(transaction, answered.entries)
        # Crash point: a spent authorisation, the entry and the alerts are one transaction.
        if answered.alerts and self._alerts is not None:
            self._alerts.looked_at(transaction, answered.alerts)
        return answered.results

    def ask(self, inquiries: Sequence[Inquiry], search: Search, now: datetime) -> Asked:
        """The inquiries, each permitted or refused; a refusal is a value, to be logged."""
        assert 1 <= len(inquiries) <= INQUIRIES_MAX
        questions = [
            self._question(inquiry, search.sought_by(inquiry.request), now) for inquiry in inquiries
        ]
        return Asked(now=now, questions=questions)

    def answer(self, asked: Asked, known: Mapping[bytes, KnownSubject]) -> Answered:
        """What is `known` under the asked keys, scored for each inquiry, and its entry."""
        now = asked.now
        found = [(each, self._finding(each, known, now)) for each in asked.questions]
        alerts = [looked_at(each, finding, now) for each, finding in found if finding.is_alerted]
        judged = [frozen_out(each, finding) for each, finding in found]
        questions = [question for question, _ in judged]
        findings = [finding for _, finding in judged]
        # Of most people nothing is known: they share one assessment.
        clean = self._assess(NOTHING_FOUND, now)
        assessments = [
            clean if finding is NOTHING_FOUND else self._assess(finding, now)
            for finding in findings
        ]
        drafts = [
            self._draft(question, finding, assessment, now)
            for question, finding, assessment in zip(questions, findings, assessments, strict=True)
        ]
        entries = self._ledger.make(drafts, now)
        results = [
            question.refusal or self._answer(question, finding, assessment, entry)
            for question, finding, assessment, entry in zip(
                questions, findings, assessments, entries.appended, strict=True
            )
        ]
        return Answered(results=results, entries=entries, alerts=alerts)

    def record_outcome(
        self, call: Call, lookup: LookupId, outcome: Outcome
    ) -> tuple[store.RecordedOutcome, bool]:
        """What the inquirer did after `lookup`, and whether this call added it.

        The same outcome again is the one that stands. Raises: LookupNotFound,
        OutcomeAlreadyRecorded.
        """
        uuid = parse_id(Prefix.LOOKUP, lookup)
        opening = self._own_lookup(call, uuid)
        earlier = store.outcomes_of(call.transaction, uuid)
        for each in earlier:
            if each.outcome == outcome:
                return each, False
        if earlier and not may_follow(earlier[-1].outcome.decision, outcome.decision):
            raise OutcomeAlreadyRecorded
        (entry,) = self._ledger.append(
            call.transaction, [self._outcome_draft(call, lookup, outcome, opening)], call.now
        )
        recorded = store.RecordedOutcome(
            outcome=outcome, recorded_at=call.now, receipt=self._ledger.receipt(entry)
        )
        added = store.add_outcome(
            call.transaction,
            lookup=uuid,
            position=len(earlier),
            member=call.caller.member,
            recorded=recorded,
        )
        if not added:
            # Two calls at once; the other one stands.
            raise OutcomeAlreadyRecorded
        return recorded, True

    def forget(self, transaction: Transaction, lookups: Collection[UUID]) -> int:
        """Deletes what is kept of lookups beside the log; how many outcomes that were."""
        return store.forget_outcomes(transaction, lookups)

    def on_record(
        self, call: Call, lookup: LookupId
    ) -> tuple[Opening, Sequence[store.RecordedOutcome]]:
        """The entry of one of the caller's answered lookups, and its outcomes, first to last.

        Raises: LookupNotFound.
        """
        uuid = parse_id(Prefix.LOOKUP, lookup)
        return self._own_lookup(call, uuid), store.outcomes_of(call.transaction, uuid)

    def _sought(self, request: LookupRequest) -> Sought:
        seeds = [self._protector.seed_of(each.identity.token) for each in request.identities]
        return Sought(seeds=seeds, lookup_keys=[self._protector.lookup_key(seed) for seed in seeds])

    def _question(self, inquiry: Inquiry, sought: Sought, now: datetime) -> Question:
        return Question(
            uuid=new_uuid(now),
            inquiry=inquiry,
            seeds=sought.seeds,
            lookup_keys=sought.lookup_keys,
            refusal=self._refusal(inquiry),
        )

    def _refusal(self, inquiry: Inquiry) -> Problem | None:
        """Why this member may not ask this question, if so. Source: RULEBOOK 5."""
        caller, request = inquiry.call.caller, inquiry.request
        if Scope.LOOK_UP not in caller.scopes:
            return LookupScopeMissing()
        if request.purpose not in caller.purposes:
            return PurposeNotGranted()
        if (
            self._authorisation_rule is AuthorisationRule.ONE_USE
            and request.authorisation.basis is not Basis.ONE_USE
        ):
            return OneUseRequired()
        for each in request.identities:
            if self._keyring.find(each.identity.key_id) is None:
                return LookupKeyUnknown()
        return None

    def _redeemed(self, transaction: Transaction, asked: Asked) -> Asked:
        """The same questions, those refused whose one-use authorisation is not good."""
        presenting = [each for each in asked.questions if presents_code(each)]
        if not presenting:
            return asked
        codes = [presented(each) for each in presenting]
        good = self._authorisations.redeem(transaction, codes, asked.now)
        refused = {
            question.uuid for question, is_good in zip(presenting, good, strict=True) if not is_good
        }
        questions = [
            replace(each, refusal=AuthorisationNotKnown()) if each.uuid in refused else each
            for each in asked.questions
        ]
        return replace(asked, questions=questions)

    def _finding(
        self, question: Question, known: Mapping[bytes, KnownSubject], now: datetime
    ) -> Finding:
        if question.refusal is not None:
            return NOTHING_FOUND
        return find(
            question.inquiry.request.identities, question.lookup_keys, known, self._edition, now
        )

    def _assess(self, finding: Finding, now: datetime) -> Assessment:
        standing = Standing(contributions=finding.sure, protective=finding.protective)
        return assess(standing, self._edition, now)

    def _draft(
        self, question: Question, finding: Finding, assessment: Assessment, now: datetime
    ) -> Draft:
        call, request = question.inquiry.call, question.inquiry.request
        more: dict[str, JsonValue] = {
            "agent": request.agent,
            "order": request.order,
            "authorisation": {
                "basis": request.authorisation.basis.value,
                "reference": request.authorisation.reference,
            },
        }
        if question.refusal is not None:
            more["problem"] = question.refusal.slug()
        else:
            more |= {"band": assessment.band.value, "match": finding.match.value}
        incidents = sorted(each.incident_id for each in (*finding.sure, *finding.unsure))
        return Draft(
            log=Log.ACCESS,
            record_type=RecordType.REFUSED_LOOKUP if question.refusal else RecordType.LOOKUP,
            header=Header(
                member=call.caller.member,
                purpose=request.purpose,
                at=now,
                request_id=call.request_id,
                outcome="refused" if question.refusal else "answered",
                edition=self._edition.name,
                signed_request=call.request_digest,
                more=more,
            ),
            subject={
                "incidents": incidents,
                "seeds": sorted(base64url.encode(seed) for seed in set(question.seeds)),
            },
            uuid=question.uuid,
            signed_request=call.signed_request,
            lookup_keys=tuple(question.lookup_keys),
        )

    def _answer(
        self, question: Question, finding: Finding, assessment: Assessment, entry: Appended
    ) -> LookupAnswer:
        match = finding.match
        return LookupAnswer(
            lookup=LookupId(with_prefix(Prefix.LOOKUP, question.uuid)),
            entry=entry.entry_id,
            at=entry.at,
            valid_until=entry.at + exact_duration(self._edition.deadlines.lookup_valid),
            edition=self._edition.name,
            match=match,
            band=assessment.band,
            score=assessment.score,
            reasons=_reasons(assessment, match, self._edition),
            incidents=(
                count((*finding.sure, *finding.unsure)) if finding.unsure else assessment.counts
            ),
            protective=assessment.protective,
            advice=advise(match, assessment.band),
            statement=finding.statement,
            adverse_action_notice=(
                None if match is Match.NONE else self._edition.texts.adverse_action_notice
            ),
            receipt=self._ledger.receipt(entry),
        )

    def _own_lookup(self, call: Call, uuid: UUID) -> Opening:
        opening = self._ledger.opening(call.transaction, uuid)
        if opening is None or opening.member != call.caller.member:
            raise LookupNotFound
        if decode_entry(opening.entry).record_type is not RecordType.LOOKUP:
            raise LookupNotFound
        return opening

    def _outcome_draft(
        self, call: Call, lookup: LookupId, outcome: Outcome, opening: Opening
    ) -> Draft:
        subject = strict_json.parse(opening.subject)
        return Draft(
            log=Log.ACCESS,
            record_type=RecordType.OUTCOME,
            header=Header(
                member=call.caller.member,
                purpose=None,
                at=call.now,
                request_id=call.request_id,
                outcome=outcome.decision.value,
                edition=self._edition.name,
                signed_request=call.request_digest,
                more={"human_reviewed": outcome.human_reviewed},
            ),
            subject={"lookup": lookup, "seeds": subject["seeds"]},
            signed_request=call.signed_request,
            lookup_keys=tuple(
                self._protector.lookup_key(base64url.decode(seed)) for seed in subject["seeds"]
            ),
        )


def _reasons(assessment: Assessment, match: Match, edition: Edition) -> list[ShownReason]:
    if match is Match.WEAK:
        return [ShownReason(code=REASON_WEAK, points=0, text=edition.texts.weak_match)]
    return [
        ShownReason(code=reason.code, points=reason.points, text=reason.text)
        for reason in assessment.reasons
    ]
