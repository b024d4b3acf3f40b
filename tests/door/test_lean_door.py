"""The lean door answers what Flask answers, and each of those that came together alone."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from registry.crypto import screening
from registry.door.application import LeanDoor
from registry.http.idempotency import idempotent_answers
from registry.kernel.clock import MovableClock
from registry.ledger.model import RecordType
from registry.members.model import Role
from tests.door.alike import BLINDED, CALLS, EVALUATION, header_names, revoked, steady
from tests.door.asgi import Answer, Request, answers_of, send, signed, with_door
from tests.lookups.samples import Market, batch, new_market, question
from tests.nodes import new_app, new_caller, new_node


@pytest.mark.parametrize("name", CALLS)
def test_both_doors_answer_alike(market: Market, name: str) -> None:
    """Status, headers and document of every kind of answer."""
    market.report("ming")
    method, target, document = CALLS[name]
    through_flask = market.inquirer.call(method, target, document)
    (lean,) = answers_of(LeanDoor(market.app), signed(market.inquirer, method, target, document))
    assert through_flask.status_code == lean.status
    assert through_flask.content_type == lean.headers["content-type"]
    assert steady(through_flask.json) == steady(lean.json)
    assert header_names(through_flask) == header_names(lean)
    assert through_flask.json.keys() == lean.json.keys()
    for passing in ("content-length", "x-request-id", "traceparent", "ratelimit"):
        assert (passing in lean.headers) == (passing in header_names(through_flask))


def test_an_answer_belongs_to_its_request(market: Market) -> None:
    """It carries the caller's request id and trace, and what is left of the limit."""
    request_id = "0b5c2a3e-8c7a-4f6e-9a51-3a1de0c5f111"
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    request = signed(
        market.inquirer,
        "POST",
        "/v1/lookups",
        question("ming", purpose="own_record"),
        ("X-Request-ID", request_id),
        ("traceparent", trace),
    )
    (answer,) = answers_of(LeanDoor(market.app), request)
    assert (403, request_id) == (answer.status, answer.headers["x-request-id"])
    assert f"urn:uuid:{request_id}" == answer.json["instance"]
    version, trace_id, span, flags = answer.headers["traceparent"].split("-")
    assert ("00", "4bf92f3577b34da6a3ce929d0e0e4736", "01") == (version, trace_id, flags)
    assert span != "00f067aa0ba902b7"
    assert '"requests";q=60000;w=60' == answer.headers["ratelimit-policy"]
    (entry,) = market.entries(RecordType.REFUSED_LOOKUP)
    assert request_id == entry["header"]["request_id"]


def test_of_a_batch_each_is_answered_alone(market: Market) -> None:
    """One revoked key, one refused purpose, one replay, one of another member, one unread
    list: each as if it had come alone, each entry under its own member."""
    market.report("ming")
    furnisher_only = new_caller(market.node, market.app, "Nosy", frozenset({Role.FURNISHER}))
    twice = signed(market.inquirer, "POST", "/v1/lookups", question("ming", order="twice"))
    answers = answers_of(
        LeanDoor(market.app),
        signed(market.inquirer, "POST", "/v1/lookups", question("ming", order="one")),
        signed(revoked(market), "POST", "/v1/lookups", question("ming")),
        signed(market.inquirer, "POST", "/v1/lookups", question("ming", purpose="own_record")),
        twice,
        twice,
        signed(furnisher_only, "POST", "/v1/lookups", question("ming")),
        signed(market.furnisher, "POST", "/v1/lookups/batch", batch([question("ming"), {}])),
    )
    one, inactive, purpose, first, second, nosy, listed = (each.status for each in answers)
    assert (200, 401, 403, 403, 200) == (one, inactive, purpose, nosy, listed)
    assert Counter({200: 1, 401: 1}) == Counter([first, second])
    assert [200, 422] == [each["status"] for each in answers[6].json["results"]]
    kept = Counter(each["header"]["member"] for each in market.entries(RecordType.LOOKUP))
    inquirer, furnisher = market.inquirer.member.id, market.furnisher.member.id
    assert Counter({inquirer: 2, furnisher: 1}) == kept
    refused = {each["header"]["problem"] for each in market.entries(RecordType.REFUSED_LOOKUP)}
    assert {"purpose-not-granted", "lookup-scope-missing"} == refused


