"""The hot calls: how each is read, and who answers it, whatever door it comes to.

One is answered with others only when all is plain: a known key, a body that loads, no
Idempotency-Key. Whatever is odd is for Flask's own view, which answers it alone, or says
what is wrong with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from registry.app.node import Node
from registry.door.arrivals import Arrival
from registry.door.gathering import Gatherer, Perform
from registry.door.work import EvaluationWork, LookupWork, ReportWork
from registry.http.gate import Gate
from registry.http.signed import Door
from registry.http.signed_request import ReceivedCall
from registry.identity.loading import load_evaluation
from registry.incidents.gathered_filing import GatheredFiler
from registry.incidents.report_reading import read_report
from registry.kernel import strict_json
from registry.lookups.api import read_one
from registry.lookups.loading import load_batch, load_lookup
from registry.lookups.service import INQUIRIES_MAX

LOOKUPS = "/v1/lookups"
LOOKUP_BATCHES = "/v1/lookups/batch"
EVALUATIONS = "/v1/evaluations"
INCIDENTS = "/v1/incidents"
HOT_ROUTES = (LOOKUPS, LOOKUP_BATCHES, EVALUATIONS, INCIDENTS)

# With these a request may mean more than a hot call does.
ODD_HEADERS = frozenset({"idempotency-key", "content-encoding"})
HOT_MEDIA_TYPE = "application/json"
# What is evaluated in one batch: about 4 ms of work.
ELEMENTS_MAX = 16
# What is filed in one batch: about 20 ms of work.
REPORTS_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class HotCall:
    """How one hot call is read, and who answers it."""

    route: str
    load: Callable[[Any], tuple[Any, int] | None]
    gatherer: Gatherer

    def arrival(
        self, gate: Gate, *, authorization: str | None, body: bytes, request_id: UUID
    ) -> Arrival | None:
        """The call, verified and read; None where its key or its body is not plain.

        Raises: NotAuthenticated.
        """
        received = ReceivedCall(
            authorization=authorization, method="POST", target=self.route, body=body
        )
        verified = gate.verify_known(received)
        if verified is None:
            return None
        try:
            document = strict_json.parse(body)
        except strict_json.MalformedJson:
            return None
        loaded = self.load(document)
        if loaded is None:
            return None
        asked, weight = loaded
        return Arrival(verified=verified, asked=asked, weight=weight, request_id=request_id)


def open_hot_calls(node: Node, door: Door) -> Sequence[HotCall]:
    """The hot calls of a node, gathered on the running loop."""
    lookups = Gatherer("lookups", _lookups(node, door), weight_max=INQUIRIES_MAX)
    evaluations = Gatherer("evaluations", _evaluations(node, door), weight_max=ELEMENTS_MAX)
    reports = Gatherer("reports", _reports(node, door), weight_max=REPORTS_MAX)
    return (
        HotCall(route=LOOKUPS, load=_load_lookup, gatherer=lookups),
        HotCall(route=LOOKUP_BATCHES, load=_load_batch, gatherer=lookups),
        HotCall(route=EVALUATIONS, load=_load_evaluation, gatherer=evaluations),
        HotCall(route=INCIDENTS, load=_load_report, gatherer=reports),
    )


async def close_hot_calls(calls: Sequence[HotCall]) -> None:
    """Lets what has arrived be answered."""
    for gatherer in {each.gatherer for each in calls}:
        await gatherer.close()


def _lookups(node: Node, door: Door) -> Perform:
    return LookupWork(
        database=node.database,
        gate=door.gate,
        clock=node.clock,
        lookups=node.lookups,
        origin=door.origin,
    ).perform


def _evaluations(node: Node, door: Door) -> Perform:
    return EvaluationWork(
        database=node.database,
        gate=door.gate,
        clock=node.clock,
        evaluations=node.evaluations,
        origin=door.origin,
    ).perform


def _reports(node: Node, door: Door) -> Perform:
    filer = GatheredFiler(rulebook=node.rulebook, keyring=node.keyring, parts=node.incidents.parts)
    return ReportWork(
        database=node.database,
        gate=door.gate,
        clock=node.clock,
        incidents=node.incidents,
        filer=filer,
        origin=door.origin,
    ).perform


def _load_lookup(document: Any) -> tuple[Any, int] | None:
    lookup = load_lookup(document)
    return None if lookup is None else (lookup, 1)


def _load_batch(document: Any) -> tuple[Any, int] | None:
    lookups = load_batch(document)
    if lookups is None:
        return None
    read = [load_lookup(each) or read_one(each) for each in lookups]
    return read, len(read)


def _load_evaluation(document: Any) -> tuple[Any, int] | None:
    asked = load_evaluation(document)
    return None if asked is None else (asked, len(asked.blinded))


def _load_report(document: Any) -> tuple[Any, int] | None:
    report = read_report(document)
    return None if report is None else (report, 1)
