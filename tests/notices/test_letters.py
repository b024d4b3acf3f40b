"""People are written to, by mail or by messenger, and nothing of it stays lying about."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from registry.app.home import create_node
from registry.app.node import Node, assemble
from registry.kernel import base64url
from registry.kernel.clock import MovableClock, format_instant
from registry.kernel.ids import IncidentId, Prefix, parse_id
from registry.notices.catalogue import LANGUAGES, Catalogue
from registry.notices.letter_model import (
    ContactChannel,
    ContactUnusable,
    LetterNotFound,
    LetterState,
    LetterTemplate,
    MailResult,
)
from registry.notices.mail import Mail, MailTls, Relay
from registry.rulebook.calendar import local_minute
from registry.rulebook.editions import load_rulebook
from registry.settings import Mode, Settings
from tests.lookups.samples import token
from tests.nodes import ORIGIN, new_app
from tests.notices.dripping import dripping
from tests.notices.mailbox import Mailbox, mailbox
from tests.notices.test_outside import certified
from tests.notices.world import World, new_world, ok

ADDRESS = "ann@mail.example"
KEY = b"k" * 32
INCIDENT = IncidentId("inc_01992f5e-7c00-7abc-8def-0123456789ab")
FACTS = {"incident": INCIDENT, "corrected_on": "2026-10-01", "told": "2"}
PROOF = {"channel": "in_app", "proof": "sha256:" + "ab" * 32}


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as running:
        yield running


@pytest.fixture
def node(tmp_path: Path, database_url: str, clock: MovableClock, box: Mailbox) -> Iterator[Node]:
    """A node with a mail relay."""
    settings = Settings(
        home=tmp_path / "node",
        origin=ORIGIN,
        mode=Mode.SANDBOX,
        database_url=database_url,
        mail_server=f"smtp://127.0.0.1:{box.port}",
        mail_from="registry@registry.example",
    )
    create_node(settings)
    assembled = assemble(settings, clock)
    yield assembled
    assembled.database.close()


@pytest.fixture
def world(node: Node, clock: MovableClock) -> World:
    app: Flask = new_app(node)
    return new_world(node, app, clock)


def keep(world: World, address: str = ADDRESS, key: bytes = KEY) -> None:
    with world.node.database.transaction() as transaction:
        world.node.noticing.contacts.keep(
            transaction,
            lookup_key=key,
            channel=ContactChannel.EMAIL,
            address=address,
            now=world.clock.now(),
        )


def write(world: World, **changes: Any) -> str:
    """Promises the letter of a correction, and does what is due."""
    furnisher = world.market.furnisher.member.id
    given: dict[str, Any] = {
        "lookup_keys": [KEY],
        "template": LetterTemplate.CORRECTION_MADE,
        "facts": FACTS,
        "incident": INCIDENT,
        "furnisher": furnisher,
    }
    with world.node.database.transaction() as transaction:
        letter = world.node.noticing.letters.write(
            transaction, **(given | changes), now=world.clock.now()
        )
    world.work()
    return letter


def state(world: World, letter: str) -> LetterState:
    with world.node.database.reading() as transaction:
        found = world.node.noticing.letters.get(transaction, parse_id(Prefix.LETTER, letter))
    return found.state


def letters(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(world.market.furnisher.call("GET", "/v1/letters"))["letters"]
    return found


def bounced(world: World, letter: str) -> None:
    with world.node.database.transaction() as transaction:
        world.node.noticing.letters.bounced(
            transaction, parse_id(Prefix.LETTER, letter), world.clock.now()
        )


def said(mail: EmailMessage) -> str:
    content: str = mail.get_content()
    return content


def test_who_gave_an_address_is_written_to_in_both_languages(world: World, box: Mailbox) -> None:
    """Under a Message-ID that is the letter's own."""
    keep(world)
    letter = write(world)
    (mail,) = box.mails
    assert ADDRESS == mail["To"]
    assert "registry@registry.example" == mail["From"]
    assert f"<{letter}@registry.example>" == mail["Message-ID"]
    assert "auto-generated" == mail["Auto-Submitted"]
    assert "您的信用信息已更正 / Your record has been corrected" == mail["Subject"]
    assert "2026-10-01 更正" in said(mail)
    assert "was corrected on 2026-10-01" in said(mail)
    assert "your whole record" in said(mail)
    assert LetterState.DELIVERED is state(world, letter)
    assert [] == letters(world)


