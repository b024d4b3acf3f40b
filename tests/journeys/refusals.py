"""How a refusal looks, wherever it comes from, and the doors that refuse."""

from collections.abc import Callable
from typing import Any

from tests.journeys.filings import question, report
from tests.journeys.independent import Answer
from tests.journeys.nodes import Node

MIB = 1024 * 1024
INCIDENTS, LOOKUPS, BATCH = "/v1/incidents", "/v1/lookups", "/v1/lookups/batch"
EVALUATIONS = "/v1/evaluations"
DOORS = (INCIDENTS, LOOKUPS, BATCH, EVALUATIONS)
NOT_A_LOOKUP = "/v1/lookups/lkp_01992f5e-7c00-7abc-8def-0123456789ab/outcome"

# Holds an answer to a status, to the form of a problem, and to having left nothing.
Refused = Callable[[int, Answer], Answer]


def is_problem(answer: Answer, node: Node) -> None:
    """The form every refusal has. Source: RFC 9457; docs/protocol.md, section 7."""
    assert "application/problem+json" == answer.headers["content-type"]
    document = answer.json
    assert {"type", "title", "status", "detail", "instance"} <= document.keys()
    assert document["type"].startswith(f"{node.origin}/problems/")
    assert answer.status == document["status"]
    assert f"urn:uuid:{answer.headers['x-request-id']}" == document["instance"]
    for error in document.get("errors", ()):
        assert {"pointer", "code", "detail"} == error.keys()
        assert error["pointer"] == "" or error["pointer"].startswith("/")


def a_body(target: str, tokens: list[dict[str, str]]) -> dict[str, Any]:
    """A good body for each door."""
    return {
        INCIDENTS: lambda: report(tokens),
        LOOKUPS: lambda: question(tokens),
        BATCH: lambda: {"lookups": [question(tokens)]},
        EVALUATIONS: lambda: {"key_id": "k1", "blinded": [tokens[0]["token"]]},
    }[target]()