def test_a_lookup_is_two_exchanges_with_postgresql(
    tmp_path: Path, postgresql_url: str, clock: MovableClock
) -> None:
    """Who is let in and what is known; then the entry and the commit. Whoever sends ends
    an exchange with a Sync (PostgreSQL, "Extended Query"), or asks with a Query.
    """
    node = new_node(tmp_path / "node", postgresql_url, clock)
    market = new_market(node, new_app(node), clock)
    market.report("ming")
    trace = tmp_path / "trace"

    def look_up() -> None:
        asked = signed(market.inquirer, "POST", "/v1/lookups", question("ming"))
        (answer,) = answers_of(LeanDoor(market.app), asked)
        assert 1 == answer.json["incidents"]["active"]

    # The statements are prepared by then.
    look_up()
    with trace.open("wb") as file:
        sa.event.listen(
            node.database.engine, "checkout", lambda driver, *_: driver.pgconn.trace(file.fileno())
        )
        look_up()
        node.database.close()
    # When, who sends, how many bytes, what.
    lines = [line.split("\t") for line in trace.read_text().splitlines()]
    sent = [what for _, sender, _, what, *_ in lines if sender == "F"]
    assert 2 == sent.count("Sync") + sent.count("Query")


def test_one_poisoned_standing_fails_its_own_lookup_only(market: Market) -> None:
    """The batch is undone and each is tried alone; only the broken row's is a 500."""
    market.report("ming")
    market.report("hua")
    with market.node.database.transaction() as transaction:
        transaction.execute(sa.text("UPDATE standings SET contributions = '[{}]'"))
    market.report("fang")
    asked = [
        signed(market.inquirer, "POST", "/v1/lookups", question(who))
        for who in ("nobody", "ming", "fang", "somebody")
    ]
    assert [200, 500, 200, 200] == [
        each.status for each in answers_of(LeanDoor(market.app), *asked)
    ]
    assert 3 == len(market.entries(RecordType.LOOKUP))


def test_a_call_is_answered_once_by_either_door(market: Market) -> None:
    """What one has seen the other refuses."""
    once = signed(market.inquirer, "POST", "/v1/lookups", question("ming"))
    (first,) = answers_of(LeanDoor(market.app), once)
    headers = dict(once.headers)
    again = market.app.test_client().post(
        "/v1/lookups", data=once.pieces[0], headers=headers, content_type="application/json"
    )
    assert (200, 401) == (first.status, again.status_code)
    assert 1 == len(market.entries(RecordType.LOOKUP))


def test_an_idempotency_key_holds_through_the_lean_door(market: Market) -> None:
    """The same call again, freshly signed, is answered with the same lookup, and logged once."""
    request = [
        signed(market.inquirer, "POST", "/v1/lookups", question("a"), ("Idempotency-Key", "key-1"))
        for _ in range(2)
    ]
    door = LeanDoor(market.app)

    async def play(opened: LeanDoor) -> list[Answer | None]:
        return [await send(opened, each) for each in request]

    first, second = with_door(door, play)
    assert (200, first.body) == (first.status, second.body)
    assert 1 == len(market.entries(RecordType.LOOKUP))
    with market.node.database.reading() as transaction:
        kept = sa.select(sa.func.count()).select_from(idempotent_answers)
        assert 1 == transaction.execute(kept).scalar_one()


