"""Memory: nobody looks for cycles where many thousands of values are made that hold none."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pauses:
    """How many want quiet, and whether collection is to be turned on after the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._was_on = False

    def begin(self) -> None:
        with self._lock:
            if self._count == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0 and self._was_on:
                gc.enable()


_pauses = _Pauses()


@contextmanager
def without_collection() -> Iterator[None]:
    """Puts the search for cycles off, in the whole process, until the last of these has ended.

    For bounded work alone: what is no cycle is freed as ever. A search walks through all
    that is alive, again and again as a batch grows: a fifth of the time of an import.
    """
    _pauses.begin()
    try:
        yield
    finally:
        _pauses.end()
