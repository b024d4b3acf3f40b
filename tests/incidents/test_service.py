"""Filing, amending and withdrawing, and what becomes of the subject's standing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from registry.database.engine import Database
from registry.incidents import standings
from registry.incidents.model import (
    Amendment,
    Course,
    FilingIncomplete,
    IncidentClosed,
    IncidentNotFound,
    ReferenceTaken,
    State,
    VersionMissing,
    VersionOutOfDate,
    etag_of,
)
from registry.incidents.service import Filed
from registry.kernel import base64url
from registry.ledger.model import RecordType
from registry.rulebook.filing import Adjudicator
from registry.rulebook.model import Band, Severity
from tests.incidents.world import WEEK, World, identity, report, with_notice
from tests.rulebook.filings import DELIVERED_AT, NOW, item, proved

EFFECTIVE_AT = DELIVERED_AT + WEEK
INSTANT = timedelta(microseconds=1)


def amend(world: World, incident, by="alpha", **changes):
    """Amends the version in hand."""
    tag = etag_of(incident, world.state(incident))
    with world.call(by) as call:
        return world.incidents.amend(call, incident.id, Amendment(**changes), tag)


def withdraw(world: World, incident, by="alpha", reason=None, if_match=None):
    with world.call(by) as call:
        return world.incidents.withdraw(call, incident.id, reason, if_match)


def test_a_report_is_filed_with_all_it_says(world: World):
    """What was filed can be read again, with its state, times, edition and receipt."""
    filed = world.file(report("case-1", "ming", "ming at work"))
    incident = world.get(filed.incident)
    assert Filed.NOW is filed.filed
    assert incident == filed.incident
    assert proved() == incident.filing
    assert ("case-1", Severity.S3, "cn-2026.1", 1) == (
        incident.reference,
        incident.severity,
        incident.edition,
        incident.version,
    )
    assert (EFFECTIVE_AT, date(2029, 10, 1)) == (incident.effective_at, incident.expires_on)
    assert 3 == len(incident.receipt.split("."))
    with world.call() as call:
        kept = world.incidents.identities_of(call, incident)
    assert [world.lookup_key(name) for name in ("ming", "ming at work")] == [
        each.lookup_key for each in kept
    ]


def test_nothing_counts_before_the_notice_has_run(world: World):
    """Noticed and without a trace until seven days after the notice, active from that instant."""
    incident = world.file().incident
    world.move(EFFECTIVE_AT - INSTANT - NOW)
    assert (State.NOTICED, Band.N) == (world.state(incident), world.assess().band)
    world.move(INSTANT)
    assert (State.ACTIVE, 748) == (world.state(incident), world.assess().score)


def test_an_incident_counts_from_its_filing_when_the_notice_ran_long_ago(world: World):
    """Filed three weeks after the notice: active at once, and never before it was filed."""
    world.move(3 * WEEK)
    incident = world.file().incident
    assert NOW + 3 * WEEK == incident.effective_at
    assert State.ACTIVE is world.state(incident)
    assert None is world.assess(at=incident.effective_at - INSTANT).score


def test_every_identity_of_the_subject_leads_to_the_incident(world: World):
    """Once, however many identities are asked for; another person has none of it."""
    world.file(report("case-1", "ming", "ming at work"))
    world.move(2 * WEEK)
    expected = world.assess("ming")
    assert 1 == expected.counts.active
    assert expected == world.assess("ming at work") == world.assess("ming", "ming at work")
    assert Band.N is world.assess("hong").band


def test_it_expires_by_itself(world: World):
    """On the first day after its time the state is expired and nothing is known."""
    incident = world.file().incident
    world.clock = type(world.clock)(datetime(2029, 9, 30, 16, 0, tzinfo=UTC) - INSTANT)
    assert (State.ACTIVE, 830) == (world.state(incident), world.assess().score)
    world.move(INSTANT)
    assert (State.EXPIRED, Band.N) == (world.state(incident), world.assess().band)


def test_what_has_expired_leaves_the_standing_with_the_next_change(world: World):
    """No job is needed to forget."""
    world.file(report("old", code="B114"))
    world.move(timedelta(days=400))
    filing = proved(occurred_on=date(2027, 11, 1))
    late = replace(
        filing,
        confirmed_on=date(2027, 11, 2),
        decision=replace(filing.decision, decided_on=date(2027, 11, 2)),
        notice=with_notice(datetime(2027, 11, 3, tzinfo=UTC)),
    )
    world.file(replace(report("new"), filing=late))
    assert ["B101"] == [each.code for each in world.standing().contributions]


def test_the_same_report_again_is_the_same_incident(world: World):
    """Same body: same incident, same receipt, no second entry, even years later and amended."""
    first = world.file()
    amended = amend(world, first.incident, order="order-2")
    world.move(timedelta(days=300))
    again = world.file()
    assert (Filed.BEFORE, amended) == (again.filed, again.incident)
    assert first.incident.receipt == again.incident.report_receipt
    assert [RecordType.REPORT, RecordType.AMENDMENT] == [each["type"] for each in world.entries()]


@pytest.mark.parametrize(
    "other",
    [
        report(code="B102"),
        report("case-1", "hong"),
        report("case-1", "ming", "hong"),
        replace(report(), identities=(identity("ming", verified_on=date(2026, 9, 1)),)),
        report(intent="Something else shows that it was dishonest."),
        report(adult_attested=False),
    ],
)
def test_another_report_under_the_same_reference_is_refused(world: World, other):
    """Whatever differs; nothing is added."""
    world.file()
    with pytest.raises(ReferenceTaken):
        world.file(other)
    assert (1, 1) == (world.count("incidents"), len(world.entries()))


def test_references_are_each_furnishers_own(world: World):
    """Two furnishers may use the same reference."""
    world.file(by="alpha")
    world.file(by="beta")
    assert 2 == world.count("incidents")


def test_a_filing_that_lacks_something_leaves_nothing(world: World):
    """All that is missing is told, of the filing and of the identities, and no row remains."""
    bare = report(code="criticism", reviewers=(), notice=None)
    later = identity("ming", verified_on=date(2026, 10, 7))
    unknown = replace(later.identity, key_id="k9", token=b"t" * 32)
    ids = (identity("ming"), later, replace(later, identity=unknown))
    with pytest.raises(FilingIncomplete) as raised:
        world.file(replace(bare, identities=ids))
    assert {
        ("/code", "not_filable"),
        ("/reviewers", "reviewers_too_few"),
        ("/notice", "notice_missing"),
        ("/identities/1", "repeated"),
        ("/identities/1/last_verified_on", "in_the_future"),
        ("/identities/2/key_id", "key_unknown"),
        ("/identities/2/last_verified_on", "in_the_future"),
    } == {(error.pointer, error.code) for error in raised.value.errors}
    assert (0, 0, 0) == (
        world.count("incidents"),
        world.count("standings"),
        len(world.entries()),
    )


def test_two_groups_are_needed_to_go_below_band_c(world: World):
    """Three grave incidents of one platform: 710. A second platform: 590."""
    for number in range(3):
        filing = proved("B121", occurred_on=date(2026, 9, 1 + number))
        world.file(replace(report(f"case-{number}"), filing=filing))
    world.move(2 * WEEK)
    assert 710 == world.assess().score
    for number in range(3):
        filing = proved("B121", occurred_on=date(2026, 8, 1 + number))
        world.file(replace(report(f"case-{number}"), filing=filing), by="beta")
    assert 590 == world.assess().score


def test_members_of_one_group_are_one_reporter(world: World):
    """Affiliates confirm nothing to each other."""
    world.furnisher("alpha", group="g")
    world.furnisher("beta", group="g")
    world.file(by="alpha")
    alone = world.assess(at=EFFECTIVE_AT).score
    world.file(by="beta")
    assert alone == world.assess(at=EFFECTIVE_AT).score
    assert 2 == world.assess(at=EFFECTIVE_AT).counts.furnishers


def test_a_suspended_members_filings_have_no_effect_until_it_is_back(world: World):
    """Quarantined, not erased."""
    world.file()
    world.move(WEEK)
    score = world.assess().score
    with world.database.transaction() as transaction:
        world.operator.suspend(transaction, world.members["alpha"], world.clock.now())
    assert Band.N is world.assess().band
    with world.database.transaction() as transaction:
        world.operator.reinstate(transaction, world.members["alpha"], world.clock.now())
    assert score == world.assess().score


def test_a_withdrawal_restores_the_standing_exactly(world: World):
    """At once, for every identity, and the standing's row is gone when nothing is left."""
    world.file(report("case-1", code="B110"), by="beta")
    world.move(2 * WEEK)
    before = world.assess()
    second = world.file(report("case-2", "ming", "ming at work")).incident
    assert before != world.assess()
    withdrawn = withdraw(world, second, reason="We took the wrong person.")
    assert (Course.WITHDRAWN, State.WITHDRAWN, 2) == (
        withdrawn.course,
        world.state(withdrawn),
        withdrawn.version,
    )
    assert "We took the wrong person." == withdrawn.withdrawal_reason
    assert before == world.assess() == world.assess("ming", "ming at work")
    assert 1 == world.count("standings")