def test_a_wrong_signature_is_refused_before_anything_is_written(market: Market) -> None:
    """With the answer Flask gives."""
    request = signed(market.inquirer, "POST", "/v1/lookups", question("ming"))
    other = Request(
        method="POST",
        target=request.target,
        headers=request.headers,
        pieces=[json.dumps(question("hua")).encode()],
    )
    (answer,) = answers_of(LeanDoor(market.app), other)
    assert (401, 'Bearer realm="registry"') == (answer.status, answer.headers["www-authenticate"])
    assert answer.json["type"].endswith("/problems/not-authenticated")
    assert [] == market.entries(RecordType.LOOKUP)


def test_beyond_its_limit_a_member_is_told_so(market: Market) -> None:
    """The call after the last is a 429 with the time to wait; the log knows nothing of it."""
    caller = new_caller(market.node, market.app, "Slow", requests_per_minute=2)
    asked = [signed(caller, "POST", "/v1/lookups", question("a")) for _ in range(3)]
    answers = answers_of(LeanDoor(market.app), *asked)
    assert Counter({200: 2, 429: 1}) == Counter(each.status for each in answers)
    (late,) = (each for each in answers if each.status == 429)
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert 2 == len(market.entries(RecordType.LOOKUP))


def test_quotas_of_evaluations_are_the_same_ones(market: Market) -> None:
    """Spent through both doors together; a member without the scope gets nothing."""
    caller = new_caller(market.node, market.app, "Few", evaluations_per_hour=3)
    assert 200 == caller.call("POST", "/v1/evaluations", EVALUATION).status_code
    twice = {**EVALUATION, "blinded": [BLINDED] * 2}
    door = LeanDoor(market.app)
    (answer,) = answers_of(door, signed(caller, "POST", "/v1/evaluations", twice))
    assert '"requests";r=59998' in answer.headers["ratelimit"]
    assert '"evaluations";r=0;' in answer.headers["ratelimit"]
    (spent,) = answers_of(
        LeanDoor(market.app), signed(caller, "POST", "/v1/evaluations", EVALUATION)
    )
    supervisor = new_caller(market.node, market.app, "Eye", frozenset({Role.SUPERVISOR}))
    (nobody,) = answers_of(
        LeanDoor(market.app), signed(supervisor, "POST", "/v1/evaluations", EVALUATION)
    )
    assert (200, 429, 403) == (answer.status, spent.status, nobody.status)


def test_a_body_in_pieces_is_one_body(market: Market) -> None:
    """However it is cut; and one that never ends leaves nothing."""
    request = signed(market.inquirer, "POST", "/v1/lookups", question("ming"))
    body = request.pieces[0]
    assert body is not None
    cut = Request(
        method="POST",
        target=request.target,
        headers=request.headers,
        pieces=[body[:10], b"", body[10:50], body[50:]],
    )
    gone = Request(
        method="POST", target=request.target, headers=request.headers, pieces=[body[:10], None]
    )

    async def play(opened: LeanDoor) -> list[Answer | None]:
        return [await send(opened, gone), await send(opened, cut)]

    nothing, answer = with_door(LeanDoor(market.app), play)
    assert (None, 200) == (nothing, answer.status)
    assert 1 == len(market.entries(RecordType.LOOKUP))


def test_a_body_beyond_the_limit_is_refused(market: Market) -> None:
    """With a length or without one, and if it comes at once and is one byte too long."""
    piece = b"[" + b" " * 400_000
    headers = [("Authorization", "Bearer x"), ("Content-Type", "application/json")]
    long = Request(
        method="POST", target="/v1/lookups", headers=headers, pieces=[piece, piece, piece, b"]"]
    )
    told = Request(
        method="POST",
        target="/v1/lookups",
        headers=[*headers, ("Content-Length", "1200004")],
        pieces=[piece, piece, piece, b"]"],
    )
    beyond = b" " * 1024 * 1024 + b"1"
    whole = [
        Request(method="POST", target="/v1/lookups", headers=[*headers, *more], pieces=[beyond])
        for more in ((), [("Content-Length", str(len(beyond)))])
    ]
    for request in (long, told, *whole):
        (answer,) = answers_of(LeanDoor(market.app), request)
        assert 413 == answer.status


