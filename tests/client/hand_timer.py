"""A timer in the hand."""

from datetime import UTC, datetime, timedelta


class HandTimer:
    """A timer that never waits: it writes down for how long, and moves on."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
        self.seconds = 1000.0
        self.waits: list[float] = []

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds
        self.instant += timedelta(seconds=seconds)
