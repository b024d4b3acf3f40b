"""gunicorn's settings of the node for an application that is none: nothing runs beside it."""

import gc

from registry.app.server import *  # noqa: F403


def post_worker_init(_worker: object) -> None:  # type: ignore[no-redef] # ours
    """Keeps the collector away from what is loaded, as the node's workers do."""
    gc.collect()
    gc.freeze()


def worker_exit(_server: object, _worker: object) -> None:  # type: ignore[no-redef] # ours
    """Has nothing to end."""
