"""The main job in nine steps, each shown as it happens."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from registry.cli.rendering import facts
from registry.cli.sandbox.people import ACTS_BY_CODE, Platform, phone, question_about, report_of
from registry.cli.sandbox.setting_up import REGION
from registry.client import Filed, IdentityToken, LogEntry, Lookup, Outcome, Registry, WellKnown
from registry.crypto import voprf
from registry.crypto.identity_token import identity_token, oprf_input
from registry.crypto.voprf import Blinded, Evaluation
from registry.identity.normalise import IdentifierType, normalise
from registry.kernel import base64url

# As a person types it: full-width digits, no country code.
TYPED = "（２１２） 555-0100"
PERSON = 100
MERGE_SECONDS_MAX = 30


@dataclass(slots=True, kw_only=True)
class Walk:
    """The main job between two platforms; each step needs the ones before it."""

    console: Console
    connections: Mapping[Platform, Registry]
    now: datetime
    _step: int = field(default=0, init=False)

    def take(self) -> None:
        """Reports a person from one platform and looks the person up from another."""
        harbour, lantern = self.connections[Platform.HARBOUR], self.connections[Platform.LANTERN]
        known = harbour.well_known()
        canonical = self._normalise()
        message = oprf_input(
            federation=known.federation,
            type_name=IdentifierType.PHONE.value,
            canonical=canonical,
        )
        blinded = self._blind(message)
        evaluation = self._evaluate(harbour, known, blinded)
        token = self._token(known, message, blinded, evaluation)
        filed = self._report(harbour, token)
        self._standing(harbour, filed)
        found = self._look_up(lantern)
        self._receipt(lantern, found)

    def _normalise(self) -> str:
        canonical = normalise(IdentifierType.PHONE, TYPED, REGION)
        self._say(
            "Normalise",
            "One person, one spelling. This happens on the platform's own machine.",
            {"typed": TYPED, "canonical": canonical},
        )
        return canonical

    def _blind(self, message: bytes) -> Blinded:
        blinded = voprf.blind(message)
        self._say(
            "Blind",
            "The number is hidden behind a random factor before it leaves the platform.",
            {"blinded": base64url.encode(blinded.element)},
        )
        return blinded

    def _evaluate(self, harbour: Registry, known: WellKnown, blinded: Blinded) -> Evaluation:
        body = {
            "key_id": known.keys[0].key_id,
            "blinded": [base64url.encode(blinded.element)],
        }
        answer = json.loads(harbour.call("POST", "/v1/evaluations", body).body)
        evaluation = Evaluation(
            elements=tuple(base64url.decode(each) for each in answer["evaluated"]),
            proof=base64url.decode(answer["proof"]),
        )
        self._say(
            "Evaluate",
            "The registry applies its secret key without seeing the number, and proves it did.",
            {"evaluated": answer["evaluated"][0], "proof": answer["proof"]},
        )
        return evaluation

    def _token(
        self, known: WellKnown, message: bytes, blinded: Blinded, evaluation: Evaluation
    ) -> IdentityToken:
        key = known.keys[0]
        (y,) = voprf.finalize(
            inputs=[message],
            blinded=[blinded],
            evaluation=evaluation,
            public_key=key.public_key,
        )
        token = identity_token(y, key.key_id)
        self._say(
            "Token",
            "The proof verifies, the factor is taken off: an identity token nobody can reverse.",
            {"token": base64url.encode(token)},
        )
        return IdentityToken(
            type=IdentifierType.PHONE,
            key_id=key.key_id,
            token=token,
            last_verified_on=(self.now - timedelta(days=20)).date(),
        )

    def _report(self, harbour: Registry, token: IdentityToken) -> Filed:
        draft = report_of(ACTS_BY_CODE["B101"], [], filed_at=self.now, reference="walk-1")
        filed = harbour.report(replace(draft, identities=[token]))
        self._say(
            "Report",
            f"{Platform.HARBOUR.value} reports a confirmed act: AI-forged damage evidence. All five"
            " proofs are checked.",
            {
                "incident": filed.incident.id,
                "severity": filed.incident.severity,
                "notice delivered": draft.notice and draft.notice.delivered_at.date(),
            },
        )
        return filed

    def _standing(self, harbour: Registry, filed: Filed) -> None:
        incident = harbour.incident(filed.incident.id)
        self._say(
            "Standing",
            "The person's standing changed in the same transaction. It counts because the notice"
            " has run for seven days, and ends by itself.",
            {
                "state": incident.state.value,
                "effective since": incident.effective_at.date(),
                "expires on": incident.expires_on,
            },
        )

    def _look_up(self, lantern: Registry) -> Lookup:
        request = question_about([phone(PERSON)], order="order-4711")
        found = lantern.lookup(
            request.identities,
            purpose=request.purpose,
            order=request.order,
            authorisation=request.authorisation,
            agent=request.agent,
        )
        reasons = [f"{each.points} points: {each.text.en} ({each.code})" for each in found.reasons]
        self._say(
            "Lookup",
            f"{Platform.LANTERN.value} asks before approving a refund without return.",
            {
                "match": found.match.value,
                "score": f"{found.score} of 950, band {found.band.value}",
                "because": "\n".join(reasons),
                "advice": found.advice.value.replace("_", " "),
            },
        )
        return found

    def _receipt(self, lantern: Registry, found: Lookup) -> None:
        receipt = lantern.verify_receipt(found.receipt)
        lantern.record_outcome(found.id, Outcome(decision="returned", human_reviewed=True))
        self._say(
            "Receipt",
            "The lookup was on disk before the answer left; the signed receipt verifies with the"
            " published key of the log.",
            {"log": receipt.log, "entry": receipt.entry, "merged by": receipt.merge_by},
        )
        self._proof(lantern, receipt.entry)

    def _proof(self, lantern: Registry, entry: str) -> None:
        found = _merged(lantern, entry)
        assert found.inclusion is not None
        self._say(
            "Proof",
            "A second later the entry has its place in the public tree. The proof verifies"
            " against the signed checkpoint: nobody can take the lookup back.",
            {
                "place": f"{found.inclusion.index} of {found.inclusion.size} entries",
                "hashes in the proof": len(found.inclusion.proof),
                "checkpoint of": (found.checkpoint or "").partition("\n")[0],
            },
        )

    def _say(self, title: str, meaning: str, details: Mapping[str, object]) -> None:
        self._step += 1
        heading = Text(f"\n{self._step}  {title}  ", style="bold cyan")
        self.console.print(heading.append(meaning, style="not bold default"))
        self.console.print(Padding(facts(details), (0, 0, 0, 3)))


def _merged(registry: Registry, entry: str) -> LogEntry:
    """The entry, once it has its place; the sequencer publishes about once a second."""
    until = time.monotonic() + MERGE_SECONDS_MAX
    while time.monotonic() < until:
        found = registry.receipt(entry)
        if found.inclusion is not None:
            return found
        time.sleep(0.2)
    raise RuntimeError("the log did not merge the entry in time; see server.log")
