"""Supervisors see every access, and every look of theirs is an entry before it is answered."""

import base64
import csv
import hashlib
import io
import json
import sys
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from registry.crypto import note
from registry.kernel import base64url, strict_json
from registry.kernel.ids import Prefix, parse_id
from registry.ledger.bundle_verifier import BundleNotVerified, verify_bundle
from registry.ledger.contents import header_of, subject_of
from registry.ledger.model import RecordType, decode_entry
from registry.members.model import Role
from registry.oversight.events import COLUMNS
from registry.oversight.sampling import draw
from tests.nodes import new_caller
from tests.oversight.world import World, ok, question, token

SHARD = "access/2026h2"


def entry_of(receipt: str) -> str:
    claims = receipt.split(".")[1]
    return str(strict_json.parse(base64url.decode(claims))["entry"])


def opened(world: World, entry: str) -> tuple[RecordType, dict[str, Any], dict[str, Any]]:
    """An entry by its id: type, header, subject."""
    with world.node.database.reading() as transaction:
        opening = world.node.ledger.opening(transaction, parse_id(Prefix.ENTRY, entry))
    assert opening is not None
    return decode_entry(opening.entry).record_type, header_of(opening), subject_of(opening)


def listed(found: Any) -> list[str]:
    return [each["entry"] for each in found["entries"]]


def test_entries_are_found_by_what_they_are(world: World) -> None:
    """Member, purpose, time, outcome, agent, id, type: alone and together."""
    first = world.look_up("ming", agent="staff-1")
    refused = world.platform().call("POST", "/v1/lookups", question("ming", purpose="own_record"))
    assert 403 == refused.status_code
    world.move(hours=1)
    later = world.look_up("hua", by="beta", agent="staff-2", purpose="return_review")
    world.settle()
    both = [first, later]
    assert both == [each for each in listed(world.ask("searches", {})) if each in both]
    for query, expected in (
        ({"member": world.platform("beta").member.id}, [later]),
        ({"purpose": "return_review"}, [later]),
        ({"outcome": "answered", "agent": "staff-1"}, [first]),
        ({"entry": first}, [first]),
        ({"from": "2026-10-06T04:30:00Z", "types": ["lookup"]}, [later]),
        ({"until": "2026-10-06T04:30:00Z", "types": ["lookup"]}, [first]),
        ({"subject": token("ming"), "types": ["lookup"]}, [first]),
        ({"subject": token("nobody")}, []),
        ({"agent": "staff-1", "purpose": "return_review"}, []),
    ):
        assert expected == listed(world.ask("searches", query)), query
    found = world.ask("searches", {"types": ["refused_lookup"]})["entries"]
    assert [("refused", None)] == [(each["outcome"], each["match"]) for each in found]


def test_a_search_is_an_entry_and_so_is_whom_it_asked_for(world: World) -> None:
    """Type 19, with the query; the person finds it among the entries about them."""
    world.look_up("ming")
    world.settle()
    found = world.ask("searches", {"subject": token("ming"), "outcome": "answered"})
    kind, header, subject = opened(world, entry_of(found["receipt"]))
    assert RecordType.SUPERVISOR_VIEW is kind
    assert ("search", "supervision", 1) == (header["act"], header["purpose"], header["results"])
    assert "answered" == header["query"]["outcome"]
    assert [base64url.encode(world.seed("ming"))] == subject["seeds"]
    assert world.supervisor().member.id == header["member"]
    world.settle()
    views = world.ask("searches", {"subject": token("ming"), "types": ["supervisor_view"]})
    assert [entry_of(found["receipt"])] == listed(views)


def test_pages_lead_through_everything_once(world: World) -> None:
    """By cursor, with and without a subject."""
    entries = [world.look_up("ming", order=f"o-{number}") for number in range(5)]
    world.settle()
    for query in ({"types": ["lookup"]}, {"types": ["lookup"], "subject": token("ming")}):
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = world.ask("searches", {**query, "limit": 2, **cursor})
            seen += listed(page)
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert sorted(entries) == seen
    bad = world.supervisor().call("POST", "/v1/oversight/searches", {"cursor": "eHh4"})
    assert 400 == bad.status_code


