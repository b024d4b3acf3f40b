"""What the lean door does with a batch: one transaction, and each call for itself."""

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from registry.database.bulk import attempt
from registry.database.engine import Database
from registry.door.arrivals import Arrival, Reply, problem_reply, unanswered
from registry.door.gathering import Done
from registry.http.answers import json_text
from registry.http.caller import DetachedCall, Scope
from registry.http.gate import Gate, Passage
from registry.http.problems import InternalFault
from registry.http.signed import require_scope
from registry.identity.api import allowance_after, evaluate_for
from registry.identity.service import Evaluations
from registry.incidents.api import filed_headers
from registry.incidents.gathered_filing import GatheredFiler, NotAllNew
from registry.incidents.model import Incident, Report
from registry.incidents.recording import Actor
from registry.incidents.schemas import filed_document
from registry.incidents.service import Filed, Incidents
from registry.kernel import base64url
from registry.kernel.clock import Clock
from registry.kernel.problems import Kind, Problem
from registry.lookups.api import results_document
from registry.lookups.model import Inquiry, LookupAnswer, LookupRequest
from registry.lookups.schemas import answer_document
from registry.lookups.service import Lookups

logger = logging.getLogger("registry.door")

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
# A transaction that lasts longer has a database that does not answer.
ANSWER_SECONDS_MAX = 8.0


class LookupWork:
    """Answers lookups, alone and in lists, of any number of members together.

    An arrival's `asked` is one `LookupRequest`, or a list of them and of the
    problems of what could not be read.
    """

    def __init__(
        self, *, database: Database, gate: Gate, clock: Clock, lookups: Lookups, origin: str
    ) -> None:
        self._database = database
        self._gate = gate
        self._clock = clock
        self._lookups = lookups
        self._origin = origin

    def perform(self, arrivals: Sequence[Arrival]) -> Done:
        """A reply to each arrival, once all their entries are on disk.

        Raises: DatabaseUnavailable, LogBehind, LogFull; nothing is kept then.
        """
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            # One exchange: who is let in, and what is known of whom they ask for.
            tell_passages = self._gate.let_in_later(
                transaction, [each.verified for each in arrivals]
            )
            requests = [each for arrival in arrivals for each in _lookups(arrival)]
            search = self._lookups.seek(transaction, requests)
            passages = tell_passages()
            now = self._clock.now()
            inquiries: list[Inquiry] = []
            for arrival, passage in zip(arrivals, passages, strict=True):
                if passage.refusal is None:
                    call = _call(arrival, passage, now)
                    inquiries += [Inquiry(call=call, request=each) for each in _lookups(arrival)]
            results = []
            if inquiries:
                results = self._lookups.look_up(transaction, inquiries, now, search)
            answers = iter(results)
            replies = [
                self._reply(arrival, passage, answers)
                for arrival, passage in zip(arrivals, passages, strict=True)
            ]
            committing = time.perf_counter()
        # Crash point: committed. Whoever gets no answer any more finds the lookup in
        # the access log, as after any answer that was lost.
        return Done(replies, time.perf_counter() - committing)

    def _reply(
        self, arrival: Arrival, passage: Passage, answers: Iterator[LookupAnswer | Problem]
    ) -> Reply:
        if passage.refusal is not None:
            return _refused(arrival, passage, passage.refusal, self._origin)
        if not isinstance(arrival.asked, LookupRequest):
            results = [
                next(answers) if isinstance(each, LookupRequest) else each for each in arrival.asked
            ]
            document = {"results": results_document(results, self._origin, arrival.request_id)}
            return _answered(passage, json_text(document))
        answer = next(answers)
        if isinstance(answer, Problem):
            # Returned, not raised: the refused lookup stands in the access log.
            return _refused(arrival, passage, answer, self._origin)
        return _answered(passage, json_text(answer_document(answer)))


class EvaluationWork:
    """Evaluates for any number of members; each is recorded before its work begins."""

    def __init__(
        self,
        *,
        database: Database,
        gate: Gate,
        clock: Clock,
        evaluations: Evaluations,
        origin: str,
    ) -> None:
        self._database = database
        self._gate = gate
        self._clock = clock
        self._evaluations = evaluations
        self._origin = origin

    def perform(self, arrivals: Sequence[Arrival]) -> Done:
        """A reply to each arrival. Raises: DatabaseUnavailable."""
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            passages = self._gate.let_in(transaction, [each.verified for each in arrivals])
            committing = time.perf_counter()
        commit_seconds = time.perf_counter() - committing
        replies = [
            self._reply(arrival, passage)
            for arrival, passage in zip(arrivals, passages, strict=True)
        ]
        return Done(replies, commit_seconds)

    def _reply(self, arrival: Arrival, passage: Passage) -> Reply:
        try:
            return self._evaluated(arrival, passage)
        except Problem as problem:
            return _refused(arrival, passage, problem, self._origin)
        except Exception:
            # It has been recorded: failing here must not fail those it came with.
            logger.exception("request %s failed", arrival.request_id)
            return _refused(arrival, passage, InternalFault(), self._origin)

    def _evaluated(self, arrival: Arrival, passage: Passage) -> Reply:
        refusal = _refusal(passage, Scope.EVALUATE)
        if refusal is not None:
            raise refusal
        assert passage.caller is not None, "who is let in is known"
        evaluated = evaluate_for(self._evaluations, passage.caller, arrival.asked)
        document = {
            "key_id": evaluated.key_id,
            "evaluated": [base64url.encode(each) for each in evaluated.evaluation.elements],
            "proof": base64url.encode(evaluated.evaluation.proof),
        }
        text = json.dumps(document, separators=(",", ":")) + "\n"
        reply = _answered(passage, text)
        quota = allowance_after(evaluated, passage.caller)
        return Reply(
            status=reply.status,
            body=reply.body,
            allowances=(*reply.allowances, quota),
            member=reply.member,
        )


