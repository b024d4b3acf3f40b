"""Commands that run until they are told to end."""

import logging
import signal
import threading


def until_signal() -> threading.Event:
    """Is set by SIGTERM or SIGINT; from now on lines of the registry go to stderr."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