def test_a_withdrawal_again_is_the_same_withdrawal(world: World):
    """Same incident, same receipt, one entry, whatever the second reason says."""
    incident = world.file().incident
    first = withdraw(world, incident, reason="One.")
    world.move(WEEK)
    assert first == withdraw(world, incident, reason="Two.")
    assert [RecordType.REPORT, RecordType.WITHDRAWAL] == [each["type"] for each in world.entries()]


def test_the_same_report_after_its_withdrawal_finds_it_withdrawn(world: World):
    """A withdrawn incident does not come back by the back door."""
    withdraw(world, world.file().incident)
    again = world.file()
    assert (Filed.BEFORE, State.WITHDRAWN) == (again.filed, world.state(again.incident))
    assert Band.N is world.assess(at=EFFECTIVE_AT).band


def test_only_the_version_named_is_withdrawn(world: World):
    """If-Match is optional, and honoured."""
    incident = world.file().incident
    tag = etag_of(incident, State.NOTICED)
    amend(world, incident, order="order-2")
    with pytest.raises(VersionOutOfDate):
        withdraw(world, incident, if_match=tag)


def test_an_incident_belongs_to_its_furnisher(world: World):
    """Nobody else reads, amends or withdraws it, or learns that it exists."""
    incident = world.file().incident
    with pytest.raises(IncidentNotFound):
        world.get(incident, by="beta")
    with pytest.raises(IncidentNotFound):
        amend(world, incident, by="beta", order="x")
    with pytest.raises(IncidentNotFound):
        withdraw(world, incident, by="beta")


