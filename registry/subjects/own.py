"""The person's door: one call of a session, one transaction, an answer after the commit.

`@own` is to people what `@signed` is to members. A `Problem` raised undoes the view's work,
one returned keeps it; in both cases nothing leaves before the transaction has ended.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, request

from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.database.transaction import Transaction
from registry.http.limits import RequestLimiter
from registry.http.openapi import describe_own
from registry.http.requests import request_id
from registry.http.wiring import the
from registry.kernel.clock import Clock
from registry.kernel.ids import IncidentId
from registry.members.service import Directory
from registry.subjects.model import (
    CALLS_PER_MINUTE,
    Assurance,
    NotSignedIn,
    Session,
    Subject,
    subject_of,
)
from registry.subjects.recording import OwnViews
from registry.subjects.service import Moment
from registry.subjects.sessions import Sessions

BEARER = "Bearer "

View = TypeVar("View", bound=Callable[..., Any])
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectCall:
    """A person's call inside its transaction; `now` is the rules' clock's.

    `subject` is the person under those identities that are sure enough for the view,
    `session` all there is.
    """

    transaction: Transaction
    subject: Subject
    session: Session
    now: datetime
    request_id: UUID


class SubjectDoor:
    """Finds the session of a call and opens its transaction, which sees every member.

    `wall` tells whether a session is over, `clock` the time rules are applied at.
    """

    def __init__(
        self,
        *,
        database: Database,
        sessions: Sessions,
        directory: Directory,
        wall: Clock,
        clock: Clock,
    ) -> None:
        self._database = database
        self._directory = directory
        self._sessions = sessions
        self._wall = wall
        self._clock = clock
        self._limiter = RequestLimiter()

    def answer(self, needed: Assurance, view: Callable[[SubjectCall], T]) -> T:
        """The view's answer, once everything it wrote is on disk."""
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            # A process that has answered no member's call yet knows none of them.
            self._directory.refresh(transaction)
            session = self.session_of(transaction, bearer_of_request())
            return view(
                SubjectCall(
                    transaction=transaction,
                    subject=subject_of(session.identities, needed),
                    session=session,
                    now=self._clock.now(),
                    request_id=request_id(),
                )
            )

    def moment(self) -> Moment:
        """When the request at hand is made."""
        return Moment(now=self._clock.now(), wall_now=self._wall.now(), request_id=request_id())

    def session_of(self, transaction: Transaction, bearer: str | None) -> Session:
        """The session of the call at hand, which counts against its limit.

        Raises: NotSignedIn, TooManyRequests.
        """
        wall_now = self._wall.now()
        found = bearer and self._sessions.find(transaction, bearer, wall_now)
        if not found:
            raise NotSignedIn
        self._limiter.count(f"session:{found.id}", quota=CALLS_PER_MINUTE, now=wall_now)
        return found


def own(*, needs: Assurance = Assurance.PROVEN) -> Callable[[View], View]:
    """Makes a view answer the person of a session only; it gets a `SubjectCall` first.

    `needs`: how sure it must be who that is.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(**path: Any) -> Response:
            answer: Response = the(SubjectDoor).answer(needs, lambda call: view(call, **path))
            return answer

        describe_own(wrapper)
        return wrapper  # type: ignore[return-value] # the same view, given its call

    return decorate


def own_in_steps(view: View) -> View:
    """Notes on a view that it takes the session of a person itself, step by step.

    For what takes long between two steps: no transaction, and no connection, is held
    meanwhile. Each step is a `SubjectDoor.answer`.
    """
    describe_own(view)
    return view


def recorded(
    call: SubjectCall, act: str, touched: dict[str, list[IncidentId]] | None = None
) -> str:
    """The receipt of the entry that says what the person of a call saw or did."""
    return the(OwnViews).record(
        call.transaction,
        call.subject.identities,
        act,
        now=call.now,
        request_id=call.request_id,
        touched={name: [*map(str, ids)] for name, ids in (touched or {}).items()},
    )


def bearer_of_request() -> str | None:
    """The bearer of the request at hand; None without an Authorization header.

    Raises: NotSignedIn for one of another form.
    """
    authorization = request.headers.get("Authorization")
    if authorization is None:
        return None
    if not authorization.startswith(BEARER):
        raise NotSignedIn
    return authorization.removeprefix(BEARER)
