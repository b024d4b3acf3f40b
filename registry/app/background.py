"""What runs beside the API in a server's worker: the sequencer of the logs."""

import logging
import threading

from flask import Flask

from registry.app.node import Node
from registry.http.wiring import service_of
from registry.ledger.high_water import LogForked
from registry.ledger.sequencer import INTERVAL_SECONDS
from registry.settings import SequencerPlace

logger = logging.getLogger("registry.sequencer")
STOP_SECONDS_MAX = 10


class Background:
    """A thread that sequences, as long as this worker lives and holds the lease."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    @classmethod
    def start(cls, app: Flask) -> "Background | None":
        """Starts the thread of `app`'s node, unless a command of its own sequences."""
        node = service_of(app, Node)
        if node.settings.sequencer is not SequencerPlace.INLINE:
            return None
        background = cls(node)
        background._thread.start()
        return background

    def stop(self) -> None:
        """Ends the thread after its step and gives the lease back."""
        self._stop.set()
        self._thread.join(STOP_SECONDS_MAX)

    def _run(self) -> None:
        try:
            sequence_until(self._stop, self._node)
        except LogForked as error:
            # The API goes on; the watch sees entries wait, and lookups are refused before long.
            logger.critical("the log is halted: %s", error)


def sequence_until(stop: threading.Event, node: Node) -> None:
    """Sequences until `stop` is set, then gives the lease back.

    Raises: LogForked: nothing more may be signed until an operator has looked.
    """
    while not stop.is_set():
        try:
            node.sequencer.run(stop)
            node.sequencer.release()
        except LogForked:
            raise
        except Exception:
            # One of the outermost loops: what failed was undone, and is tried again.
            logger.exception("the sequencer failed; it begins anew")
            stop.wait(INTERVAL_SECONDS)
