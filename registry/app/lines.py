"""Where access lines and faults go: standard error, one JSON object or traceback each."""

import logging
import sys


def write_lines() -> None:
    """Sends the lines of the registry's own loggers to standard error.

    A server calls it once; tests and commands decide for themselves.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("registry")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