def test_screening_is_answered_alike_by_both_doors(market: Market) -> None:
    """The index, a bucket, its proof, what is not modified, and what is not there."""
    market.report("ming")
    node = market.node
    node.worker.run_due()
    node.screening.door.refresh()
    client = market.app.test_client()
    index = client.get("/v1/screening").json
    name = screening.bucket_name(0, index["bits"])
    bucket = f"/v1/screening/{index['key_id']}/{index['epoch']}/{index['bits']}/{name}"
    etag = client.get(bucket).headers["ETag"]
    for target, headers in (
        ("/v1/screening", []),
        (bucket, []),
        (bucket, [("If-None-Match", etag)]),
        (bucket, [("If-None-Match", etag), ("If-None-Match", '"another"')]),
        (f"{bucket}/proof", []),
        (f"{bucket}0000000", []),
        ("/v1/screening?x=1", []),
    ):
        for method in ("GET", "HEAD"):
            flask = client.open(target, method=method, headers=headers)
            request = Request(method=method, target=target, headers=headers)
            (lean,) = answers_of(LeanDoor(market.app), request)
            assert flask.status_code == lean.status
            assert header_names(flask) == header_names(lean)
            if flask.status_code < 400:
                assert (flask.data, flask.headers.get("ETag")) == (
                    lean.body,
                    lean.headers.get("etag"),
                )


def reported(market: Market, *people: str, **changes: Any) -> Request:
    return signed(market.furnisher, "POST", "/v1/incidents", market.filing(*people, **changes))


def filed(market: Market) -> list[Any]:
    """The entries of reports, in no order."""
    return market.entries(RecordType.REPORT)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"evidence": [], "intent": None},
        {"code": "B999"},
        {"reviewers": ["one"]},
        {"identities": []},
    ],
)
def test_a_report_is_answered_alike_by_both_doors(market: Market, changes: Any) -> None:
    """Filed, incomplete or misfit: status, headers, document, and the same again."""
    one, other = (market.filing("ming") | changes for _ in range(2))
    for status in (201, 200):
        through_flask = market.furnisher.call("POST", "/v1/incidents", one)
        request = signed(market.furnisher, "POST", "/v1/incidents", other)
        (lean,) = answers_of(LeanDoor(market.app), request)
        assert through_flask.status_code == lean.status
        assert changes or status == lean.status
        assert through_flask.content_type == lean.headers["content-type"]
        assert header_names(through_flask) == header_names(lean)
        assert steady(through_flask.json) == steady(lean.json)
        if not changes:
            assert f"/v1/incidents/{lean.json['incident']['id']}" == lean.headers["location"]
            shown = market.furnisher.call("GET", lean.headers["location"])
            assert (200, lean.headers["etag"]) == (shown.status_code, shown.headers["ETag"])


def test_reports_that_come_together_are_filed_each_for_itself(market: Market) -> None:
    """Of two members about three people: one lacks its proof, one its scope, one is revoked."""
    asker = new_caller(market.node, market.app, "Asker", frozenset({Role.INQUIRER}))
    same = market.filing("fang") | {"reference": "the same"}
    answers = answers_of(
        LeanDoor(market.app),
        reported(market, "ming", "ming's mail"),
        reported(market, "ming"),
        reported(market, "hua", reviewers=[]),
        signed(asker, "POST", "/v1/incidents", market.filing("hua")),
        signed(revoked(market), "POST", "/v1/incidents", market.filing("hua")),
        signed(market.furnisher, "POST", "/v1/incidents", same),
        signed(market.other_furnisher, "POST", "/v1/incidents", same),
    )
    assert [201, 201, 422, 403, 401, 201, 201] == [each.status for each in answers]
    assert "/reviewers" in {each["pointer"] for each in answers[2].json["errors"]}
    members = Counter(each["header"]["member"] for each in filed(market))
    furnisher, other = market.furnisher.member.id, market.other_furnisher.member.id
    assert Counter({furnisher: 3, other: 1}) == members
    assert {each["subject"]["incident"] for each in filed(market)} == {
        each.json["incident"]["id"] for each in answers if each.status == 201
    }
    active = [market.ask(who)["incidents"]["active"] for who in ("ming", "hua", "fang")]
    assert [2, 0, 2] == active