def test_without_an_address_the_furnisher_carries_the_letter(world: World, box: Mailbox) -> None:
    """It is told, reads the text, and says with a proof that it was delivered."""
    letter = write(world)
    assert [] == box.mails
    assert ("letter.to_deliver", {"letter": letter, "incident": INCIDENT}) in world.told(
        world.market.furnisher
    )
    (waiting,) = letters(world)
    assert "2026-10-01" in waiting["text"]["en"]
    assert "2026-10-01" in waiting["text"]["zh"]
    world.move(hours=1)
    proof = PROOF | {"delivered_at": format_instant(world.clock.now())}
    target = f"/v1/letters/{letter}/delivery"
    assert 404 == world.market.other_furnisher.call("POST", target, proof).status_code
    first = ok(world.market.furnisher.call("POST", target, proof))
    assert ("delivered", first) == (
        first["state"],
        ok(world.market.furnisher.call("POST", target, proof)),
    )
    other = proof | {"channel": "sms"}
    assert 409 == world.market.furnisher.call("POST", target, other).status_code
    assert [] == letters(world)


@pytest.mark.parametrize("by", [timedelta(days=-1), timedelta(minutes=1)])
def test_a_letter_is_not_delivered_before_it_was_written_or_tomorrow(
    world: World, by: timedelta
) -> None:
    """A wrong instant leaves it waiting."""
    letter = write(world)
    proof = PROOF | {"delivered_at": format_instant(world.clock.now() + by)}
    target = f"/v1/letters/{letter}/delivery"
    assert 422 == world.market.furnisher.call("POST", target, proof).status_code
    assert 1 == len(letters(world))


def test_a_letter_that_is_not_delivered_in_time_is_escalated(world: World) -> None:
    """To the furnisher, the operator and supervisors, once; it is still to be delivered."""
    letter = write(world)
    world.move(days=15)
    data = {"letter": letter, "furnisher": world.market.furnisher.member.id}
    for told in (world.market.furnisher, world.operator, world.supervisor):
        assert [("letter.overdue", data)] == [
            each for each in world.told(told) if each[0] == "letter.overdue"
        ]
    assert None is not letters(world)[0]["escalated_at"]


def test_a_refused_address_goes_by_messenger(world: World, box: Mailbox) -> None:
    """The relay said so for good."""
    keep(world)
    box.recipient = "550 no such mailbox"
    letter = write(world)
    assert LetterState.WITH_MESSENGER is state(world, letter)
    assert 1 == len(letters(world))


def test_a_relay_that_is_busy_is_asked_again(world: World, box: Mailbox) -> None:
    """Under the same Message-ID."""
    keep(world)
    box.data = "451 later"
    letter = write(world)
    assert LetterState.MAILING is state(world, letter)
    box.data = "250 OK"
    world.move(seconds=6)
    assert [f"<{letter}@registry.example>"] == [mail["Message-ID"] for mail in box.mails]
    assert LetterState.DELIVERED is state(world, letter)


def test_what_comes_back_is_carried_by_the_furnisher(world: World, box: Mailbox) -> None:
    """Within seven days; then what it said is gone."""
    keep(world)
    letter, late = write(world), write(world)
    bounced(world, letter)
    assert [letter] == [each["id"] for each in letters(world)]
    world.move(days=8)
    with pytest.raises(LetterNotFound):
        bounced(world, late)


