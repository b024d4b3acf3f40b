"""Serves the sandbox: in this process while its history is made, by gunicorn afterwards."""

import logging
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from werkzeug.serving import make_server

from registry.app import create_app
from registry.app.node import Node
from registry.cli.node import gunicorn_arguments
from registry.settings import Settings

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 10


@contextmanager
def served_here(node: Node) -> Iterator[None]:
    """Serves `node` from a thread, so that its clock can be moved from this one."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    host, _, port = node.settings.authority.partition(":")
    server = make_server(host, int(port), create_app(node), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served_by_gunicorn(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Serves the node as `registry serve` does, from a process of its own."""
    home = settings.home.resolve()
    # Only this node: variables that speak of another one must not leak into it.
    environment = {name: value for name, value in os.environ.items() if name[:9] != "REGISTRY_"}
    environment |= {"REGISTRY_HOME": str(home)}
    with (home / "server.log").open("wb") as lines:
        process = subprocess.Popen(  # noqa: S603 # ourselves, with arguments made here
            gunicorn_arguments(settings.authority), env=environment, stdout=lines, stderr=lines
        )
        try:
            _wait_until_ready(process, settings.origin)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], origin: str) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    pool = urllib3.PoolManager(retries=False, timeout=2.0)
    while time.monotonic() < until and process.poll() is None:
        try:
            if pool.request("GET", f"{origin}/readyz").status == 200:
                return
        except urllib3.exceptions.HTTPError:
            # Not listening yet.
            time.sleep(0.05)
    raise RuntimeError("the server did not start; see server.log in the sandbox's home")
