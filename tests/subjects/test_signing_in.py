"""Signing in: a code to an identifier, a blind that opens to it, and nothing for anyone else."""

import secrets
import threading
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from registry.app.home import create_node
from registry.app.node import Node, assemble
from registry.crypto import voprf
from registry.identity.normalise import IdentifierType
from registry.kernel import base64url
from registry.kernel.clock import MovableClock
from registry.kernel.ids import new_uuid
from registry.ledger.model import RecordType
from registry.settings import Mode, Settings
from registry.subjects.codes import WRONG_PER_HOUR_MAX, Code
from registry.subjects.model import ProofNotAccepted
from registry.subjects.sending import Channel, CodeMessage, text_of
from registry.subjects.sign_ins import Asked, Proof
from tests.lookups.samples import Market
from tests.nodes import FEDERATION, new_app, new_node
from tests.subjects.person import (
    EMAIL,
    PHONE,
    Person,
    codes_sent,
    input_of,
    last_code,
    token_of,
)

NUMBER = "+8613800138000"
OTHER = "+8613900139000"
ASKED = Asked(
    type=PHONE,
    identifier=NUMBER,
    region="CN",
    blinded=voprf.blind(input_of(PHONE, NUMBER)).element,
)


@pytest.fixture
def person(app: Flask, node: Node) -> Person:
    return Person(app=app, node=node)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


def test_whoever_reads_the_code_is_let_in(person: Person) -> None:
    """A short code and the blind give a session of exactly the identity that was proven."""
    started, blinded = person.start(NUMBER)
    assert 202 == started.status_code
    code = last_code(person.node, NUMBER)["short"]
    answer = person.prove(started.json["sign_in"]["id"], code, blinded)
    assert 201 == answer.status_code, answer.text
    session = person.call("GET", "/v1/subject/session").json["session"]
    assert [("phone/1", "k1", "proven", None)] == [
        (each["type"], each["key_id"], each["assurance"], each["vouched_by"])
        for each in session["identities"]
    ]


def test_the_session_is_of_the_token_a_member_makes(person: Person, wall: MovableClock) -> None:
    """What the node finalises is, to the bit, what clients make: the same lookup key."""
    person.sign_in(NUMBER)
    node = person.node
    token = base64url.decode(token_of(node, PHONE, NUMBER)["token"])
    expected = node.protector.lookup_key(node.protector.seed_of(token))
    with node.database.transaction() as transaction:
        session = node.own_door.sessions.find(transaction, person.bearer or "", wall.now())
    assert session is not None
    assert (expected,) == tuple(each.lookup_key for each in session.identities)


def test_an_address_proves_its_mailbox_too(person: Person) -> None:
    """One code, two identities: the address as written and the mailbox it reaches."""
    document = person.sign_in("Ming.Li+shop@gmail.com", EMAIL)
    types = [each["type"] for each in document["session"]["identities"]]
    assert ["email/1", "email-canonical/1"] == types
    other = Person(app=person.app, node=person.node).sign_in("li@example.cn", EMAIL)
    assert ["email/1"] == [each["type"] for each in other["session"]["identities"]]


def test_another_blind_opens_nothing(person: Person) -> None:
    """With the right code: neither a random scalar nor the blind of another number."""
    started, _ = person.start(NUMBER)
    code = last_code(person.node, NUMBER)["long"]
    target = started.json["sign_in"]["id"]
    for blinded in (voprf.blind(input_of(PHONE, NUMBER)), voprf.blind(input_of(PHONE, OTHER))):
        answer = person.prove(target, code, blinded)
        assert (422, True) == (
            answer.status_code,
            answer.json["type"].endswith("/blind-not-opened"),
        )


