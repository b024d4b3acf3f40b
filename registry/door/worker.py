"""gunicorn's worker for the lean door: uvicorn on uvloop, with our protocol."""

from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker

from registry.door.protocol import StrictProtocol


class LeanWorker(UvicornWorker):  # type: ignore[misc] # uvicorn-worker is untyped
    """Serves the ASGI application; one event loop, and threads for what blocks."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": StrictProtocol,
        "ws": "none",
        "lifespan": "on",
        # Who asks from where is in no line and no answer.
        "access_log": False,
        "server_header": False,
        # Nothing here goes by the caller's address or the scheme of the proxy.
        "proxy_headers": False,
        "timeout_graceful_shutdown": 20,
    }
