"""What a run found is written up as it is: tables, plots, and where the aims stand."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import aims
from bench.names import DATABASES, every_name
from bench.plots import plots
from bench.report import BEGIN, END, MarkersMissing, replaced, tables
from bench.results import RESULTS, joined, read
from bench.suite import FULL


def a_document() -> dict[str, Any]:
    figure = {
        "rate": 1234.5,
        "ratio_to_flask": {"median": 1.25, "least": 1.0, "most": 1.5},
        "ratio_to_handwritten": None,
        "cpu_ratio_to_flask": 1.1,
        "ratio_to_static": None,
        "cpu_of_libsodium": None,
        "p50_ms": 3.21,
        "p99_ms": 9.0,
        "cpu_us": 400.0,
        "database_cpu_us": 100.0,
    }
    return {
        "file": "run.json",
        "measured_at": "2026-01-02T03:04:05+00:00",
        "machine": {
            "cores": 2,
            "processor": "a processor",
            "python": "3.11",
            "fsync_microseconds": 120.0,
            "load_before": 0.1,
        },
        "extent": {"rounds": 5, "seconds": 2.0},
        "figures": {"lookup.lean.sqlite": figure, "lookup.lean.sqlite@c256": figure},
        "servers": {},
        "half_load": {},
        "soak": {
            "lookup.lean.sqlite": [
                {
                    "at_seconds": at,
                    "rate": 10.0,
                    "p50_ms": 1.0 + at,
                    "p99_ms": 2.0,
                    "worker_mib": 101.0 + at / 60,
                    "proportional_mib": 81.0,
                }
                for at in range(0, 600, 5)
            ]
        },
        "growth": {},
        "logs": {},
        "took_seconds": {"doors.sqlite": 120},
        "failed": {"logs.sqlite": "Disagreement: 3 entries"},
        "soak_memory_before": {"lookup.lean.sqlite": {"rss": 100.0, "pss": 80.0}},
        "deadlines": {"sqlite": {"1000": {"step_ms": 9.5, "longest_ms": 11, "peak_mib": 1.5}}},
    }


def whole(**changed: Any) -> dict[str, Any]:
    return joined([{**a_document(), **changed}])


def test_a_report_replaces_what_is_between_its_markers() -> None:
    """The prose around it stays; without its place, or with two, nothing is written."""
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    text = replaced(page, tables(whole()))
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert (
        "| `lookup.lean.sqlite` | 1.25 (1.00–1.50) | – | 1.10 | 1,234 | 3.2 | 9.0 | 400 |" in text
    )
    assert text.index("`lookup.lean.sqlite`") < text.index("`lookup.lean.sqlite@c256`")
    assert replaced(text, tables(whole())) == text
    for wrong in ("no place", f"{BEGIN}{BEGIN}{END}", f"{END}{BEGIN}"):
        with pytest.raises(MarkersMissing):
            replaced(wrong, "")


def test_a_part_that_failed_is_named_with_its_reason() -> None:
    """Beside how long the run took."""
    text = tables(whole())
    assert "It took 2 minutes (in seconds: doors.sqlite 120). **logs.sqlite failed**: Dis" in text


def test_plots_are_drawn_to_scale() -> None:
    """One bar for each figure of the usual connections, a line for each percentile."""
    made = plots(whole())
    assert {
        "ratios-sqlite.svg",
        "soak-sqlite.svg",
        "soak-memory-sqlite.svg",
    } == made.keys()
    for svg in made.values():
        ElementTree.fromstring(svg)
    assert 2 == made["ratios-sqlite.svg"].count("<rect")
    assert 2 == made["soak-sqlite.svg"].count("<polyline")
    assert 2 == made["soak-memory-sqlite.svg"].count("<polyline")


def test_memory_over_a_soak_is_shown_before_it_each_minute_and_at_its_end() -> None:
    """With the latency of the same seconds."""
    text = tables(whole())
    rows = [each.split(" | ") for each in text.splitlines() if each.count("|") == 7]
    found = {row[0].removeprefix("| "): row[4] for row in rows if len(row) == 6}
    assert "100" == found["before"]
    assert [f"{minute} min" for minute in range(1, 10)] == [e for e in found if e.endswith("min")]
    assert ("102", "110", "111") == (found["1 min"], found["9 min"], found["the end"])


@pytest.mark.parametrize(
    ("value", "least", "most", "short_of", "expected"),
    [
        (1.0, 1.0, None, "", "reached"),
        (0.5, 1.0, None, "", "**missed**: 50% of it"),
        (15.0, None, 15, "", "reached"),
        (30.0, None, 15, "", "**missed**: 2.00 times it"),
        (1.0, 0.9, None, "9 subjects", "reached at 9 subjects; not measured where the aim is"),
    ],
)
def test_an_aim_is_reached_or_missed_by_so_much(
    value: float, least: float | None, most: float | None, short_of: str, expected: str
) -> None:
    """Both bounds included; less than the aim speaks of is no measurement of it."""
    aim = aims.Aim(what="", figure="", find=lambda _: None, least=least, most=most)
    assert expected == aim.standing(aims.Found(value=value, short_of=short_of))
    assert "not measured" == aim.standing(None)


def test_every_aim_is_of_something_a_full_run_measures() -> None:
    """By the name it is shown with; and a run of nothing has found nothing."""
    names = set(map(str, every_name(FULL.grid, DATABASES)))
    assert names >= {each.figure for each in aims.AIMS}
    nothing = joined([])
    assert ["not measured"] * len(aims.AIMS) == [row[4] for row in aims.rows(nothing)]


def test_aims_are_read_from_what_a_run_found() -> None:
    """Figures, servers, growth, logs, soak and deadlines, each in its own place."""
    spread = {"median": 0.95, "least": 0.9, "most": 1.0}
    logs = {
        "entries": 1_000_000,
        "lookups_ratio": spread,
        "sequenced": {"median": 20_000.0},
        "proof_p99_milliseconds": 4.0,
        "verify_seconds": 90.0,
        "checkpoint_age_p99_seconds": 1.5,
    }
    lean = {"start_seconds": 1.0, "workers": 1, "worker_memory": {"rss": 100.0, "pss": 90.0}}
    step = {"step_ms": 10.0, "longest_ms": 12.0, "peak_mib": 2.0}
    document = whole(
        servers={"sqlite": {"by_door": {"lean": lean}}},
        half_load={"lookup.lean.sqlite": {"p99_milliseconds": {"median": 14.0}}},
        growth={
            "lookup.lean.sqlite": {
                "subjects": [10_000, 10_000_000],
                "ratios_to_first": [spread, spread],
            }
        },
        logs={"sqlite": logs},
        deadlines={"sqlite": {"1000": step, "100000": {**step, "step_ms": 20.0}}},
    )
    found = {row[0]: row[3:] for row in aims.rows(document) if row[0].endswith(", SQLite")}
    expected = {
        "lookup, lean door": ("1.25", "reached"),
        "p99 at half load": ("14.0 ms", "reached"),
        "lookup at 1e7 subjects, of that at 1e4": ("0.95", "reached"),
        "a worker's memory": ("105 MB", "reached"),
        "the same at the end of ten minutes, of after one": (
            "1.09",
            "**missed**: 1.04 times it",
        ),
        "lookups with the log, of those without": ("0.95", "reached"),
        "leaves the sequencer places a second": ("20,000", "**missed**: 50% of it"),
        "proof of a receipt at 1e6 entries, p99": ("4.00 ms", "reached"),
        "verifying 1e6 entries from files": ("90.0 s", "**missed**: 1.50 times it"),
        "age of the checkpoint while entries come, p99": ("1.50 s", "reached"),
        "a deadline step's time beside 1e5 open appeals, of beside few": (
            "2.00",
            "**missed**: 1.33 times it",
        ),
        "report": ("–", "not measured"),
    }
    assert expected == {what: found[f"{what}, SQLite"] for what in expected}


def test_the_logs_are_shown_with_what_they_are_compared_with() -> None:
    """A row for each figure, a column for each database."""
    spread = {"median": 0.9, "least": 0.8, "most": 1.0}
    found = {
        "entries": 1_000_000,
        "lookups_with_log": {"median": 900.0},
        "lookups_without_log": {"median": 1000.0},
        "lookups_ratio": spread,
        "sequenced": {"median": 41_000.0},
        "indexed": 3000.0,
        "proof_p50_milliseconds": 1.0,
        "proof_p99_milliseconds": 4.0,
        "verify_seconds": 50.0,
        "checkpoint_age_p50_seconds": 0.5,
        "checkpoint_age_p99_seconds": 1.5,
        "appended_meanwhile": 800.0,
    }
    text = tables(whole(logs={"sqlite": found, "postgresql": {**found, "entries": 2_000}}))
    assert "| the log | on SQLite | on PostgreSQL |" in text
    assert "| entries of the log | 1,000,000 | 2,000 |" in text
    assert "| with, of without, round by round | 0.90 (0.80–1.00) | 0.90 (0.80–1.00) |" in text
    assert "| leaves placed a second | 41,000 | 41,000 |" in text


def test_an_import_is_shown_though_no_door_is_beside_it() -> None:
    """Its rate and its process's time; it has no ratio."""
    figure = {
        "rate": 12_345.0,
        "cpu_us": 81.0,
        "ratio_to_flask": None,
        "ratio_to_handwritten": None,
    }
    text = tables(whole(figures={"import.job.postgresql": figure}))
    assert "| `import.job.postgresql` | 12,345 | 81 |" in text
    assert "| `import.job.postgresql` | ≥ 10,000 | 12,345 | reached |" in text


