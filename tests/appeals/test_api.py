"""The doors of appeals, from the report to the erased case, over HTTP and real jobs."""

import json
from datetime import date, timedelta

from registry.appeals.deadlines import KIND
from registry.appeals.files import FILE_BYTES_MAX
from registry.appeals.model import ANSWERS_MAX, REASONS_CHARACTERS_MAX
from registry.identity.normalise import IdentifierType
from tests.appeals import pictures
from tests.appeals.town import (
    OTHER,
    REASONS,
    STATEMENT,
    Town,
    evidence_item,
    lodge,
    ok,
    slug,
    upload,
)
from tests.nodes import new_caller


def test_reported_contested_unanswered_gone_and_erased(town: Town) -> None:
    """The whole way in the person's words; in the end the log holds and nothing else is left."""
    incident = town.file()
    town.move(days=8)
    adverse = town.look_up()
    assert adverse["score"] < 830
    person = town.person()
    appeal = lodge(person, incident)
    assert "relayed" == appeal["state"]
    assert 1 == town.look_up()["incidents"]["under_appeal"]
    (shown,) = ok(person.call("GET", "/v1/subject/record"))["incidents"]
    due = min(each["due_at"] for each in appeal["deadlines"])
    assert (appeal["id"], "relayed", due, "note") == (
        shown["appeal"]["id"],
        shown["appeal"]["state"],
        shown["appeal"]["next"]["due_at"],
        shown["appeal"]["next"]["then"],
    )
    listed = ok(town.platform.call("GET", "/v1/appeals"))["appeals"]
    assert [appeal["id"]] == [each["id"] for each in listed]
    seen = ok(town.platform.call("GET", f"/v1/appeals/{appeal['id']}"))["appeal"]
    assert [STATEMENT] == [each["text"] for each in seen["said"]]
    assert {"answer", "absolute_limit"} <= {each["milestone"] for each in seen["deadlines"]}
    notices = ok(town.platform.call("GET", "/v1/notices"))["notices"]
    assert "appeal.relayed" in [each["type"] for each in notices]

    town.move(days=14)
    mine = ok(person.call("GET", f"/v1/subject/appeals/{appeal['id']}"))["appeal"]
    assert ("closed", "overturned", "silence") == (mine["state"], mine["outcome"], mine["basis"])
    assert {"answer": "missed"}.items() <= {
        each["milestone"]: each["ending"] for each in mine["deadlines"]
    }.items()
    clean = town.look_up()
    assert ("N", None, "none") == (clean["band"], clean["score"], clean["match"])

    town.node.sequencer.step()
    town.move(days=10)
    list(town.node.auditing.retention.run(town.clock.now()))
    town.node.sequencer.step()
    assert 0 == town.count("appeal_texts") + town.count("appeal_files") + town.count("incidents")
    assert [] == ok(person.call("GET", "/v1/subject/appeals"))["appeals"]
    town.node.fsck.check()


def test_a_draft_step_by_step_and_what_each_side_sees(town: Town) -> None:
    """Grounds, then words, then evidence; files for reviewers only, each look on record."""
    incident = town.file()
    person = town.person()
    begun = {"incident": incident, "grounds": ["evidence_forged"]}
    appeal = ok(person.call("POST", "/v1/subject/appeals", begun), 201)["appeal"]["id"]
    own = f"/v1/subject/appeals/{appeal}"
    assert "draft-incomplete" == slug(person.call("POST", f"{own}/lodgement", {}), 422)
    ok(person.call("PATCH", own, {"statement": STATEMENT, "facts": ["The shop was closed."]}))
    picture = pictures.image("PNG")
    file = ok(upload(person, appeal, picture, "image/png"), 201)["file"]
    assert "lodged" == ok(person.call("POST", f"{own}/lodgement", {}))["appeal"]["state"]

    assert 404 == town.platform.call("GET", f"/v1/appeals/{appeal}").status_code
    viewed = town.review(appeal, "views")
    assert [file["digest"]] == [each["digest"] for each in viewed["appeal"]["files"]]
    assert viewed["receipt"]
    target = f"/v1/review/appeals/{appeal}/file-views"
    body = {"reviewer": "staff-r1", "file": file["id"]}
    answer = town.operator.call("POST", target, body)
    assert (picture, "attachment") == (answer.data, answer.headers["Content-Disposition"])
    assert "relayed" == town.review(appeal, "acknowledgement")["appeal"]["state"]
    said = {"stance": "stands", "reasons": REASONS, "evidence": [evidence_item()]}
    ok(town.platform.call("POST", f"/v1/appeals/{appeal}/answer", said))
    decision = {"ruling": "upheld", "reasons": REASONS}
    town.review(appeal, "decisions", **decision)
    upheld = town.review(appeal, "decisions", reviewer="staff-r2", **decision)["appeal"]
    assert "upheld" == upheld["state"]
    mine = ok(person.call("GET", own))["appeal"]
    assert ["statement", "fact", "answer", "review", "review"] == [
        each["kind"] for each in mine["said"]
    ]
    assert {"reviewer"} == {each["author"] for each in mine["said"] if each["kind"] == "review"}
    assert "panel" == ok(person.call("POST", f"{own}/second-tier", {}))["appeal"]["state"]
    ok(person.call("POST", f"{own}/withdrawal", {}))
    assert "appeal-state-refuses" == slug(town.operator.call("POST", target, body), 409)


