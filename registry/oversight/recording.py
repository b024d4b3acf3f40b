"""Records what supervisors do: every view and export is an entry before it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.http.caller import Call
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.ids import Prefix, with_prefix
from registry.ledger.contents import Contents
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger
from registry.oversight.events import type_name
from registry.oversight.model import AccessQuery, SupervisionOnly
from registry.rulebook.model import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Writes the entries of supervisors' acts."""

    ledger: Ledger
    contents: Contents
    edition: str

    def record(
        self,
        call: Call,
        act: str,
        said: Mapping[str, JsonValue],
        *,
        seeds: Sequence[bytes] = (),
        subject: Mapping[str, JsonValue] | None = None,
        record_type: RecordType = RecordType.SUPERVISOR_VIEW,
    ) -> str:
        """The receipt of the entry that says what was done, and about whom.

        `seeds` are of the subjects that were named or shown: they find it in
        their own histories.
        """
        distinct = sorted(set(seeds))
        touched = dict(subject or {})
        if distinct:
            touched["seeds"] = [base64url.encode(each) for each in distinct]
        draft = Draft(
            log=Log.ACCESS,
            record_type=record_type,
            header=Header(
                member=call.caller.member,
                purpose=Purpose.SUPERVISION,
                at=call.now,
                request_id=call.request_id,
                outcome="answered",
                edition=self.edition,
                signed_request=call.request_digest,
                more={"act": act, **said},
            ),
            subject=touched,
            signed_request=call.signed_request,
            lookup_keys=self.contents.lookup_keys(distinct),
        )
        (appended,) = self.ledger.append(call.transaction, [draft], call.now)
        return self.ledger.receipt(appended)


def require_supervision(call: Call) -> None:
    """Raises: SupervisionOnly, where the caller's grant does not list the purpose."""
    if Purpose.SUPERVISION not in call.caller.purposes:
        raise SupervisionOnly


def query_document(query: AccessQuery) -> dict[str, JsonValue]:
    """A query as its entry states it: only what was asked for."""
    said: dict[str, JsonValue] = {
        "member": query.member,
        "purpose": query.purpose and query.purpose.value,
        "outcome": query.outcome,
        "agent": query.agent,
        "entry": None if query.entry is None else with_prefix(Prefix.ENTRY, query.entry),
        "from": None if query.from_at is None else format_instant(query.from_at),
        "until": None if query.until_at is None else format_instant(query.until_at),
        "types": sorted(type_name(each) for each in query.record_types),
    }
    return {name: value for name, value in said.items() if value is not None}