def test_a_search_says_how_much_it_has_seen(world: World) -> None:
    """What waits for its place is not in it, and the coverage says so."""
    world.look_up("ming")
    assert [] == world.ask("searches", {"types": ["lookup"]})["entries"]
    world.settle()
    coverage = world.ask("searches", {"types": ["lookup"]})["coverage"]
    [access] = [each for each in coverage if each["log"] == SHARD]
    assert access["indexed"] == access["size"] > 0


def test_an_opened_entry_is_shown_with_its_proof(world: World) -> None:
    """The opening, and an entry that names whose entries were opened."""
    entry = world.look_up("ming")
    world.settle()
    shown = world.ask("views", {"entries": [entry]})
    [one] = shown["entries"]
    assert entry == one["id"]
    assert "order-7" == one["opening"]["header"]["order"]
    assert [base64url.encode(world.seed("ming"))] == one["opening"]["subject"]["seeds"]
    assert (world.receipt(entry)["inclusion"], world.receipt(entry)["checkpoint"]) == (
        one["inclusion"],
        one["checkpoint"],
    )
    kind, _, subject = opened(world, entry_of(shown["receipt"]))
    assert (RecordType.SUPERVISOR_VIEW, [entry]) == (kind, subject["entries"])
    assert [base64url.encode(world.seed("ming"))] == subject["seeds"]


def test_a_sample_can_be_drawn_again_by_anyone(world: World) -> None:
    """From the signed checkpoint and the label alone; also of an older size."""
    entries = [world.look_up(f"person {number}") for number in range(12)]
    world.settle()
    body = {"log": SHARD, "label": "audit 2026-10", "count": 5}
    sample = world.ask("samples", body)
    checkpoint = world.app.test_client().get(f"/log/{SHARD}/checkpoint").text.splitlines()
    assert (checkpoint[0], int(checkpoint[1])) == (sample["origin"], sample["size"])
    root = base64.b64decode(checkpoint[2])
    drawn = draw(origin=checkpoint[0], size=int(checkpoint[1]), root=root, label="audit 2026-10")
    assert list(islice(drawn, 5)) == [each["index"] for each in sample["entries"]]
    assert {each["id"] for each in sample["entries"]} <= set(entries)
    world.look_up("one more")
    world.settle()
    again = world.ask("samples", {**body, "size": sample["size"]})
    assert [sample[name] for name in ("root", "draws", "entries")] == [
        again[name] for name in ("root", "draws", "entries")
    ]
    only = world.ask("samples", {**body, "types": ["supervisor_view"], "count": 100})
    assert {"supervisor_view"} == {each["type"] for each in only["entries"]}
    assert only["size"] == only["draws"]
    for wrong in ({"size": 1000}, {"log": "access/2020h1"}):
        answer = world.supervisor().call("POST", "/v1/oversight/samples", {**body, **wrong})
        assert 404 == answer.status_code


def test_lookups_without_an_outcome_are_counted(world: World) -> None:
    """Member by member; one that came too late is none; young lookups are not asked for yet."""
    told, untold, late = (world.look_up(each) for each in ("ming", "hua", "late"))
    outcome = {"decision": "approved", "human_reviewed": True}
    for lookup, days in ((told, 7), (late, 1)):
        world.settle()
        world.move(days=days)
        target = f"/v1/lookups/{lookup.replace('ent_', 'lkp_')}/outcome"
        ok(world.platform().call("POST", target, outcome), 201)
    world.settle()
    world.move(days=2)
    world.look_up("young")
    world.settle()
    member = world.platform().member.id
    window = {"from": "2026-10-01T00:00:00Z", "until": "2026-11-01T00:00:00Z", "days": 7}
    answer = world.ask("reconciliations", {**window, "member": member})
    assert [{"member": member, "lookups": 3, "without_outcome": 2}] == answer["members"]
    assert sorted([untold, late]) == sorted(listed(answer))
    kind, header, _ = opened(world, entry_of(answer["receipt"]))
    assert (RecordType.SUPERVISOR_VIEW, 7) == (kind, header["days"])