def test_an_address_taken_back_is_not_written_to(world: World, box: Mailbox) -> None:
    """Also when the letter was promised before."""
    keep(world)
    with world.node.database.transaction() as transaction:
        letter = world.node.noticing.letters.write(
            transaction,
            lookup_keys=[KEY],
            template=LetterTemplate.CORRECTION_MADE,
            facts=FACTS,
            incident=INCIDENT,
            furnisher=None,
            now=world.clock.now(),
        )
        assert world.node.noticing.contacts.forget(transaction, lookup_key=KEY)
    world.work()
    assert [] == box.mails
    assert LetterState.UNDELIVERABLE is state(world, letter)


def test_an_address_given_later_gets_nothing_that_was_promised_before(
    world: World, box: Mailbox
) -> None:
    """It can be another's, who holds the identifier now; the furnisher carries what waited."""
    keep(world)
    box.data = "451 later"
    letter = write(world)
    box.data = "250 OK"
    world.clock.move(timedelta(minutes=1))
    keep(world, "later@mail.example")
    world.move(hours=1)
    assert [] == box.mails
    assert LetterState.WITH_MESSENGER is state(world, letter)
    assert [letter] == [each["id"] for each in letters(world)]
    write(world)
    assert ["later@mail.example"] == [mail["To"] for mail in box.mails]


def test_an_address_counts_since_it_was_first_given(world: World, box: Mailbox) -> None:
    """Also where it is given again; what may go only to an older one goes to no newer one."""
    given_by = {KEY: world.clock.now()}
    keep(world)
    world.clock.move(timedelta(days=1))
    keep(world)
    write(world, given_by=given_by)
    assert 1 == len(box.mails)
    keep(world, "later@mail.example")
    letter = write(world, given_by=given_by)
    assert LetterState.WITH_MESSENGER is state(world, letter)
    assert LetterState.WITH_MESSENGER is state(world, write(world, given_by={}))
    assert 1 == len(box.mails)


@pytest.mark.parametrize(("days_ago", "mails"), [(90, 1), (91, 0)])
def test_a_correction_is_mailed_to_who_may_have_been_verified(
    world: World, box: Mailbox, days_ago: int, mails: int
) -> None:
    """An address given later can be of who holds the identifier now: the furnisher carries it."""
    protector, market = world.node.protector, world.market
    keep(world, key=protector.lookup_key(protector.seed_of(base64url.decode(token("ann")))))
    verified_on = market.today - timedelta(days=days_ago)
    incident = market.report("ann", verified_on=verified_on)["incident"]["id"]
    ok(market.furnisher.call("POST", f"/v1/incidents/{incident}/withdrawal"))
    world.work()
    world.move(minutes=3)
    assert mails == len(box.mails)
    assert [incident] * (1 - mails) == [each["incident"] for each in letters(world)]


def test_a_code_is_sent_once_and_forgotten(world: World, box: Mailbox) -> None:
    """Neither address nor digits stay; after ten minutes it is not sent any more."""

    def send(digits: str) -> str:
        with world.node.database.transaction() as transaction:
            return world.node.noticing.letters.write_to(
                transaction,
                address=ADDRESS,
                template=LetterTemplate.ONE_TIME_CODE,
                facts={"digits": digits, "minutes": "10"},
                now=world.clock.now(),
            )

    sent = send("12345678")
    world.work()
    assert "12345678" in said(box.mails[0])
    with world.node.database.reading() as transaction:
        letter = world.node.noticing.letters.get(transaction, parse_id(Prefix.LETTER, sent))
    assert (None, None) == (letter.facts_sealed, letter.address_sealed)
    late = send("87654321")
    world.move(minutes=11)
    assert 1 == len(box.mails)
    assert LetterState.UNDELIVERABLE is state(world, late)


