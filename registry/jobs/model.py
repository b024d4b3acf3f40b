"""What a job is, and when one that failed is tried again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.problems import Kind, Problem, Text

KIND_CHARACTERS_MAX = 64
DEDUPLICATION_KEY_CHARACTERS_MAX = 128
PAYLOAD_BYTES_MAX = 4096
# With the delays below a job is tried for about three hours before it is set aside.
FAILURES_MAX = 12
RETRY_FIRST = timedelta(seconds=5)
RETRY_LONGEST = timedelta(hours=1)
# Whoever holds a job longer than this has died, or is taken for dead: a step, and what an
# errand does outside, must be over by then.
LEASE = timedelta(seconds=60)


class NoSuchJob(Problem):
    """There is no job of this id, or it is no dead letter."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such job", zh="没有该任务")
    advice = Text(en="See registry jobs list.", zh="请查看 registry jobs list。")


class LeaseLost(Exception):
    """Another may have done the work meanwhile: nothing of this attempt may remain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDraft:
    """Work to be done from `run_at` on, by the clock that rules go by.

    `payload` holds ids and small facts: no identifier, token or text of a letter.
    Of the jobs of one `kind` and `deduplication_key` one lives at a time.
    """

    kind: str
    payload: Mapping[str, JsonValue]
    run_at: datetime
    deduplication_key: str | None = None

    def __post_init__(self) -> None:
        assert 1 <= len(self.kind) <= KIND_CHARACTERS_MAX, "a kind's name has its limits"
        assert len(self.deduplication_key or "") <= DEDUPLICATION_KEY_CHARACTERS_MAX
        require_small(self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as a worker holds it; `attempt` is the claim under which it may end it."""

    id: UUID
    kind: str
    payload: Mapping[str, Any]
    run_at: datetime
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The result of a step: the same job once more, from `run_at` on.

    `payload` says where it goes on; None: as it was.
    """

    run_at: datetime
    payload: Mapping[str, JsonValue] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """A job as an operator sees it; `error` names what was raised last, without its text."""

    id: UUID
    kind: str
    payload: Mapping[str, Any]
    deduplication_key: str | None
    run_at: datetime
    attempt: int
    failures: int
    error: str | None
    leased_until: datetime | None
    dead_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How jobs stand: dead letters (counted up to a limit), and since when the oldest is due."""

    dead_letters: int
    oldest_due_at: datetime | None

    def lag_seconds(self, now: datetime) -> int:
        """For how long the oldest due job has waited."""
        if self.oldest_due_at is None:
            return 0
        return max(0, int((now - self.oldest_due_at).total_seconds()))


def require_small(payload: Mapping[str, JsonValue]) -> None:
    """A payload is ids and small facts; what is longer is a defect of its room."""
    assert len(canonical_json(payload)) <= PAYLOAD_BYTES_MAX, "a payload is ids"


def retry_at(now: datetime, failures: int, jitter: float) -> datetime:
    """When a job that has failed `failures` times is tried again.

    The delay doubles up to an hour; `jitter`, from 0 to 1, takes up to half of it away, so
    that what failed together does not come back together.
    """
    assert failures >= 1
    assert 0 <= jitter <= 1
    doublings = min(failures - 1, 20)
    delay: timedelta = min(RETRY_FIRST * 2**doublings, RETRY_LONGEST)
    return now + delay * (1 - jitter / 2)