def test_a_flag_is_a_case_that_people_dispose_of(world: World) -> None:
    """Raised once; each disposition with who, when and why, none forgotten, each an entry."""
    for number in range(11):
        world.look_up("ming", order=f"o-{number}")
    world.settle()
    assert [] == world.ask("flags", {})["cases"]
    world.move(days=1)
    [case] = world.ask("flags", {})["cases"]
    assert ("same_subject_again", {"lookups": 11}) == (case["rule"], case["facts"])
    assert world.platform().member.id == case["member"]
    assert [] == world.ask("flags", {})["cases"]
    for disposition in ("explained", "referred"):
        body = {"disposition": disposition, "why": f"because {disposition}"}
        disposed = world.ask(f"cases/{case['id']}/dispositions", body, 201)
    kind, header, _ = opened(world, entry_of(disposed["receipt"]))
    assert (RecordType.SUPERVISOR_VIEW, "because referred") == (kind, header["why"])
    assert [] == world.ask("cases/search", {"disposition": "open"})["cases"]
    [found] = world.ask("cases/search", {"disposition": "referred"})["cases"]
    history = [(each["disposition"], each["why"]) for each in found["history"]]
    assert [("explained", "because explained"), ("referred", "because referred")] == history
    unknown = f"/v1/oversight/cases/{case['id'].replace('cas_0', 'cas_1')}/dispositions"
    answer = world.supervisor().call("POST", unknown, {"disposition": "open", "why": "12345"})
    assert 404 == answer.status_code


def export(world: World, **asked: Any) -> tuple[bytes, str, Any]:
    answer = world.supervisor().call("POST", "/v1/oversight/exports", asked)
    assert 200 == answer.status_code, answer.text
    return answer.data, answer.headers["Export-Receipt"], answer.headers


def test_events_leave_in_their_envelopes_and_name_nobody(world: World) -> None:
    """CloudEvents with OCSF inside; the entry of the export commits to the very bytes."""
    entry = world.look_up("ming")
    world.settle()
    data, receipt, headers = export(world, format="jsonl", types=["lookup"])
    assert ("1", "application/x-ndjson") == (headers["Export-Count"], headers["Content-Type"])
    event = json.loads(data)
    assert ("1.0", entry) == (event["specversion"], event["id"])
    assert f"https://registry.example/log/{SHARD}" == event["source"]
    activity = event["data"]
    assert (6003, 6, 600302, 2) == tuple(
        activity[name] for name in ("class_uid", "category_uid", "type_uid", "activity_id")
    )
    assert "order-7" == activity["unmapped"]["order"]
    assert world.platform().member.id == activity["actor"]["app_uid"]
    for octets in (world.seed("ming"), world.lookup_key("ming")):
        assert base64url.encode(octets).encode() not in data
    kind, header, _ = opened(world, entry_of(receipt))
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert (RecordType.EXPORT, digest) == (kind, header["digest"])


def test_an_event_says_what_was_done(world: World) -> None:
    """Of every type of entry: who reports creates, who erases deletes, who looks reads."""
    entry = world.look_up("ming")
    world.file("hua")
    world.settle()
    order = world.ask("erasure-orders", {"target": {"entry": entry}, "ground": "g"}, 201)["order"]
    assert "ordered" == order["state"]
    world.settle()
    types = ["lookup", "report", "erasure", "member"]
    data, _, _ = export(world, format="jsonl", types=types)
    events = [json.loads(line)["data"] for line in data.splitlines()]
    done = {(each["api"]["operation"], each["activity_id"]) for each in events}
    assert {("lookup", 2), ("report", 1), ("erasure", 4), ("member", 3)} == done
    for each in events:
        assert 600300 + each["activity_id"] == each["type_uid"]
        assert f"API Activity: {each['activity_name']}" == each["type_name"]


def test_a_table_runs_nothing_in_a_spreadsheet(world: World) -> None:
    """A reference that begins like a formula is text."""
    world.look_up("ming", order="=cmd|'/C calc'!A1", agent="+staff")
    world.clock.move(timedelta(seconds=1))
    world.look_up("ming", order="\uff1d1+1", agent=" =1")
    world.clock.move(timedelta(seconds=1))
    world.look_up("ming", order="o=1", agent="员工7")
    world.settle()
    data, _, _ = export(world, format="csv", types=["lookup"])
    header, *rows = csv.reader(io.StringIO(data.decode()))
    assert list(COLUMNS) == header
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    assert ["'=cmd|'/C calc'!A1", "'\uff1d1+1", "o=1"] == [each["order"] for each in cells]
    assert ["'+staff", "' =1", "员工7"] == [each["agent"] for each in cells]


