"""Who may call: suspension, keys that come and go, quotas, and requests used once."""

import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.journeys.filings import question, report
from tests.journeys.independent import Key, Member, b64u, compact_json, send
from tests.journeys.nodes import (
    BOTH,
    FURNISHER,
    INQUIRER,
    REGISTRY,
    Node,
    faults,
    free_port,
    leaks,
    wait_until_ready,
)
from tests.journeys.oprf import GENERATOR, encode, multiply
from tests.journeys.people import CLEAN, about, ask, file, phone

ELEMENT = b64u(encode(multiply(5, GENERATOR)))


def status(member: Member) -> int:
    return member.call("GET", "/v1/members/me").status


def register(node: Node, member: Member, key: Key, *command: str) -> Member:
    """The member with another key, registered by a `registry keys` command."""
    proof = node.home.with_suffix(f".{key.kid}.proof")
    proof.write_text(key.proof(node.origin))
    node.command("keys", *command, member.id, "--key-proof", str(proof))
    return Member(id=member.id, key=key, origin=member.origin, address=member.address)


def test_a_suspended_member_is_out_and_its_filings_without_effect(node: Node) -> None:
    """At once, in every process; reinstated, everything has effect again."""
    furnisher, inquirer = node.admit(*BOTH), node.admit(*INQUIRER)
    tokens = furnisher.tokens(phone())
    file(furnisher, report(tokens))
    known = ask(inquirer, tokens)
    assert "B" == known["band"]
    kept = node.kept()["incidents"]

    node.command("members", "suspend", furnisher.id, "--yes")
    for _ in range(8):
        assert 401 == status(furnisher)
        assert CLEAN == about(ask(inquirer, tokens))
    refused = furnisher.call("POST", "/v1/incidents", report(tokens))
    assert (401, kept) == (refused.status, node.kept()["incidents"])

    node.command("members", "reinstate", furnisher.id)
    assert 200 == status(furnisher)
    assert about(known) == about(ask(inquirer, tokens))


def test_keys_rotate_without_a_gap(node: Node) -> None:
    """Both keys work while they overlap, a third is refused, and a revoked one ends at once."""
    old = node.admit(*INQUIRER)
    new = register(node, old, Key("ES256"), "rotate", "--overlap", "1")
    assert (200, 200) == (status(old), status(new))
    proof = node.home.with_suffix(".third.proof")
    proof.write_text(Key().proof(node.origin))
    assert 1 == node.run("keys", "add", old.id, "--key-proof", str(proof)).exit_code
    node.command("keys", "revoke", old.key.kid, "--yes")
    assert [(401, 200)] * 8 == [(status(old), status(new)) for _ in range(8)]
    third = register(node, new, Key(), "rotate", "--overlap", "0")
    assert [(401, 200)] * 8 == [(status(new), status(third)) for _ in range(8)]


def test_a_key_is_registered_once(node: Node) -> None:
    """Neither by another member nor again by its own, and only with a proof for this registry."""
    member = node.admit(*INQUIRER)
    other = node.admit(*INQUIRER)
    proof = node.home.with_suffix(".again.proof")
    for text in (
        member.key.proof(node.origin),
        Key().proof("https://elsewhere.example"),
        "no proof",
    ):
        proof.write_text(text)
        assert 1 == node.run("keys", "add", other.id, "--key-proof", str(proof)).exit_code
    assert 1 == len(other.call("GET", "/v1/members/me").json["keys"])


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_member_reads_its_own_grant(node: Node, algorithm: str) -> None:
    """Scopes, purposes, quotas and keys as the operator gave them."""
    member = node.admit(*FURNISHER, key=Key(algorithm), evaluations=77, requests=88)
    grant = member.call("GET", "/v1/members/me").json
    assert member.id == grant["id"]
    scopes = {"incidents:report", "identity:evaluate", "appeals:answer"}
    assert (scopes, 77, 88) == (
        set(grant["scopes"]),
        grant["evaluations_per_hour"],
        grant["requests_per_minute"],
    )
    assert [(member.key.kid, algorithm, None)] == [
        (key["kid"], key["alg"], key["revoked_at"]) for key in grant["keys"]
    ]


