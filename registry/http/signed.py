"""The door: one signed call, one transaction, one answer that leaves after the commit.

`@signed` runs the view inside the transaction; `@signed_detached` records the
call first and runs the view without one, for work that must not hold a lock;
`@signed_streamed` reads a large body in pieces before that.
"""

import hashlib
from collections.abc import Callable, Collection
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from flask import Response, g, request

from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.database.transaction import Transaction
from registry.http import idempotency
from registry.http.caller import (
    Call,
    Caller,
    DetachedCall,
    KeyDirectory,
    Scope,
    StreamedCall,
)
from registry.http.gate import NOT_ACTIVE, SEEN_BEFORE, Gate, Passage
from registry.http.limits import announce
from registry.http.openapi import describe_signed
from registry.http.problems import BodyTooLarge, MediaTypeUnsupported
from registry.http.requests import request_id
from registry.http.signed_request import (
    NotAuthenticated,
    ReceivedCall,
    VerifiedCall,
    verify_body,
)
from registry.http.spool import Spool, SpoolFull
from registry.http.wiring import the
from registry.kernel.clock import Clock
from registry.kernel.problems import Kind, Problem, Text

_SAFE_METHODS = frozenset({"GET", "HEAD"})

View = TypeVar("View", bound=Callable[..., Any])


class ScopeMissing(Problem):
    """The member is not admitted to this operation."""

    kind = Kind.FORBIDDEN
    title = Text(en="The member lacks the scope", zh="成员机构没有该项权限")
    advice = Text(
        en="The operator of this registry grants scopes; GET /v1/members/me lists yours.",
        zh="权限由登记系统运营者授予；GET /v1/members/me 可查看本机构的权限。",
    )