def test_a_refused_file_leaves_nothing(town: Town) -> None:
    """Wrong type, polyglot, bomb, oversize, one too many: refused by name, and no row."""
    person = town.person()
    appeal = lodge(person, town.file())["id"]
    version = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]["version"]
    png = pictures.image("PNG")
    for content, media_type, status in (
        (b"MZ\x90", "application/x-msdownload", 422),
        (png, "image/jpeg", 422),
        (png + pictures.archive(), "image/png", 422),
        (pictures.png_of(60_000, 60_000), "image/png", 422),
        (pictures.pdf(b"<< /S /JavaScript >>"), "application/pdf", 422),
        (b"a" * (FILE_BYTES_MAX + 1), "text/plain", 413),
        (b"", "text/plain", 422),
    ):
        ok(upload(person, appeal, content, media_type), status)
    assert 0 == town.count("appeal_files")
    after = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    assert (version, []) == (after["version"], after["files"])
    large = b"a" * (3 * 1024 * 1024)
    ok(upload(person, appeal, large, "text/plain"), 201)
    for number in range(7):
        ok(upload(person, appeal, b"letter %d" % number, "text/plain"), 201)
    assert "evidence-too-much" == slug(upload(person, appeal, b"another", "text/plain"), 409)
    ok(upload(person, appeal, large, "text/plain"), 201)
    assert 8 == town.count("appeal_files")


def test_who_may_hold_another_s_number_learns_nothing_of_that_one(town: Town) -> None:
    """They contest, and see neither code, answer nor furnisher; a stranger does not find it."""
    incident = town.file()
    newcomer = town.person(held_since=date(2026, 10, 6))
    town.move(days=200)
    newcomer = town.person(held_since=date(2027, 4, 1))
    appeal = lodge(newcomer, incident, "number_reassigned")
    assert appeal["code"] is None
    said = {"stance": "stands", "reasons": REASONS, "evidence": [evidence_item()]}
    ok(town.platform.call("POST", f"/v1/appeals/{appeal['id']}/answer", said))
    mine = ok(newcomer.call("GET", f"/v1/subject/appeals/{appeal['id']}"))["appeal"]
    assert (None, ["statement"]) == (mine["code"], [each["kind"] for each in mine["said"]])
    assert [("answered", "furnisher")] == [
        (each["what"], each["by"]) for each in mine["events"] if each["what"] == "answered"
    ]
    assert town.platform.member.id not in json.dumps(mine)
    # What has nobody to carry it says nothing any more, and shows nobody who filed.
    assert [] == ok(town.platform.call("GET", "/v1/letters"))["letters"]
    assert {
        ("appeal_acknowledged", "undeliverable"),
        ("appeal_relayed_unnamed", "undeliverable"),
    } == {tuple(row) for row in town.rows("SELECT template, state FROM letters")}
    stranger = town.person(OTHER)
    assert "nothing-to-contest" == slug(
        stranger.call("POST", "/v1/subject/appeals", {"incident": incident}), 404
    )
    answer = stranger.call("GET", f"/v1/subject/appeals/{appeal['id']}")
    assert "appeal-not-found" == slug(answer, 404)
    rival = new_caller(town.node, town.app, "beta")
    assert 404 == rival.call("GET", f"/v1/appeals/{appeal['id']}").status_code


def test_precedents_are_published_when_there_are_enough(town: Town) -> None:
    """Four alike are nobody's business; of five anyone may read how they went, a quarter later."""
    person = town.person()
    for number in range(5):
        day = str(date(2026, 10, 1) - timedelta(days=number))
        incident = town.file(f"case-{number}", order=f"order-{number}", occurred_on=day)
        lodge(person, incident)
        assert [] == ok(town.app.test_client().get("/v1/precedents"))["precedents"]
    town.move(days=25)
    assert [] == ok(town.app.test_client().get("/v1/precedents"))["precedents"]
    town.move(days=92)
    (precedent,) = ok(town.app.test_client().get("/v1/precedents"))["precedents"]
    assert ("B101", "not_me", "overturned", "silence", 5) == tuple(
        precedent[name] for name in ("code", "ground", "outcome", "basis", "cases")
    )
    assert 404 == town.app.test_client().get("/v1/precedents?edition=xx-1").status_code


