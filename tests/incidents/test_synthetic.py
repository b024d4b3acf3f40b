"""A seeded database holds what reports would have left, and is never one of others."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from registry.app.home import create_node
from registry.app.node import Node, migrate, open_node
from registry.cli import main
from registry.cli.bench import seed_node
from registry.incidents import standings, store
from registry.incidents.synthetic import Contents, NotEmpty, token_of
from registry.score.model import Standing, assess
from registry.settings import Mode, Settings


def test_a_seeded_subject_is_one_a_lookup_finds(node: Node) -> None:
    """Its standing is what its incident makes of it, its seed opens, and it scores."""
    seed_node(node, 12, Contents.INCIDENTS)
    now = node.clock.now()
    seed = node.protector.seed_of(token_of(7))
    key = node.protector.lookup_key(seed)
    with node.database.transaction() as transaction:
        node.directory.refresh(transaction)
        known = node.incidents.standings_of(transaction, [key])[key]
        before = standings.read(transaction, [key])
        standings.recompute(transaction, {key}, now.date())
        assert before == standings.read(transaction, [key])
        (contribution,) = [each.contribution for each in known.incidents]
        (identity,) = store.identities_of(transaction, contribution.incident_id)
    assert seed == node.protector.open_seed(identity.seed_sealed, key)
    assessed = assess(
        Standing(contributions=(contribution,), protective=()), node.rulebook.current, now
    )
    assert assessed.score is not None
    assert assessed.score < 830


def test_standings_alone_can_be_made(node: Node) -> None:
    """No incidents, and as many rows as subjects."""
    seed_node(node, 7, Contents.STANDINGS)
    with node.database.reading() as transaction:
        cursor = transaction.raw_cursor()
        cursor.execute("SELECT (SELECT count(*) FROM standings), (SELECT count(*) FROM incidents)")
        assert (7, 0) == tuple(cursor.fetchone())


def test_a_database_with_incidents_is_refused(node: Node) -> None:
    """Also one that was seeded."""
    seed_node(node, 1, Contents.STANDINGS)
    with pytest.raises(NotEmpty):
        seed_node(node, 1, Contents.STANDINGS)


@pytest.mark.parametrize(("mode", "code"), [(Mode.SANDBOX, 0), (Mode.LIVE, 1)])
def test_a_live_node_is_refused(tmp_path: Path, mode: Mode, code: int) -> None:
    """Whatever its database holds."""
    settings = Settings(home=tmp_path / "node", origin="https://registry.example", mode=mode)
    create_node(settings)
    migrate(settings)
    environment = {**os.environ, "REGISTRY_HOME": str(settings.home)}
    arguments = ["bench", "seed", "--subjects", "3", "--json"]
    result = CliRunner().invoke(main, arguments, env=environment)
    assert code == result.exit_code, result.output
    with open_node(settings) as node, node.database.reading() as transaction:
        cursor = transaction.raw_cursor()
        cursor.execute("SELECT count(*) FROM standings")
        assert (0 if code else 3) == cursor.fetchone()[0]