def test_an_amendment_replaces_what_it_names(world: World):
    """The rest stays; version and entry grow by one; what is not graver goes on counting."""
    incident = world.file().incident
    world.move(2 * WEEK)
    amended = amend(world, incident, code="B110", evidence=(item("E1"), item("E2")))
    assert replace(proved(), code="B110", evidence=(item("E1"), item("E2"))) == amended.filing
    assert (2, Severity.S2, date(2028, 10, 1), EFFECTIVE_AT) == (
        amended.version,
        amended.severity,
        amended.expires_on,
        amended.effective_at,
    )
    assert amended == world.get(incident)
    assert ["B110"] == [reason.code for reason in world.assess().reasons]


@pytest.mark.parametrize(
    ("if_match", "problem"),
    [
        (None, VersionMissing),
        ('"2-noticed"', VersionOutOfDate),
        ('"1"', VersionOutOfDate),
        ("1-noticed", VersionOutOfDate),
        ('W/"1-noticed"', VersionOutOfDate),
    ],
)
def test_an_amendment_says_which_version_it_amends(world: World, if_match, problem):
    """Missing or another: nothing is changed."""
    incident = world.file().incident
    with world.call() as call, pytest.raises(problem):
        world.incidents.amend(call, incident.id, Amendment(order="x"), if_match)
    assert incident == world.get(incident)


