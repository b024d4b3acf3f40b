"""The benchmark's own sums and signatures are right; its times are nobody's business here."""

import ctypes
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.calls import Caller, Desk, Server, bare_requests
from bench.disks import NoCompiler, slow_disk
from bench.figures import (
    Comparisons,
    Round,
    Spread,
    cpu_ratios,
    figure_of,
    percentile,
    ratios,
    spread,
)
from registry.crypto.signature import PrivateKey
from registry.http.caller import Caller as KnownCaller
from registry.http.caller import KeyRecord
from registry.http.signed_request import ReceivedCall, verify_signed_request
from registry.kernel.ids import MemberId

ORIGIN = "http://127.0.0.1:1"
MEMBER = "mem_01992f5e-7c00-7abc-8def-0123456789ab"
KEY = PrivateKey.generate()


def new_desk() -> Desk:
    server = Server(origin=ORIGIN, signing_key=KEY.public, evaluation_key=bytes(32))
    caller = Caller(server=server, member=MEMBER, key=KEY)
    return Desk(callers=(caller, caller), known=10)


def measured(requests: int, seconds: float, server_cpu_microseconds: float = 1.0) -> Round:
    return Round(
        requests=requests,
        seconds=seconds,
        p50_milliseconds=1.0,
        p99_milliseconds=1.0,
        server_cpu_microseconds=server_cpu_microseconds,
        database_cpu_microseconds=100.0,
    )


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1.0), (50, 50.0), (99, 99.0), (99.1, 100.0), (100, 100.0)]
)
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    """The nearest rank of a hundred values is the value of that rank."""
    assert expected == percentile([float(value) for value in range(1, 101)], percent)


def test_a_percentile_of_one_value_is_that_value() -> None:
    """However high or low the percentile."""
    assert (7.0, 7.0) == (percentile([7.0], 0.1), percentile([7.0], 100))


def test_a_ratio_is_taken_within_its_round() -> None:
    """A machine that is half as fast in one round does not change the ratio."""
    operation = [measured(200, 2.0), measured(50, 1.0), measured(120, 1.0)]
    bare = [measured(1000, 1.0), measured(500, 1.0), measured(1000, 1.0)]
    assert Spread(median=0.1, least=0.1, most=0.12) == ratios(operation, bare)


def test_a_ratio_by_processor_time_knows_no_clock() -> None:
    """Twice the processor time, the database's included, is half of the requests."""
    operation, bare = measured(1, 60.0, 500.0), measured(1000, 1.0, 200.0)
    assert Spread(median=0.5, least=0.5, most=0.5) == cpu_ratios([operation], [bare])


def test_a_spread_holds_the_middle_and_the_ends() -> None:
    """Of an even number of rounds the middle is halfway between the middle two."""
    assert Spread(median=2.5, least=1.0, most=9.0) == spread([9.0, 1.0, 2.0, 3.0])


def received(data: bytes) -> ReceivedCall:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split()
    headers = dict(line.split(": ", 1) for line in lines)
    assert headers["Content-Length"] == str(len(body))
    return ReceivedCall(
        authorization=headers["Authorization"], method=method, target=target, body=body
    )


@pytest.mark.parametrize("kind", ["lookups", "reports", "evaluations"])
def test_prepared_calls_are_signed_as_the_door_asks(kind: str) -> None:
    """Each passes the door's own checks, and no two are the same request."""
    record = KeyRecord(
        public_key=KEY.public,
        is_active=True,
        caller=KnownCaller(
            member=MemberId(MEMBER),
            kid=KEY.public.kid,
            scopes=frozenset(),
            purposes=frozenset(),
            requests_per_minute=1,
            evaluations_per_hour=1,
        ),
    )
    prepared: list[Any] = getattr(new_desk(), kind)(5)
    verified = [
        verify_signed_request(
            received(each.data),
            audience=ORIGIN,
            now=datetime.now(UTC),
            find_key={KEY.public.kid: record}.get,
        )
        for each in prepared
    ]
    assert 5 == len({each.jti for each in verified})


def test_reports_are_about_another_subject_each() -> None:
    """Over rounds too: a repeated report would answer 200 and do nothing."""
    desk = new_desk()
    bodies = [received(each.data).body for each in (*desk.reports(3), *desk.reports(3))]
    assert 6 == len(set(bodies))


def test_an_answer_that_says_something_else_is_noticed() -> None:
    """The checks of a sample do look at it."""
    (bare,) = bare_requests("127.0.0.1:1", 1)
    bare.check(b"ok")
    with pytest.raises(AssertionError):
        bare.check(b"no")
    with pytest.raises(AssertionError):
        new_desk().lookups(1)[0].check(b'{"match":"weak"}')


def test_a_round_of_batches_counts_those_who_are_in_it() -> None:
    """A hundred at once: a hundred times the rate, a hundredth of the processor time each."""
    whole = measured(10, 2.0, 500.0)
    parts = whole.of_parts(100)
    assert (5.0, 500.0) == (whole.rate, parts.rate)
    assert (5.0, 1.0) == (parts.server_cpu_microseconds, parts.database_cpu_microseconds)
    assert whole.p99_milliseconds == parts.p99_milliseconds


def test_a_figure_compares_round_by_round() -> None:
    """With the bare route and with what is written by hand, each in its own round."""
    lookups = [measured(100, 1.0), measured(50, 1.0)]
    bare = [measured(200, 1.0), measured(50, 1.0)]
    handwritten = [measured(50, 1.0), measured(25, 1.0)]
    beside = Comparisons(bare=bare, handwritten=handwritten, static=bare, libsodium=bare)
    figure = figure_of("lookup.lean", lookups, beside)
    assert Spread(median=0.75, least=0.5, most=1.0) == figure.ratio_to_flask
    assert Spread(median=2.0, least=2.0, most=2.0) == figure.ratio_to_handwritten
    assert (75.0, 101.0) == (figure.rate, figure.cpu_us)
    # What is no bucket and no evaluation is not compared with theirs.
    assert (None, None) == (figure.ratio_to_static, figure.cpu_of_libsodium)
    alone = figure_of("lookup.lean", lookups, Comparisons(bare=bare))
    assert alone.ratio_to_handwritten is None


def test_buckets_and_evaluations_are_compared_with_the_least_there_is() -> None:
    """Buckets with the static route by rate, evaluations with libsodium by processor time."""
    found, least = [measured(50, 1.0, 500.0)], [measured(100, 1.0, 200.0)]
    beside = Comparisons(bare=found, static=least, libsodium=least)
    half, double = (Spread(median=each, least=each, most=each) for each in (0.5, 2.0))
    assert half == figure_of("bucket.lean", found, beside).ratio_to_static
    assert double == figure_of("evaluation.lean", found, beside).cpu_of_libsodium


def test_a_slow_disk_stands_before_both_syncs(tmp_path: Path) -> None:
    """The library has them, and a program that loads it syncs as ever; else it is said."""
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        with pytest.raises(NoCompiler):
            slow_disk(tmp_path, 1)
        return
    disk = slow_disk(tmp_path, 1)
    library = ctypes.CDLL(disk.environment["LD_PRELOAD"])
    program = "import os; d = os.open('f', os.O_CREAT | os.O_WRONLY); os.fsync(d); os.fdatasync(d)"
    environment = {**os.environ, **disk.environment}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True)
    own = ctypes.CDLL(None)
    for name in ("fsync", "fdatasync"):
        assert address(library, name) != address(own, name)


def address(library: ctypes.CDLL, name: str) -> int | None:
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value
