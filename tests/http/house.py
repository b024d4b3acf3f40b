"""An application of a few views behind a real door, with a real member."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response
from werkzeug.test import TestResponse

from registry.crypto.signature import PrivateKey, sign_compact
from registry.database.engine import Database
from registry.database.transaction import DatabaseUnavailable, Transaction
from registry.http.caller import Call, DetachedCall, Scope, StreamedCall
from registry.http.limits import register_limit_headers
from registry.http.problems import (
    NothingHere,
    problem_response,
    register_problem_answers,
)
from registry.http.requests import register_request_facts
from registry.http.signed import Door, signed, signed_detached, signed_streamed
from registry.http.wiring import provide, the
from registry.kernel import base64url
from registry.kernel.clock import MovableClock
from registry.members.model import Member
from registry.members.service import Directory
from tests.members.samples import (
    NOW,
    ORIGIN,
    admit,
    make_directory,
    make_key,
)

# A table that a room above writes to; here anything to see work kept or undone.
MARKS = sa.table("evaluation_quotas", *map(sa.column, ("member_id", "hour", "leased")))
STREAMED_BYTES_MAX = 200_000
A_YEAR_ON = NOW + timedelta(days=365)


def mark(transaction: Transaction) -> None:
    """Writes a row, as a view does."""
    row = {"member_id": secrets.token_hex(8), "hour": 0, "leased": 0}
    transaction.execute(sa.insert(MARKS).values(row))


@dataclass
class House:
    """An application behind a door, with one member."""

    database: Database
    directory: Directory
    wall: MovableClock
    key: PrivateKey
    member: Member
    app: Flask

    def jwt(self, method: str, target: str, body: bytes = b"", **claims: Any) -> str:
        issued = int(self.wall.now().timestamp())
        every = {
            "iss": self.member.id,
            "sub": self.member.id,
            "aud": ORIGIN,
            "iat": issued,
            "exp": issued + 60,
            "jti": base64url.encode(secrets.token_bytes(16)),
            "htm": method,
            "htu": target,
            "bsh": base64url.encode(hashlib.sha256(body).digest()),
        }
        header = {"alg": "EdDSA", "kid": self.key.public.kid, "typ": "ccr-request+jwt"}
        return sign_compact(header=header, claims=every | claims, key=self.key)

    def call(
        self,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        jwt: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> TestResponse:
        token = jwt or self.jwt(method, target, body)
        return self.app.test_client().open(
            target,
            method=method,
            data=body,
            headers={"Authorization": f"Bearer {token}"} | (headers or {}),
        )

    def rows(self, table: str) -> int:
        with self.database.reading() as transaction:
            count = sa.select(sa.func.count()).select_from(sa.table(table))
            return int(transaction.execute(count).scalar_one())

    def marks(self) -> int:
        """How often a view's work was kept."""
        return self.rows("evaluation_quotas")

    def seen(self) -> int:
        """How many calls are remembered."""
        return self.rows("seen_requests")


def views(app: Flask) -> None:
    """Everything a view may do."""

    @app.route("/work", methods=["GET", "POST"])
    @signed(scope=Scope.REPORT)
    def work(call: Call) -> Response:
        mark(call.transaction)
        return Response(f"done {call.caller.member}", status=201, headers={"ETag": '"1"'})

    @app.post("/raise")
    @signed(scope=Scope.REPORT)
    def raise_problem(call: Call) -> Response:
        mark(call.transaction)
        raise NothingHere

    @app.post("/return")
    @signed(scope=None)
    def return_problem(call: Call) -> Response:
        mark(call.transaction)
        return problem_response(NothingHere(), ORIGIN)

    @app.post("/unavailable")
    @signed(scope=Scope.REPORT)
    def unavailable(call: Call) -> Response:
        mark(call.transaction)
        raise DatabaseUnavailable

    @app.post("/break")
    @signed(scope=Scope.REPORT)
    def break_down(call: Call) -> Response:
        mark(call.transaction)
        raise AssertionError("SECRET")

    @app.post("/audit")
    @signed(scope=Scope.AUDIT)
    def audit(call: Call) -> Response:
        raise AssertionError("nobody here has this scope")

    @app.post("/detached")
    @signed_detached(scope=Scope.REPORT)
    def detached(call: DetachedCall) -> Response:
        assert not hasattr(call, "transaction")
        return Response("done")

    @app.post("/detached-audit")
    @signed_detached(scope=Scope.AUDIT)
    def detached_audit(call: DetachedCall) -> Response:
        raise AssertionError("nobody here has this scope")

    @app.post("/streamed")
    @signed_streamed(scope=Scope.REPORT, bytes_max=STREAMED_BYTES_MAX, media_types={""})
    def streamed(call: StreamedCall) -> Response:
        with the(Database).transaction() as transaction:
            mark(transaction)
        return Response(b"".join(call.body.pieces()), status=202)

    @app.post("/streamed-audit")
    @signed_streamed(scope=Scope.AUDIT, bytes_max=STREAMED_BYTES_MAX, media_types={""})
    def streamed_audit(call: StreamedCall) -> Response:
        raise AssertionError("nobody here has this scope")

    @app.get("/now")
    @signed(scope=None)
    def now(call: Call) -> Response:
        return Response(call.now.isoformat())

    @app.route("/any/<path:rest>", methods=["GET", "POST"])
    @signed(scope=None)
    def anything(call: Call, rest: str) -> Response:
        return Response(rest)


def new_house(database: Database) -> House:
    """A house with one member, whose rules' clock stands a year on, as in a moved sandbox."""
    key, wall = make_key(), MovableClock(NOW)
    member = admit(database, key)
    directory = make_directory(wall)
    app = Flask("house")
    app.config["MAX_CONTENT_LENGTH"] = 64
    app.url_map.merge_slashes = False
    register_request_facts(app)
    register_limit_headers(app)
    register_problem_answers(app, ORIGIN)
    door = Door(
        database=database,
        directory=directory,
        origin=ORIGIN,
        wall=wall,
        clock=MovableClock(A_YEAR_ON),
    )
    provide(app, door, database)
    views(app)
    return House(database, directory, wall, key, member, app)