def test_of_several_runs_the_later_has_the_say() -> None:
    """In what it measured; what it did not stays, and each run is named."""
    later = {**a_document(), "figures": {"import.job.sqlite": {"rate": 1.0}}, "soak": {}}
    both = joined([a_document(), later])
    assert {"lookup.lean.sqlite", "lookup.lean.sqlite@c256", "import.job.sqlite"} == set(
        both["figures"]
    )
    assert 2 == len(both["runs"])
    assert both["soak"]


def test_a_run_that_noted_less_is_read_all_the_same(tmp_path: Path) -> None:
    """Its servers are the lean door alone; what it has not is not measured."""
    document = a_document()
    del document["soak_memory_before"], document["took_seconds"], document["failed"]
    memory = {"rss": 1.0, "pss": 1.0}
    document["servers"] = {
        "sqlite": {"workers": 1, "worker_memory_mib": memory, "start_seconds": 2.0}
    }
    path = tmp_path / "run.json"
    path.write_text(json.dumps(document))
    assert "| lean, SQLite | 1 | 1 | 1 | – | 2.0 |" in tables(joined([read(path)]))


def test_the_page_says_what_the_committed_results_say() -> None:
    """Whoever measures writes the page anew: its figures and aims are those of a run."""
    page = (RESULTS.parent.parent / "docs" / "performance.md").read_text(encoding="utf-8")
    files = re.findall(r"^`bench/results/([\w.-]+)`: measured", page, re.MULTILINE)
    assert files
    assert page == replaced(page, tables(joined([read(RESULTS / each) for each in files])))