def test_an_element_of_another_number_is_never_evaluated(person: Person) -> None:
    """Someone proves a number of their own and blinds another's: no session, no identity."""
    blinded = voprf.blind(input_of(PHONE, OTHER))
    body = {
        "type": "phone/1",
        "identifier": NUMBER,
        "blinded": base64url.encode(blinded.element),
    }
    started = person.call("POST", "/v1/subject/sign-ins", body)
    code = last_code(person.node, NUMBER)["long"]
    answer = person.prove(started.json["sign_in"]["id"], code, blinded)
    assert (422, None) == (answer.status_code, person.bearer)


def test_a_code_is_good_once(person: Person) -> None:
    """Used, it opens neither the same sign-in again nor another of the same number."""
    started, blinded = person.start(NUMBER)
    again, blinded_again = person.start(NUMBER)
    code = last_code(person.node, NUMBER)["long"]
    assert 201 == person.prove(started.json["sign_in"]["id"], code, blinded).status_code
    person.bearer = None
    for target, blind in (
        (started.json["sign_in"]["id"], blinded),
        (again.json["sign_in"]["id"], blinded_again),
    ):
        assert 403 == person.prove(target, code, blind).status_code


def test_a_code_is_good_for_ten_minutes(person: Person, wall: MovableClock) -> None:
    """By the machine's clock."""
    started, blinded = person.start(NUMBER)
    code = last_code(person.node, NUMBER)["long"]
    wall.move(timedelta(minutes=10))
    assert 403 == person.prove(started.json["sign_in"]["id"], code, blinded).status_code


def test_who_mistyped_the_short_code_is_let_in_by_the_long_one(person: Person) -> None:
    """At the same sign-in: five guesses spend the short form, and it alone."""
    started, blinded = person.start(NUMBER)
    code = last_code(person.node, NUMBER)
    sign_in = started.json["sign_in"]["id"]
    for number in range(1, 6):
        wrong = f"{(int(code['short']) + number) % 10**8:08d}"
        assert 403 == person.prove(sign_in, wrong, blinded).status_code
    assert 403 == person.prove(sign_in, code["short"], blinded).status_code
    assert 201 == person.prove(sign_in, code["long"], blinded).status_code


def test_ten_thousand_wrong_codes_gain_nothing(person: Person, wall: MovableClock) -> None:
    """However many sign-ins they are spread over, and whatever comes after; and the person
    who reads the number is in all the same.
    """
    started, blinded = person.start(NUMBER)
    code = last_code(person.node, NUMBER)
    attacker = Person(app=person.app, node=person.node)
    theirs, blind = attacker.start(NUMBER)
    sign_ins, now = person.node.own_door.sign_ins, wall.now()
    guesses = ((int(code["short"]) + number) % 10**8 for number in range(1, 10_001))
    for _ in range(100):
        # A transaction for a hundred of them: what is counted is the same.
        with person.node.database.transaction() as transaction:
            asked = sign_ins.start(transaction, ASKED, now=now, wall_now=now)
            for guess in islice(guesses, 100):
                proof = Proof(code=f"{guess:08d}", blind=blind.blind, held_since_on=now.date())
                refused = sign_ins.prove(transaction, asked.id, proof, wall_now=now)
                assert isinstance(refused, ProofNotAccepted)
    # The short code is spent: also the right one is not looked at any more.
    answer = attacker.prove(theirs.json["sign_in"]["id"], code["short"], blind)
    assert (403, None) == (answer.status_code, attacker.bearer)
    # The long one, which is in the same message, cannot be.
    assert 201 == person.prove(started.json["sign_in"]["id"], code["long"], blinded).status_code


