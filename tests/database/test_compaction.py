"""What was deleted is in no sample of PostgreSQL's planner either."""

import sqlalchemy as sa

from registry.database.compaction import compact
from registry.database.engine import Database

ROWS = 300


def run(database: Database, *statements: str) -> None:
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in statements:
            connection.execute(sa.text(statement))


def sampled(database: Database, table: str) -> str:
    """All that the planner keeps of what stands, or stood, in a table's columns."""
    select = sa.text(
        "SELECT coalesce(string_agg(concat(histogram_bounds, most_common_vals), ' '), '')"
        " FROM pg_stats WHERE tablename = :table"
    )
    with database.engine.connect() as connection:
        return str(connection.execute(select, {"table": table}).scalar_one())


def test_what_was_deleted_is_in_no_sample(postgresql_url: str) -> None:
    """Samples are taken anew of what is left; where nothing is, the operator is told how."""
    database = Database(postgresql_url)
    fill = f"SELECT 'secret ' || n FROM generate_series(1, {ROWS}) AS n"
    for table in ("some_go", "all_go", "never_sampled"):
        run(database, f"CREATE TABLE {table} AS {fill}")
    run(database, "ANALYZE some_go", "ANALYZE all_go")
    run(database, "INSERT INTO some_go VALUES ('kept'), ('kept too')")
    assert "secret 7" in sampled(database, "some_go")
    assert "secret 7" in sampled(database, "all_go")
    run(database, *(f"DELETE FROM {each} WHERE true" for each in ("all_go", "never_sampled")))
    run(database, "DELETE FROM some_go WHERE \"?column?\" LIKE 'secret%'")
    compacted = compact(database, ["some_go", "all_go", "never_sampled"])
    assert "secret" not in sampled(database, "some_go")
    assert "" == sampled(database, "never_sampled")
    assert compacted.advice is not None
    assert compacted.advice.startswith("DELETE FROM pg_catalog.pg_statistic WHERE starelid IN")
    assert "'some_go'" not in compacted.advice
    run(database, *(f"{each};" for each in compacted.advice.split(";") if each.strip()))
    assert "" == sampled(database, "all_go")
    again = compact(database, ["some_go", "all_go"])
    assert "VACUUM FULL some_go, all_go, pg_catalog.pg_statistic;" == again.advice
    database.close()
