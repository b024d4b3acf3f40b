"""The registry as a member sees it: one object, safe to share among threads."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from registry.client import answers, documents, entries, receipts
from registry.client.addresses import next_target, path_part
from registry.client.calls import Calls, Outgoing, document_of, json_body, problem_of
from registry.client.knowing import KnownRegistry
from registry.client.naming import Naming
from registry.client.problems import RegistryProblem
from registry.client.profile import Profile, profile_of_environment, read_profile
from registry.client.reading import Reader
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
from registry.client.screening import Screener
from registry.client.signing import Signer, read_key
from registry.client.tokens import MemoryCache, TokenCache, TokenMaker
from registry.client.transport import Answer, Connections, Transport
from registry.crypto.signature import PrivateKey
from registry.identity.normalise import IdentifierType
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import EntryId

LOOKUPS_MAX = 100


class Registry:
    """A member's connection to one registry.

    `key` is the member's private key or the PEM file it is in. `federation`,
    where given, must be the one the registry names: tokens of two federations
    have nothing in common. `region` reads national phone numbers. `cache` keeps
    tokens under HMACs made with `cache_key` (fresh for this process unless
    given), so that a cache shared between processes never holds an identifier.

    Nothing is sent before the first call.

    Raises: ValueError for an origin or a key that is none, OSError.
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
        private_key = key if isinstance(key, PrivateKey) else read_key(Path(key))
        self.origin = origin
        self.member = member
        self._timer = timer
        self._transport = Transport(origin, connections)
        self._calls = Calls(
            transport=self._transport,
            signer=Signer(origin=origin, member=member, key=private_key),
            retries=retries,
            timer=timer,
        )
        tokens = TokenMaker(
            evaluate=self._evaluate,
            region=region,
            cache=MemoryCache() if cache is None else cache,
            cache_key=cache_key,
        )
        self._known = KnownRegistry(
            call=self._calls.unsigned, origin=origin, federation=federation, timer=timer
        )
        self._naming = Naming(tokens=tokens, known=self._known)
        self._screener = Screener(
            call=self._calls.unsigned, well_known=self._known.read, key=private_key, timer=timer
        )

    @staticmethod
    def from_profile(profile: Profile | Path | str | None = None) -> "Registry":
        """The registry a profile names; without one, the file in CCR_PROFILE.

        Raises: ValueError, OSError.
        """
        if not isinstance(profile, Profile):
            path = profile_of_environment() if profile is None else Path(profile)
            if path is None:
                raise ValueError("no profile is given and CCR_PROFILE is not set")
            profile = read_profile(path)
        return Registry(
            profile.origin,
            profile.member,
            profile.private_key_file,
            federation=profile.federation,
            region=profile.region,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections; another call would open them again."""
        self._transport.close()

    # -- the registry itself

    def well_known(self) -> WellKnown:
        """What the registry says of itself, not older than ten minutes.

        Raises: AnswerNotTrusted when it speaks for another origin or federation.
        """
        return self._known.read()

    def rulebook(self, edition: str | None = None) -> Rulebook:
        """The edition of the rulebook in force, or the one named."""
        target = "/v1/rulebook" + (f"?edition={path_part(edition)}" if edition else "")
        answer = self._calls.unsigned(Outgoing(method="GET", target=target))
        return answers.read_rulebook(document_of(answer, self._timer.now()))

    # -- identity tokens

    def token_for(self, type: IdentifierType | str, identifier: str) -> IdentityToken:
        """The token of one identifier, which does not leave this machine.

        Raises: InvalidIdentifier before anything is sent; ValueError for an
        unknown type.
        """
        return self.tokens_for([Identifier(type=IdentifierType(type), value=identifier)])[0]

    def tokens_for(self, identifiers: Sequence[Identifier]) -> list[IdentityToken]:
        """The tokens of `identifiers` in their order, 64 in a call.

        What the cache knows is not asked for. The registry's proof is verified
        for every token.

        Raises: InvalidIdentifier before anything is sent; AnswerNotTrusted.
        """
        return self._naming.tokens_for(identifiers)

    def check(self, identifiers: Sequence[Identifier]) -> None:
        """Raises: InvalidIdentifier for the first that is none. Nothing is sent."""
        self._naming.check(identifiers)

    # -- incidents

    def report(self, report: Report) -> Filed:
        """Files a confirmed incident. The same report again is not filed twice.

        Raises: RegistryProblem with everything the rulebook finds missing in
        `errors`; InvalidIdentifier.
        """
        return self._file(report.to_document(self._naming.tokens_of(report.identities)))

    def report_document(self, document: Mapping[str, JsonValue]) -> Filed:
        """Files a report given as the document of the API.

        Identities may carry `identifier` instead of `key_id` and `token`: it is
        turned into a token here.

        Raises: DocumentUnreadable, and what `report` raises.
        """
        return self._file(documents.with_tokens(document, self.tokens_for))

    def incident(self, id: str) -> Incident:
        """One of this member's incidents, with the ETag an amendment needs."""
        answer = self._calls.signed(Outgoing(method="GET", target=_incident_path(id)))
        document = document_of(answer, self._timer.now())
        return answers.read_incident(document, answer.headers.get("etag"))

    def incidents(self) -> Iterator[Incident]:
        """All of this member's incidents, fetched page by page as they are read."""
        target: str | None = "/v1/incidents"
        while target is not None:
            answer = self._calls.signed(Outgoing(method="GET", target=target))
            for item in document_of(answer, self._timer.now()).children("incidents"):
                yield answers.read_incident(item, None)
            target = next_target(answer.headers.get("link"), origin=self.origin, target=target)

    def amend(self, incident: Incident, amendment: Amendment) -> Filed:
        """Replaces what the amendment names, if the incident still is the one that was read.

        Raises: RegistryProblem of status 412 when it has changed since.
        """
        etag = incident.etag or self.incident(incident.id).etag
        return self._filed(
            Outgoing(
                method="PATCH",
                target=_incident_path(incident.id),
                body=json_body(amendment.to_document()),
                headers={} if etag is None else {"If-Match": etag},
            )
        )

    def withdraw(self, id: str, *, reason: str | None = None) -> Filed:
        """Takes an incident back: from now on it is in no answer."""
        document: dict[str, JsonValue] = {} if reason is None else {"reason": reason}
        return self._filed(
            Outgoing(
                method="POST",
                target=f"{_incident_path(id)}/withdrawal",
                body=json_body(document),
            )
        )

    # -- lookups

    def lookup(
        self,
        identities: Sequence[Identity],
        *,
        purpose: str,
        order: str,
        authorisation: Authorisation,
        agent: str,
    ) -> Lookup:
        """What is known about one person; the person can see that it was asked.

        Raises: RegistryProblem when the member may not ask; InvalidIdentifier.
        """
        request = LookupRequest(
            identities=identities,
            purpose=purpose,
            order=order,
            authorisation=authorisation,
            agent=agent,
        )
        body = request.to_document(self._naming.tokens_of(identities))
        return answers.read_lookup(self._post("/v1/lookups", body))

    def lookup_many(self, requests: Sequence[LookupRequest]) -> list[Lookup | NotLookedUp]:
        """The answers to several lookups in their order, each logged alone, 100 in a call."""
        everyone = [identity for request in requests for identity in request.identities]
        tokens = iter(self._naming.tokens_of(everyone))
        bodies = [
            request.to_document([next(tokens) for _ in request.identities]) for request in requests
        ]
        results: list[Lookup | NotLookedUp] = []
        for start in range(0, len(bodies), LOOKUPS_MAX):
            batch = bodies[start : start + LOOKUPS_MAX]
            answer = self._post("/v1/lookups/batch", {"lookups": batch})
            results += answers.read_batch(answer, len(batch))
        return results

    def record_outcome(self, lookup_id: str, outcome: Outcome) -> RecordedOutcome:
        """Tells the registry what was done after a lookup; it stands in the log, too."""
        path = f"/v1/lookups/{path_part(lookup_id)}/outcome"
        return answers.read_outcome(self._post(path, outcome.to_document()))

    # -- screening

    def screen(self, identities: Sequence[Identity]) -> Screening:
        """Whether anything is known of one person, without naming them to anybody.

        Up to 8 identities. Eight buckets are read, or as many as there are, whoever it
        is about; none while those in hand are fresh.

        Raises: ScreeningNotTrusted; InvalidIdentifier before anything is sent.
        """
        return self._screener.screen(self._naming.tokens_of(identities))

    def decide(
        self,
        identities: Sequence[Identity],
        *,
        purpose: str,
        order: str,
        authorisation: Authorisation,
        agent: str,
    ) -> Decided:
        """What to do about a request: screened first, looked up only on a hit.

        Of whom nothing is known, nobody hears; a lookup names the identities that hit and
        no others. Raises: what `screen` and `lookup` raise; when screening fails, to look
        everyone up instead is for the caller to choose.
        """
        evaluated = self._naming.count_missing(identities)
        screening = self.screen(identities)
        lookup = None
        if not screening.is_clean:
            lookup = self.lookup(
                screening.hits,
                purpose=purpose,
                order=order,
                authorisation=authorisation,
                agent=agent,
            )
        return Decided(screening=screening, lookup=lookup, tokens_evaluated=evaluated)

    def prove_screening(self) -> list[ProvenSnapshot]:
        """Holds the buckets that were read to the roots in the incident log, as all see them.

        Now and then, or at random: it tells the registry which buckets were read.

        Raises: ScreeningNotTrusted.
        """
        return self._screener.prove(self.receipt)

    # -- proofs

    def receipt(self, entry: str) -> LogEntry:
        """A log entry, opened to who made it, and once it is merged its place, proved.

        Raises: AnswerNotTrusted when the opening is not what was committed to, or
        the entry is not in the tree that the checkpoint signs.
        """
        path = f"/v1/receipts/{path_part(entry)}"
        answer = self._calls.signed(Outgoing(method="GET", target=path))
        found = entries.read_log_entry(document_of(answer, self._timer.now()), EntryId(entry))
        if found.inclusion is not None:
            receipts.verify_inclusion(found, logs=self.well_known().logs)
        return found

    def verify_receipt(self, receipt: str) -> Receipt:
        """What a receipt promises, verified with the registry's published log keys.

        Raises: ReceiptNotVerified.
        """
        known = self.well_known()
        if not receipts.knows_key(receipt, known.logs):
            known = self._known.read_again()
        return receipts.verify_receipt(receipt, origin=self.origin, logs=known.logs)

    # -- anything else

    def call(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, JsonValue] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Makes any call, signed; the answer comes as it is, whatever its status.

        Raises: RegistryUnreachable, AnswerNotUnderstood; ValueError for a path
        that is none.
        """
        data = json_body(body) if isinstance(body, Mapping) else body
        return self._calls.signed(
            Outgoing(method=method.upper(), target=path, body=data, headers=headers or {})
        )

    def problem_of(self, answer: Answer) -> RegistryProblem:
        """The problem that an answer of status 400 or above carries."""
        return problem_of(answer, self._timer.now())

    def _evaluate(self, body: dict[str, JsonValue]) -> Reader:
        return self._post("/v1/evaluations", body)

    def _post(self, path: str, body: Mapping[str, JsonValue]) -> Reader:
        answer = self._calls.signed(Outgoing(method="POST", target=path, body=json_body(body)))
        return document_of(answer, self._timer.now())

    def _file(self, document: Mapping[str, JsonValue]) -> Filed:
        return self._filed(
            Outgoing(method="POST", target="/v1/incidents", body=json_body(document))
        )

    def _filed(self, call: Outgoing) -> Filed:
        answer = self._calls.signed(call)
        document = document_of(answer, self._timer.now())
        return answers.read_filed(document, status=answer.status, etag=answer.headers.get("etag"))


def _incident_path(incident: str) -> str:
    return f"/v1/incidents/{path_part(incident)}"
