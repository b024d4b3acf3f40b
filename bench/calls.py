"""Signed calls as bytes ready to be sent, and what their answers must say.

The subjects are numbers: the token of one is derived from its number, since a
registry cannot tell a token from 32 other bytes.
"""

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from bench.bare import ANSWER
from registry.client.signing import Signer
from registry.crypto import voprf
from registry.crypto.signature import PrivateKey, PublicKey, split_compact, verify
from registry.incidents.synthetic import token_of
from registry.kernel import base64url, strict_json

KEY_ID = "k1"
# Of lookups, how many ask for a subject of whom something is known.
HITS = 0.2
BATCH = 100
_BLINDED_COUNT = 64
_MESSAGES = tuple(b"benchmark %d" % number for number in range(_BLINDED_COUNT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request in bytes, the status it must get, and a check of the answer's body."""

    data: bytes
    status: int
    check: Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What of a node its callers know."""

    origin: str
    signing_key: PublicKey
    evaluation_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A member of the node, signing its own calls."""

    server: Server
    member: str
    key: PrivateKey

    def prepare(
        self, target: str, document: Mapping[str, Any], status: int, check: Callable[[bytes], None]
    ) -> Prepared:
        """A signed POST of `document`, good for a minute from now."""
        body = json.dumps(document, separators=(",", ":")).encode()
        signer = Signer(origin=self.server.origin, member=self.member, key=self.key)
        jwt = signer.sign("POST", target, body, datetime.now(UTC))
        head = (
            f"POST {target} HTTP/1.1\r\nHost: {self.server.origin.partition('://')[2]}\r\n"
            f"Authorization: Bearer {jwt}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return Prepared(data=head.encode() + body, status=status, check=check)


@dataclass(slots=True, kw_only=True)
class Desk:
    """Two members that make calls about numbered subjects; no subject is reported twice by one.

    Subjects below `known` have been reported, by the first member or by both.
    """

    callers: tuple[Caller, Caller]
    known: int = 0
    reported: int = 0

    def lookups(self, count: int) -> list[Prepared]:
        """Lookups by the second member, one in five of them a hit."""
        dice = random.Random(self.reported)
        return [self._lookup(self._somebody(dice), number) for number in range(count)]

    def reports(self, count: int) -> list[Prepared]:
        """Reports by the first member, each of another subject."""
        first = self.reported
        self.reported += count
        return [self._report(self.callers[0], first + number) for number in range(count)]

    def corroborations(self, subjects: Sequence[int]) -> list[Prepared]:
        """Reports by the second member of subjects the first has reported."""
        return [self._report(self.callers[1], subject) for subject in subjects]

    def evaluations(self, count: int) -> list[Prepared]:
        """Evaluations of one element each."""
        return [self._evaluation(number % _BLINDED_COUNT) for number in range(count)]

    def handwritten(self, count: int) -> list[Prepared]:
        """The same lookups, for a server that signs no receipt."""
        return [replace(each, check=_check_nothing) for each in self.lookups(count)]

    def batches(self, count: int) -> list[Prepared]:
        """Lists of a hundred lookups by the second member."""
        dice = random.Random(self.reported)
        return [self._batch([self._somebody(dice) for _ in range(BATCH)]) for _ in range(count)]

    def _batch(self, subjects: Sequence[int]) -> Prepared:
        caller = self.callers[1]
        lookups = [_lookup_document(subject, n) for n, subject in enumerate(subjects)]

        def check(body: bytes) -> None:
            results = json.loads(body)["results"]
            assert [each["status"] for each in results] == [200] * BATCH
            found = ["match" if subject >= 0 else "none" for subject in subjects]
            assert found == [each["answer"]["match"] for each in results]
            _check_receipt(results[0]["answer"]["receipt"], caller.server, "access")

        return caller.prepare("/v1/lookups/batch", {"lookups": lookups}, 200, check)

    def _somebody(self, dice: random.Random) -> int:
        if dice.random() < HITS:
            return dice.randrange(self.known)
        return -1 - dice.randrange(1_000_000_000)

    def _lookup(self, subject: int, number: int) -> Prepared:
        caller = self.callers[1]
        document = _lookup_document(subject, number)
        expected = "match" if subject >= 0 else "none"

        def check(body: bytes) -> None:
            answer = json.loads(body)
            assert answer["match"] == expected, answer
            assert (answer["score"] is None) == (expected == "none"), answer
            _check_receipt(answer["receipt"], caller.server, "access")

        return caller.prepare("/v1/lookups", document, 200, check)

    def _report(self, caller: Caller, subject: int) -> Prepared:
        document = report_document(subject, datetime.now(UTC))

        def check(body: bytes) -> None:
            answer = json.loads(body)
            assert answer["incident"]["state"] == "active", answer
            _check_receipt(answer["receipt"], caller.server, "incidents")

        return caller.prepare("/v1/incidents", document, 201, check)

    def _evaluation(self, number: int) -> Prepared:
        caller = self.callers[1]
        document = {"key_id": KEY_ID, "blinded": [base64url.encode(_BLINDS.all[number].element)]}

        def check(body: bytes) -> None:
            answer = json.loads(body)
            voprf.finalize(
                inputs=[_MESSAGES[number]],
                blinded=[_BLINDS.all[number]],
                evaluation=voprf.Evaluation(
                    elements=tuple(base64url.decode(each) for each in answer["evaluated"]),
                    proof=base64url.decode(answer["proof"]),
                ),
                public_key=caller.server.evaluation_key,
            )

        return caller.prepare("/v1/evaluations", document, 200, check)


def bare_requests(authority: str, count: int) -> list[Prepared]:
    """Requests of the bare route."""

    def check(body: bytes) -> None:
        assert body == ANSWER, body

    data = f"GET / HTTP/1.1\r\nHost: {authority}\r\nAccept: */*\r\n\r\n".encode()
    return [Prepared(data=data, status=200, check=check)] * count


class _Blinds:
    """Blinded messages, made at the first use: evaluating costs the same whichever they are."""

    @cached_property
    def all(self) -> list[voprf.Blinded]:
        return [voprf.blind(message) for message in _MESSAGES]


_BLINDS = _Blinds()


def _identity(subject: int) -> dict[str, str]:
    return {"type": "phone/1", "key_id": KEY_ID, "token": base64url.encode(token_of(subject))}


def _lookup_document(subject: int, number: int) -> dict[str, Any]:
    order = f"order-{number}"
    return {
        "identities": [_identity(subject)],
        "purpose": "refund_only_review",
        "order": order,
        "authorisation": {"basis": "separate_consent", "reference": f"consent-{order}"},
        "agent": "refund-desk",
    }


def _check_nothing(body: bytes) -> None:
    assert json.loads(body)["match"] in {"match", "none"}


def report_document(subject: int, now: datetime) -> dict[str, Any]:
    """A proved report about a subject, of a week ago."""
    occurred_on = (now - timedelta(days=20)).date().isoformat()
    decided_on = (now - timedelta(days=11)).date().isoformat()
    delivered_at = (now - timedelta(days=8)).replace(microsecond=0)
    return {
        "reference": f"case-{subject}",
        "identities": [_identity(subject) | {"last_verified_on": occurred_on}],
        "code": "B101",
        "role": "buyer",
        "occurred_on": occurred_on,
        "confirmed_on": decided_on,
        "amount": {"minor_units": 12_900, "currency": "CNY"},
        "order": f"order-{subject}",
        "evidence": [_evidence(kind, subject) for kind in ("E1", "E3", "E7")],
        "intent": "The crack in the photo carries a generator's label and differs in each picture.",
        "reviewers": ["staff-0017", "staff-0093"],
        "decision": {"kind": "refund_refused", "decided_on": decided_on},
        "notice": {
            "delivered_at": delivered_at.isoformat().replace("+00:00", "Z"),
            "channel": "in_app",
            "reply": "none",
        },
        "adult_attested": True,
    }


def _evidence(kind: str, subject: int) -> dict[str, str]:
    digest = hashlib.sha256(f"{kind} {subject}".encode()).hexdigest()
    return {"class": kind, "digest": f"sha256:{digest}", "media_type": "image/jpeg"}


def _check_receipt(receipt: str, server: Server, log: str) -> None:
    compact = split_compact(receipt)
    assert verify(compact, server.signing_key), receipt
    claims = strict_json.parse(compact.claims)
    assert (claims["iss"], claims["log"]) == (server.origin, log), claims
