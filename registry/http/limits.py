"""Limits on calls: counted per member, told in RateLimit headers.

The request limit is a fixed window in this process's memory: it protects the
process. Quotas that protect people (evaluations) are durable and their room's.
Source: draft-ietf-httpapi-ratelimit-headers-10.
"""

import threading
from collections.abc import Collection
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
    """What is left of one limit after this call; `is_exceeded`: it was one too many."""

    name: str
    quota: int
    window_seconds: int
    remaining: int
    reset_seconds: int
    is_exceeded: bool = False


class RequestLimiter:
    """Counts each member's calls in the present minute, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window = 0
        self._counts: dict[str, int] = {}

    def note(self, name: str, *, quota: int, now: datetime) -> Allowance:
        """Counts one call, and says what is left until the next window."""
        seconds = int(now.timestamp())
        window, elapsed = divmod(seconds, WINDOW_SECONDS)
        with self._lock:
            if window != self._window or len(self._counts) > _MEMBERS_REMEMBERED_MAX:
                self._window, self._counts = window, {}
            calls = self._counts.get(name, 0) + 1
            self._counts[name] = calls
        return Allowance(
            name="requests",
            quota=quota,
            window_seconds=WINDOW_SECONDS,
            remaining=max(0, quota - calls),
            reset_seconds=WINDOW_SECONDS - elapsed,
            is_exceeded=calls > quota,
        )

    def count(self, member: str, *, quota: int, now: datetime) -> Allowance:
        """Counts one call, and tells the caller what is left.

        Raises: TooManyRequests with the seconds until the next window.
        """
        allowance = self.note(member, quota=quota, now=now)
        announce(allowance)
        _require_within(allowance)
        return allowance

    def count_quietly(self, name: str, *, quota: int, now: datetime) -> None:
        """Counts one call of all callers together: what is left is nobody's to know.

        Raises: TooManyRequests with the seconds until the next window.
        """
        _require_within(self.note(name, quota=quota, now=now))


def _require_within(allowance: Allowance) -> None:
    if allowance.is_exceeded:
        raise TooManyRequests(retry_after_seconds=allowance.reset_seconds)


def announce(allowance: Allowance) -> None:
    """Puts a limit into the headers of the answer to the request at hand."""
    g.setdefault("allowances", {})[allowance.name] = allowance


def limit_headers(allowances: Collection[Allowance]) -> dict[str, str]:
    """The headers that tell of these limits; none where nothing was counted."""
    if not allowances:
        return {}
    return {
        "RateLimit-Policy": ", ".join(
            f'"{each.name}";q={each.quota};w={each.window_seconds}' for each in allowances
        ),
        "RateLimit": ", ".join(
            f'"{each.name}";r={each.remaining};t={each.reset_seconds}' for each in allowances
        ),
    }


def register_limit_headers(app: Flask) -> None:
    """Adds RateLimit and RateLimit-Policy to every answer that counted something."""

    @app.after_request
    def add(response: Response) -> Response:
        response.headers.update(limit_headers(g.get("allowances", {}).values()))
        return response