def test_the_deadline_job_is_one_that_renews_itself(town: Town) -> None:
    """Registered once, whatever happens."""
    town.node.worker.prepare()
    town.node.worker.prepare()
    with town.node.database.reading() as transaction:
        waiting = town.node.jobs.waiting(transaction, 100)
    assert 1 == [each.kind for each in waiting].count(KIND)


def test_two_reviewers_may_write_as_much_as_they_may(town: Town) -> None:
    """Both give the longest reasons there can be; the person gets all of them in one letter."""
    incident = town.file()
    town.move(days=8)
    appeal = lodge(town.person(), incident)["id"]
    said = {"stance": "stands", "reasons": REASONS, "evidence": [evidence_item()]}
    ok(town.platform.call("POST", f"/v1/appeals/{appeal}/answer", said))
    # Four bytes each, the most a character takes.
    for reviewer, word in (("staff-r1", "𠮷"), ("staff-r2", "𡃁")):
        reasons = word * REASONS_CHARACTERS_MAX
        decided = town.review(
            appeal, "decisions", ruling="upheld", reasons=reasons, reviewer=reviewer
        )
    assert "upheld" == decided["appeal"]["state"]
    letters = ok(town.platform.call("GET", "/v1/letters"))["letters"]
    (text,) = [each["text"]["zh"] for each in letters if each["template"] == "appeal_upheld"]
    assert all(word * REASONS_CHARACTERS_MAX in text for word in "𠮷𡃁")


def test_no_side_of_a_case_can_write_what_another_does_not_see(town: Town) -> None:
    """Text that turns or hides letters is refused of the person, the furnisher and the reviewer."""
    incident = town.file()
    town.move(days=8)
    person = town.person()
    hidden = "It was not \u202eem\u202c,\nand I said so the same day."
    drafted = {"incident": incident, "grounds": ["not_me"]}
    target = "/v1/subject/appeals"
    for said in ({"statement": hidden}, {"facts": [hidden]}):
        assert "request-invalid" == slug(person.call("POST", target, {**drafted, **said}), 422)
    appeal = lodge(person, incident)["id"]
    answer = {"stance": "stands", "reasons": hidden, "evidence": [evidence_item()]}
    answered = town.platform.call("POST", f"/v1/appeals/{appeal}/answer", answer)
    assert "request-invalid" == slug(answered, 422)
    ok(town.platform.call("POST", f"/v1/appeals/{appeal}/answer", {**answer, "reasons": REASONS}))
    decision = {"ruling": "upheld", "reasons": hidden, "reviewer": "staff-r1"}
    decided = town.operator.call("POST", f"/v1/review/appeals/{appeal}/decisions", decision)
    assert "request-invalid" == slug(decided, 422)
    said = ok(person.call("GET", f"{target}/{appeal}"))["appeal"]["said"]
    assert [STATEMENT, REASONS] == [each["text"] for each in said]


def test_letters_of_an_appeal_go_to_no_address_given_after_it(town: Town) -> None:
    """The number may be another's by the time it is decided; whoever is told is the appellant."""
    incidents = town.file(), town.file("case-2", order="order-2", occurred_on="2026-09-28")
    person = town.person()
    person.sign_in("ming@example.cn", IdentifierType.EMAIL, letters="here")
    first, second = [lodge(person, each)["id"] for each in incidents]
    taken_back = {"stance": "withdraw", "reasons": REASONS, "evidence": []}

    def take_back(appeal: str) -> str:
        ok(town.platform.call("POST", f"/v1/appeals/{appeal}/answer", taken_back))
        found = "SELECT state FROM letters WHERE template = 'appeal_overturned' ORDER BY id"
        # Of this moment: what is to be mailed has not been given to the relay yet.
        return str(town.rows(found)[-1][0])

    assert "mailing" == take_back(first)
    town.clock.move(timedelta(minutes=1))
    later = town.person(held_since=date(2026, 10, 1))
    later.sign_in("later@example.cn", IdentifierType.EMAIL, letters="here")
    assert "with_messenger" == take_back(second)


def test_a_furnisher_answers_so_often_and_no_more(town: Town) -> None:
    """Nobody fills a case for the reviewers without end; taking back is always possible."""
    incident = town.file()
    town.move(days=8)
    appeal = lodge(town.person(), incident)["id"]
    target = f"/v1/appeals/{appeal}/answer"
    said = {"stance": "stands", "reasons": REASONS, "evidence": [evidence_item()]}
    for _ in range(ANSWERS_MAX):
        ok(town.platform.call("POST", target, said))
    assert "appeal-state-refuses" == slug(town.platform.call("POST", target, said), 409)
    seen = ok(town.platform.call("GET", f"/v1/appeals/{appeal}"))["appeal"]["said"]
    assert ANSWERS_MAX == [each["kind"] for each in seen].count("answer")
    last = ok(town.platform.call("POST", target, {**said, "stance": "withdraw"}))["appeal"]
    assert "withdrawn_by_furnisher" == last["outcome"]
