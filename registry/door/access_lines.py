"""Access lines of the lean door: those of one turn of the event loop are written at once.

A write to a file or a pipe gives the interpreter away, and on a busy server it takes a
thread's turn to have it back. What is answered together is written together.
"""

import asyncio
from typing import Any

from registry.http.requests import access_line, write_access_lines


class AccessLines:
    """Lives on one event loop. A process that dies loses the lines of that turn, no more."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, **facts: Any) -> None:
        """Has a line of these facts, those of `access_line`, written within this turn."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(access_line(**facts))

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        write_access_lines(lines)
