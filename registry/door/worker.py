"""gunicorn's worker for the lean door: uvicorn on uvloop, with our protocol."""

import signal
import sys
from types import FrameType
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

    def init_signals(self) -> None:
        """Sets what gunicorn's signals do where uvicorn does not listen to them itself.

        uvicorn ends its loop at a signal, puts the handler back that it had found, and
        raises the signal anew. With the system's own handler the process would end at
        that point, and `worker_exit` would never give back what is held until a time.
        """
        super().init_signals()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, _leave)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends at SIGQUIT as at SIGTERM: uvicorn listens to that one alone.

        gunicorn hands it on to its workers when it is interrupted itself.
        """
        super().handle_exit(sig, frame)
        signal.raise_signal(signal.SIGTERM)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
