"""A person is told every entry about them, with proofs, under one signature."""

import base64
import hashlib
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from registry.app.node import Node
from registry.crypto.merkle import leaf_hash, verify_inclusion
from registry.crypto.signature import split_compact, verify
from registry.database.engine import Database
from registry.kernel import base64url, strict_json
from registry.kernel.clock import MovableClock
from registry.kernel.ids import Prefix, parse_id
from registry.ledger.bundling import BundleMaker
from registry.ledger.history import History, subject_digest
from registry.ledger.model import RecordType, decode_entry
from tests.database.noting import Noting
from tests.ledger.logs import SHARD, LittleNode
from tests.oversight.world import World, ok


def history_of(world: World, name: str) -> History:
    with world.node.database.reading() as transaction:
        return world.node.auditing.histories.of(transaction, [world.seed(name)], world.clock.now())


def types_in(history: History) -> list[RecordType]:
    return sorted(
        decode_entry(each.settled.place.entry).record_type
        for log in history.logs
        for each in log.entries
    )


def test_whom_the_operator_takes_out_is_told(node: Node, app: Flask, clock: MovableClock) -> None:
    """A bundle of chosen entries shows whom they are about: they find that it was made."""
    world = World(node=node, app=app, clock=clock)
    chosen, _ = world.look_up("ming"), world.look_up("hua")
    world.settle()
    maker = BundleMaker(database=node.database, contents=node.contents, ledger=node.ledger)
    uuids = {parse_id(Prefix.ENTRY, chosen)}
    maker.record(SHARD, uuids, edition="cn-2026.1", now=clock.now())
    world.settle()
    assert [RecordType.LOOKUP, RecordType.EXPORT] == types_in(history_of(world, "ming"))
    assert [RecordType.LOOKUP] == types_in(history_of(world, "hua"))
    node.fsck.check()


def test_what_gets_its_place_meanwhile_counts_once(
    node: Node, app: Flask, clock: MovableClock
) -> None:
    """Among those that wait, or below the checkpoint: the statement is signed evidence."""
    world = World(node=node, app=app, clock=clock)
    world.settle()
    world.look_up("ming")
    steps: list[str] = []

    def settle(*call: object) -> None:
        if "log_heads" in str(call[2]) and not steps:
            steps.append("between")
            world.settle()

    with node.database.reading() as transaction:
        sa.event.listen(transaction.connection, "before_cursor_execute", settle)
        told = node.auditing.histories.of(transaction, [world.seed("ming")], clock.now())
    assert ["between"] == steps
    assert 1 == told.count + told.waiting


def test_every_entry_about_a_person_is_told_and_proven(
    node: Node, app: Flask, clock: MovableClock
) -> None:
    """Report, lookup, outcome and supervisor's view; nobody else's; each under a checkpoint."""
    world = World(node=node, app=app, clock=clock)
    lookup = world.look_up("ming")
    world.look_up("hua")
    world.settle()
    outcome = {"decision": "approved", "human_reviewed": True}
    target = f"/v1/lookups/{lookup.replace('ent_', 'lkp_')}/outcome"
    ok(world.platform().call("POST", target, outcome), 201)
    world.ask("views", {"entries": [lookup]})
    world.settle()
    world.look_up("ming")
    told = history_of(world, "ming")
    assert (3, 1) == (told.count, told.waiting)
    assert [RecordType.LOOKUP, RecordType.SUPERVISOR_VIEW, RecordType.OUTCOME] == types_in(told)
    for log in told.logs:
        lines = log.checkpoint.splitlines()
        assert (log.size, log.root) == (int(lines[1]), base64.b64decode(lines[2]))
        for each in log.entries:
            verify_inclusion(
                index=each.settled.place.position,
                size=log.size,
                leaf=leaf_hash(each.settled.place.entry),
                proof=each.proof,
                root=log.root,
            )
            assert each.settled.opening is not None


def test_the_statement_says_what_was_told(node: Node, app: Flask, clock: MovableClock) -> None:
    """Signed by the node: whom, as of which sizes, which entries, how many."""
    world = World(node=node, app=app, clock=clock)
    entry = world.look_up("ming")
    world.settle()
    told = history_of(world, "ming")
    compact = split_compact(told.statement, bytes_max=1 << 20)
    assert verify(compact, node.signing_key.public)
    assert "ccr-history+jwt" == compact.header["typ"]
    claims = strict_json.parse(compact.claims)
    digest = hashlib.sha256(b"ccr-history-v1\x00" + world.seed("ming")).digest()
    assert digest == subject_digest([world.seed("ming")])
    assert base64url.encode(digest) == claims["subject"]
    assert (1, 0) == (claims["count"], claims["waiting"])
    [listed] = [each for log in claims["logs"] for each in log["entries"]]
    octets = base64url.decode(world.receipt(entry)["entry"])
    expected = {"entry": entry, "index": 0, "leaf": base64url.encode(leaf_hash(octets))}
    assert expected == listed


def test_nobody_is_told_that_there_is_nothing(node: Node, app: Flask, clock: MovableClock) -> None:
    """A statement that nothing is known is signed too, as of every log."""
    world = World(node=node, app=app, clock=clock)
    world.look_up("hua")
    world.settle()
    told = history_of(world, "ming")
    assert (0, 0) == (told.count, told.waiting)
    assert {log.shard.log.wire_name for log in told.logs} == {"access", "incidents"}


def test_the_tiles_of_all_proofs_are_read_with_one_query(
    database: Database, tmp_path: Path
) -> None:
    """However many proofs, and however far apart they stand; an entry more needs no query more."""
    node = LittleNode(database=database, home=tmp_path)
    node.grow(3000)
    others: list[str] = []
    for positions in ([7], list(range(0, 3000, 250))):
        with database.reading() as transaction:
            noting = Noting(transaction)
            signed = node.contents.signed_tree(noting, SHARD)
            assert signed is not None
            noting.asked.clear()
            sa.event.listen(
                transaction.connection,
                "before_cursor_execute",
                lambda *call: others.append(call[2]),
            )
            signed.read_ahead(positions)
            for position in positions:
                assert verify_inclusion(
                    index=position,
                    size=signed.tree.size,
                    leaf=signed.tree.leaf(position),
                    proof=signed.tree.inclusion_proof(position),
                    root=signed.tree.root(),
                )
        assert [True] == [" log_tiles " in each for each in noting.asked]
        assert [] == others
