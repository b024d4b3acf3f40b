"""schemathesis against every operation of the served description."""

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from requests.auth import AuthBase

from registry.database.migrate import shipped_directory
from tests.journeys.conftest import KINDS, Served
from tests.journeys.filings import report
from tests.journeys.independent import Member
from tests.journeys.nodes import BOTH
from tests.journeys.people import ask, file, phone

MAX_EXAMPLES = 15

# Refusals that say a request does not fit its description.
SHAPE_PROBLEMS = {
    "request-invalid",
    "malformed-json",
    "request-malformed",
    "media-type-unsupported",
}
# What a schema cannot say.
BEYOND_SCHEMAS = {
    "Too long ago.",
    "Nothing to amend.",
    "amendment goes with the stance amend.",
    "There is nothing in it.",
    # 1.0 is an integer to JSON Schema, and none to a registry that hashes what it reads.
    "Not an integer.",
}
# Checks that ask for something else than what is promised; on some paths, or everywhere.
NOT_OURS = {
    # The standard of proof refuses filings that fit the schema; see fits_as_described.
    schemathesis.checks.positive_data_acceptance: {""},
    # Without If-Match it is 428, a status this check does not know of.
    schemathesis.checks.missing_required_header: {"/v1/incidents/{incident_id}"},
    # Each lookup of a batch is answered or refused by itself, and each line of an import.
    schemathesis.checks.negative_data_rejection: {"/v1/lookups/batch", "/v1/imports"},
}


class Signed(AuthBase):
    """Signs each request as it goes out, whatever it has become by then."""

    def __init__(self, member: Member) -> None:
        self.member = member

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body
        data = body.encode() if isinstance(body, str) else body
        assert request.method is not None
        jwt = self.member.jwt(request.method, request.path_url, data)
        request.headers["Authorization"] = f"Bearer {jwt}"
        return request


@schemathesis.serializer("application/x-ndjson", "application/jsonl")
def send_lines(_ctx: Any, value: Any) -> bytes:
    """A body of lines goes out as the text it is."""
    return value.encode() if isinstance(value, str) else repr(value).encode()


@schemathesis.serializer("application/pdf", "image/jpeg", "image/png", "image/webp")
def send_file(_ctx: Any, value: Any) -> bytes:
    """A file goes out as the bytes it is, whatever is in it."""
    return value if isinstance(value, bytes) else str(value).encode()


# As committed; another test holds it to what is served.
schema = schemathesis.openapi.from_path(str(shipped_directory("api_spec") / "openapi.yaml"))


def fits_as_described(ctx: Any, response: Any, case: Any) -> None:
    """What the description allows is never refused as not fitting, whatever the rules say of it."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code in (400, 415, 422):
        problem = response.json()
        unfit = problem["type"].rpartition("/")[2] in SHAPE_PROBLEMS
        details = {each["detail"] for each in problem.get("errors", [])}
        assert not unfit or details & BEYOND_SCHEMAS, problem


@pytest.fixture(scope="module", params=KINDS)
def platform(request: pytest.FixtureRequest, served: Served) -> Member:
    """A member with every scope of a platform, on each kind of database in turn."""
    return served(request.param).admit(*BOTH)


@pytest.fixture(scope="module")
def known(platform: Member) -> dict[str, str]:
    """Ids that name something of this member's, by the name of their place in a path."""
    tokens = platform.tokens(phone())
    filed = file(platform, report(tokens))
    lookup = ask(platform, tokens)["lookup"]["id"]
    return {
        "incident_id": filed["incident"]["id"],
        "lookup_id": lookup,
        "entry_id": lookup.replace("lkp_", "ent_"),
    }


@schema.parametrize()
@settings(
    max_examples=MAX_EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_served_api_is_as_described(case: Any, platform: Member, known: dict[str, str]) -> None:
    """Every answer to any input has a status, a type and a shape that the description names,
    whether a path names something or nothing."""
    hold_to_description(case, platform)
    if case.path_parameters and case.path_parameters.keys() <= known.keys():
        case.path_parameters = {name: known[name] for name in case.path_parameters}
        hold_to_description(case, platform)


def hold_to_description(case: Any, member: Member) -> None:
    excluded = [each for each, paths in NOT_OURS.items() if paths & {"", case.path}]
    is_signed = "Authorization" in (case.headers or {})
    case.call_and_validate(
        base_url=member.origin,
        auth=Signed(member) if is_signed else None,
        excluded_checks=excluded,
        additional_checks=[fits_as_described],
    )
