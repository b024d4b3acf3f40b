"""Limits on calls: counted per member, told in RateLimit headers.

The request limit is a fixed window in this process's memory: it protects the
process. Quotas that protect people (evaluations) are durable and their room's.
Source: draft-ietf-httpapi-ratelimit-headers-10.
"""

import threading
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, Response, g

from registry.kernel.problems import Kind, Problem, Text

WINDOW_SECONDS = 60
_MEMBERS_REMEMBERED_MAX = 10_000


class TooManyRequests(Problem):
    """The member made more calls in a minute than its grant allows."""

    kind = Kind.TOO_MANY
    title = Text(en="Too many requests", zh="请求过于频繁")
    advice = Text(
        en="Wait for the time in Retry-After; the RateLimit headers tell what is left.",
        zh="请等待 Retry-After 给出的时间；RateLimit 响应头会告知剩余额度。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of one limit after this call."""

    name: str
    quota: int
    window_seconds: int
    remaining: int
    reset_seconds: int


class RequestLimiter:
    """Counts each member's calls in the present minute, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window = 0
        self._counts: dict[str, int] = {}

    def count(self, member: str, *, quota: int, now: datetime) -> Allowance:
        """Counts one call, and tells the caller what is left.

        Raises: TooManyRequests with the seconds until the next window.
        """
        allowance, calls = self._count(member, quota, now)
        announce(allowance)
        _require_within(allowance, calls)
        return allowance

    def count_quietly(self, name: str, *, quota: int, now: datetime) -> None:
        """Counts one call of all callers together: what is left is nobody's to know.

        Raises: TooManyRequests with the seconds until the next window.
        """
        _require_within(*self._count(name, quota, now))

    def _count(self, name: str, quota: int, now: datetime) -> tuple[Allowance, int]:
        seconds = int(now.timestamp())
        window, elapsed = divmod(seconds, WINDOW_SECONDS)
        with self._lock:
            if window != self._window or len(self._counts) > _MEMBERS_REMEMBERED_MAX:
                self._window, self._counts = window, {}
            calls = self._counts.get(name, 0) + 1
            self._counts[name] = calls
        allowance = Allowance(
            name="requests",
            quota=quota,
            window_seconds=WINDOW_SECONDS,
            remaining=max(0, quota - calls),
            reset_seconds=WINDOW_SECONDS - elapsed,
        )
        return allowance, calls


def _require_within(allowance: Allowance, calls: int) -> None:
    if calls > allowance.quota:
        raise TooManyRequests(retry_after_seconds=allowance.reset_seconds)


def announce(allowance: Allowance) -> None:
    """Puts a limit into the headers of the answer to the request at hand."""
    g.setdefault("allowances", {})[allowance.name] = allowance


def register_limit_headers(app: Flask) -> None:
    """Adds RateLimit and RateLimit-Policy to every answer that counted something."""

    @app.after_request
    def add(response: Response) -> Response:
        allowances = g.get("allowances", {}).values()
        if allowances:
            response.headers["RateLimit-Policy"] = ", ".join(
                f'"{each.name}";q={each.quota};w={each.window_seconds}' for each in allowances
            )
            response.headers["RateLimit"] = ", ".join(
                f'"{each.name}";r={each.remaining};t={each.reset_seconds}' for each in allowances
            )
        return response
