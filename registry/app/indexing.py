"""Fills the supervisors' index beside the API, without getting in its way."""

import logging
import threading
import time

from flask import Flask

from registry.app.node import Node
from registry.http.wiring import service_of

logger = logging.getLogger("registry.indexer")

STEP_ENTRIES_MAX = 500
IDLE_SECONDS = 2.0
# A step takes the embedded database's one turn to write, and Python's one lock: it
# rests nine times as long as it worked. Whatever is left, a search catches up with.
REST_FACTOR = 9
STOP_SECONDS_MAX = 10


class Indexing:
    """A thread that indexes what the sequencer has placed, as long as this worker lives."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)

    @classmethod
    def start(cls, app: Flask) -> "Indexing":
        """Starts the thread of `app`'s node."""
        indexing = cls(service_of(app, Node))
        indexing._thread.start()
        return indexing

    def stop(self) -> None:
        """Ends the thread after its step."""
        self._stop.set()
        self._thread.join(STOP_SECONDS_MAX)

    def _run(self) -> None:
        rest_seconds = IDLE_SECONDS
        while not self._stop.wait(rest_seconds):
            try:
                rest_seconds = self._step()
            except Exception:
                # One of the outermost loops: what failed was undone, and is tried again.
                logger.exception("the indexer failed; it tries again")
                rest_seconds = IDLE_SECONDS

    def _step(self) -> float:
        """Indexes some entries, if there are; how long to rest then."""
        indexer = self._node.auditing.indexer
        with self._node.database.reading() as transaction:
            is_behind = any(each.indexed < each.size for each in indexer.coverage(transaction))
        if not is_behind:
            return IDLE_SECONDS
        began = time.monotonic()
        with self._node.database.transaction() as transaction:
            indexer.step(transaction, STEP_ENTRIES_MAX)
        return (time.monotonic() - began) * REST_FACTOR