def test_addresses_and_letters_lie_sealed(world: World) -> None:
    """In no table and no job in clear."""
    keep(world)
    write(world)
    with world.node.database.reading() as transaction:
        cursor = transaction.raw_cursor()
        for table in ("contacts", "letters", "jobs", "notices"):
            cursor.execute(f"SELECT * FROM {table}")  # the names above
            for row in cursor.fetchall():
                assert not any(b"mail.example" in _octets(each) for each in row)
                assert not any(b'2026-10-01"' in _octets(each) for each in row)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "a b@c.example",
        "a\u00a0b@c.example",
        "a\u202eb@c.example",
        "a@b.example\nBcc: c@d.example",
        "<a@b.c>",
    ],
)
def test_what_is_no_address_is_not_kept(world: World, address: str) -> None:
    """Nothing a header could be broken with."""
    with pytest.raises(ContactUnusable):
        keep(world, address)


def test_a_disabled_webhook_is_written_about_to_its_contact(world: World, box: Mailbox) -> None:
    """The other channel: mail to the address the member gave for it."""
    document = {"url": "http://127.0.0.1:9/", "contact": "ops@platform.example"}
    member = world.market.furnisher
    added = ok(member.call("POST", "/v1/webhooks", document), 201)
    assert "ops@platform.example" not in str(added)
    world.tell(member, "appeal.relayed")
    world.work()
    world.move(days=5)
    (mail,) = box.mails
    assert "ops@platform.example" == mail["To"]
    assert added["webhook"]["id"] in said(mail)
    # What people's letters end with is for people.
    assert "your whole record" not in said(mail)


@pytest.mark.parametrize("edition", ["cn-2026.1", "us-2026.1"])
@pytest.mark.parametrize("template", list(LetterTemplate))
def test_every_letter_is_whole_in_both_languages(edition: str, template: LetterTemplate) -> None:
    """Every fact stands in each, none is left as a name, and the law is named."""
    catalogue = Catalogue.load(edition=load_rulebook(edition).current, origin=ORIGIN)
    facts = {name: f"{name} {{law}} $origin" for name in catalogue.facts_of(template)}
    rendered = catalogue.render(template, facts)
    for language in LANGUAGES:
        text, subject = getattr(rendered.text, language), getattr(rendered.subject, language)
        assert subject
        assert "\n" not in subject
        for value in facts.values():
            assert value in text
            text = text.replace(value, "")
        assert "{" not in text
        assert "$" not in text
        assert ORIGIN in text
    assert rendered.text.en != rendered.text.zh


def test_a_code_of_the_taxonomy_is_told_in_words() -> None:
    """Each language has its own."""
    edition = load_rulebook("cn-2026.1").current
    catalogue = Catalogue.load(edition=edition, origin=ORIGIN)
    facts = {"incident": INCIDENT, "code": "B110", "furnisher": "A", "effective_on": "2026-11-01"}
    rendered = catalogue.render(LetterTemplate.INCIDENT_FILED, facts)
    assert "False claim of non-receipt" in rendered.text.en
    assert "谎称未收货" in rendered.text.zh


def test_who_looked_when_and_why_is_told_in_words_and_local_time() -> None:
    """Each language has its own words; the time is that of clocks where the person is."""
    edition = load_rulebook("cn-2026.1").current
    looked_at = local_minute(datetime(2026, 11, 26, 18, 5, 59, 467727, tzinfo=UTC), edition)
    catalogue = Catalogue.load(edition=edition, origin=ORIGIN)
    facts = {"inquirer": "A", "looked_at": looked_at, "purpose": "refund_only_review"}
    rendered = catalogue.render(LetterTemplate.LOOKUP_ALERT, facts)
    assert "at 2026-11-27 02:05 (UTC+08:00)." in rendered.text.en
    assert "于 2026-11-27 02:05 (UTC+08:00) 查询" in rendered.text.zh
    assert "Review of a refund-only request" in rendered.text.en
    assert "仅退款" in rendered.text.zh
    assert "仅退款" not in rendered.text.en


def relay(port: int, tls: MailTls, context: ssl.SSLContext) -> Relay:
    return Relay(
        host="localhost",
        port=port,
        tls=tls,
        sender="registry@registry.example",
        user="",
        password=lambda: "",
        context=context,
    )


