"""Requests that are not signed as the protocol says, over the wire: 401, and nothing is done."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.filings import question, report
from tests.journeys.independent import Answer, Key, Member, b64u, compact_json, send
from tests.journeys.nodes import BOTH, Node
from tests.journeys.people import file, phone
from tests.journeys.refusals import INCIDENTS, LOOKUPS, Refused

Spoil = Callable[[dict[str, Any], dict[str, Any]], None]


def claim(name: str, value: Any) -> Spoil:
    return lambda header, claims: claims.update({name: value})


def head(name: str, value: Any) -> Spoil:
    return lambda header, claims: header.update({name: value})


def earlier(seconds: int) -> Spoil:
    def spoil(header: dict[str, Any], claims: dict[str, Any]) -> None:
        claims["iat"] -= seconds
        claims["exp"] -= seconds

    return spoil


# In the order of the protocol, with what the answer says of each.
FAULTS: dict[str, tuple[Spoil, str]] = {
    "another header member": (head("jku", "https://a.example"), "exactly alg, kid and typ"),
    "a header member less": (lambda header, claims: header.pop("typ"), "exactly"),
    "typ": (head("typ", "JWT"), "typ must be ccr-request+jwt"),
    "an unknown kid": (head("kid", b64u(bytes(32))), "not one of a registered key"),
    "kid of another type": (head("kid", 7), "not one of a registered key"),
    "alg of another key": (head("alg", "ES256"), "not one of a registered key"),
    "alg none": (head("alg", "none"), "not one of a registered key"),
    "a claim missing": (lambda header, claims: claims.pop("sub"), "must claim"),
    "an unknown claim": (claim("nbf", 1), "does not know"),
    "iss of another": (claim("iss", "mem_01992f5e-7c00-7abc-8def-0123456789ab"), "iss and sub"),
    "aud of another": (claim("aud", "https://elsewhere.example"), "aud must be"),
    "aud a list": (lambda header, claims: claims.update(aud=[claims["aud"]]), "aud must be"),
    "expired": (earlier(121), "has expired"),
    "in the future": (earlier(-60), "in the future"),
    "good for too long": (lambda header, claims: claims.update(exp=claims["iat"] + 121), "within"),
    "htm": (claim("htm", "GET"), "htm is not"),
    "htu": (claim("htu", "/v1/lookups?"), "htu is not"),
    "bsh": (claim("bsh", b64u(bytes(32))), "bsh is not"),
    "no bsh": (lambda header, claims: claims.pop("bsh"), "bsh is not"),
    "jti": (claim("jti", b64u(bytes(15))), "jti must be"),
}


def spoiled(member: Member, spoil: Spoil, target: str, body: bytes) -> str:
    header, claims = member.header(), member.claims("POST", target, body)
    spoil(header, claims)
    return member.key.compact(header, claims)


def unauthenticated(answer: Answer, text: str) -> None:
    """In general terms, with the server's time, and never which key exists."""
    assert ("not-authenticated", True) == (answer.type, text in answer.json["detail"])
    assert answer.headers["date"]
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", FAULTS)
def test_a_request_signed_wrongly_is_refused(
    member: Member, tokens: list[dict[str, str]], refused: Refused, name: str
) -> None:
    """At every door that writes, and nothing of it is done."""
    spoil, text = FAULTS[name]
    for target, document in ((LOOKUPS, question(tokens)), (INCIDENTS, report(tokens))):
        body = compact_json(document)
        jwt = spoiled(member, spoil, target, body)
        answer = member.call("POST", target, body=body, jwt=jwt)
        unauthenticated(refused(401, answer), text)


@pytest.mark.parametrize(
    "authorization",
    [
        *("", "Bearer", "Basic YTpi", "Bearer a.b", "Bearer a.b.c.d", "Bearer ..", "DPoP a.b.c"),
        *("Bearer " + "a" * 4097, "Bearer a.b.c, Bearer a.b.c", "bearer a.b.c", "Bearer \xff.b.c"),
    ],
)
def test_what_is_no_token_is_refused(
    member: Member, tokens: list[dict[str, str]], refused: Refused, authorization: str
) -> None:
    """Another scheme, another form, too long, twice."""
    headers = {"Authorization": authorization}
    answer = member.call("POST", LOOKUPS, question(tokens), headers=headers)
    unauthenticated(refused(401, answer), "")


def test_a_request_without_a_token_is_refused(
    node: Node, tokens: list[dict[str, str]], refused: Refused
) -> None:
    """Before its body is looked at."""
    for body in (compact_json(question(tokens)), b"{", b""):
        answer = send(node.address, "POST", LOOKUPS, body=body)
        unauthenticated(refused(401, answer), "is missing")


