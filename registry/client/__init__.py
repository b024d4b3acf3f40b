"""The SDK: a member's whole conversation with a registry, in one object.

    from registry.client import Authorisation, Identifier, Registry

    with Registry("https://registry.example", "mem_…", "member.pem") as registry:
        decided = registry.decide(
            [Identifier.phone("138 0013 8000")],
            purpose="refund_only_review",
            order="A-1001",
            authorisation=Authorisation(basis="separate_consent", reference="C-77"),
            agent="staff-0017",
        )
        print(decided.way, decided.advice)

Of whom nothing is known, the registry is not told; anyone else is looked up, on the
record. `AsyncRegistry` has the same calls for asyncio.

Promises: an identifier never leaves this machine; a token is used only once its
proof has verified; a call tried again counts once; whatever fails is one of the
errors below, InvalidIdentifier, or ValueError for wrong use.
Never: follows a redirect, uses a proxy of the environment, waits longer than it
was told to, writes an identifier or a token into a repr or a line of a log.

    Registry -> tokens    normalise, blind, verify, finalise, cache
             |-> screening  buckets and decoys, verified, kept
             |-> calls    sign, send, try again -> transport
             '-> answers  documents -> frozen results;  receipts: verified

Source: docs/protocol.md.
"""

from registry.client.asynchronous import AsyncRegistry
from registry.client.documents import DocumentUnreadable
from registry.client.problems import (
    AnswerNotTrusted,
    AnswerNotUnderstood,
    RegistryError,
    RegistryProblem,
    RegistryUnreachable,
)
from registry.client.profile import Profile, read_profile
from registry.client.receipts import ReceiptNotVerified
from registry.client.registry import Registry
from registry.client.requests import (
    Amendment,
    Authorisation,
    Decision,
    Evidence,
    Identifier,
    LookupRequest,
    Notice,
    Outcome,
    Report,
    mailbox,
)
from registry.client.results import (
    Advice,
    Band,
    Decided,
    Filed,
    IdentityToken,
    Incident,
    IncidentState,
    LogEntry,
    Lookup,
    Match,
    NotLookedUp,
    ProvenSnapshot,
    Reason,
    Receipt,
    RecordedOutcome,
    Rulebook,
    Screening,
    Way,
    WellKnown,
)
from registry.client.retrying import Retries, SystemTimer, Timer
from registry.client.snapshots import ScreeningNotTrusted
from registry.client.tokens import MemoryCache, NoCache, TokenCache
from registry.client.transport import Answer, Connections
from registry.identity.normalise import IdentifierType, InvalidIdentifier
from registry.kernel.money import Money

__all__ = [
    "Advice",
    "Amendment",
    "Answer",
    "AnswerNotTrusted",
    "AnswerNotUnderstood",
    "AsyncRegistry",
    "Authorisation",
    "Band",
    "Connections",
    "Decided",
    "Decision",
    "DocumentUnreadable",
    "Evidence",
    "Filed",
    "Identifier",
    "IdentifierType",
    "IdentityToken",
    "Incident",
    "IncidentState",
    "InvalidIdentifier",
    "LogEntry",
    "Lookup",
    "LookupRequest",
    "Match",
    "MemoryCache",
    "Money",
    "NoCache",
    "NotLookedUp",
    "Notice",
    "Outcome",
    "Profile",
    "ProvenSnapshot",
    "Reason",
    "Receipt",
    "ReceiptNotVerified",
    "RecordedOutcome",
    "Registry",
    "RegistryError",
    "RegistryProblem",
    "RegistryUnreachable",
    "Report",
    "Retries",
    "Rulebook",
    "Screening",
    "ScreeningNotTrusted",
    "SystemTimer",
    "Timer",
    "TokenCache",
    "Way",
    "WellKnown",
    "mailbox",
    "read_profile",
]
