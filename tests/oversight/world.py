"""A node with platforms, supervisors and a person of whom things are said."""

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from registry.app.node import Node
from registry.kernel import base64url
from registry.kernel.clock import MovableClock
from registry.members.model import Role
from registry.oversight.retention import Batch
from tests.incidents.door import document
from tests.nodes import Caller, new_caller


def token(name: str) -> dict[str, str]:
    """The phone of a person called `name`, as calls carry it."""
    octets = sha256(name.encode()).digest()
    return {"type": "phone/1", "key_id": "k1", "token": base64url.encode(octets)}


def question(name: str, **changes: Any) -> dict[str, Any]:
    """A lookup of this person."""
    return {
        "identities": [token(name)],
        "purpose": "refund_only_review",
        "order": "order-7",
        "authorisation": {"basis": "separate_consent", "reference": "consent-7"},
        "agent": "staff-7",
        **changes,
    }


def report(name: str, reference: str = "case-1", **changes: Any) -> dict[str, Any]:
    """A report about this person that lacks nothing."""
    identities = [{**token(name), "last_verified_on": "2026-10-01"}]
    return document(reference=reference, identities=identities, **changes)


@dataclass
class World:
    """Members call, the clock is moved, the logs are sequenced when a test says so."""

    node: Node
    app: Flask
    clock: MovableClock
    members: dict[str, Caller] = field(default_factory=dict)

    def platform(self, name: str = "alpha") -> Caller:
        if name not in self.members:
            self.members[name] = new_caller(self.node, self.app, name)
        return self.members[name]

    def supervisor(self, name: str = "bureau") -> Caller:
        if name not in self.members:
            roles = frozenset({Role.SUPERVISOR})
            self.members[name] = new_caller(self.node, self.app, name, roles)
        return self.members[name]

    def file(self, name: str, *, by: str = "alpha", **changes: Any) -> str:
        """The id of an incident reported about this person."""
        answer = self.platform(by).call("POST", "/v1/incidents", report(name, **changes))
        return str(ok(answer, 201)["incident"]["id"])

    def look_up(self, name: str, *, by: str = "alpha", **changes: Any) -> str:
        """The entry of a lookup of this person."""
        answer = self.platform(by).call("POST", "/v1/lookups", question(name, **changes))
        return str(ok(answer)["lookup"]["id"]).replace("lkp_", "ent_")

    def ask(self, target: str, body: Any, status: int = 200, *, by: str = "bureau") -> Any:
        """What a supervisor is answered."""
        return ok(self.supervisor(by).call("POST", f"/v1/oversight/{target}", body), status)

    def settle(self) -> None:
        """Gives every waiting entry its place and signs the logs."""
        self.node.sequencer.step()

    def retain(self) -> list[Batch]:
        """Runs retention; afterwards database and logs agree, whatever was erased."""
        batches = list(self.node.auditing.retention.run(self.clock.now()))
        self.settle()
        checked = self.node.fsck.check()
        [(erased,)] = self.rows("SELECT count(*) FROM log_payloads WHERE erased_by IS NOT NULL")
        assert erased == checked.erased
        return batches

    def move(self, **by: int) -> None:
        self.clock.move(timedelta(**by))

    def seed(self, name: str) -> bytes:
        return self.node.protector.seed_of(base64url.decode(token(name)["token"]))

    def lookup_key(self, name: str) -> bytes:
        return self.node.protector.lookup_key(self.seed(name))

    def receipt(self, entry: str) -> Mapping[str, Any]:
        """What the public sees of an entry."""
        found = self.app.test_client().get(f"/v1/receipts/{entry}").json
        assert found is not None
        return found

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.node.database.reading() as transaction:
            cursor = transaction.raw_cursor()
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]


def ok(answer: TestResponse, status: int = 200) -> Any:
    assert status == answer.status_code, answer.text
    return answer.json


def secret() -> str:
    """A text that stands nowhere else."""
    return f"mark{secrets.token_hex(12)}"


def dump(world: World) -> bytes:
    """Everything in the database of a world."""
    return dump_of(world.node)


def dump_of(node: Node) -> bytes:
    """Everything in the database, as a dump of it would hold it; binary as hexadecimal too."""
    with node.database.reading() as transaction:
        cursor = transaction.raw_cursor()
        if transaction.is_sqlite:
            return "\n".join(cursor.connection.iterdump()).lower().encode()
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        return b"\n".join(piece for table in tables for piece in _copied(cursor, table)).lower()


def stands_in(dumped: bytes, octets: bytes) -> bool:
    """Whether octets stand in a dump, as they are or as hexadecimal."""
    return octets.lower() in dumped or octets.hex().encode() in dumped


def _copied(cursor: Any, table: str) -> Iterator[bytes]:
    with cursor.copy(f"COPY {table} TO STDOUT") as copy:
        yield from (bytes(each) for each in copy)


def files(world: World) -> bytes:
    """Every byte of the files of an SQLite database."""
    path = re.sub("^sqlite:///", "", world.node.settings.database_url)
    beside = Path(path).parent.glob(Path(path).name + "*")
    return b"".join(each.read_bytes() for each in beside)