def mail(clock: MovableClock, address: str = ADDRESS) -> Mail:
    return Mail(address=address, subject="S", text="T", message_id="i@x", at=clock.now())


@pytest.mark.parametrize("address", ["é@mail.example", "用户@mail.example"])
def test_an_address_in_any_script_is_written_to_where_the_relay_takes_it(
    tmp_path: Path, clock: MovableClock, address: str
) -> None:
    """Where it does not, that is its word for good: nothing is tried again, and nothing raised."""
    _, trusting = certified(tmp_path, "localhost")
    with mailbox(enable_SMTPUTF8=True) as box:
        sent = relay(box.port, MailTls.NONE, trusting).send(mail(clock, address))
        assert MailResult.TAKEN is sent
        assert [address] == [each["To"] for each in box.mails]
    with mailbox(enable_SMTPUTF8=False) as box:
        sent = relay(box.port, MailTls.NONE, trusting).send(mail(clock, address))
        assert MailResult.REFUSED is sent
        assert [] == box.mails


@pytest.mark.parametrize("address", ["=?utf-8?q?ann?=@mail.example", "a=?b@mail.example"])
def test_an_address_that_reads_as_another_is_not_written_to(
    tmp_path: Path, clock: MovableClock, address: str
) -> None:
    """In a header an encoded word is what it encodes; nobody else gets the letter."""
    _, trusting = certified(tmp_path, "localhost")
    with mailbox() as box:
        sent = relay(box.port, MailTls.NONE, trusting).send(mail(clock, address))
        assert MailResult.REFUSED is sent
        assert [] == box.mails


def test_mail_travels_by_tls_or_not_at_all(tmp_path: Path, clock: MovableClock) -> None:
    """With a certificate that is trusted; never in the clear where TLS was asked for."""
    path, trusting = certified(tmp_path, "localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    stranger = ssl.create_default_context()
    with mailbox(tls_context=server) as box:
        assert MailResult.TAKEN is relay(box.port, MailTls.STARTTLS, trusting).send(mail(clock))
        assert MailResult.NOT_NOW is relay(box.port, MailTls.STARTTLS, stranger).send(mail(clock))
        assert 1 == len(box.mails)
    with mailbox() as plain:
        assert MailResult.NOT_NOW is relay(plain.port, MailTls.STARTTLS, trusting).send(mail(clock))
        assert MailResult.NOT_NOW is relay(plain.port, MailTls.IMPLICIT, trusting).send(mail(clock))
        assert [] == plain.mails
    nobody = replace(relay(plain.port, MailTls.NONE, trusting))
    assert MailResult.NOT_NOW is nobody.send(mail(clock))


@pytest.mark.parametrize("until", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("tls", [MailTls.NONE, MailTls.IMPLICIT])
def test_a_relay_that_drips_keeps_nobody(
    tmp_path: Path, clock: MovableClock, until: str, tls: MailTls
) -> None:
    """Each byte comes long before any timeout of the socket's; the whole has an end."""
    path, trusting = certified(tmp_path, "localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    with dripping(until, server if tls is MailTls.IMPLICIT else None) as slow:
        bounded = replace(relay(slow.port, tls, trusting), seconds_max=0.5)
        assert MailResult.NOT_NOW is bounded.send(mail(clock))
        # It was not left: the connection is gone.
        assert slow.hung_up.wait(5)
    assert until in ("GREETING", *slow.heard)


def test_a_relay_that_took_the_letter_and_drips_its_farewell_has_it(
    tmp_path: Path, clock: MovableClock
) -> None:
    """What was taken is not sent again."""
    _, trusting = certified(tmp_path, "localhost")
    with dripping("QUIT") as slow:
        bounded = replace(relay(slow.port, MailTls.NONE, trusting), seconds_max=0.5)
        assert MailResult.TAKEN is bounded.send(mail(clock))
    assert ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"] == slow.heard


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