def test_of_reports_with_one_reference_one_is_filed(market: Market) -> None:
    """Together, or one after the other; what came with them is filed all the same."""
    once = market.filing("ming") | {"reference": "once"}
    again, differs = dict(once), once | {"intent": "Something else altogether was meant."}
    asked = [
        signed(market.furnisher, "POST", "/v1/incidents", each) for each in (once, again, differs)
    ]
    *answers, other = answers_of(LeanDoor(market.app), *asked, reported(market, "hua"))
    # Two batches are under way at a time: whichever came first stands.
    statuses = [each.status for each in answers]
    assert statuses in ([201, 200, 409], [200, 201, 409], [409, 409, 201])
    assert (201, 2) == (other.status, len(filed(market)))
    if statuses[2] == 201:
        once, differs = differs, once
    repeated = [signed(market.furnisher, "POST", "/v1/incidents", each) for each in (once, differs)]
    answers = answers_of(LeanDoor(market.app), *repeated, reported(market, "fang"))
    assert Counter({200: 1, 409: 1, 201: 1}) == Counter(each.status for each in answers)
    assert 3 == len(filed(market))
    # What was answered, refused ones too, is not answered once more.
    replayed = answers_of(LeanDoor(market.app), *asked, *repeated)
    assert {401} == {each.status for each in replayed}


def test_what_was_withdrawn_does_not_come_back_with_others(market: Market) -> None:
    """A report of the same act asks for its certificate; its neighbours are filed."""
    filing = market.filing("ming")
    made = market.furnisher.call("POST", "/v1/incidents", filing)
    at = made.headers["Location"]
    assert 200 == market.furnisher.call("POST", f"{at}/withdrawal", {}).status_code
    back = filing | {"reference": "back again"}
    answers = answers_of(
        LeanDoor(market.app),
        signed(market.furnisher, "POST", "/v1/incidents", back),
        reported(market, "hua"),
    )
    assert [409, 201] == [each.status for each in answers]
    assert answers[0].json["type"].endswith("/problems/reinsertion-refused")


def test_a_call_counts_once_however_often_its_work_is_tried(market: Market) -> None:
    """A repeated report is tried with others and then alone; a broken standing, twice as well."""
    caller = new_caller(market.node, market.app, "Once", requests_per_minute=3)
    filing = market.filing("ming")
    left = []
    for status in (201, 200):
        request = signed(caller, "POST", "/v1/incidents", filing)
        (answer,) = answers_of(LeanDoor(market.app), request)
        assert status == answer.status
        left.append(answer.headers["ratelimit"].partition(";t=")[0])
    with market.node.database.transaction() as transaction:
        transaction.execute(sa.text("UPDATE standings SET contributions = '[{}]'"))
    request = signed(caller, "POST", "/v1/lookups", question("ming"))
    (broken,) = answers_of(LeanDoor(market.app), request)
    left.append(broken.headers["ratelimit"].partition(";t=")[0])
    assert 500 == broken.status
    assert [f'"requests";r={each}' for each in (2, 1, 0)] == left


def test_what_cannot_be_answered_now_is_told_alike(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room for the log: a 503 with the time to wait, and what is left of the limit."""
    full = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    through_flask = market.inquirer.call("POST", "/v1/lookups", question("ming"))
    (lean,) = answers_of(
        LeanDoor(market.app), signed(market.inquirer, "POST", "/v1/lookups", question("ming"))
    )
    assert (503, 503) == (through_flask.status_code, lean.status)
    assert steady(through_flask.json) == steady(lean.json)
    assert header_names(through_flask) == header_names(lean)
    assert {"retry-after", "ratelimit"} <= header_names(lean)
