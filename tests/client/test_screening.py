"""Screening by the SDK: against a real node, and against one that lies."""

import asyncio
import inspect
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from registry.app import create_app
from registry.app.home import create_node
from registry.app.node import Node, assemble, migrate
from registry.cli import main
from registry.client import (
    Advice,
    AnswerNotUnderstood,
    AsyncRegistry,
    Authorisation,
    Identifier,
    Match,
    Registry,
    RegistryProblem,
    ScreeningNotTrusted,
    SystemTimer,
    Way,
    mailbox,
)
from registry.client.decoys import BUCKETS_ASKED, wanted_buckets
from registry.crypto import screening
from registry.crypto.signature import Algorithm
from registry.kernel import base64url
from registry.ledger.model import RecordType, decode_entry
from registry.members.model import Role
from registry.settings import Mode, Settings
from tests.client.test_end_to_end import CONSENT, PHONE, admitted, free_port, report

CLEAN = Identifier.phone("139 0013 9000")
KNOWN = Identifier.phone(PHONE)
INDEX = "/v1/screening"


@dataclass
class Body:
    """An answer on its way, for a liar to change."""

    path: str
    status: str
    headers: dict[str, str]
    data: bytes


Lie = Callable[[Body], None]


@dataclass
class Between:
    """Stands before the application: notes what is asked, and lies when told to."""

    app: Any
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    lie: Lie | None = None

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        asked = {name[5:].lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
        self.seen.append((environ["REQUEST_METHOD"], path, asked))
        chunks, status, headers = run_wsgi_app(self.app, environ)
        answer = Body(path, status, dict(headers), b"".join(chunks))
        if self.lie is not None and path.startswith(INDEX):
            self.lie(answer)
            answer.headers["Content-Length"] = str(len(answer.data))
        start(answer.status, list(answer.headers.items()))
        return [answer.data]

    def asked(self, beginning: str) -> list[str]:
        return [path for _, path, _ in self.seen if path.startswith(beginning)]


class MovedTimer(SystemTimer):
    """The machine's clock, moved; it does not sleep."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()

    def wait(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A served live node with two members, and what stands between."""

    node: Node
    between: Between
    furnisher: Registry
    inquirer: Registry
    timer: MovedTimer

    def settle(self) -> None:
        self.node.worker.run_due()
        self.node.screening.door.refresh()

    def snapshot(self) -> None:
        """Another snapshot, now."""
        with self.node.database.transaction() as transaction:
            self.node.screening.screening.ask_for_snapshot(transaction, datetime.now(UTC))
        self.settle()


@contextmanager
def staged(home: Path, database_url: str, mode: Mode = Mode.LIVE) -> Iterator[Stage]:
    port = free_port()
    settings = Settings(
        home=home,
        origin=f"http://127.0.0.1:{port}",
        federation="test.example",
        mode=mode,
        database_url=database_url,
    )
    create_node(settings)
    migrate(settings)
    node = assemble(settings)
    furnisher, _ = admitted(node, "Taohuo Mall", Role.FURNISHER, Algorithm.EDDSA)
    told, key = admitted(node, "Xianpin", Role.INQUIRER, Algorithm.ES256)
    timer = MovedTimer()
    inquirer = Registry(settings.origin, told.member, key, timer=timer)
    between = Between(create_app(node))
    server = make_server("127.0.0.1", port, between, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with furnisher, told, inquirer:
            yield Stage(
                node=node, between=between, furnisher=furnisher, inquirer=inquirer, timer=timer
            )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        node.database.close()


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    with staged(tmp_path / "node", database_url) as made:
        yield made


@pytest.fixture
def lying(tmp_path: Path, sqlite_url: str) -> Iterator[Stage]:
    """A stage with somebody known; what lies is in front of the database, whichever it is."""
    with staged(tmp_path / "node", sqlite_url) as made:
        made.furnisher.report(report())
        made.settle()
        yield made


def decide(registry: Registry, *identities: Identifier) -> Any:
    return registry.decide(
        identities,
        purpose="refund_only_review",
        order="O-2",
        authorisation=CONSENT,
        agent="staff-0099",
    )


def test_the_clean_are_not_named_and_the_known_are_looked_up(stage: Stage) -> None:
    """The whole dance on both databases: what is sent, what is not, and which way was taken."""
    filed = stage.furnisher.report(report())
    stage.settle()
    clean = decide(stage.inquirer, CLEAN)
    assert (Way.SCREENED, Advice.PROCEED, None, 1) == (
        clean.way,
        clean.advice,
        clean.lookup,
        clean.tokens_evaluated,
    )
    assert [] == stage.between.asked("/v1/lookups")

    known = decide(stage.inquirer, CLEAN, KNOWN)
    assert (Way.LOOKED_UP, 1) == (known.way, known.tokens_evaluated)
    assert [KNOWN.type] == [token.type for token in known.screening.hits]
    assert Match.MATCH is known.lookup.match
    assert known.advice is known.lookup.advice
    assert [1] == _looked_up(stage.node), "only the identity that hit was named"

    stage.furnisher.withdraw(filed.incident.id)
    stage.settle()
    # The bucket in hand is fresh for a minute; a hit in it is put right by the lookup.
    assert Match.NONE is decide(stage.inquirer, KNOWN).lookup.match
    stage.timer.wait(61)
    assert Way.SCREENED is decide(stage.inquirer, KNOWN).way


def _looked_up(node: Node) -> list[int]:
    """How many people's seeds each lookup of the access log touched."""
    with node.database.reading() as transaction:
        cursor = transaction.raw_cursor()
        cursor.execute("SELECT entry_id, entry FROM pending_entries ORDER BY entry_id")
        ids = [
            UUID(bytes=bytes(row[0]))
            for row in cursor
            if decode_entry(bytes(row[1])).record_type is RecordType.LOOKUP
        ]
        openings = [node.ledger.opening(transaction, each) for each in ids]
    return [len(json.loads(each.subject)["seeds"]) for each in openings if each is not None]


def test_a_screening_is_unsigned_and_fresh_for_a_minute(lying: Stage) -> None:
    """Nobody is told who asks; again within a minute nothing is asked; then 304."""
    first = lying.inquirer.screen([KNOWN])
    assert (False, 1) == (first.is_clean, first.buckets_fetched)
    asked = [each for each in lying.between.seen if each[1].startswith(INDEX)]
    assert 2 == len(asked)
    assert [] == [headers for _, _, headers in asked if "authorization" in headers]
    again = lying.inquirer.screen([CLEAN])
    assert (True, 0) == (again.is_clean, again.buckets_fetched)
    assert 2 == len(lying.between.asked(INDEX))
    lying.timer.wait(61)
    assert not lying.inquirer.screen([KNOWN]).is_clean
    conditional = [headers for _, path, headers in lying.between.seen if path.startswith(INDEX)]
    assert ["if_none_match" in each for each in conditional] == [False, False, True, True]


def test_a_person_has_at_most_eight_identities_under_one_key(lying: Stage) -> None:
    """More than a lookup takes, none, or of two keys: refused before anything is asked."""
    token = lying.inquirer.tokens_for([KNOWN])[0]
    for wrong in ([], [token] * 9, [token, replace(token, key_id="k2")]):
        with pytest.raises(ValueError, match="identities of one person"):
            lying.inquirer.screen(wrong)
    assert [] == lying.between.asked(INDEX)


def flipped(answer: Body) -> None:
    if answer.path != INDEX:
        answer.data = answer.data[:-1] + bytes([answer.data[-1] ^ 1])


def cut_short(answer: Body) -> None:
    if answer.path != INDEX:
        answer.data = answer.data[:-8]


def another_tag(answer: Body) -> None:
    if answer.path != INDEX:
        answer.data = answer.data[:40] + bytes(8) + answer.data[48:]


def another_key(answer: Body) -> None:
    if answer.path == INDEX:
        document = json.loads(answer.data)
        document["public_key"] = base64url.encode(bytes(range(32)))
        answer.data = json.dumps(document).encode()


def nothing_at_all(answer: Body) -> None:
    if answer.path != INDEX:
        answer.data = b""


@pytest.mark.parametrize("lie", [flipped, cut_short, another_tag, another_key, nothing_at_all])
def test_what_the_registry_did_not_sign_decides_nothing(lying: Stage, lie: Lie) -> None:
    """A wrong signature, a missing end, a tag put in, another key: no answer, and no lookup."""
    lying.between.lie = lie
    with pytest.raises(ScreeningNotTrusted):
        decide(lying.inquirer, KNOWN)
    assert [] == lying.between.asked("/v1/lookups")


def signed_by(node: Node, listed: dict[str, Any], **changes: Any) -> bytes:
    """A bucket that the node's own key signs, empty but for pads."""
    parts = {
        "bits": listed["bits"],
        "epoch": listed["epoch"],
        "sequence": listed["sequence"],
        "bucket": 0,
        "tags": bytes(8 * listed["count"]),
    } | changes
    unsigned = screening.Bucket(**parts).unsigned()
    return unsigned + screening.sign(screening.digest_of(unsigned), node.signing_key)


@pytest.mark.parametrize("weeks", [-52, -1, 1, 52])
def test_another_week_s_buckets_are_refused_though_signed(lying: Stage, weeks: int) -> None:
    """An index of another epoch, and files signed for it: the clock knows better."""
    epoch = screening.epoch_of(datetime.now(UTC) + timedelta(weeks=weeks))

    def other_epoch(answer: Body) -> None:
        document = json.loads(lying.node.screening.door.answer("GET", INDEX, {}).body)
        document["snapshots"][0]["epoch"] = epoch
        answer.status = "200 OK"
        answer.data = (
            json.dumps(document).encode()
            if answer.path == INDEX
            else signed_by(lying.node, document, epoch=epoch)
        )

    lying.between.lie = other_epoch
    with pytest.raises(ScreeningNotTrusted, match="not this week"):
        lying.inquirer.screen([KNOWN])


def test_a_snapshot_of_the_day_before_yesterday_is_refused(lying: Stage) -> None:
    """A registry that goes on showing what was true once is found out by its sequence."""

    def old(answer: Body) -> None:
        if answer.path == INDEX:
            document = json.loads(answer.data)
            document["snapshots"][0]["sequence"] -= 2 * 86_400
            answer.data = json.dumps(document).encode()

    lying.between.lie = old
    with pytest.raises(ScreeningNotTrusted, match="more than a day old"):
        lying.inquirer.screen([KNOWN])


def rolled_back(stage: Stage, beginning: str) -> Lie:
    """What was said at these paths before, said again for ever."""
    door = stage.node.screening.door
    listed = json.loads(door.answer("GET", INDEX, {}).body)
    first = {
        INDEX: door.answer("GET", INDEX, {}).body,
        "bucket": door.answer("GET", f"{INDEX}/k1/{listed['epoch']}/{listed['bits']}/0", {}).body,
    }

    def lie(answer: Body) -> None:
        name = INDEX if answer.path == INDEX else "bucket"
        if name == beginning:
            answer.status, answer.data = "200 OK", first[name]
            answer.headers.pop("ETag", None)

    return lie


def test_an_index_that_goes_backwards_is_refused(lying: Stage) -> None:
    """Also when it is asked past every cache on the way."""
    lie = rolled_back(lying, INDEX)
    lying.furnisher.report(report("R-2", identities=[replace(CLEAN, last_verified_on=_today())]))
    lying.snapshot()
    assert not lying.inquirer.screen([CLEAN]).is_clean
    lying.between.lie = lie
    lying.timer.wait(61)
    with pytest.raises(ScreeningNotTrusted, match="comes after"):
        lying.inquirer.screen([CLEAN])
    last = [headers for _, path, headers in lying.between.seen if path == INDEX][-1]
    assert "no-cache" == last["cache_control"]


def test_a_bucket_older_than_its_index_is_refused(lying: Stage) -> None:
    """From before somebody came in: nobody is cleared by an old file."""
    lie = rolled_back(lying, "bucket")
    lying.furnisher.report(report("R-2", identities=[replace(CLEAN, last_verified_on=_today())]))
    lying.snapshot()
    lying.between.lie = lie
    with pytest.raises(ScreeningNotTrusted, match="older than the registry says"):
        lying.inquirer.screen([CLEAN])


def _today() -> Any:
    return datetime.now(UTC).date()


def test_a_bucket_of_another_size_is_refused(lying: Stage) -> None:
    """Signed, of this snapshot, and longer than the others: it would tell which it is."""
    listed = json.loads(lying.node.screening.door.answer("GET", INDEX, {}).body)
    longer = signed_by(lying.node, listed, tags=bytes(8 * (listed["count"] + 64)))

    def other_size(answer: Body) -> None:
        if answer.path != INDEX:
            answer.data = longer

    lying.between.lie = other_size
    with pytest.raises(ScreeningNotTrusted, match="another size"):
        lying.inquirer.screen([KNOWN])


def gone(answer: Body) -> None:
    """Says that no bucket is served."""
    if answer.path != INDEX:
        answer.status, answer.data = "404 Not Found", b"{}"


@pytest.mark.parametrize("what", ["index", "bucket", "nothing"])
def test_a_process_that_is_not_there_yet_is_waited_for(lying: Stage, what: str) -> None:
    """Of several that serve a registry one shows the newest snapshot a second after another."""
    lie = gone if what == "nothing" else rolled_back(lying, INDEX if what == "index" else what)
    lying.furnisher.report(report("R-2", identities=[replace(CLEAN, last_verified_on=_today())]))
    lying.snapshot()
    if what == "index":
        lying.inquirer.screen([KNOWN])
        lying.timer.wait(61)
    there_at = lying.timer.ahead + timedelta(seconds=2)

    def late(answer: Body) -> None:
        if lying.timer.ahead < there_at:
            lie(answer)

    lying.between.lie = late
    assert not lying.inquirer.screen([CLEAN]).is_clean


def test_an_index_that_names_nothing_served_is_read_again(lying: Stage) -> None:
    """As after a change of bits: the index is asked for past the caches, until it is enough."""
    lying.inquirer.screen([KNOWN])

    lying.between.lie = gone
    lying.timer.wait(61)
    with pytest.raises(AnswerNotUnderstood, match="not served"):
        lying.inquirer.screen([KNOWN])
    assert 5 == len([path for path in lying.between.asked(INDEX) if path == INDEX])
    lying.between.lie = None
    assert not lying.inquirer.screen([KNOWN]).is_clean


def test_before_the_first_snapshot_nobody_is_decided_about(tmp_path: Path, sqlite_url: str) -> None:
    """Not ready is an error, after the tries: neither clean nor a lookup in disguise."""
    with staged(tmp_path / "node", sqlite_url) as stage:
        with pytest.raises(RegistryProblem) as raised:
            decide(stage.inquirer, KNOWN)
        assert "screening-not-ready" == raised.value.slug
        assert [] == stage.between.asked("/v1/lookups")


def test_buckets_in_hand_are_proved_to_be_everybody_s(stage: Stage) -> None:
    """Root in the log, log in its checkpoint, bucket under the root; a made-up root is none."""
    stage.furnisher.report(report())
    stage.settle()
    stage.node.sequencer.step()
    stage.inquirer.screen([KNOWN])
    (proven,) = stage.inquirer.prove_screening()
    assert 1 == proven.buckets
    assert proven.entry.inclusion is not None

    def other_root(answer: Body) -> None:
        if answer.path == INDEX:
            document = json.loads(answer.data)
            document["snapshots"][0]["snapshot_root"] = base64url.encode(bytes(32))
            answer.data = json.dumps(document).encode()

    stage.between.lie = other_root
    other = Registry(
        stage.inquirer.origin,
        stage.inquirer.member,
        stage.inquirer._calls._signer.key,  # the same member, with nothing in hand
    )
    with other:
        other.screen([KNOWN])
        with pytest.raises(ScreeningNotTrusted, match="another snapshot"):
            other.prove_screening()


def test_a_sandbox_may_stand_in_another_year(tmp_path: Path, sqlite_url: str) -> None:
    """Its clock is moved by hand: only backwards is refused there."""
    with staged(tmp_path / "node", sqlite_url, Mode.SANDBOX) as stage:
        stage.furnisher.report(report())
        stage.settle()
        tokens = stage.inquirer.tokens_for([KNOWN])
        stage.timer.ahead = timedelta(days=90)
        assert not stage.inquirer.screen(tokens).is_clean


seeds = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=8, unique=True)


@given(seeds, st.integers(0, 20), st.binary(min_size=32, max_size=32))
def test_as_many_buckets_are_asked_for_whoever_it_is(
    given_seeds: list[bytes], bits: int, key: bytes
) -> None:
    """Eight, or all there are; the person's own among them; the same each time and order."""
    wanted = wanted_buckets(given_seeds, bits, key)
    assert min(BUCKETS_ASKED, 1 << bits) == len(wanted)
    own = {screening.bucket_of(screening.place_of(seed), bits) for seed in given_seeds}
    assert own <= wanted
    assert wanted == wanted_buckets(given_seeds[::-1], bits, key)
    assert all(0 <= number < 1 << bits for number in wanted)


def test_two_screenings_of_one_person_share_more_than_their_bucket() -> None:
    """With one identity or with two: what they have in common does not give the one away."""
    one, other, key = b"1" * 32, b"2" * 32, b"k" * 32
    common = wanted_buckets([one], 20, key) & wanted_buckets([one, other], 20, key)
    assert 3 <= len(common)
    assert wanted_buckets([one], 20, key) != wanted_buckets([one], 20, b"j" * 32)


def test_the_asyncio_client_has_the_same_calls() -> None:
    """Every public call of the one is one of the other, with the same parameters."""
    for name, call in inspect.getmembers(Registry, inspect.isfunction):
        if name.startswith("_") or name in {"from_profile", "problem_of"}:
            continue
        other = getattr(AsyncRegistry, name)
        assert inspect.iscoroutinefunction(other) or inspect.isasyncgenfunction(other), name
        assert inspect.signature(call).parameters == inspect.signature(other).parameters, name
    assert list(inspect.signature(Registry).parameters) == list(
        inspect.signature(AsyncRegistry).parameters
    )


def test_the_asyncio_client_decides_about_many_at_once(stage: Stage) -> None:
    """Twenty together over one loop, which goes on turning meanwhile."""
    stage.furnisher.report(report())
    stage.settle()
    key = stage.inquirer._calls._signer.key

    async def main() -> tuple[list[Any], int]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async with AsyncRegistry(stage.inquirer.origin, stage.inquirer.member, key) as registry:
            turning = asyncio.create_task(turn())
            authorisation = Authorisation(basis="separate_consent", reference="C-1")
            decided = await asyncio.gather(
                *(
                    registry.decide(
                        [KNOWN if number % 2 else CLEAN],
                        purpose="refund_only_review",
                        order=f"O-{number}",
                        authorisation=authorisation,
                        agent="staff-1",
                    )
                    for number in range(20)
                )
            )
            turning.cancel()
            with pytest.raises(RegistryProblem):
                await registry.incident("inc_none")
        async with AsyncRegistry.of(stage.furnisher) as furnisher:
            assert 1 == len([each async for each in furnisher.incidents()])
        return decided, turns

    decided, turns = asyncio.run(main())
    assert [Way.SCREENED, Way.LOOKED_UP] * 10 == [each.way for each in decided]
    assert turns > 20


def test_mail_and_phone_of_one_person_are_screened_together(lying: Stage) -> None:
    """Every identity that hits is told; the others are not looked up."""
    people = [KNOWN, CLEAN, *mailbox("zhang.san+other@GMAIL.com")]
    found = lying.inquirer.screen(people)
    assert ["phone/1", "email-canonical/1"] == [token.type.value for token in found.hits]


def test_the_commands_screen_and_decide(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the prompt as in the SDK: the way that was taken, and nobody named who is clean."""
    stage.furnisher.report(report())
    stage.settle()
    key = tmp_path / "member.pem"
    key.write_bytes(stage.inquirer._calls._signer.key.to_pem())
    who = ["--origin", stage.inquirer.origin, "--member", stage.inquirer.member, "--key", str(key)]
    asked = ["--order", "O-1", "--consent", "C-1", "--agent", "staff-1", "--json"]

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert 0 == result.exit_code, result.output
        return json.loads(result.stdout)

    assert [] == run("screen", *who, "--phone", CLEAN.value, "--json")["hits"]
    clean = run("decide", *who, "--phone", CLEAN.value, *asked)
    assert ("screened", "proceed", None) == (clean["way"], clean["advice"], clean["lookup"])
    assert [] == stage.between.asked("/v1/lookups")
    known = run("decide", *who, "--phone", PHONE, *asked)
    assert ("looked_up", "match") == (known["way"], known["lookup"]["match"])

    monkeypatch.setenv("REGISTRY_HOME", str(stage.node.settings.home))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", stage.node.settings.database_url)
    (published,) = run("screening", "status", "--json")["snapshots"]
    assert (1, 64) == (published["buckets"], published["tags_in_each"])
    assert run("screening", "rebuild", "--json")["rebuilding"]
    stage.settle()
    assert not stage.inquirer.screen([KNOWN]).is_clean