def test_the_evaluation_quota_holds_across_processes_and_a_restart(own_node: Node) -> None:
    """Not one element more than the quota of the hour, and then 429 with Retry-After."""
    node, quota = own_node, 20
    member = node.admit(*INQUIRER, evaluations=quota)
    evaluation = {"key_id": "k1", "blinded": [ELEMENT] * 2}
    answers = [member.call("POST", "/v1/evaluations", evaluation) for _ in range(4)]
    node.restart()
    answers += [member.call("POST", "/v1/evaluations", evaluation) for _ in range(quota)]
    refused = answers[-1]
    assert (429, "evaluation-quota-spent") == (refused.status, refused.type)
    assert 1 <= int(refused.headers["retry-after"]) <= 3600
    hours = {parsedate_to_datetime(each.headers["date"]).hour for each in answers}
    granted = sum(len(a.json["evaluated"]) for a in answers if a.status == 200)
    # A quota is of one hour; the test may run over the full hour.
    assert quota == granted or len(hours) == 2
    assert granted <= quota * len(hours)


def test_a_spent_quota_says_when_it_returns(node: Node) -> None:
    """More at once than the whole quota is never granted, and takes nothing from it."""
    member = node.admit(*INQUIRER, evaluations=4)
    too_many = {"key_id": "k1", "blinded": [ELEMENT] * 5}
    refused = member.call("POST", "/v1/evaluations", too_many)
    assert 429 == refused.status
    assert '"requests";' in refused.headers["ratelimit"]


def test_calls_are_limited_by_the_minute(node: Node) -> None:
    """The RateLimit headers count down, then 429 with the seconds until the next minute."""
    member = node.admit(*INQUIRER, requests=6)
    # One process counts alone; two minutes may be touched.
    with member.one_connection():
        answers = [member.call("GET", "/v1/members/me") for _ in range(13)]
    assert {200, 429} == {each.status for each in answers}
    refused = next(each for each in answers if each.status == 429)
    assert "too-many-requests" == refused.type
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert '"requests";q=6;w=60' == refused.headers["ratelimit-policy"]
    assert refused.headers["ratelimit"].startswith('"requests";r=0;t=')
    assert answers[0].headers["ratelimit"].startswith('"requests";r=5;t=')


def test_a_signed_request_does_its_work_once(own_node: Node) -> None:
    """Replayed it is 401: at once, by another process, and after a restart, whatever came of it."""
    node = own_node
    member = node.admit(*BOTH)
    tokens = member.tokens(phone())
    calls = {
        "lookup": ("/v1/lookups", question(tokens)),
        "report": ("/v1/incidents", report(tokens)),
        "refused lookup": ("/v1/lookups", question(tokens, purpose="own_record")),
        "refused report": ("/v1/incidents", {**report(tokens), "code": "B999"}),
        "malformed": ("/v1/incidents", {"reference": 7}),
        "evaluation": ("/v1/evaluations", {"key_id": "k1", "blinded": [ELEMENT]}),
        "no such evaluation": ("/v1/evaluations", {"key_id": "none", "blinded": [ELEMENT]}),
    }
    signed = {
        name: (target, document, member.jwt("POST", target, compact_json(document)))
        for name, (target, document) in calls.items()
    }

    def statuses() -> dict[str, int]:
        return {
            name: member.call("POST", target, body=compact_json(document), jwt=jwt).status
            for name, (target, document, jwt) in signed.items()
        }

    first = statuses()
    assert {
        "lookup": 200,
        "report": 201,
        "refused lookup": 403,
        "refused report": 422,
        "malformed": 422,
        "evaluation": 200,
        "no such evaluation": 404,
    } == first
    kept = node.kept()
    # A connection of its own each time: on PostgreSQL they spread over two processes.
    for _ in range(4):
        assert dict.fromkeys(first, 401) == statuses()
    node.restart()
    assert dict.fromkeys(first, 401) == statuses()
    assert kept == node.kept()


