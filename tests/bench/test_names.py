"""What is asked for is measured, with what it is compared with, and nothing else."""

import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import suite
from bench.__main__ import main
from bench.names import (
    BATCH_CONNECTIONS_MAX,
    DATABASES,
    DURABLE,
    OPERATIONS,
    PARTS,
    NothingCalledSo,
    every_name,
    listed,
    with_compared,
)
from bench.suite import FULL, QUICK, Choice


def parts_of(only: str) -> set[str]:
    choice = Choice.of(QUICK, only.split(","), DATABASES)
    return {part for part in PARTS for kind in DATABASES if choice.of_part(part, kind)}


@pytest.mark.parametrize(
    ("only", "parts"),
    [
        ("*", set(PARTS)),
        *((part, {part}) for part in PARTS),
        *((f"{part}.*", {part}) for part in ("import", "growth", "logs", "deadlines")),
        ("lookup.lean", {"doors", "disks"}),
        ("bucket.*", {"doors"}),
        ("*@fsync4ms", {"disks"}),
        ("import.job.sqlite,logs.*", {"import", "logs"}),
    ],
)
def test_a_pattern_selects_the_parts_it_speaks_of(only: str, parts: set[str]) -> None:
    """By the part's name, by a work, by marks, or by several of them."""
    assert parts == parts_of(only)


@pytest.mark.parametrize("only", ["nothing", "lookup.lean,nothing", "soak", "lookup.lean.mysql"])
def test_a_pattern_of_nothing_is_refused_with_what_there_is(only: str) -> None:
    """Also beside one that selects something."""
    with pytest.raises(NothingCalledSo):
        Choice.of(QUICK, only.split(","), DATABASES)
    answer = CliRunner().invoke(main, ["--quick", "--only", only])
    assert 2 == answer.exit_code
    assert "growth.lookup.lean" in answer.output


def test_each_figure_can_be_asked_for_by_its_name() -> None:
    """As the results call it, and that alone; names are of one figure each."""
    names = every_name(FULL.grid, DATABASES)
    assert len(names) == len(set(map(str, names)))
    for name in names:
        assert [name] == [each for each in names if each.answers_to(str(name))]


def test_doors_are_measured_at_few_and_many_connections_and_on_slow_disks() -> None:
    """Each door at 8, 32 and 256; what waits for a sync there on disks of 1 and 4 ms too."""
    names = set(map(str, every_name(FULL.grid, ["postgresql"])))
    for work in OPERATIONS[3:]:
        for marks in ("@c8", "", "@c256"):
            batch = work.startswith("batch.") and marks == "@c256"
            assert batch != (f"{work}.postgresql{marks}" in names)
    for work in DURABLE:
        for connections in ("@c8", "", "@c256"):
            for disk in ("@fsync1ms", "@fsync4ms"):
                batch = work.startswith("batch.") and connections == "@c256"
                assert batch != (f"{work}.postgresql{connections}{disk}" in names)
    assert BATCH_CONNECTIONS_MAX == 32


@pytest.mark.parametrize(
    ("only", "kind", "expected"),
    [
        ("lookup.lean", "postgresql", ("bare.flask", "lookup.lean", "lookup.handwritten")),
        ("lookup.lean@soak", "sqlite", ("bare.flask", "lookup.lean")),
        ("bucket.lean", "sqlite", ("bare.flask", "bucket.lean", "bucket.static")),
        ("evaluation.core", "sqlite", ("bare.flask", "evaluation.libsodium", "evaluation.core")),
        ("*.postgresql", "sqlite", ()),
    ],
)
def test_what_is_asked_for_comes_with_what_it_is_compared_with(
    only: str, kind: str, expected: tuple[str, ...]
) -> None:
    """The bare route always; by hand, static and libsodium where they belong."""
    usual = [
        each
        for each in Choice.of(QUICK, [only], DATABASES).of_part("doors", kind)
        if each.connections == 32
    ]
    assert expected == with_compared(usual, kind, 32)


def test_a_part_that_fails_does_not_take_the_others_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is named with its reason, and the next one is measured."""
    done: list[str] = []

    def fails(*_: object) -> None:
        raise SystemExit("the server did not start")

    def works(_choice: Choice, kind: str, *_: object) -> None:
        done.append(kind)

    monkeypatch.setattr(suite, "_PARTS", {"logs": fails, "deadlines": works})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept: list[object] = []
    choice = Choice.of(QUICK, ["logs", "deadlines"], ["sqlite"])
    document = suite.run(choice, lambda _: None, kept.append)
    assert {"logs.sqlite": "SystemExit: the server did not start"} == document["failed"]
    assert (["sqlite"], 2) == (done, len(kept))
    assert {"logs.sqlite", "deadlines.sqlite"} == set(document["took_seconds"])


def test_the_list_names_each_part_and_work_once() -> None:
    """What is not as usual stands behind the work."""
    lines = listed(every_name(FULL.grid, DATABASES)).splitlines()
    assert [f"{part}:" for part in PARTS] == [each for each in lines if each.endswith(":")]
    assert "  lookup.lean @c8 @c256 @half @soak" in lines
    assert 1 == lines.count("  bucket.static @c8 @c256")