@pytest.mark.parametrize("if_match", ['"1-noticed"', '"1-active"', '"0-x", "1-active"', "*"])
def test_a_version_is_the_same_whatever_time_made_of_its_state(world: World, if_match):
    """An entity tag read before the notice had run still names the version."""
    incident = world.file().incident
    world.move(2 * WEEK)
    with world.call() as call:
        amended = world.incidents.amend(call, incident.id, Amendment(order="x"), if_match)
    assert 2 == amended.version


def test_an_amendment_is_proved_as_a_whole(world: World):
    """What it takes away is missing again; long after the filing, filing is not late."""
    incident = world.file().incident
    world.move(timedelta(days=200))
    with pytest.raises(FilingIncomplete) as raised:
        amend(world, incident, reviewers=("staff-1",))
    assert ["reviewers_too_few"] == [error.code for error in raised.value.errors]
    assert 2 == amend(world, incident, reviewers=("staff-1", "staff-2")).version


HEAVIER = [
    {"code": "B121", "evidence": (item("E6"), item("E8"))},
    {"code": "B103"},
    {"occurred_on": date(2026, 10, 2)},
    {"evidence": (*proved().evidence, item("E6", adjudicator=Adjudicator.COURT))},
]


@pytest.mark.parametrize("heavier", HEAVIER)
def test_what_weighs_more_needs_a_newer_notice(world: World, heavier):
    """Without one it is refused; the one it was filed with is not newer."""
    incident = world.file().incident
    world.move(2 * WEEK)
    before = world.assess()
    for notice in ({}, {"notice": with_notice(DELIVERED_AT)}):
        with pytest.raises(FilingIncomplete) as raised:
            amend(world, incident, **heavier, **notice)
        assert [("/notice", "new_notice_missing")] == [
            (error.pointer, error.code) for error in raised.value.errors
        ]
    assert before == world.assess()


@pytest.mark.parametrize("heavier", HEAVIER)
def test_what_weighs_more_waits_for_its_own_notice(world: World, heavier):
    """The seven days begin anew, and until they are over nothing counts."""
    incident = world.file().incident
    world.move(2 * WEEK)
    told_at = world.clock.now() - timedelta(hours=1)
    amended = amend(world, incident, **heavier, notice=with_notice(told_at))
    assert (told_at + WEEK, State.NOTICED) == (amended.effective_at, world.state(amended))
    assert Band.N is world.assess().band
    world.move(WEEK)
    assert (State.ACTIVE, 1) == (world.state(amended), world.assess().counts.active)


def test_a_notice_delivered_later_than_first_said_runs_from_then(world: World):
    """Correcting the notice cannot shorten the time the subject had."""
    incident = world.file().incident
    world.move(timedelta(days=1))
    amended = amend(world, incident, notice=with_notice(NOW + timedelta(hours=5)))
    assert NOW + timedelta(hours=5) + WEEK == amended.effective_at
    earlier = amend(world, amended, notice=with_notice(DELIVERED_AT))
    assert amended.effective_at == earlier.effective_at


@pytest.mark.parametrize("days", [0, 400])
def test_a_closed_incident_stays_as_it_is(world: World, days):
    """Withdrawn, or expired: neither amended nor, once expired, withdrawn."""
    incident = world.file(report(code="B114")).incident
    if days == 0:
        incident = withdraw(world, incident)
    world.move(timedelta(days=days))
    with pytest.raises(IncidentClosed):
        amend(world, incident, order="x")
    if days:
        with pytest.raises(IncidentClosed):
            withdraw(world, incident)


def test_a_protective_marker_protects_at_once_and_costs_nothing(world: World):
    """No notice, no decision; in force from the filing, for thirteen months."""
    filing = proved("V402", notice=None, decision=None, intent=None, confirmed_on=None)
    incident = world.file(replace(report(), filing=filing)).incident
    assert (NOW, date(2027, 11, 6), None) == (
        incident.effective_at,
        incident.expires_on,
        incident.severity,
    )
    assert (Band.N, ("V402",)) == (world.assess().band, world.assess().protective)
    withdraw(world, incident)
    assert () == world.assess().protective