class Door:
    """Authenticates calls and opens their transactions.

    `wall` tells the time signatures are checked against, `clock` the time rules
    are applied at; they differ only where a sandbox's clock has been moved. Large
    bodies wait in `spool_directory`, the system's for temporary files if None.
    """

    def __init__(
        self,
        *,
        database: Database,
        directory: KeyDirectory,
        origin: str,
        wall: Clock,
        clock: Clock,
        spool_directory: Path | None = None,
    ) -> None:
        self._database = database
        self._spool_directory = spool_directory
        self.gate = Gate(database=database, directory=directory, origin=origin, wall=wall)
        self.origin = origin
        self._wall = wall
        self._clock = clock

    def answer(self, scope: Scope | None, view: Callable[[Call], Response]) -> Response:
        """The view's answer, once everything it wrote is on disk.

        A `Problem` raised by the view undoes its work; that the call was made
        remains known, so that it cannot be replayed when things have changed.
        """
        verified = self._verify(_body())
        if request.method in _SAFE_METHODS:
            with self._database.reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
                caller = _let_in(self.gate.recognise(transaction, verified), scope)
                return view(self._call(verified, caller).inside(transaction))
        try:
            return self._answer_writing(verified, scope, view)
        except (_AnsweredBefore, NotAuthenticated):
            raise
        except Problem as problem:
            if problem.kind is not Kind.UNAVAILABLE:
                self._remember_refused(verified)
            raise

    def answer_detached(
        self, scope: Scope | None, view: Callable[[DetachedCall], Response]
    ) -> Response:
        """The view's answer; the call is recorded before the view begins."""
        verified = self._verify(_body())
        caller, _ = self._record(verified, scope, None, b"")
        return view(self._call(verified, caller))

    def answer_streamed(
        self,
        scope: Scope | None,
        bytes_max: int,
        media_types: Collection[str],
        view: Callable[[StreamedCall], Response],
    ) -> Response:
        """The view's answer to a call whose body is read in pieces, up to `bytes_max`.

        All but the body is verified, and the caller admitted as far as memory
        knows, before the first byte is read; the call is recorded when the body
        is the one that was signed. Raises: BodyTooLarge, MediaTypeUnsupported.
        """
        verified = self._verify(None)
        if not verified.key.is_active:
            raise NotAuthenticated(NOT_ACTIVE)
        require_scope(verified.key.caller, scope)
        _require_media_type(media_types)
        key = idempotency.key_of(request.headers.get("Idempotency-Key"))
        with Spool(self._spool_directory) as spool:
            _take(spool, bytes_max)
            verify_body(verified, spool.digest)
            fingerprint = self._fingerprint(spool.digest)
            caller, kept = self._record(verified, scope, key, fingerprint)
            if kept is not None:
                return kept
            call = StreamedCall(
                caller=caller,
                now=self._clock.now(),
                request_id=request_id(),
                signed_request=verified.jwt,
                request_digest=verified.digest,
                body=spool,
            )
            response = view(call)
        if key and response.status_code < 500:
            # Dies the process before this, the call is made again and does its work
            # again: what is streamed must bear that.
            self._keep_answer(caller, key, fingerprint, response)
        return response

    def caller_if_signed(self) -> Caller | None:
        """Who makes a call that need not be signed; None when it is not.

        Raises: NotAuthenticated when it is signed, and wrongly.
        """
        if request.authorization is None and "Authorization" not in request.headers:
            return None
        verified = self._verify(_body())
        with self._database.reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            return _let_in(self.gate.recognise(transaction, verified), None)

    def _record(
        self, verified: VerifiedCall, scope: Scope | None, key: str | None, fingerprint: bytes
    ) -> tuple[Caller, Response | None]:
        """Who calls, once the call is on disk; with the answer that was kept for `key`."""
        kept = None
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            caller = self._admit(transaction, verified, None)
            if key:
                kept = idempotency.find(transaction, caller.member, key, fingerprint)
        require_scope(caller, scope)
        return caller, kept

    def _keep_answer(
        self, caller: Caller, key: str, fingerprint: bytes, response: Response
    ) -> None:
        expires_at = self._wall.now() + timedelta(hours=idempotency.KEPT_HOURS)
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            idempotency.keep(transaction, caller.member, key, fingerprint, response, expires_at)

    def _answer_writing(
        self, verified: VerifiedCall, scope: Scope | None, view: Callable[[Call], Response]
    ) -> Response:
        key = idempotency.key_of(request.headers.get("Idempotency-Key"))
        fingerprint = self._fingerprint(_digest(request.get_data())) if key else b""
        try:
            with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
                caller = self._admit(transaction, verified, scope)
                if key:
                    kept = idempotency.find(transaction, caller.member, key, fingerprint)
                    if kept is not None:
                        return kept
                response = view(self._call(verified, caller).inside(transaction))
                if key and response.status_code < 500:
                    expires_at = self._wall.now() + timedelta(hours=idempotency.KEPT_HOURS)
                    kept_now = idempotency.keep(
                        transaction, caller.member, key, fingerprint, response, expires_at
                    )
                    if not kept_now:
                        # Another call with this key was faster: undo ours, give its answer.
                        raise _AnsweredBefore
            return response
        except _AnsweredBefore:
            with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
                if not self.gate.remember(transaction, verified):
                    raise NotAuthenticated(SEEN_BEFORE) from None
                kept = idempotency.find(
                    transaction, verified.key.caller.member, key or "", fingerprint
                )
            assert kept is not None, "the answer that was there a moment ago is kept for a day"
            return kept

    def _verify(self, body: bytes | None) -> VerifiedCall:
        received = ReceivedCall(
            authorization=request.headers.get("Authorization"),
            method=request.method,
            target=request_target(),
            body=body,
        )
        return self.gate.verify(received)

    def _admit(
        self, transaction: Transaction, verified: VerifiedCall, scope: Scope | None
    ) -> Caller:
        (passage,) = self.gate.let_in(transaction, [verified])
        return _let_in(passage, scope)

    def _remember_refused(self, verified: VerifiedCall) -> None:
        # The refused work was undone and with it the note that this JWT was used.
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            self.gate.remember(transaction, verified)

    def _call(self, verified: VerifiedCall, caller: Caller) -> DetachedCall:
        return DetachedCall(
            caller=caller,
            now=self._clock.now(),
            request_id=request_id(),
            signed_request=verified.jwt,
            request_digest=verified.digest,
        )

    def _fingerprint(self, body_digest: bytes) -> bytes:
        return _digest(f"{request.method} {request_target()}\n".encode() + body_digest)


