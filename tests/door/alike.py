"""Calls of every kind, and what of their answers is the same whichever way they go."""

from typing import Any

from werkzeug.test import TestResponse

from registry.crypto import voprf
from registry.kernel import base64url
from registry.kernel.clock import SystemClock
from tests.door.asgi import Answer
from tests.lookups.samples import Market, batch, question
from tests.nodes import Caller, new_caller

BLINDED = base64url.encode(voprf.blind(b"somebody").element)
EVALUATION = {"key_id": "k1", "blinded": [BLINDED]}
# What differs from one answer to the next, whichever door it leaves by.
PASSING = {"id", "at", "valid_until", "receipt", "instance", "evaluated", "proof"}

CALLS: dict[str, tuple[str, str, Any]] = {
    "a hit": ("POST", "/v1/lookups", question("ming")),
    "nobody known": ("POST", "/v1/lookups", question("nobody", "at all")),
    "a refused purpose": ("POST", "/v1/lookups", question("ming", purpose="own_record")),
    "an unknown key id": (
        "POST",
        "/v1/lookups",
        {**question(), "identities": [{**question("a")["identities"][0], "key_id": "k9"}]},
    ),
    "a misfit": ("POST", "/v1/lookups", {"purpose": "fun", "more": 1}),
    "no JSON": ("POST", "/v1/lookups", b"{"),
    "doubled members": ("POST", "/v1/lookups", b'{"a":1,"a":2}'),
    "no body": ("POST", "/v1/lookups", None),
    "a batch": ("POST", "/v1/lookups/batch", batch([question("ming"), 7, question("other")])),
    "an empty batch": ("POST", "/v1/lookups/batch", batch([])),
    "a batch of misfits": ("POST", "/v1/lookups/batch", batch([None, {}])),
    "a misfit of a report": ("POST", "/v1/incidents", {"reference": "r", "code": 7}),
    "an evaluation": ("POST", "/v1/evaluations", EVALUATION),
    "an evaluation of nothing": ("POST", "/v1/evaluations", {**EVALUATION, "blinded": []}),
    "an element that is none": (
        "POST",
        "/v1/evaluations",
        {**EVALUATION, "blinded": [BLINDED, "A" * 43]},
    ),
    "an evaluation key unknown": ("POST", "/v1/evaluations", {**EVALUATION, "key_id": "k9"}),
    "a query": ("POST", "/v1/lookups?a=1", question("ming")),
    "another method": ("PUT", "/v1/lookups", question("ming")),
    "a reading call": ("GET", "/v1/members/me", None),
    "nothing there": ("GET", "/v1/nothing%2Fthere?x=%20", None),
}


def steady(value: Any) -> Any:
    """An answer's document without what is new in each."""
    if isinstance(value, dict):
        return {name: steady(each) for name, each in value.items() if name not in PASSING}
    return [steady(each) for each in value] if isinstance(value, list) else value


def header_names(answer: Answer | TestResponse) -> set[str]:
    return {name.lower() for name in dict(answer.headers)} - {"date"}


def revoked(market: Market) -> Caller:
    """A member whose key every process still holds in memory as good."""
    caller = new_caller(market.node, market.app, "Revoked")
    assert 200 == caller.call("GET", "/v1/members/me").status_code
    with market.node.database.transaction() as transaction:
        kid = caller.key.public.kid
        market.node.members.revoke_key(transaction, kid, SystemClock().now())
    return caller
