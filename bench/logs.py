"""What the logs cost and how fast they are: one function, `measure_logs`.

In this process, next to the database, without HTTP: a lookup's whole transaction
with its entry and without it, in turns; the sequencer, the indexer, proofs and
the verifier on a log of as many entries as are asked for; the age of what is
published while entries come.
"""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from bench.figures import Spread, percentile, spread
from bench.nodes import place_of, prepare
from registry.app.background import repeat
from registry.app.chores import sequencing
from registry.app.node import Node, assemble
from registry.crypto.note import VerifierKey
from registry.database.transaction import Transaction
from registry.http import replay
from registry.http.caller import Caller, DetachedCall, Scope
from registry.kernel import base64url
from registry.kernel.clock import SystemClock
from registry.kernel.ids import MemberId
from registry.ledger import log_store
from registry.ledger.exporting import export_log, open_folder
from registry.ledger.model import Appended, Draft, Header, Log, RecordType, Shard, half_year_of
from registry.ledger.service import Ledger, MadeEntries
from registry.ledger.sources import DirectorySource
from registry.ledger.verifying import Trust, verify_log
from registry.lookups.model import Inquiry, LookupRequest
from registry.lookups.schemas import LookupRequestSchema
from registry.lookups.service import Lookups
from registry.members.model import Member
from registry.rulebook.model import Purpose

APPENDED_AT_ONCE = 1000
PROOFS = 2000
INDEXED_MAX = 50_000
LOOK_SECONDS = 0.02
# How many rounds long: a hundredth of the looks is some then.
LOOKED_AT_ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlan:
    """How much is measured: rounds of lookups of so many seconds, and the size of the log."""

    seconds: float
    rounds: int
    threads: int
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFigures:
    """What was found; rates are a second, in the medians of the rounds."""

    database: str
    lookups_with_log: Spread
    lookups_without_log: Spread
    lookups_ratio: Spread
    sequenced: Spread
    indexed: float
    proof_p50_milliseconds: float
    proof_p99_milliseconds: float
    verify_seconds: float
    checkpoint_age_p50_seconds: float
    checkpoint_age_p99_seconds: float
    appended_meanwhile: float
    entries: int


class NoLog(Ledger):
    """A ledger that makes and writes nothing; its receipts are signed all the same."""

    def make(self, drafts: Sequence[Draft], now: Any) -> MadeEntries:
        """Entries by name only."""
        appended = [
            Appended(uuid=each.uuid or uuid4(), log=each.log, entry=b"", leaf=bytes(32), at=now)
            for each in drafts
        ]
        return MadeEntries(rows=[], appended=appended)

    def write(self, transaction: Transaction, made: MadeEntries) -> None:
        """Nothing."""


def measure_logs(kind: str, plan: LogPlan, home: Path) -> LogFigures:
    """The figures on one kind of database, made at `home`."""
    home.mkdir()
    with place_of(kind, home) as place:
        node = assemble(prepare(home / "node", place).settings)
        try:
            with node.database.transaction() as transaction:
                member = node.members.list(transaction)[0]
                node.directory.refresh(transaction)
            return _measure(kind, plan, home, node, member)
        finally:
            node.database.close()


def _measure(kind: str, plan: LogPlan, home: Path, node: Node, member: Member) -> LogFigures:
    with_log, without_log = _look_up_in_turns(node, member, plan)
    _drain(node)
    ages, appended = _ages_under_load(node, plan)
    _drain(node)
    sequenced = _grow(node, plan.entries)
    _catch_up(node)
    shard = Shard(log=Log.ACCESS, half_year=half_year_of(SystemClock().now()))
    proofs = _time_proofs(node, shard)
    began = time.perf_counter()
    indexed = _index(node, min(plan.entries, INDEXED_MAX))
    indexed_seconds = time.perf_counter() - began
    return LogFigures(
        database=kind,
        lookups_with_log=spread(with_log),
        lookups_without_log=spread(without_log),
        lookups_ratio=spread([one / two for one, two in zip(with_log, without_log, strict=True)]),
        sequenced=spread(sequenced),
        indexed=indexed / indexed_seconds,
        proof_p50_milliseconds=percentile(proofs, 50) * 1000,
        proof_p99_milliseconds=percentile(proofs, 99) * 1000,
        verify_seconds=_verify(node, shard, home / "mirror"),
        checkpoint_age_p50_seconds=percentile(ages, 50),
        checkpoint_age_p99_seconds=percentile(ages, 99),
        appended_meanwhile=appended,
        entries=plan.entries,
    )