def test_an_offender_found_to_be_a_victim_is_protected_at_once(world: World):
    """Amended to a marker, the incident costs nothing more and the marker shows."""
    incident = world.file().incident
    evidence = (item("E1"), item("E5"))
    amended = amend(world, incident, code="V402", role=proved("V402").role, evidence=evidence)
    assert (None, NOW) == (amended.severity, amended.effective_at)
    assert (Band.N, ("V402",)) == (world.assess().band, world.assess().protective)


def test_each_change_is_an_entry_that_names_seeds_and_incident_only(world: World):
    """Report, amendment and withdrawal; sealed seeds, incident id, digest of the content."""
    incident = world.file(report("case-1", "ming", "ming at work")).incident
    amended = amend(world, incident, order="order-2")
    withdraw(world, amended)
    entries = world.entries()
    assert [RecordType.REPORT, RecordType.AMENDMENT, RecordType.WITHDRAWAL] == [
        each["type"] for each in entries
    ]
    seeds = sorted(
        base64url.encode(world.protector.seed_of(identity(name).identity.token))
        for name in ("ming", "ming at work")
    )
    for each in entries:
        assert {"content", "incident", "seeds"} == set(each["subject"])
        assert (incident.id, seeds) == (each["subject"]["incident"], each["subject"]["seeds"])
        assert world.members["alpha"] == each["header"]["member"]
    assert 2 == len({each["subject"]["content"] for each in entries})


def test_no_token_and_no_seed_lies_in_the_database(world: World):
    """Neither in clear nor in text form, in any column of these tables."""
    world.file()
    token = identity("ming").identity.token
    secrets = [token, world.protector.seed_of(token)]
    secrets += [base64url.encode(each).encode() for each in secrets]
    secrets += [each.hex().encode() for each in secrets[:2]]
    with world.database.reading() as transaction:
        for table in ("incidents", "incident_identities", "standings", "pending_entries"):
            cursor = transaction.raw_cursor()
            cursor.execute(f"SELECT * FROM {table}")
            for value in (each for row in cursor for each in row):
                held = (
                    bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                )
                assert not any(secret in held for secret in secrets), table


def test_a_furnisher_lists_its_own_in_the_order_of_filing(world: World):
    """Page by page, each incident once, none of another member's."""
    mine = []
    for number in range(5):
        mine.append(world.file(report(f"case-{number}")).incident.id)
        world.file(report(f"case-{number}"), by="beta")
        world.move(timedelta(seconds=1))
    seen, after = [], ""
    for _ in range(3):
        with world.call() as call:
            page = world.incidents.page(call, after=after, items_max=2)
        seen += [each.id for each in page.items]
        after = page.next_after or ""
    assert (mine, "") == (seen, after)


def test_what_is_read_and_never_asked_for_holds_nobody_up(world: World):
    """A call may be refused before what was read for it is wanted. Whoever has the connection
    next writes, though others did meanwhile.
    """
    world.file()
    with world.database.transaction() as transaction:
        tell = world.incidents.standings_later(transaction, [world.lookup_key("ming")])
    other = Database(world.database.engine.url.render_as_string(hide_password=False))
    with other.transaction() as transaction:
        standings.recompute(transaction, {world.lookup_key("ming")}, NOW.date())
    other.close()
    with world.database.transaction() as transaction:
        standings.recompute(transaction, {world.lookup_key("ming")}, NOW.date())
    del tell


def test_a_furnisher_admitted_in_the_meantime_is_known(world: World):
    """A standing may name a member this process has not heard of yet: it asks."""
    other = World(world.database, clock=world.clock)
    with world.database.reading() as transaction:
        world.directory.refresh(transaction)
    other.file(by="gamma")
    with world.database.reading() as transaction:
        known = world.incidents.standings_of(transaction, [world.lookup_key("ming")])
    assert 1 == sum(len(subject.incidents) for subject in known.values())