def test_a_reading_call_may_be_repeated(node: Node) -> None:
    """GET changes nothing and is not remembered."""
    member = node.admit(*INQUIRER)
    jwt = member.jwt("GET", "/v1/members/me")
    before = node.touched()
    answers = [member.call("GET", "/v1/members/me", jwt=jwt).status for _ in range(3)]
    assert ([200] * 3, before) == (answers, node.touched())


def test_a_second_server_on_the_same_database_knows_what_the_first_saw(node: Node) -> None:
    """A replay at another process is refused; a key revoked at one is revoked at the other."""
    member = node.admit(*BOTH)
    port = free_port()
    lines = node.home.with_suffix(".second.txt")
    with lines.open("wb") as output:
        second = subprocess.Popen(
            [REGISTRY, "serve", "--bind", f"127.0.0.1:{port}"],
            env=node.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    elsewhere = Member(
        id=member.id, key=member.key, origin=member.origin, address=("127.0.0.1", port)
    )
    try:
        wait_until_ready(elsewhere.address, second, lines)
        tokens = elsewhere.tokens(phone())
        body = compact_json(report(tokens))
        jwt = member.jwt("POST", "/v1/incidents", body)
        assert 201 == member.call("POST", "/v1/incidents", body=body, jwt=jwt).status
        assert 401 == elsewhere.call("POST", "/v1/incidents", body=body, jwt=jwt).status
        assert about(ask(member, tokens)) == about(ask(elsewhere, tokens))
        node.command("keys", "revoke", member.key.kid, "--yes")
        assert (401, 401) == (status(elsewhere), status(member))
    finally:
        second.terminate()
        second.wait(timeout=60)
    assert [] == leaks(lines.read_text()) + faults(lines.read_text())


def test_what_anyone_may_read_needs_no_signature(node: Node) -> None:
    """The well-known document, the rulebook, receipts, the description and the pages."""
    member = node.admit(*BOTH)
    found = ask(member, member.tokens(phone()))
    entry = found["lookup"]["id"].replace("lkp_", "ent_")
    for target in (
        "/.well-known/consumer-credit-registry",
        "/v1/rulebook",
        f"/v1/receipts/{entry}",
        "/v1/openapi.json",
        "/docs",
        "/problems",
        "/livez",
        "/readyz",
        "/",
    ):
        assert (target, 200) == (target, send(node.address, "GET", target).status)


def test_an_opening_is_for_its_maker_alone(node: Node) -> None:
    """Another member, and nobody, see the 92 bytes and no opening; a bad signature is 401."""
    member, other = node.admit(*BOTH), node.admit(*BOTH)
    found = ask(member, member.tokens(phone()))
    target = f"/v1/receipts/{found['lookup']['id'].replace('lkp_', 'ent_')}"
    own = member.call("GET", target).json
    assert {"header", "subject", "k_h", "k_s"} == own["opening"].keys()
    for shown in (other.call("GET", target), send(node.address, "GET", target)):
        assert {**own, "opening": None} == shown.json
    wrong = send(node.address, "GET", target, headers={"Authorization": "Bearer a.b.c"})
    assert 401 == wrong.status


def test_a_clock_that_is_wrong_is_told_the_time(node: Node) -> None:
    """The 401 carries the server's Date, so that a member can set its clock by it."""
    member = node.admit(*INQUIRER)
    claims = member.claims("GET", "/v1/members/me", None)
    late = {**claims, "iat": claims["iat"] - 600, "exp": claims["exp"] - 600}
    jwt = member.key.compact(member.header(), late)
    refused = member.call("GET", "/v1/members/me", jwt=jwt)
    assert 401 == refused.status
    told = parsedate_to_datetime(refused.headers["date"])
    assert abs(told - datetime.fromtimestamp(claims["iat"], UTC)) < timedelta(seconds=30)