def _look_up_in_turns(node: Node, member: Member, plan: LogPlan) -> tuple[list[float], list[float]]:
    """Lookups a second with the log and without it, round by round."""
    bare = NoLog(origin=node.settings.origin, key=node.signing_key, sealer=node.ledger._sealer)
    without = Lookups(
        rulebook=node.rulebook,
        keyring=node.keyring,
        protector=node.protector,
        incidents=node.incidents,
        ledger=bare,
        log_watch=node.log_watch,
        authorisations=node.own_door.authorisations,
        authorisation_rule=node.settings.authorisation,
    )
    found: tuple[list[float], list[float]] = ([], [])
    turns = list(zip(found, (node.lookups, without), strict=True))
    for number in range(plan.rounds):
        # The other one first in each other round: what comes second finds a fuller database.
        for rates, lookups in turns if number % 2 == 0 else turns[::-1]:
            rates.append(_at_once(plan, partial(_look_up, node, lookups, member)))
            # Between the rounds, so that no round pays for another's entries.
            _drain(node)
    return found


def _look_up(node: Node, lookups: Lookups, member: Member) -> None:
    """All a lookup owes the database: the request remembered, answered, recorded, committed."""
    now = SystemClock().now()
    with node.database.transaction() as transaction:
        replay.remember(transaction, member.id, secrets.token_bytes(16), now + timedelta(minutes=2))
        lookups.look_up(transaction, [Inquiry(call=_call(member), request=_request(node))], now)


def _call(member: Member) -> DetachedCall:
    return DetachedCall(
        caller=Caller(
            member=member.id,
            kid="kid",
            scopes=frozenset(Scope),
            purposes=frozenset(Purpose),
            requests_per_minute=1,
            evaluations_per_hour=1,
        ),
        now=SystemClock().now(),
        request_id=uuid4(),
        # As long as one is.
        signed_request=base64url.encode(secrets.token_bytes(450)),
        request_digest=secrets.token_bytes(32),
    )


def _request(node: Node) -> LookupRequest:
    token = base64url.encode(secrets.token_bytes(32))
    document = {
        "identities": [
            {
                "type": "phone/1",
                "key_id": node.keyring.published()[0].key_id,
                "token": token,
                "held_since": "2023-01-01",
            }
        ],
        "purpose": "refund_only_review",
        "order": "order-1",
        "authorisation": {"basis": "separate_consent", "reference": "consent-1"},
        "agent": "staff-1",
    }
    loaded = LookupRequestSchema().load(document)
    assert isinstance(loaded, LookupRequest)
    return loaded


