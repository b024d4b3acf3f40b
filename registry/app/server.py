"""gunicorn's settings for this application, each with its reason.

Used as `gunicorn --config python:registry.app.server` and by `registry serve`.
"""

import gc
from typing import Any

from registry.app.background import Background
from registry.app.indexing import Indexing
from registry.settings import Settings

_settings = Settings.load()

wsgi_app = "registry.app.wsgi:app"

# Threads, because a call waits for the disk; one process on SQLite, whose single
# writer lock and group of connections belong to one process.
worker_class = "registry.app.worker.Worker"
workers = 1 if _settings.is_sqlite else _settings.workers
threads = _settings.threads

# Each worker listens on its own socket: the kernel spreads connections evenly.
reuse_port = not _settings.is_sqlite

# Platforms keep connections; a proxy in front closes idle ones later than this.
keepalive = 75

# A worker that has not answered for this long is stuck: every wait inside is shorter.
timeout = 30
graceful_timeout = 20

# Bodies and headers are bounded before they are read (a signed request is 4 KiB).
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# Access lines are the application's own: ids only, never paths or addresses.
accesslog = None
errorlog = "-"

# No control socket: nothing but signals steers the server.
control_socket_disable = True

# Heartbeat files in memory, so that a slow disk does not get a worker killed.
worker_tmp_dir = "/dev/shm"  # noqa: S108 # a directory of the kernel, made for this


def post_worker_init(worker: Any) -> None:
    """Starts what runs beside the API in each worker; of the sequencers, one holds the lease.

    Keeps the collector away from what a worker has loaded and never lets go:
    walking all of it takes 60 ms, in which no thread of the worker answers.
    """
    gc.collect()
    gc.freeze()
    worker.background = Background.start(worker.wsgi)
    worker.indexing = Indexing.start(worker.wsgi)


def worker_exit(_server: Any, worker: Any) -> None:
    """Lets indexer and sequencer end their steps, and the lease be given back."""
    for name in ("indexing", "background"):
        beside = getattr(worker, name, None)
        if beside is not None:
            beside.stop()