class ReportWork:
    """Files reports of any number of members, together where all of them are new."""

    def __init__(
        self,
        *,
        database: Database,
        gate: Gate,
        clock: Clock,
        incidents: Incidents,
        filer: GatheredFiler,
        origin: str,
    ) -> None:
        self._database = database
        self._gate = gate
        self._clock = clock
        self._incidents = incidents
        self._filer = filer
        self._origin = origin

    def perform(self, arrivals: Sequence[Arrival]) -> Done:
        """A reply to each arrival, once what it reports is on disk.

        Raises: DatabaseUnavailable, LogFull; nothing is kept then.
        """
        try:
            return self._together(arrivals)
        except NotAllNew:
            # Nothing was kept, not even that they were made.
            return Done([self._alone(each) for each in arrivals])

    def _together(self, arrivals: Sequence[Arrival]) -> Done:
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            passages = self._gate.let_in(transaction, [each.verified for each in arrivals])
            now = self._clock.now()
            refusals = [_refusal(each, Scope.REPORT) for each in passages]
            reports: list[tuple[Actor, Report]] = [
                (_actor(arrival, now), arrival.asked)
                for arrival, refusal in zip(arrivals, refusals, strict=True)
                if refusal is None
            ]
            results = iter(self._filer.file(transaction, reports, now) if reports else ())
            replies = [
                self._reply(arrival, passage, refusal or next(results), Filed.NOW, now)
                for arrival, passage, refusal in zip(arrivals, passages, refusals, strict=True)
            ]
            committing = time.perf_counter()
        # Crash point: committed. Who gets no answer sends the report again and is given
        # the incident it made.
        return Done(replies, time.perf_counter() - committing)

    def _alone(self, arrival: Arrival) -> Reply:
        """The reply to one of them in a transaction of its own."""
        try:
            with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
                (passage,) = self._gate.let_in(transaction, [arrival.verified])
                now = self._clock.now()
                refusal = _refusal(passage, Scope.REPORT)
                try:
                    if refusal is not None:
                        raise refusal
                    with attempt(transaction):
                        found = self._incidents.report(
                            _call(arrival, passage, now).inside(transaction), arrival.asked
                        )
                except Problem as problem:
                    if problem.kind is Kind.UNAVAILABLE:
                        raise
                    # Its work was undone; that the call was made remains known.
                    return self._reply(arrival, passage, problem, Filed.BEFORE, now)
                return self._reply(arrival, passage, found.incident, found.filed, now)
        except Problem as problem:
            # The others have theirs already.
            return unanswered(arrival, problem, self._origin)

    def _reply(
        self,
        arrival: Arrival,
        passage: Passage,
        result: Incident | Problem,
        filed: Filed,
        now: datetime,
    ) -> Reply:
        if isinstance(result, Problem):
            return _refused(arrival, passage, result, self._origin)
        state = self._incidents.state_of(result, now)
        text = json_text(filed_document(result, state))
        status = 201 if filed is Filed.NOW else 200
        return _answered(passage, text, status, filed_headers(result, state))


def _refusal(passage: Passage, scope: Scope) -> Problem | None:
    """Why a call may not do what it came for."""
    if passage.refusal is not None:
        return passage.refusal
    assert passage.caller is not None, "who is let in is known"
    try:
        require_scope(passage.caller, scope)
    except Problem as problem:
        return problem
    return None


def _actor(arrival: Arrival, now: datetime) -> Actor:
    return Actor(
        member=arrival.verified.key.caller.member,
        now=now,
        request_id=arrival.request_id,
        signed_request=arrival.verified.jwt,
        request_digest=arrival.verified.digest,
    )


def _lookups(arrival: Arrival) -> list[LookupRequest]:
    asked = [arrival.asked] if isinstance(arrival.asked, LookupRequest) else arrival.asked
    return [each for each in asked if isinstance(each, LookupRequest)]


def _call(arrival: Arrival, passage: Passage, now: datetime) -> DetachedCall:
    assert passage.caller is not None, "who is let in is known"
    return DetachedCall(
        caller=passage.caller,
        now=now,
        request_id=arrival.request_id,
        signed_request=arrival.verified.jwt,
        request_digest=arrival.verified.digest,
    )


def _answered(
    passage: Passage, text: str, status: int = 200, headers: Mapping[str, str] = NO_HEADERS
) -> Reply:
    assert passage.caller is not None, "who is let in is known"
    assert passage.allowance is not None, "who is let in was counted"
    return Reply(
        status=status,
        body=text.encode(),
        headers=headers,
        allowances=(passage.allowance,),
        member=passage.caller.member,
    )


def _refused(arrival: Arrival, passage: Passage, problem: Problem, origin: str) -> Reply:
    return problem_reply(
        problem,
        origin=origin,
        request_id=arrival.request_id,
        member=None if passage.caller is None else passage.caller.member,
        allowances=() if passage.allowance is None else (passage.allowance,),
    )
