"""The same registry for asyncio: the same calls, awaited.

Each call runs in a thread of a small pool, where the client that waits does its work:
one implementation of signing, proofs, retries and verification, and one that was
tested. Blinding and finalising are libsodium's, which lets Python's lock go; the
event loop is never held up by either. As many calls are made at once as there are
connections; what is over waits its turn.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from registry.client.profile import Profile
from registry.client.registry import Registry
from registry.client.requests import (
    Amendment,
    Authorisation,
    Identifier,
    Identity,
    LookupRequest,
    Outcome,
    Report,
)
from registry.client.results import (
    Decided,
    Filed,
    IdentityToken,
    Incident,
    LogEntry,
    Lookup,
    NotLookedUp,
    ProvenSnapshot,
    Receipt,
    RecordedOutcome,
    Rulebook,
    Screening,
    WellKnown,
)
from registry.client.retrying import Retries, SystemTimer, Timer
from registry.client.tokens import TokenCache
from registry.client.transport import Answer, Connections
from registry.crypto.signature import PrivateKey
from registry.identity.normalise import IdentifierType
from registry.kernel.canonical import JsonValue

P = ParamSpec("P")
T = TypeVar("T")


class AsyncRegistry:
    """A member's connection to one registry, for one event loop.

    Takes what `Registry` takes, and raises what it raises. A call that is cancelled is
    no longer waited for; what was sent may arrive all the same, as when a connection
    breaks: sent again under the same reference it counts once.
    """

    def __init__(
        self,
        origin: str,
        member: str,
        key: PrivateKey | Path | str,
        *,
        federation: str | None = None,
        region: str = "CN",
        cache: TokenCache | None = None,
        cache_key: bytes | None = None,
        connections: Connections = Connections(),  # noqa: B008 - frozen
        retries: Retries = Retries(),  # noqa: B008 - frozen
        timer: Timer = SystemTimer(),  # noqa: B008 - stateless
    ) -> None:
        self._begin(
            Registry(
                origin,
                member,
                key,
                federation=federation,
                region=region,
                cache=cache,
                cache_key=cache_key,
                connections=connections,
                retries=retries,
                timer=timer,
            ),
            connections.connections_max,
        )

    @staticmethod
    def of(registry: Registry, *, calls_max: int = 16) -> "AsyncRegistry":
        """The same connection, awaited; closed with this one."""
        made = AsyncRegistry.__new__(AsyncRegistry)
        made._begin(registry, calls_max)
        return made

    @staticmethod
    def from_profile(profile: Profile | Path | str | None = None) -> "AsyncRegistry":
        """The registry a profile names; without one, the file in CCR_PROFILE."""
        return AsyncRegistry.of(Registry.from_profile(profile))

    def _begin(self, registry: Registry, calls_max: int) -> None:
        self._registry = registry
        self.origin = registry.origin
        self.member = registry.member
        self._threads = ThreadPoolExecutor(calls_max, thread_name_prefix="registry-client")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Lets the calls end that are under way, and closes the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._registry.close()

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(call, *args, **kwargs))

    # -- the registry itself

    async def well_known(self) -> WellKnown:
        """What the registry says of itself, not older than ten minutes."""
        return await self._run(self._registry.well_known)

    async def rulebook(self, edition: str | None = None) -> Rulebook:
        """The edition of the rulebook in force, or the one named."""
        return await self._run(self._registry.rulebook, edition)

    # -- identity tokens

    async def token_for(self, type: IdentifierType | str, identifier: str) -> IdentityToken:
        """The token of one identifier, which does not leave this machine."""
        return await self._run(self._registry.token_for, type, identifier)

    async def tokens_for(self, identifiers: Sequence[Identifier]) -> list[IdentityToken]:
        """The tokens of `identifiers` in their order."""
        return await self._run(self._registry.tokens_for, identifiers)

    async def check(self, identifiers: Sequence[Identifier]) -> None:
        """Raises: InvalidIdentifier for the first that is none. Nothing is sent."""
        await self._run(self._registry.check, identifiers)

    # -- incidents

    async def report(self, report: Report) -> Filed:
        """Files a confirmed incident. The same report again is not filed twice."""
        return await self._run(self._registry.report, report)

    async def report_document(self, document: Mapping[str, JsonValue]) -> Filed:
        """Files a report given as the document of the API."""
        return await self._run(self._registry.report_document, document)

    async def incident(self, id: str) -> Incident:
        """One of this member's incidents, with the ETag an amendment needs."""
        return await self._run(self._registry.incident, id)

    async def incidents(self) -> AsyncIterator[Incident]:
        """All of this member's incidents, fetched page by page as they are read."""
        found = self._registry.incidents()
        while (incident := await self._run(next, found, None)) is not None:
            yield incident

    async def amend(self, incident: Incident, amendment: Amendment) -> Filed:
        """Replaces what the amendment names, if the incident still is the one that was read."""
        return await self._run(self._registry.amend, incident, amendment)

    async def withdraw(self, id: str, *, reason: str | None = None) -> Filed:
        """Takes an incident back: from now on it is in no answer."""
        return await self._run(self._registry.withdraw, id, reason=reason)

    # -- screening and lookups

    async def screen(self, identities: Sequence[Identity]) -> Screening:
        """Whether anything is known of one person, without naming them to anybody."""
        return await self._run(self._registry.screen, identities)

    async def decide(
        self,
        identities: Sequence[Identity],
        *,
        purpose: str,
        order: str,
        authorisation: Authorisation,
        agent: str,
    ) -> Decided:
        """What to do about a request: screened first, looked up only on a hit."""
        return await self._run(
            self._registry.decide,
            identities,
            purpose=purpose,
            order=order,
            authorisation=authorisation,
            agent=agent,
        )

    async def prove_screening(self) -> list[ProvenSnapshot]:
        """Holds the buckets that were read to the roots in the incident log."""
        return await self._run(self._registry.prove_screening)

    async def lookup(
        self,
        identities: Sequence[Identity],
        *,
        purpose: str,
        order: str,
        authorisation: Authorisation,
        agent: str,
    ) -> Lookup:
        """What is known about one person; the person can see that it was asked."""
        return await self._run(
            self._registry.lookup,
            identities,
            purpose=purpose,
            order=order,
            authorisation=authorisation,
            agent=agent,
        )

    async def lookup_many(self, requests: Sequence[LookupRequest]) -> list[Lookup | NotLookedUp]:
        """The answers to several lookups in their order, each logged alone, 100 in a call."""
        return await self._run(self._registry.lookup_many, requests)

    async def record_outcome(self, lookup_id: str, outcome: Outcome) -> RecordedOutcome:
        """Tells the registry what was done after a lookup; it stands in the log, too."""
        return await self._run(self._registry.record_outcome, lookup_id, outcome)

    # -- proofs

    async def receipt(self, entry: str) -> LogEntry:
        """A log entry, opened to who made it, and once it is merged its place, proved."""
        return await self._run(self._registry.receipt, entry)

    async def verify_receipt(self, receipt: str) -> Receipt:
        """What a receipt promises, once its signature has verified."""
        return await self._run(self._registry.verify_receipt, receipt)

    # -- anything else

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, JsonValue] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to any signed call, whatever its status."""
        return await self._run(self._registry.call, method, path, body=body, headers=headers)
