"""What is done again and again beside the API: in a thread of a server, or by a command."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry.database.transaction import DatabaseUnavailable

RETRY_SECONDS = 2.0
STOP_SECONDS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Bounded steps without an end.

    `step` may look at the event that ends it, and says for how many seconds to rest then;
    `finish` is called at the end. What is `halted_by` an error is not begun again: an
    operator has to look. Lines go to the logger `registry.<name>`.
    """

    name: str
    step: Callable[[threading.Event], float]
    finish: Callable[[], None] = lambda: None
    halted_by: tuple[type[Exception], ...] = ()


class Background:
    """A thread that does one chore until it is told to stop."""

    def __init__(self, chore: Chore) -> None:
        self._chore = chore
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=chore.name, daemon=True)

    @classmethod
    def start(cls, chores: Sequence[Chore]) -> "list[Background]":
        """A running thread for each of `chores`."""
        threads = [cls(each) for each in chores]
        for each in threads:
            each._thread.start()
        return threads

    @staticmethod
    def stop(threads: "Sequence[Background]") -> None:
        """Ends them all after the steps they are at."""
        for each in threads:
            each._stop.set()
        for each in threads:
            each._thread.join(STOP_SECONDS_MAX)

    @property
    def is_running(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            repeat(self._chore, self._stop)
        except self._chore.halted_by as error:
            # The API goes on with what is left.
            logger = logging.getLogger(f"registry.{self._chore.name}")
            logger.critical("the %s has halted: %s", self._chore.name, error)


def repeat(chore: Chore, stop: threading.Event) -> None:
    """Does `chore` until `stop` is set, then finishes it.

    Raises: what it is halted by.
    """
    logger = logging.getLogger(f"registry.{chore.name}")
    while not stop.is_set():
        try:
            rest_seconds = chore.step(stop)
        except chore.halted_by:
            raise
        except DatabaseUnavailable:
            logger.warning("the %s cannot reach the database; it tries again", chore.name)
            rest_seconds = RETRY_SECONDS
        except Exception:
            # One of the outermost loops: what failed was undone, and is tried again.
            logger.exception("the %s failed; it tries again", chore.name)
            rest_seconds = RETRY_SECONDS
        stop.wait(rest_seconds)
    try:
        chore.finish()
    except DatabaseUnavailable:
        logger.warning("the %s ended without the database", chore.name)
