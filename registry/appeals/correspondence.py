"""What members and people are told of an appeal: by ids to members, in words to people."""

from datetime import datetime, timedelta

from registry.appeals.model import Appeal, Milestone, Outcome
from registry.appeals.ports import Letters, MemberNotices
from registry.database.transaction import Transaction
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.problems import Text
from registry.notices.letter_model import LetterTemplate
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Edition

RELAYED = "appeal.relayed"
FACTS_ADDED = "appeal.facts_added"
SECOND_TIER = "appeal.second_tier_requested"
DECIDED = "appeal.decided"

_LETTER_OF = {
    Outcome.UPHELD: LetterTemplate.APPEAL_UPHELD,
    Outcome.AMENDED: LetterTemplate.APPEAL_UPHELD,
    Outcome.OVERTURNED: LetterTemplate.APPEAL_OVERTURNED,
    Outcome.WITHDRAWN_BY_FURNISHER: LetterTemplate.APPEAL_OVERTURNED,
}


class Correspondence:
    """Promises notices and letters in the transaction of what they tell of."""

    def __init__(self, *, notices: MemberNotices, letters: Letters) -> None:
        self._notices = notices
        self._letters = letters

    def lodged(
        self, transaction: Transaction, appeal: Appeal, edition: Edition, now: datetime
    ) -> None:
        """The person: received, and by when it is decided."""
        decide_by = _day(appeal, Milestone.ABSOLUTE_LIMIT, edition)
        facts = {"decide_by": decide_by}
        self._write(transaction, appeal, LetterTemplate.APPEAL_ACKNOWLEDGED, facts, now)

    def relayed(
        self,
        transaction: Transaction,
        appeal: Appeal,
        furnisher_name: str,
        edition: Edition,
        now: datetime,
    ) -> None:
        """The furnisher: answer; the person: who must answer by when."""
        self._tell(transaction, RELAYED, appeal, now)
        answer_by = _day(appeal, Milestone.ANSWER, edition)
        facts = {"furnisher": furnisher_name, "answer_by": answer_by}
        self._write(transaction, appeal, LetterTemplate.APPEAL_RELAYED, facts, now)

    def facts_added(self, transaction: Transaction, appeal: Appeal, now: datetime) -> None:
        """The furnisher: there is more to answer."""
        self._tell(transaction, FACTS_ADDED, appeal, now)

    def blocked(
        self, transaction: Transaction, appeal: Appeal, edition: Edition, now: datetime
    ) -> None:
        """The person: the incident is blocked, and what is needed by when."""
        confirm_by = _day(appeal, Milestone.BLOCK_CONFIRMED, edition)
        facts = {"confirm_by": confirm_by}
        self._write(transaction, appeal, LetterTemplate.IDENTITY_THEFT_BLOCKED, facts, now)

    def second_tier(self, transaction: Transaction, appeal: Appeal, now: datetime) -> None:
        """The furnisher: the incident is contested again."""
        self._tell(transaction, SECOND_TIER, appeal, now)

    def decided(
        self,
        transaction: Transaction,
        appeal: Appeal,
        reasons: Text,
        edition: Edition,
        now: datetime,
    ) -> None:
        """Both sides: what was decided; the person with the reasons, and what can be done next."""
        self._tell(transaction, DECIDED, appeal, now)
        assert appeal.outcome is not None
        template = _LETTER_OF.get(appeal.outcome)
        if template is None:
            return
        facts = {"reasons": f"{reasons.en}\n{reasons.zh}" if reasons.zh else reasons.en}
        if template is LetterTemplate.APPEAL_UPHELD:
            asked_by = Milestone.SECOND_TIER_REQUEST
            last_word = Milestone.RESULT_LETTER
            milestone = asked_by if asked_by in appeal.deadlines else last_word
            facts["next_by"] = _day(appeal, milestone, edition)
        self._write(transaction, appeal, template, facts, now)

    def _tell(
        self, transaction: Transaction, event_type: str, appeal: Appeal, now: datetime
    ) -> None:
        data: dict[str, JsonValue] = {
            "appeal": appeal.id,
            "incident": appeal.incident,
            "state": appeal.state.value,
            "outcome": appeal.outcome and appeal.outcome.value,
        }
        answer = appeal.deadlines.get(Milestone.ANSWER)
        if answer is not None and answer.is_running:
            data["answer_due_at"] = format_instant(answer.due_at)
        self._notices.tell_member(
            transaction, member=appeal.furnisher, event_type=event_type, data=data, now=now
        )

    def _write(
        self,
        transaction: Transaction,
        appeal: Appeal,
        template: LetterTemplate,
        facts: dict[str, str],
        now: datetime,
    ) -> None:
        if appeal.lookup_key is None:
            return
        named = {"incident": str(appeal.incident), **facts}
        if template is not LetterTemplate.IDENTITY_THEFT_BLOCKED:
            named["appeal"] = str(appeal.id)
        self._letters.write(
            transaction,
            lookup_keys=[appeal.lookup_key],
            template=template,
            facts=named,
            incident=appeal.incident,
            furnisher=appeal.furnisher,
            now=now,
            # What is given later can be the address of who holds the identifier by then.
            given_by={appeal.lookup_key: appeal.lodged_at or now},
        )


def _day(appeal: Appeal, milestone: Milestone, edition: Edition) -> str:
    """The last day of a limit, as people write it: it ends at the midnight after."""
    last = appeal.deadlines[milestone].due_at - timedelta(microseconds=1)
    return local_date(last, edition).isoformat()
