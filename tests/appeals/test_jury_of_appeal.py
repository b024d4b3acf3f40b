"""An appeal goes to its jury over the wire and comes back from it, and the draw is recomputed."""

import json
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from registry.appeals.jury import Vote, commitment_of
from registry.cli import main
from registry.crypto import note
from registry.kernel import base64url
from registry.kernel.clock import parse_instant
from registry.rulebook.calendar import local_date, local_minute
from tests.appeals.town import NUMBER, REASONS, Town, evidence_item, lodge, ok, slug, upload
from tests.nodes import Caller, new_caller
from tests.subjects.person import PHONE, Person, token_of

POOL = 24


def phone(number: int) -> str:
    return f"+86138001400{number:02}"


def candidacy(town: Town, number: int, **changes: Any) -> dict[str, Any]:
    """What a platform attests of one of its users."""
    return {
        "identities": [token_of(town.node, PHONE, phone(number))],
        "of_age": True,
        "side": ("buyer", "seller")[number % 2],
        "experience": 10 * number,
        "member_since": "2024-01-01",
        "completed_trades": 30,
        "qualified_on": "2026-06-01",
        **changes,
    }


def fill(town: Town, pool: int = POOL) -> Caller:
    """The platform that named the pool."""
    platform = new_caller(town.node, town.app, "beta")
    for number in range(pool):
        target = f"/v1/jury/candidates/user-{number}"
        ok(platform.call("PUT", target, candidacy(town, number)))
    return platform


def upheld_once(town: Town, person: Person) -> str:
    """An appeal that staff has decided against the person."""
    incident = town.file()
    town.move(days=8)
    appeal = lodge(person, incident)["id"]
    said = {"stance": "stands", "reasons": REASONS, "evidence": [evidence_item()]}
    ok(town.platform.call("POST", f"/v1/appeals/{appeal}/answer", said))
    for reviewer in ("staff-r1", "staff-r2"):
        decision = {"ruling": "upheld", "reasons": REASONS, "reviewer": reviewer}
        decided = town.review(appeal, "decisions", **decision)["appeal"]
    assert "upheld" == decided["state"]
    return str(appeal)


def drawn(town: Town, person: Person, appeal: str) -> Any:
    """The jury of the appeal, once the log has given its beacon."""
    asked = ok(person.call("POST", f"/v1/subject/appeals/{appeal}/second-tier", {}))["appeal"]
    assert "jury" == asked["state"]
    town.node.worker.run_due()
    assert [] == published(town, appeal)["jurors"]
    town.node.sequencer.step()
    town.move(seconds=1)
    return published(town, appeal)


def published(town: Town, appeal: str, round_: int = 1) -> Any:
    answer = ok(town.app.test_client().get(f"/v1/jury/{appeal}"))
    return answer["rounds"][round_ - 1]


def jurors(town: Town, platform: Caller, appeal: str) -> list[Person]:
    """Everyone who was summoned, signed in with their own phones."""
    summoned = [
        each["data"]["candidate"]
        for each in ok(platform.call("GET", "/v1/notices?limit=100"))["notices"]
        if each["type"] == "jury.summoned" and each["data"]["case"] == appeal
    ]
    return [
        town.person(phone(int(reference.removeprefix("user-")))) for reference in sorted(summoned)
    ]


def commit(person: Person, appeal: str, vote: Vote) -> bytes:
    salt = secrets.token_bytes(32)
    body = {"commitment": base64url.encode(commitment_of(vote, salt))}
    seat = ok(person.call("POST", f"/v1/subject/jury/{appeal}/commitment", body))["seat"]
    assert seat["has_committed"]
    return salt


def reveal(person: Person, appeal: str, vote: Vote, salt: bytes) -> Any:
    body = {"vote": vote.value, "salt": base64url.encode(salt)}
    return ok(person.call("POST", f"/v1/subject/jury/{appeal}/vote", body))["seat"]


