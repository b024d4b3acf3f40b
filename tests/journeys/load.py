"""One busy platform as a process: reports and looks up until told to stop.

`python -m tests.journeys.load` reads its job as JSON from stdin and writes a line
of JSON to stdout for each answer it has in hand, which is what it could show to
a court: what it wrote was acknowledged.
"""

import json
import sys
from http.client import HTTPException
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.journeys.filings import question
from tests.journeys.independent import Key, Member, address_of


def member_of(job: dict[str, Any]) -> Member:
    """The member a job is to call as."""
    key = Key()
    key.private = load_pem_private_key(job["pem"].encode(), None)
    key.kid = job["kid"]
    origin = job["origin"]
    return Member(id=job["member"], key=key, origin=origin, address=address_of(origin))


def work(job: dict[str, Any]) -> None:
    """Alternates reports and lookups, `rounds` of them at most, over one connection."""
    member = member_of(job)
    tokens, days = job["tokens"], job["days"]
    with member.one_connection():
        for number in range(job["rounds"]):
            token = tokens[(number + job["pair"]) % len(tokens)]
            filing = {
                **job["filing"],
                # Both processes of a pair send the same: one of them files it.
                "reference": f"shared-{job['pair']}-{number}",
                "identities": [{**token, "last_verified_on": days[0]}],
                "occurred_on": days[number % len(days)],
            }
            say("report", member.call("POST", "/v1/incidents", filing))
            say("lookup", member.call("POST", "/v1/lookups", question([token])))


def say(kind: str, answer: Any) -> None:
    """Writes one acknowledged answer down before the next call is made."""
    line = {"kind": kind, "status": answer.status, "body": answer.json}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        work(json.load(sys.stdin))
    except (OSError, HTTPException):
        # The server was killed; what was not answered may or may not have happened.
        sys.exit(3)
