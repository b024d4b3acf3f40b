"""A furnisher's own filings: named, amended, withdrawn, read."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from tests.journeys.arithmetic import Event, score
from tests.journeys.filings import (
    NOTICE_BEFORE_EFFECT,
    days_ago,
    report,
)
from tests.journeys.independent import (
    opened,
)
from tests.journeys.nodes import FURNISHER, Node
from tests.journeys.people import CLEAN, Platforms, about, ask, day_of, file, phone, told_at

AMENDMENT = 2


def test_a_noticed_incident_touches_nothing(platforms: Platforms) -> None:
    """Until a week after the notice the answer is the one of a person nothing is known of."""
    first, inquirer = platforms.first, platforms.inquirer
    tokens = first.tokens(phone())
    filing = report(tokens, told=NOTICE_BEFORE_EFFECT - timedelta(minutes=5))
    filed = file(first, filing)
    effective_at = datetime.fromisoformat(filed["incident"]["effective_at"])
    assert told_at(filing) + NOTICE_BEFORE_EFFECT == effective_at
    assert "noticed" == filed["incident"]["state"]
    assert CLEAN == about(ask(inquirer, tokens))
    file(first, report(tokens, code="B110", told=NOTICE_BEFORE_EFFECT + timedelta(minutes=1)))
    found = ask(inquirer, tokens)
    assert (1, ["B110"]) == (found["incidents"]["active"], [r["code"] for r in found["reasons"]])


def test_a_reference_names_one_filing(node: Node, platforms: Platforms) -> None:
    """The same body again answers 200 with the same incident, another body 409; other members
    have references of their own."""
    member = platforms.first
    tokens = member.tokens(phone())
    filing = report(tokens)
    filed = file(member, filing)
    kept = node.kept()
    again = member.call("POST", "/v1/incidents", dict(reversed(filing.items())))
    assert (200, filed) == (again.status, again.json)
    spaced = member.call("POST", "/v1/incidents", body=json.dumps(filing, indent=3).encode())
    assert (200, filed) == (spaced.status, spaced.json)
    other = member.call("POST", "/v1/incidents", {**filing, "order": "another"})
    assert (409, "reference-taken") == (other.status, other.type)
    assert kept == node.kept()
    elsewhere = file(platforms.second, filing)
    assert filed["incident"]["id"] != elsewhere["incident"]["id"]


def test_an_amendment_needs_the_version_it_amends(node: Node, platforms: Platforms) -> None:
    """Without If-Match 428, with an old one 412, with the present one the whole is judged again."""
    member = platforms.first
    tokens = member.tokens(phone())
    filed = file(member, report(tokens, code="B112", occurred=30))
    target = f"/v1/incidents/{filed['incident']['id']}"
    etag = {"If-Match": member.call("GET", target).headers["etag"]}
    lighter = {"code": "B110"}
    kept = node.kept()
    assert 428 == member.call("PATCH", target, lighter).status
    assert 412 == member.call("PATCH", target, lighter, headers={"If-Match": '"9"'}).status
    incomplete = member.call("PATCH", target, {"reviewers": []}, headers=etag)
    assert (422, ["/reviewers"]) == (
        incomplete.status,
        [each["pointer"] for each in incomplete.json["errors"]],
    )
    assert kept == node.kept()

    amended = member.call("PATCH", target, lighter, headers=etag)
    assert (200, "S2") == (amended.status, amended.json["incident"]["severity"])
    logged = opened(member, member.directory(), amended.json["receipt"], "incidents")
    assert AMENDMENT == logged["entry"].record_type
    assert 412 == member.call("PATCH", target, lighter, headers=etag).status
    found = ask(platforms.inquirer, tokens)
    event = Event(severity="S2", occurred_on=days_ago(30))
    assert score([[event]], day_of(found)) == found["score"]
    shown = member.call("GET", target)
    assert (amended.headers["etag"], "B110") == (shown.headers["etag"], shown.json["code"])
    unchanged = member.call("GET", target, headers={"If-None-Match": shown.headers["etag"]})
    assert (304, b"") == (unchanged.status, unchanged.body)


def test_an_amendment_that_weighs_more_needs_a_new_notice(platforms: Platforms) -> None:
    """A graver code under the old notice is refused; with a new one it waits a week again."""
    member = platforms.first
    tokens = member.tokens(phone())
    filed = file(member, report(tokens, code="B110", occurred=30))
    target = f"/v1/incidents/{filed['incident']['id']}"
    graver = {"code": "B113"}
    refused = member.call("PATCH", target, graver, headers={"If-Match": "*"})
    assert (422, ["new_notice_missing"]) == (
        refused.status,
        [each["code"] for each in refused.json["errors"]],
    )
    notice = report(tokens, told=timedelta(hours=1))["notice"]
    amended = member.call("PATCH", target, {**graver, "notice": notice}, headers={"If-Match": "*"})
    assert (200, "noticed") == (amended.status, amended.json["incident"]["state"])
    assert CLEAN == about(ask(platforms.inquirer, tokens))


def test_incidents_of_another_member_are_not_found(node: Node, platforms: Platforms) -> None:
    """Who did not file it can neither read, amend nor withdraw it, nor learn that it is there."""
    filed = file(platforms.first, report(platforms.first.tokens(phone())))
    target = f"/v1/incidents/{filed['incident']['id']}"
    never = "/v1/incidents/inc_01992f5e-7c00-7abc-8def-0123456789ab"
    kept = node.kept()
    for method, path, document in (
        ("GET", "", None),
        ("PATCH", "", {"order": "x"}),
        ("POST", "/withdrawal", {"reason": "x"}),
    ):
        there = platforms.second.call(method, target + path, document, headers={"If-Match": "*"})
        nowhere = platforms.second.call(method, never + path, document, headers={"If-Match": "*"})
        assert (404, 404) == (there.status, nowhere.status)
        documents = [{**each.json, "instance": ""} for each in (there, nowhere)]
        assert documents[0] == documents[1]
    assert kept == node.kept()


def test_pages_of_incidents_follow_the_link(node: Node) -> None:
    """Every own incident once, oldest first, over as many pages as it takes."""
    member = node.admit(*FURNISHER)
    tokens = member.tokens(phone())
    filed = [file(member, report(tokens, occurred=n + 9))["incident"]["id"] for n in range(5)]
    target, found = "/v1/incidents?limit=2", []
    while target:
        page = member.call("GET", target)
        found += [each["id"] for each in page.json["incidents"]]
        link = page.headers.get("link", "")
        assert not link or link.endswith('>; rel="next"')
        target = link.partition("<")[2].partition(">")[0]
    assert filed == found


def test_a_withdrawn_incident_is_closed(node: Node, platforms: Platforms) -> None:
    """Withdrawn again is the same answer; amended is 409; nothing brings it back."""
    member = platforms.first
    filed = file(member, report(member.tokens(phone())))
    target = f"/v1/incidents/{filed['incident']['id']}"
    first = member.call("POST", f"{target}/withdrawal", {"reason": "Wrong person."})
    kept = node.kept()
    again = member.call("POST", f"{target}/withdrawal")
    assert (200, first.json) == (again.status, again.json)
    amended = member.call("PATCH", target, {"code": "B110"}, headers={"If-Match": "*"})
    assert (409, kept) == (amended.status, node.kept())


def test_a_filing_too_old_to_be_kept_is_refused(platforms: Platforms) -> None:
    """What would have expired already is told so."""
    old = report(platforms.first.tokens(phone()), code="B114", occurred=366)
    refused = platforms.first.call("POST", "/v1/incidents", old)
    assert (422, ["already_expired"]) == (
        refused.status,
        [each["code"] for each in refused.json["errors"]],
    )


def test_of_two_filings_under_one_reference_at_once_one_stands(
    node: Node, platforms: Platforms
) -> None:
    """Eight bodies, one reference, one moment: one is filed, the others are told of it."""
    member = platforms.second
    filings = [report(member.tokens(phone()), reference="the-same") for _ in range(8)]
    before = node.counts()["incidents"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: member.call("POST", "/v1/incidents", each), filings))
    assert [201] + [409] * 7 == sorted(each.status for each in answers)
    assert before + 1 == node.counts()["incidents"]


def test_of_changes_of_one_version_at_once_one_is_made(node: Node, platforms: Platforms) -> None:
    """Eight amendments of the same version: one is made, the others see that it has changed."""
    member = platforms.first
    filed = file(member, report(member.tokens(phone())))
    target = f"/v1/incidents/{filed['incident']['id']}"
    etag = {"If-Match": member.call("GET", target).headers["etag"]}
    before = node.entries(AMENDMENT)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda n: member.call("PATCH", target, {"order": f"O-{n}"}, headers=etag), range(8)
            )
        )
    assert [200] + [412] * 7 == sorted(each.status for each in answers)
    assert before + 1 == node.entries(AMENDMENT)
    assert 2 == member.call("GET", target).json["version"]


def test_a_withdrawal_may_name_the_version_it_withdraws(platforms: Platforms) -> None:
    """412 when it has changed meanwhile; without If-Match it is withdrawn as it is."""
    member = platforms.first
    filed = file(member, report(member.tokens(phone())))
    target = f"/v1/incidents/{filed['incident']['id']}"
    etag = {"If-Match": member.call("GET", target).headers["etag"]}
    assert 200 == member.call("PATCH", target, {"order": "x"}, headers=etag).status
    assert 412 == member.call("POST", f"{target}/withdrawal", headers=etag).status
    assert 200 == member.call("POST", f"{target}/withdrawal", {"reason": "Mistaken."}).status
    shown = member.call("GET", target).json
    assert ("withdrawn", "Mistaken.") == (shown["state"], shown["withdrawal_reason"])