def test_an_unknown_key_and_a_wrong_signature_answer_alike(
    node: Node, member: Member, tokens: list[dict[str, str]]
) -> None:
    """To the byte, but for the id of the request."""
    stranger = Member(id=member.id, key=Key(), origin=member.origin, address=member.address)
    forger = Member(id=member.id, key=Key(), origin=member.origin, address=member.address)
    forger.key.kid = member.key.kid
    answers = [each.call("POST", LOOKUPS, question(tokens)) for each in (stranger, forger)]
    documents = [{**each.json, "instance": ""} for each in answers]
    assert [401, 401] == [each.status for each in answers]
    assert documents[0] == documents[1]


def test_another_members_key_speaks_for_itself_alone(
    node: Node, member: Member, tokens: list[dict[str, str]], refused: Refused
) -> None:
    """A foreign request: signed well, by a member, in the name of another."""
    other = node.admit(*BOTH)
    impostor = Member(id=member.id, key=other.key, origin=member.origin, address=member.address)
    answer = impostor.call("POST", LOOKUPS, question(tokens))
    assert 401 == answer.status
    assert "iss and sub" in answer.json["detail"]


def test_a_request_to_another_registry_is_not_one_to_this(
    member: Member, tokens: list[dict[str, str]], refused: Refused
) -> None:
    """What a member signed for a peer cannot be carried here."""
    elsewhere = Member(
        id=member.id, key=member.key, origin="https://peer.example", address=member.address
    )
    answer = elsewhere.call("POST", LOOKUPS, question(tokens))
    unauthenticated(refused(401, answer), "aud must be")


def test_a_signed_request_fits_one_call_only(
    node: Node, member: Member, tokens: list[dict[str, str]], refused: Refused
) -> None:
    """Not another body, not another address, not another method, not more of a query."""
    body = compact_json(question(tokens))
    other = compact_json(question(tokens))
    attempts = [
        ("POST", LOOKUPS, other),
        ("POST", LOOKUPS, b""),
        ("POST", LOOKUPS, body + b" "),
        ("POST", LOOKUPS + "?", body),
        ("POST", LOOKUPS + "/batch", body),
        ("POST", "//v1/lookups", body),
        ("POST", "/v1/%6cookups", body),
    ]
    for method, target, sent in attempts:
        jwt = member.jwt("POST", LOOKUPS, body)
        refused(401, member.call(method, target, body=sent, jwt=jwt))
    # None of these used it up: the last one, made for this call, is answered.
    assert 200 == member.call("POST", LOOKUPS, body=body, jwt=jwt).status


def test_reading_needs_a_signature_as_well(member: Member, tokens: list[dict[str, str]]) -> None:
    """An incident is read by who filed it, with a request made for that address."""
    incident = file(member, report(tokens))["incident"]["id"]
    target = f"{INCIDENTS}/{incident}"
    jwt = member.jwt("GET", target)
    assert 200 == member.call("GET", target, jwt=jwt).status
    assert 401 == member.call("GET", f"{target}?", jwt=jwt).status
    assert 401 == send(member.address, "GET", target).status


def test_a_body_of_a_reading_call_is_bound_too(member: Member) -> None:
    """GET with a body needs its digest."""
    body = b'{"a":1}'
    claims = member.claims("GET", "/v1/members/me", None)
    bare = member.key.compact(member.header(), claims)
    assert 401 == member.call("GET", "/v1/members/me", body=body, jwt=bare).status
    bound = {**claims, "bsh": b64u(hashlib.sha256(body).digest())}
    jwt = member.key.compact(member.header(), bound)
    assert 200 == member.call("GET", "/v1/members/me", body=body, jwt=jwt).status


def test_members_of_a_jwt_stand_once(
    member: Member, tokens: list[dict[str, str]], refused: Refused
) -> None:
    """A member given twice is refused, in the header and in the claims."""
    body = compact_json(question(tokens))
    header = json.dumps(member.header()).encode()
    claims = json.dumps(member.claims("POST", LOOKUPS, body)).encode()
    doubled = [
        (b'{"typ":"ccr-request+jwt",' + header[1:], claims, "strict header"),
        (header, b'{"aud":"https://elsewhere.example",' + claims[1:], "not strict JSON"),
    ]
    for head_bytes, claim_bytes, text in doubled:
        jwt = member.key.compact(head_bytes, claim_bytes)
        unauthenticated(refused(401, member.call("POST", LOOKUPS, body=body, jwt=jwt)), text)


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_both_algorithms_are_taken(node: Node, algorithm: str) -> None:
    """As the key record says."""
    caller = node.admit(*BOTH, key=Key(algorithm))
    assert 200 == caller.call("POST", LOOKUPS, question(caller.tokens(phone()))).status