def _let_in(passage: Passage, scope: Scope | None) -> Caller:
    """The caller of a call that may pass; what is told of it goes into the answer."""
    caller = passage.caller
    if caller is not None:
        g.member = caller.member
    if passage.allowance is not None:
        announce(passage.allowance)
    if passage.refusal is not None:
        raise passage.refusal
    assert caller is not None, "who is let in is known"
    require_scope(caller, scope)
    return caller


class _AnsweredBefore(Exception):
    """Two calls with one idempotency key ran at once, and this one was second."""


def signed(*, scope: Scope | None) -> Callable[[View], View]:
    """Makes a view answer signed calls only; it gets a `Call` as first argument.

    `scope` None: any active member, or the view's service decides (a refused
    lookup must itself be logged).
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(**path: Any) -> Response:
            return the(Door).answer(scope, lambda call: view(call, **path))

        describe_signed(wrapper, scope)
        return wrapper  # type: ignore[return-value] # the same view, given its call

    return decorate


def signed_detached(*, scope: Scope | None) -> Callable[[View], View]:
    """As `signed`, without a transaction: the view gets a `DetachedCall`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(**path: Any) -> Response:
            return the(Door).answer_detached(scope, lambda call: view(call, **path))

        describe_signed(wrapper, scope)
        return wrapper  # type: ignore[return-value] # the same view, given its call

    return decorate


def signed_streamed(
    *, scope: Scope | None, bytes_max: int, media_types: Collection[str]
) -> Callable[[View], View]:
    """As `signed_detached`, for bodies up to `bytes_max`: the view gets a `StreamedCall`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(**path: Any) -> Response:
            return the(Door).answer_streamed(
                scope, bytes_max, media_types, lambda call: view(call, **path)
            )

        describe_signed(wrapper, scope)
        return wrapper  # type: ignore[return-value] # the same view, given its call

    return decorate


def require_scope(caller: Caller, scope: Scope | None) -> None:
    """Raises: ScopeMissing."""
    if scope is not None and scope not in caller.scopes:
        raise ScopeMissing(f"The scope {scope.value} is not granted to this member.")


def _require_media_type(media_types: Collection[str]) -> None:
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if request.mimetype not in media_types or encoding != "identity":
        raise MediaTypeUnsupported(f"Send {' or '.join(sorted(media_types))}, not compressed.")


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _take(spool: Spool, bytes_max: int) -> None:
    """Reads the body into `spool`. Raises: BodyTooLarge."""
    # One more than there may be, so that it is seen when there is one.
    request.max_content_length = bytes_max + 1
    if request.content_length is not None and request.content_length > bytes_max:
        raise BodyTooLarge(f"A body of this operation has at most {bytes_max} bytes.")
    try:
        spool.take(request.stream, bytes_max=bytes_max)
    except SpoolFull:
        raise BodyTooLarge(f"A body of this operation has at most {bytes_max} bytes.") from None


def _body() -> bytes:
    """The whole body. Raises: BodyTooLarge."""
    body = request.get_data()
    limit = request.max_content_length
    # A body in chunks has no length to refuse: werkzeug reads up to the limit and
    # takes that for all.
    is_cut = (
        limit is not None
        and len(body) >= limit
        and request.content_length is None
        and request.environ["wsgi.input"].read(1)
    )
    if is_cut:
        raise BodyTooLarge
    return body


def request_target() -> str:
    """Path and query as they came over the wire, before any decoding."""
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI")
    if not isinstance(raw, str):
        _no_raw_target()
    if raw.startswith("/"):
        return raw
    # The absolute form of RFC 9112 §3.2.2.
    _, _, rest = raw.partition("://")
    return "/" + rest.partition("/")[2]


def _no_raw_target() -> NoReturn:
    raise AssertionError("the server must pass the request target as received (RAW_URI)")
