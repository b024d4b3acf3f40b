"""gunicorn's settings for this application, each with its reason.

Used as `gunicorn --config python:registry.app.server` and by `registry serve`.
"""

import gc
import sys
from typing import Any

from registry.app.background import Background
from registry.app.chores import chores_of_a_server
from registry.app.memory import keep_memory_together
from registry.app.node import Node
from registry.http.wiring import service_of
from registry.settings import DoorKind, Settings

SWITCH_SECONDS = 0.001

# Before there is a thread: what each has by then is its own.
keep_memory_together()

_settings = Settings.load()

_is_lean = _settings.door is DoorKind.LEAN

# The lean door answers the hot calls in an event loop and hands the others to Flask in
# threads; Flask alone takes a thread for each call, which waits for the disk there.
wsgi_app = "registry.door.asgi:app" if _is_lean else "registry.door.wsgi:app"
worker_class = "registry.door.worker.LeanWorker" if _is_lean else "registry.app.worker.Worker"

# One process on SQLite, whose writers share their commits inside a process.
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

# No header steers: not where the application lies, and not what scheme was spoken. The
# proxy in front hands on whatever a caller names so, and nothing here goes by either.
forwarded_allow_ips = ""
forwarder_headers = ""

# Access lines are the application's own: ids only, never paths or addresses.
accesslog = None
errorlog = "-"

# No control socket: nothing but signals steers the server.
control_socket_disable = True

# Heartbeat files in memory, so that a slow disk does not get a worker killed.
worker_tmp_dir = "/dev/shm"  # noqa: S108 # a directory of the kernel, made for this


def post_worker_init(worker: Any) -> None:
    """Starts what runs beside the API in each worker, or a companion for it.

    Keeps the collector away from what a worker has loaded and never lets go:
    walking all of it takes 60 ms, in which no thread of the worker answers.
    """
    # A thread that wants the interpreter waits so long before it is handed over. The
    # default of 5 ms is paid several times in an answer while the logs are sequenced.
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    # The lean door has the Flask application it stands before.
    flask = getattr(worker.wsgi, "flask", worker.wsgi)
    worker.background = Background.start(chores_of_a_server(service_of(flask, Node)))


def worker_exit(_server: Any, worker: Any) -> None:
    """Lets what runs beside the API end its steps, and give back its leases."""
    Background.stop(getattr(worker, "background", []))
