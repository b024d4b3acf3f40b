"""Signed calls that are tried again when that is safe, and never doubled.

Each try carries a fresh signed request; all tries of a call that writes carry
one idempotency key.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from registry import __version__
from registry.client.problems import (
    AnswerNotUnderstood,
    RegistryError,
    RegistryProblem,
    RegistryUnreachable,
)
from registry.client.reading import Reader
from registry.client.retrying import (
    STATUSES_RETRIED,
    Retries,
    Timer,
    parse_http_date,
    retry_after_seconds,
)
from registry.client.signing import Signer
from registry.client.transport import Answer, ConnectionNotTrusted, Transport, as_sent
from registry.kernel import strict_json
from registry.kernel.canonical import JsonValue
from registry.kernel.problems import FieldError

logger = logging.getLogger("registry.client")

SKEW_SECONDS_MAX = 30
_SAFE_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A call to make: `target` is path and query, `body` the exact bytes."""

    method: str
    target: str
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class Calls:
    """Makes calls to one registry; threads may share it. `signer` None: a person, no member."""

    def __init__(
        self, *, transport: Transport, signer: Signer | None, retries: Retries, timer: Timer
    ) -> None:
        self._transport = transport
        self._signer = signer
        self._retries = retries
        self._timer = timer
        self._clock_offset = timedelta()

    def signed(self, call: Outgoing) -> Answer:
        """The answer to a call signed for this member, whatever its status.

        Tried again after a connection failure, 429, 502, 503 and 504, within
        the bounds of `Retries`; and once after a 401 when the registry's clock
        is not ours: from then on its time is used to sign.

        Raises: RegistryUnreachable, AnswerNotUnderstood.
        """
        assert self._signer is not None, "a member has a key"
        call = self._prepared(call)
        offset = self._clock_offset
        answer = self._persistently(call, self._signer)
        if answer.status == 401 and self._adopts_clock_of(answer, offset):
            answer = self._persistently(call, self._signer)
        return answer

    def unsigned(self, call: Outgoing) -> Answer:
        """The answer to a public call, tried again like a signed one.

        Raises: RegistryUnreachable, AnswerNotUnderstood.
        """
        return self._persistently(self._prepared(call), None)

    def _prepared(self, call: Outgoing) -> Outgoing:
        headers = {
            "Accept": "application/json, application/problem+json",
            "User-Agent": f"consumer-credit-registry-python/{__version__}",
            **call.headers,
        }
        if call.body:
            headers.setdefault("Content-Type", "application/json")
        if call.method not in _SAFE_METHODS:
            headers.setdefault("Idempotency-Key", str(uuid4()))
        target = as_sent(self._transport.origin, call.target)
        return Outgoing(method=call.method, target=target, body=call.body, headers=headers)

    def _persistently(self, call: Outgoing, signer: Signer | None) -> Answer:
        began = self._timer.monotonic()
        attempts = 0
        while True:
            attempts += 1
            left = self._retries.seconds_max - (self._timer.monotonic() - began)
            outcome = self._try(call, signer, left)
            if isinstance(outcome, Answer) and outcome.status not in STATUSES_RETRIED:
                return outcome
            pause = self._retries.pause_seconds(
                attempts=attempts,
                elapsed_seconds=self._timer.monotonic() - began,
                asked_seconds=self._asked_seconds(outcome),
            )
            if pause is None:
                if isinstance(outcome, Answer):
                    return outcome
                raise outcome
            # The path may hold ids, never identifiers; the query is left out all the same.
            path = call.target.partition("?")[0]
            reason = outcome.status if isinstance(outcome, Answer) else outcome
            logger.info("%s %s: %s; again in %.2f s", call.method, path, reason, pause)
            self._timer.wait(pause)

    def _try(
        self, call: Outgoing, signer: Signer | None, seconds_max: float
    ) -> Answer | RegistryUnreachable:
        headers = dict(call.headers)
        if signer is not None:
            at = self._timer.now() + self._clock_offset
            headers["Authorization"] = (
                f"Bearer {signer.sign(call.method, call.target, call.body, at)}"
            )
        try:
            return self._transport.exchange(
                call.method,
                call.target,
                body=call.body,
                headers=headers,
                seconds_max=seconds_max,
            )
        except ConnectionNotTrusted:
            raise
        except RegistryUnreachable as error:
            return error

    def _asked_seconds(self, outcome: Answer | RegistryUnreachable) -> float | None:
        if not isinstance(outcome, Answer):
            return None
        return _asked_seconds(outcome, self._timer.now())

    def _adopts_clock_of(self, answer: Answer, offset: timedelta) -> bool:
        theirs = parse_http_date(answer.headers.get("date"))
        if theirs is None:
            return False
        ours = self._timer.now()
        if abs((theirs - (ours + offset)).total_seconds()) <= SKEW_SECONDS_MAX:
            return False
        # One assignment, so that threads see the old offset or the new one.
        self._clock_offset = theirs - ours
        logger.warning("this clock is %s off the registry's; its time is used", ours - theirs)
        return True


def json_body(document: Mapping[str, JsonValue]) -> bytes:
    """The bytes of a request's document."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def document_of(answer: Answer, now: datetime) -> Reader:
    """The JSON object of a successful answer.

    Raises: RegistryProblem for any status of 400 and above, AnswerNotUnderstood.
    """
    if answer.status >= 400:
        raise problem_of(answer, now)
    return Reader(json_of(answer), "the answer")


def json_of(answer: Answer) -> JsonValue:
    """The JSON value of an answer's body.

    Raises: AnswerNotUnderstood.
    """
    try:
        value: JsonValue = strict_json.parse(answer.body)
    except strict_json.MalformedJson as error:
        raise AnswerNotUnderstood(
            f"the answer ({answer.status} {answer.title}) is not JSON"
        ) from error
    return value


def problem_of(answer: Answer, now: datetime) -> RegistryProblem:
    """The problem an answer carries; one made of its status when it carries none."""
    asked = _asked_seconds(answer, now)
    request_id = answer.headers.get("x-request-id")
    try:
        return problem_from(
            json_of(answer), status=answer.status, request_id=request_id, asked_seconds=asked
        )
    except RegistryError:
        return RegistryProblem(
            type="about:blank",
            title=answer.title,
            status=answer.status,
            detail="",
            request_id=request_id,
            retry_after_seconds=asked,
        )


def problem_from(
    value: JsonValue, *, status: int, request_id: str | None, asked_seconds: float | None
) -> RegistryProblem:
    """The problem of an RFC 9457 document.

    Raises: AnswerNotUnderstood when it is no such document.
    """
    reader = Reader(value, "the problem")
    errors = reader.children("errors") if reader.has("errors") else []
    return RegistryProblem(
        type=reader.maybe_text("type") or "about:blank",
        title=reader.text("title"),
        status=status,
        detail=reader.maybe_text("detail") or "",
        errors=[
            FieldError(
                pointer=error.text("pointer"), code=error.text("code"), detail=error.text("detail")
            )
            for error in errors
        ],
        request_id=request_id or (reader.maybe_text("instance") or "").rpartition(":")[2] or None,
        retry_after_seconds=asked_seconds,
        document=reader.document,
    )


def _asked_seconds(answer: Answer, now: datetime) -> float | None:
    # A date in Retry-After is the registry's: it is seen from the registry's own clock.
    present = parse_http_date(answer.headers.get("date")) or now
    return retry_after_seconds(answer.headers.get("retry-after"), now=present)