def _at_once(plan: LogPlan, work: Callable[[], None]) -> float:
    """How often a second all threads together do the work."""
    until = time.perf_counter() + plan.seconds

    def repeat(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            work()
            done += 1
        return done

    began = time.perf_counter()
    with ThreadPoolExecutor(plan.threads) as threads:
        done = sum(threads.map(repeat, range(plan.threads)))
    return done / (time.perf_counter() - began)


def _drain(node: Node) -> None:
    while node.sequencer.step().sequenced:
        pass


def _ages_under_load(node: Node, plan: LogPlan) -> tuple[list[float], float]:
    """How old what is published is, looked at all the time, while threads append one by one."""
    stop, ages = threading.Event(), list[float]()
    # A checkpoint of now: one that is old because nothing came before is not late.
    _append(node, 1)
    _drain(node)

    def look() -> None:
        while not stop.wait(LOOK_SECONDS):
            with node.database.reading() as transaction:
                heads = log_store.heads(transaction)
            published = [each.published_at for each in heads if each.published_at is not None]
            ages.append((SystemClock().now() - max(published)).total_seconds())

    loop = threading.Thread(target=repeat, args=(sequencing(node), stop))
    watcher = threading.Thread(target=look)
    loop.start()
    watcher.start()
    try:
        rate = _at_once(
            replace(plan, seconds=plan.seconds * LOOKED_AT_ROUNDS), lambda: _append(node, 1)
        )
    finally:
        stop.set()
        loop.join()
        watcher.join()
    return sorted(ages), rate


def _append(node: Node, count: int) -> None:
    now = SystemClock().now()
    drafts = [_draft() for _ in range(count)]
    with node.database.transaction() as transaction:
        node.ledger.append(transaction, drafts, now)


def _draft() -> Draft:
    seed = secrets.token_bytes(32)
    header = Header(
        member=MemberId("mem_01992f5e-0000-7000-8000-000000000000"),
        purpose=Purpose.REFUND_ONLY_REVIEW,
        at=SystemClock().now(),
        request_id=UUID(int=1),
        outcome="answered",
        edition="cn-2026.1",
        signed_request=bytes(32),
        more={"match": "none", "agent": "staff-1", "order": "order-1"},
    )
    return Draft(
        log=Log.ACCESS,
        record_type=RecordType.LOOKUP,
        header=header,
        subject={"seeds": [base64url.encode(seed)]},
        signed_request="a" * 600,
        lookup_keys=(seed,),
    )


def _grow(node: Node, entries: int) -> list[float]:
    """Makes the log so many entries longer; leaves a second of each full step."""
    rates: list[float] = []
    left = entries
    while left > 0:
        batch = min(left, 20_000)
        for _ in range(0, batch, APPENDED_AT_ONCE):
            _append(node, APPENDED_AT_ONCE)
        began = time.perf_counter()
        stepped = node.sequencer.step()
        rates.append(stepped.sequenced / (time.perf_counter() - began))
        left -= batch
    _drain(node)
    return rates


def _catch_up(node: Node) -> None:
    """Lets PostgreSQL do what it does by and by where a log does not come in a minute."""
    if node.settings.is_sqlite:
        return
    with node.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text("VACUUM ANALYZE"))
        connection.execute(sa.text("CHECKPOINT"))


def _time_proofs(node: Node, shard: Shard) -> list[float]:
    """Seconds for the inclusion proof of a receipt, of entries chosen at random; ascending."""
    with node.database.reading() as transaction:
        head = log_store.head(transaction, shard)
        assert head is not None
        places = [secrets.randbelow(head.size) for _ in range(PROOFS)]
        uuids = []
        for place in places:
            (entry,) = log_store.entries_between(transaction, shard, first=place, end=place + 1)
            uuids.append(UUID(bytes=entry[12:28]))
    took = []
    for uuid in uuids:
        began = time.perf_counter()
        with node.database.reading() as transaction:
            assert node.ledger.proof(transaction, uuid) is not None
        took.append(time.perf_counter() - began)
    return sorted(took)


def _index(node: Node, entries: int) -> int:
    """Indexes at most so many entries, in the steps a search makes."""
    done = 0
    while done < entries:
        with node.database.transaction() as transaction:
            step = node.auditing.indexer.step(transaction)
        if not step:
            break
        done += step
    return done


def _verify(node: Node, shard: Shard, place: Path) -> float:
    """Seconds to verify all of the log from its files."""
    origin = f"{node.settings.authority}/log/{shard.name}"
    key = VerifierKey(name=origin, public_key=node.signing_key.public)
    with open_folder(place) as folder:
        export_log(node.database, shard, folder, vkey=key.to_vkey())
    began = time.perf_counter()
    verify_log(DirectorySource(place), trust=Trust(log_keys=(key,)))
    return time.perf_counter() - began