def test_wrong_codes_are_counted_over_restarts_and_threads(
    tmp_path: Path, database_url: str, clock: MovableClock, wall: MovableClock
) -> None:
    """Eight threads guess at once, half of them in a second process: ten guesses are looked at."""
    first = new_node(tmp_path / "node", database_url, clock, wall)
    apps = [new_app(first), new_app(first)]
    person = Person(app=apps[0], node=first)
    started = [person.start(NUMBER) for _ in range(8)]
    code = last_code(first, NUMBER)["short"]
    start = threading.Barrier(8)
    statuses: list[int] = []

    def guess(number: int) -> None:
        answer, blinded = started[number]
        other = Person(app=apps[number % 2], node=first)
        start.wait()
        for _ in range(5):
            shown = other.prove(answer.json["sign_in"]["id"], wrong(code), blinded)
            statuses.append(shown.status_code)

    threads = [threading.Thread(target=guess, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [403] * 40 == statuses
    with first.database.reading() as transaction:
        (counted,) = transaction.execute(sa.text("SELECT wrong FROM sign_in_identifiers")).scalars()
    assert WRONG_PER_HOUR_MAX == counted
    fresh, blinded = person.start(NUMBER)
    assert 403 == person.prove(fresh.json["sign_in"]["id"], code, blinded).status_code
    first.database.close()


@pytest.mark.parametrize("channel", Channel)
def test_whoever_reads_one_language_learns_what_helps_against_guessers(
    channel: Channel, wall: MovableClock
) -> None:
    """The code, not to hand it on, and what to do where others have used its guesses up."""
    code = Code(short="12345678", long="A" * 22)
    message = CodeMessage(
        id=new_uuid(wall.now()), channel=channel, address="+8613800138000", code=code, at=wall.now()
    )
    text = text_of(message)
    for words in (
        "验证码",
        "请勿告知",
        "长验证码",
        "code",
        "Give it to nobody",
        "use the long code",
    ):
        assert words in text
    assert 2 == text.count(code.short)
    assert code.long in text


def test_a_flood_neither_fills_the_mailbox_nor_locks_anyone_out(
    person: Person, clock: MovableClock, wall: MovableClock
) -> None:
    """A day of sign-ins every five minutes by someone else: a few dozen messages, and at any time
    the person signs in with what arrived last, within the hour.
    """
    sign_ins = person.node.own_door.sign_ins
    for _ in range(24 * 12):
        with person.node.database.transaction() as transaction:
            sign_ins.start(transaction, ASKED, now=clock.now(), wall_now=wall.now())
        wall.move(timedelta(minutes=5))
    with person.node.database.reading() as transaction:
        due = transaction.execute(sa.text("SELECT count(*) FROM sign_in_messages WHERE is_due"))
        assert 10 < due.scalar_one() < 40
    for _ in range(12):
        started, blinded = person.start(NUMBER)
        sent = [each["long"] for each in codes_sent(person.node)]
        target = started.json["sign_in"]["id"]
        if sent and 201 == person.prove(target, sent[-1], blinded).status_code:
            break
        wall.move(timedelta(minutes=5))
    assert person.bearer is not None


def test_a_start_says_the_same_of_everyone(market: Market, person: Person) -> None:
    """Known or unknown, asked for a moment ago or never: the same status, headers and size,
    and the same statements.
    """
    market.report("ming", identities=[token_of(person.node, PHONE, NUMBER) | verified(market)])
    person.start(NUMBER)
    statements: list[list[str]] = []
    told = []
    for number in (NUMBER, OTHER, "+8613700137000", "+12025550123"):
        seen: list[str] = []

        def listen(
            _c: object, _u: object, statement: str, *_: object, into: list[str] = seen
        ) -> None:
            into.append(statement)

        sa.event.listen(person.node.database.engine, "before_cursor_execute", listen)
        answer, _ = person.start(number)
        sa.event.remove(person.node.database.engine, "before_cursor_execute", listen)
        statements.append(seen)
        told.append(
            (
                answer.status_code,
                len(answer.data),
                sorted(answer.headers.keys()),
                sorted(answer.json["sign_in"]),
            )
        )
    assert 1 == len({str(each) for each in told})
    assert 1 == len({str(each) for each in statements})


def verified(market: Market) -> dict[str, str]:
    return {"last_verified_on": market.today.isoformat()}


def test_what_no_code_reaches_is_refused(person: Person) -> None:
    """A document number is no place to send a code to, an invalid number none at all."""
    for type, identifier in (
        (IdentifierType.CN_RESIDENT_ID, "11010519491231002X"),
        (IdentifierType.EMAIL_CANONICAL, "ming@gmail.com"),
    ):
        answer, _ = person.start(identifier, type)
        assert (422, True) == (answer.status_code, answer.json["type"].endswith("/not-provable"))
    body = {"type": "phone/1", "identifier": "12", "blinded": base64url.encode(bytes(32))}
    answer = person.call("POST", "/v1/subject/sign-ins", body)
    assert 422 == answer.status_code
    assert [] == codes_sent(person.node)


def test_a_live_node_without_a_gateway_says_that_it_sends_none(
    tmp_path: Path, database_url: str, clock: MovableClock
) -> None:
    """Neither a phone nor, without a relay, an address is taken; and nothing is left behind."""
    settings = Settings(
        home=tmp_path / "live",
        origin="https://registry.example",
        federation=FEDERATION,
        mode=Mode.LIVE,
        database_url=database_url,
    )
    create_node(settings)
    node = assemble(settings, clock)
    try:
        person = Person(app=new_app(node), node=node)
        for identifier, type in ((NUMBER, PHONE), ("ming@example.cn", EMAIL)):
            answer, _ = person.start(identifier, type)
            assert (422, "no-sender") == (answer.status_code, answer.json["type"].split("/")[-1])
            assert "sends no codes there" in answer.text
        with node.database.reading() as transaction:
            for table in ("sign_ins", "sign_in_codes", "sign_in_identifiers", "sign_in_messages"):
                count = sa.select(sa.func.count()).select_from(sa.table(table))
                assert 0 == transaction.execute(count).scalar_one()
    finally:
        node.database.close()


def test_no_identifier_and_no_code_lies_in_the_database(person: Person) -> None:
    """Neither while a sign-in is under way nor after: what is there is marks and seals."""
    address = "very.unusual.name@example.cn"
    started, blinded = person.start(address, EMAIL)
    dumped = everything(person.node)
    code = last_code(person.node, address, EMAIL)
    person.prove(started.json["sign_in"]["id"], code["short"], blinded)
    dumped += everything(person.node)
    # A number of eight digits may be anywhere by chance; in quotes it would be the code.
    for secret in (address, code["long"], f'"{code["short"]}"', person.bearer or "?"):
        assert secret not in dumped
    with person.node.database.reading() as transaction:
        for table in ("sign_in_messages", "sign_ins", "sign_in_codes"):
            rows = transaction.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
            assert 0 == rows


def everything(node: Node) -> str:
    with node.database.engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        rows = [connection.execute(sa.text(f'SELECT * FROM "{each}"')).all() for each in names]
    return repr(
        [[bytes(v) if isinstance(v, memoryview) else v for v in r] for t in rows for r in t]
    )


def test_signing_in_stands_in_the_access_log(market: Market, person: Person) -> None:
    """With since when the number is said to be held, under a receipt."""
    document = person.sign_in(NUMBER)
    (entry,) = market.entries(RecordType.OWN_VIEW)
    header = entry["header"]
    assert ("sign_in", "subject", "proven", "own_record", None) == tuple(
        header[each] for each in ("act", "by", "assurance", "purpose", "member")
    )
    assert market.today.isoformat() == header["held_since"]
    assert "ent_" in base64url.decode(document["receipt"].split(".")[1]).decode()


def test_a_second_identifier_joins_the_session(person: Person) -> None:
    """Under a fresh bearer; the one before opens nothing any more."""
    person.sign_in(NUMBER)
    before = person.bearer
    document = person.sign_in("ming@example.cn", EMAIL)
    types = [each["type"] for each in document["session"]["identities"]]
    assert ["phone/1", "email/1"] == types
    assert before != person.bearer
    assert 200 == person.call("GET", "/v1/subject/session").status_code
    person.bearer = before
    assert 401 == person.call("GET", "/v1/subject/session").status_code


def test_a_bearer_of_somebody_else_is_not_taken_over(person: Person) -> None:
    """A made-up bearer planted before the proof is refused, not filled with a session."""
    started, blinded = person.start(NUMBER)
    code = last_code(person.node, NUMBER)["long"]
    person.bearer = planted = base64url.encode(secrets.token_bytes(32))
    assert 401 == person.prove(started.json["sign_in"]["id"], code, blinded).status_code
    assert 401 == person.call("GET", "/v1/subject/session").status_code
    person.bearer = None
    assert 201 == person.prove(started.json["sign_in"]["id"], code, blinded).status_code
    assert planted != person.bearer


def test_a_session_ends_by_idleness_and_by_age(person: Person, wall: MovableClock) -> None:
    """After a quarter of an hour without a call; after an hour in any case."""
    person.sign_in(NUMBER)
    wall.move(timedelta(minutes=15))
    assert 401 == person.call("GET", "/v1/subject/session").status_code
    person.bearer = None
    person.sign_in(NUMBER)
    for _ in range(4):
        wall.move(timedelta(minutes=14))
        assert 200 == person.call("GET", "/v1/subject/session").status_code
    wall.move(timedelta(minutes=4))
    assert 401 == person.call("GET", "/v1/subject/session").status_code


def test_a_moved_rules_clock_ends_no_session(person: Person, clock: MovableClock) -> None:
    """Whoever moves a sandbox to see deadlines fall due stays signed in."""
    person.sign_in(NUMBER)
    clock.move(timedelta(days=400))
    assert 200 == person.call("GET", "/v1/subject/session").status_code


def test_signing_out_ends_the_session_and_everywhere_all_of_them(person: Person) -> None:
    """One's own, or every one of the same identity."""
    person.sign_in(NUMBER)
    assert 204 == person.call("DELETE", "/v1/subject/session").status_code
    assert 401 == person.call("GET", "/v1/subject/session").status_code
    one, other = (Person(app=person.app, node=person.node) for _ in range(2))
    one.sign_in(NUMBER)
    other.sign_in(NUMBER)
    stranger = Person(app=person.app, node=person.node)
    stranger.sign_in(OTHER)
    assert 204 == one.call("DELETE", "/v1/subject/sessions").status_code
    assert [401, 401, 200] == [
        each.call("GET", "/v1/subject/session").status_code for each in (one, other, stranger)
    ]


def test_calls_of_a_session_are_limited(person: Person) -> None:
    """To 120 in a minute, told in the headers."""
    person.sign_in(NUMBER)
    statuses = [person.call("GET", "/v1/subject/session").status_code for _ in range(121)]
    assert ([200] * 120, 429) == (statuses[:120], statuses[120])


@pytest.mark.parametrize("authorization", ["", "Basic eA==", "Bearer", "Bearer x", "Bearer a.b.c"])
def test_what_is_no_bearer_is_nobody(person: Person, authorization: str) -> None:
    """401 with the same problem, whatever it is."""
    answer = person.app.test_client().get(
        "/v1/subject/session", headers={"Authorization": authorization}
    )
    assert (401, True) == (answer.status_code, answer.json["type"].endswith("/not-signed-in"))


def test_what_is_over_is_swept(person: Person, clock: MovableClock, wall: MovableClock) -> None:
    """Sign-ins, codes, sessions and the counts of identifiers leave no row behind."""
    person.start(OTHER)
    person.sign_in(NUMBER)
    for each in (clock, wall):
        each.move(timedelta(hours=26))
    person.node.worker.run_due()
    left: dict[str, int] = {}
    with person.node.database.reading() as transaction:
        for table in (
            "sign_in_identifiers",
            "sign_in_codes",
            "sign_ins",
            "sign_in_messages",
            "subject_sessions",
            "subject_session_identities",
        ):
            left[table] = transaction.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
    assert {0} == set(left.values()), left