def test_an_export_goes_on_where_it_ended(world: World) -> None:
    """By the cursor in its header."""
    for number in range(3):
        world.look_up("ming", order=f"o-{number}")
    world.settle()
    data, _, headers = export(world, format="jsonl", types=["lookup"], limit=2)
    more, _, last = export(
        world, format="jsonl", types=["lookup"], limit=2, cursor=headers["Export-Next"]
    )
    assert (2, 1) == (len(data.splitlines()), len(more.splitlines()))
    assert "Export-Next" not in last


def test_a_bundle_is_verified_offline(world: World, tmp_path: Path) -> None:
    """By the one file that shares nothing with this program; and a changed one is not."""
    entry = world.look_up("ming")
    world.settle()
    data, receipt, _ = export(world, format="bundle", types=["lookup"])
    path = tmp_path / "bundle.zip"
    path.write_bytes(data)
    name = f"registry.example/log/{SHARD}"
    verify_bundle(path, [note.vkey(name, world.node.signing_key.public.raw)])
    _, _, subject = opened(world, entry_of(receipt))
    assert [base64url.encode(world.seed("ming"))] == subject["seeds"]
    assert entry.encode() not in data
    with pytest.raises(BundleNotVerified):
        verify_bundle(path, [note.vkey(name, bytes(32))])


def test_columns_hold_what_the_table_holds(world: World) -> None:
    """Parquet, read back by its own library: the same facts as in CSV, numbers as numbers."""
    entry = world.look_up("ming", order="=1+1")
    world.look_up("hua", by="beta", agent="staff-2")
    world.settle()
    data, receipt, headers = export(world, format="parquet", types=["lookup"])
    table = parquet.read_table(io.BytesIO(data))
    assert list(COLUMNS) == table.column_names
    assert {"index": "int64"} == {
        field.name: str(field.type) for field in table.schema if str(field.type) != "string"
    }
    rows = table.to_pylist()
    assert (2, "2") == (len(rows), headers["Export-Count"])
    assert ["=1+1"] == [row["order"] for row in rows if row["entry"] == entry]
    assert {SHARD} == {row["log"] for row in rows}
    text, _, _ = export(world, format="csv", types=["lookup"])
    for row, line in zip(rows, csv.DictReader(io.StringIO(text.decode())), strict=True):
        said = {name: "" if value is None else str(value) for name, value in row.items()}
        assert said == {name: value.removeprefix("'") for name, value in line.items()}
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert digest == opened(world, entry_of(receipt))[1]["digest"]


def test_columns_need_their_extra(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library Parquet is refused in words, and nothing is exported."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # what cannot be imported
    asked = {"format": "parquet", "types": ["lookup"]}
    assert 406 == world.supervisor().call("POST", "/v1/oversight/exports", asked).status_code
    world.settle()
    assert [] == listed(world.ask("searches", {"types": ["export"]}))


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("searches", {}),
        ("views", {"entries": ["ent_01a10f5e-4a00-7251-956b-65b09214444c"]}),
        ("samples", {"log": SHARD, "label": "x", "count": 1}),
        ("flags", {}),
        ("exports", {"format": "jsonl"}),
        ("legal-holds/search", {}),
        ("erasure-orders/search", {}),
    ],
)
def test_nobody_else_oversees(world: World, target: str, body: Any) -> None:
    """A platform is refused at every door."""
    answer = world.platform().call("POST", f"/v1/oversight/{target}", body)
    assert 403 == answer.status_code


def test_a_supervisor_without_the_purpose_sees_nothing(world: World) -> None:
    """The scope alone does not do."""
    roles = frozenset({Role.SUPERVISOR})
    lame = new_caller(world.node, world.app, "lame", roles, purposes=frozenset())
    assert 403 == lame.call("POST", "/v1/oversight/searches", {}).status_code
