"""What a registry says of itself, read now and then, and held to who it must be."""

import threading
from collections.abc import Callable

from registry.client import answers
from registry.client.calls import Outgoing, document_of
from registry.client.problems import AnswerNotTrusted
from registry.client.results import WellKnown
from registry.client.retrying import Timer
from registry.client.transport import Answer

WELL_KNOWN_PATH = "/.well-known/consumer-credit-registry"
WELL_KNOWN_FRESH_SECONDS = 600


class KnownRegistry:
    """The well-known document of one registry, not older than ten minutes.

    `call` makes an unsigned call. `federation`, where given, must be the registry's.
    """

    def __init__(
        self,
        *,
        call: Callable[[Outgoing], Answer],
        origin: str,
        federation: str | None,
        timer: Timer,
    ) -> None:
        self._call = call
        self._origin = origin
        self._federation = federation
        self._timer = timer
        self._lock = threading.Lock()
        self._known: WellKnown | None = None
        self._until = 0.0

    def read(self) -> WellKnown:
        """The document.

        Raises: AnswerNotTrusted when it speaks for another origin or federation.
        """
        with self._lock:
            if self._known is None or self._timer.monotonic() >= self._until:
                self._known = self._fetch()
                self._until = self._timer.monotonic() + WELL_KNOWN_FRESH_SECONDS
            return self._known

    def read_again(self) -> WellKnown:
        """The document as it is now."""
        with self._lock:
            self._known = None
        return self.read()

    def _fetch(self) -> WellKnown:
        answer = self._call(Outgoing(method="GET", target=WELL_KNOWN_PATH))
        known = answers.read_well_known(document_of(answer, self._timer.now()))
        if known.origin != self._origin:
            raise AnswerNotTrusted(f"this registry's origin is {known.origin}, not {self._origin}")
        if self._federation not in (None, known.federation):
            raise AnswerNotTrusted(
                f"this registry is of the federation {known.federation}, not {self._federation}"
            )
        return known
