"""What the lean door does with a batch: one transaction, and each call for itself."""

import json
import logging
import time
from collections.abc import Iterator, Sequence

from registry.database.engine import Database
from registry.door.arrivals import Arrival, Reply, problem_reply
from registry.door.gathering import Done
from registry.http.caller import DetachedCall, Scope
from registry.http.gate import Gate, Passage
from registry.http.problems import InternalFault
from registry.http.signed import require_scope
from registry.identity.api import allowance_after, evaluate_for
from registry.identity.service import Evaluations
from registry.kernel import base64url
from registry.kernel.clock import Clock
from registry.kernel.problems import Problem
from registry.lookups.api import json_text, results_document
from registry.lookups.model import Inquiry, LookupAnswer, LookupRequest
from registry.lookups.schemas import answer_document
from registry.lookups.service import Lookups

logger = logging.getLogger("registry.door")

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
            passages = self._gate.let_in(transaction, [each.verified for each in arrivals])
            now = self._clock.now()
            inquiries: list[Inquiry] = []
            for arrival, passage in zip(arrivals, passages, strict=True):
                if passage.refusal is None:
                    call = _call(arrival, passage, self._clock)
                    inquiries += [Inquiry(call=call, request=each) for each in _lookups(arrival)]
            results = self._lookups.look_up(transaction, inquiries, now) if inquiries else []
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
        if passage.refusal is not None:
            raise passage.refusal
        assert passage.caller is not None, "who is let in is known"
        require_scope(passage.caller, Scope.EVALUATE)
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


def _lookups(arrival: Arrival) -> list[LookupRequest]:
    asked = [arrival.asked] if isinstance(arrival.asked, LookupRequest) else arrival.asked
    return [each for each in asked if isinstance(each, LookupRequest)]


def _call(arrival: Arrival, passage: Passage, clock: Clock) -> DetachedCall:
    assert passage.caller is not None, "who is let in is known"
    return DetachedCall(
        caller=passage.caller,
        now=clock.now(),
        request_id=arrival.request_id,
        signed_request=arrival.verified.jwt,
        request_digest=arrival.verified.digest,
    )


def _answered(passage: Passage, text: str) -> Reply:
    assert passage.caller is not None, "who is let in is known"
    assert passage.allowance is not None, "who is let in was counted"
    return Reply(
        status=200,
        body=text.encode(),
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