def test_a_jury_overturns_what_staff_upheld(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine votes, and the incident is gone; how it came to that anyone sees, and nobody's name."""
    platform = fill(town)
    person = town.person(NUMBER)
    appeal = upheld_once(town, person)
    jury = drawn(town, person, appeal)
    assert (17, 4, POOL) == (len(jury["jurors"]), len(jury["alternates"]), len(jury["candidates"]))
    seated = jurors(town, platform, appeal)
    assert 17 == len(seated)
    early = seated[0].call(
        "POST", f"/v1/subject/jury/{appeal}/commitment", {"commitment": "A" * 43}
    )
    assert "not-voting-now" == slug(early, 409)
    town.move(hours=72)

    case = ok(seated[0].call("GET", f"/v1/subject/jury/{appeal}/case"))
    assert ["statement", "answer"] == [each["kind"] for each in case["said"]]
    [filed] = ok(town.platform.call("GET", "/v1/incidents"))["incidents"]
    assert filed["intent"] == case["filed"]["intent"]
    classes = [each["class"] for each in filed["evidence"]]
    assert classes == [each["class"] for each in case["filed"]["evidence"]]
    assert ["E1"] == [each["class"] for each in case["said"][1]["evidence"]]
    for name in (town.platform.member.id, filed["order"], filed["reference"], *filed["reviewers"]):
        assert name not in json.dumps(case)
    mark = ok(seated[0].call("GET", f"/v1/subject/jury/{appeal}"))["seat"]["mark"]
    assert mark in jury["jurors"]
    assert "jury-not-found" == slug(person.call("GET", f"/v1/subject/jury/{appeal}/case"), 404)

    salts = [commit(each, appeal, Vote.OVERTURN) for each in seated[:9]]
    for each, salt in zip(seated, salts, strict=False):
        reveal(each, appeal, Vote.OVERTURN, salt)
    mine = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    assert ("closed", "overturned", "jury") == (mine["state"], mine["outcome"], mine["basis"])
    clean = town.look_up()
    assert ("N", "none") == (clean["band"], clean["match"])
    own = ok(seated[0].call("GET", "/v1/subject/jury"))
    assert {"votes": 1, "with_outcome": 1} == own["calibration"]
    assert ["decided"] == [each["jury"]["ending"] for each in own["seats"]]
    assert "jury-not-found" == slug(seated[0].call("GET", f"/v1/subject/jury/{appeal}/case"), 404)

    verify_offline(town, appeal, tmp_path)
    verify_own(town, appeal, monkeypatch)
    town.node.sequencer.step()
    town.node.fsck.check()


def verify_own(town: Town, appeal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's own node, without a word more."""
    monkeypatch.setenv("REGISTRY_HOME", str(town.node.settings.home))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", town.node.settings.database_url)
    verified = CliRunner().invoke(main, ["jury", "verify", appeal, "--json"])
    assert 0 == verified.exit_code, verified.output
    assert "overturn" == json.loads(verified.stdout)["rounds"][0]["verdict"]


def verify_offline(town: Town, appeal: str, tmp_path: Path) -> None:
    """The command recomputes it from a file and a key, and finds what was changed."""
    document = ok(town.app.test_client().get(f"/v1/jury/{appeal}"))
    file = tmp_path / "jury.json"
    file.write_text(json.dumps(document))
    [round_] = document["rounds"]
    origin = round_["beacon"]["checkpoint"].partition("\n")[0]
    key = note.vkey(origin, town.node.signing_key.public.raw)
    command = ["jury", "verify", appeal, "--from", str(file), "--vkey", key, "--json"]
    verified = CliRunner().invoke(main, command)
    assert 0 == verified.exit_code, verified.output
    [shown] = json.loads(verified.stdout)["rounds"]
    assert (POOL, 17, "overturn") == (shown["candidates"], shown["jurors"], shown["verdict"])

    round_["jurors"][0], round_["alternates"][0] = round_["alternates"][0], round_["jurors"][0]
    file.write_text(json.dumps(document))
    refused = CliRunner().invoke(main, command)
    assert 1 == refused.exit_code
    assert "other jurors were drawn" in refused.stderr
    other = appeal[:-1] + ("0" if appeal[-1] != "0" else "1")
    assert 1 == CliRunner().invoke(main, ["jury", "verify", other, *command[3:]]).exit_code
    assert 2 == CliRunner().invoke(main, ["jury", "verify", "x", *command[3:]]).exit_code
    stranger = note.vkey(origin, bytes(range(32)))
    assert 1 == CliRunner().invoke(main, [*command[:-2], stranger, "--json"]).exit_code


def test_a_jury_that_does_not_vote_leaves_the_case_to_staff(town: Town) -> None:
    """After every window, and no later than the appeal itself says."""
    fill(town)
    person = town.person(NUMBER)
    appeal = upheld_once(town, person)
    drawn(town, person, appeal)
    before = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    [due] = [x["due_at"] for x in before["deadlines"] if x["milestone"] == "jury_verdict"]
    assert due == published(town, appeal)["alternates_until"]
    assert "A jury drawn by lot decides." in before["told"]["en"]
    town.move(hours=72 + 168)
    assert "alternates" == published(town, appeal)["stage"]
    town.move(hours=48)
    after = ok(town.person(NUMBER).call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    assert ("panel", "no_quorum") == (after["state"], published(town, appeal)["ending"])
    assert last_day(town, after) in with_staff(town)["en"]
    assert "No jury has decided. Other staff" in after["told"]["en"]
    # Staff is silent too: then the incident goes.
    town.move(days=30)
    last = ok(town.person(NUMBER).call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    assert ("closed", "overturned") == (last["state"], last["outcome"])


def test_the_evidence_is_whole_before_anyone_votes(town: Town) -> None:
    """What is shown within the window every juror sees; nothing comes after it."""
    fill(town)
    person = town.person(NUMBER)
    appeal = upheld_once(town, person)
    drawn(town, person, appeal)
    town.move(hours=71)
    assert 201 == upload(person, appeal, b"A receipt.", "text/plain").status_code
    town.move(hours=1)
    late = upload(person, appeal, b"Another receipt.", "text/plain")
    assert "appeal-state-refuses" == slug(late, 409)
    again = upload(person, appeal, b"A receipt.", "text/plain")
    assert 201 == again.status_code
    assert 1 == town.count("appeal_files")


def test_an_appeal_given_up_ends_its_jury(town: Town) -> None:
    """Nobody votes on what is not contested any more."""
    platform = fill(town)
    person = town.person(NUMBER)
    appeal = upheld_once(town, person)
    drawn(town, person, appeal)
    town.move(hours=72)
    ok(person.call("POST", f"/v1/subject/appeals/{appeal}/withdrawal", {}))
    [juror, *_] = jurors(town, platform, appeal)
    body = {"commitment": "A" * 43}
    late = juror.call("POST", f"/v1/subject/jury/{appeal}/commitment", body)
    assert "not-voting-now" == slug(late, 409)
    town.move(hours=168)
    assert "dissolved" == published(town, appeal)["ending"]


def test_a_close_verdict_is_the_persons_to_send_on(town: Town) -> None:
    """To staff at once; nobody else can say so, and not twice."""
    platform = fill(town, pool=60)
    person = town.person(NUMBER)
    appeal = upheld_once(town, person)
    drawn(town, person, appeal)
    seated = jurors(town, platform, appeal)
    town.move(hours=72)
    votes = [Vote.UPHOLD] * 6 + [Vote.OVERTURN] * 9
    salts = [commit(each, appeal, vote) for each, vote in zip(seated, votes, strict=False)]
    for each, vote, salt in zip(seated, votes, salts, strict=False):
        reveal(each, appeal, vote, salt)
    assert ("close", None) == tuple(published(town, appeal)[each] for each in ("stage", "votes"))
    divided = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    assert "you choose who decides" in divided["told"]["en"]
    target = f"/v1/subject/appeals/{appeal}/close-verdict"
    choice = {"decided_by": "panel"}
    assert "appeal-not-found" == slug(seated[0].call("POST", target, choice), 404)
    chosen = ok(person.call("POST", target, choice))["appeal"]
    assert "jury" == chosen["state"]
    shown = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    said = [each["what"] for each in shown["events"]][-2:]
    assert ["verdict_close", "larger_panel_asked"] == said
    assert "A larger panel of other jurors decides." in shown["told"]["en"]
    town.node.worker.run_due()
    town.node.sequencer.step()
    town.move(seconds=1)
    panel = published(town, appeal, 2)
    assert ("voting", 35) == (panel["stage"], len(panel["jurors"]))
    [due] = [x["due_at"] for x in chosen["deadlines"] if x["milestone"] == "jury_verdict"]
    assert due == panel["voting_until"]
    town.move(hours=168)
    mine = ok(town.person(NUMBER).call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    assert "panel" == mine["state"]
    assert last_day(town, mine) in with_staff(town)["zh"]
    assert "no-panel-to-ask" == slug(
        town.person(NUMBER).call("POST", target, {"decided_by": "staff"}), 409
    )


def test_who_is_not_told_does_not_choose(town: Town) -> None:
    """The person is written to after a close verdict; silence has staff decide, for good."""
    platform = fill(town, pool=60)
    person = town.person(NUMBER)
    appeal = upheld_once(town, person)
    drawn(town, person, appeal)
    seated = jurors(town, platform, appeal)
    town.move(hours=72)
    votes = [Vote.UPHOLD] * 6 + [Vote.OVERTURN] * 9
    salts = [commit(each, appeal, vote) for each, vote in zip(seated, votes, strict=False)]
    for each, vote, salt in zip(seated, votes, salts, strict=False):
        reveal(each, appeal, vote, salt)
    [letter] = letters(town, "appeal_verdict_close")
    until = parse_instant(published(town, appeal)["choice_until"])
    assert local_minute(until, town.node.rulebook.current) in letter["text"]["en"]
    town.move(hours=72)
    mine = ok(town.person(NUMBER).call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    assert ("panel", "close") == (mine["state"], published(town, appeal)["ending"])
    assert last_day(town, mine) in with_staff(town)["en"]
    for reviewer in ("staff-r3", "staff-r4"):
        town.review(appeal, "decisions", ruling="upheld", reasons=REASONS, reviewer=reviewer)
    assert 1 == len(letters(town, "appeal_upheld_again"))


def test_a_pool_that_empties_leaves_the_case_to_staff(town: Town) -> None:
    """And the person reads that it did, once, also where staff is silent."""
    platform = fill(town)
    person = town.person(NUMBER)
    appeal = upheld_once(town, person)
    ok(person.call("POST", f"/v1/subject/appeals/{appeal}/second-tier", {}))
    for number in range(POOL):
        platform.call("DELETE", f"/v1/jury/candidates/user-{number}")
    assert [] == letters(town, "appeal_with_staff")
    town.node.worker.run_due()
    mine = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    assert ("panel", "no_list") == (mine["state"], published(town, appeal)["ending"])
    assert last_day(town, mine) in with_staff(town)["en"]
    town.move(days=30)
    assert with_staff(town)


def with_staff(town: Town) -> Any:
    """What the one letter says by which a person is told that staff decides after the jury."""
    [letter] = letters(town, "appeal_with_staff")
    return letter["text"]


def last_day(town: Town, appeal: Any) -> str:
    """The day by whose end staff decides."""
    [due] = [x["due_at"] for x in appeal["deadlines"] if x["milestone"] == "panel_decision"]
    last = parse_instant(due) - timedelta(microseconds=1)
    return local_date(last, town.node.rulebook.current).isoformat()


def letters(town: Town, template: str) -> list[Any]:
    found = ok(town.platform.call("GET", "/v1/letters"))["letters"]
    return [each for each in found if each["template"] == template]


def test_candidates_are_named_read_and_withdrawn_by_their_member(town: Town) -> None:
    """Adults only, once a person, by known keys, never shown with an identity."""
    platform = fill(town, pool=1)
    target = "/v1/jury/candidates/user-0"
    shown = ok(platform.call("GET", target))["candidate"]
    assert ("user-0", "buyer", 0) == (shown["reference"], shown["side"], shown["experience"])
    assert {"identities", "counterparties"}.isdisjoint(shown)
    again = candidacy(town, 0, experience=5, counterparties=[token_of(town.node, PHONE, NUMBER)])
    assert 5 == ok(platform.call("PUT", target, again))["candidate"]["experience"]
    assert 404 == town.platform.call("GET", target).status_code
    rival = town.platform.call("PUT", "/v1/jury/candidates/mine", candidacy(town, 0))
    assert "candidate-named" == slug(rival, 409)
    child = candidacy(town, 1, of_age=False)
    assert 422 == platform.call("PUT", "/v1/jury/candidates/user-1", child).status_code
    unknown = candidacy(town, 2)
    unknown["identities"][0]["key_id"] = "k9"
    refused = platform.call("PUT", "/v1/jury/candidates/user-2", unknown)
    assert "candidate-unreadable" == slug(refused, 422)
    assert 204 == platform.call("DELETE", target).status_code
    assert "candidate-not-found" == slug(platform.call("DELETE", target), 404)
    assert [(0,), (0,), (0,)] == [
        (town.count(table),)
        for table in ("jury_candidates", "jury_candidate_keys", "jury_counterparties")
    ]
    ok(platform.call("PUT", target, again))
    other = candidacy(town, 3, counterparties=[token_of(town.node, PHONE, phone(0))])
    ok(platform.call("PUT", "/v1/jury/candidates/user-3", other))
    token = base64url.decode(token_of(town.node, PHONE, phone(0))["token"])
    key = town.node.protector.lookup_key(town.node.protector.seed_of(token))
    with town.node.database.transaction() as transaction:
        town.node.contesting.judging.pool.forget_subject(transaction, key)
    assert [1, 0] == [town.count(each) for each in ("jury_candidates", "jury_counterparties")]
    stray = town.app.test_client().get("/v1/jury/apl_01992f5e-7c00-7abc-8def-0123456789ab")
    assert "jury-not-found" == slug(stray, 404)
