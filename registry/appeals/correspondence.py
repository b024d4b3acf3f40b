"""What members and people are told of an appeal: by ids to members, in words to people."""

from datetime import datetime, timedelta

from registry.appeals.model import Appeal, Basis, Link, Milestone, Outcome
from registry.appeals.ports import Letters, MemberNotices
from registry.database.transaction import Transaction
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.ids import MemberId
from registry.kernel.problems import Text
from registry.notices.letter_model import LetterTemplate
from registry.rulebook.calendar import local_date, local_minute
from registry.rulebook.model import Edition

RELAYED = "appeal.relayed"
FACTS_ADDED = "appeal.facts_added"
SECOND_TIER = "appeal.second_tier_requested"
DECIDED = "appeal.decided"

_LETTER_OF = {
    Outcome.UPHELD: LetterTemplate.APPEAL_UPHELD,
    Outcome.AMENDED: LetterTemplate.APPEAL_AMENDED,
    Outcome.OVERTURNED: LetterTemplate.APPEAL_OVERTURNED,
    Outcome.WITHDRAWN_BY_FURNISHER: LetterTemplate.APPEAL_OVERTURNED,
    Outcome.WITHDRAWN_BY_SUBJECT: LetterTemplate.APPEAL_ENDED,
    Outcome.EXPIRED: LetterTemplate.APPEAL_ENDED,
}
# What the door keeps back from whoever may hold another's identifier, no letter tells.
_UNNAMED = {LetterTemplate.APPEAL_RELAYED: LetterTemplate.APPEAL_RELAYED_UNNAMED}
_MAY_BE_OF_ANOTHER = Text(
    en="What was said may be about whoever had the number or address before you, "
    "so this letter does not repeat it.",
    zh="有关内容可能涉及该号码或邮箱的前任持有人，故本函不载明。",
)


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

    def not_blocked(
        self, transaction: Transaction, appeal: Appeal, reasons: Text, now: datetime
    ) -> None:
        """The person: a block was refused or lifted, and why."""
        template = LetterTemplate.IDENTITY_THEFT_NOT_BLOCKED
        self._write(transaction, appeal, template, {"reasons": _words(appeal, reasons)}, now)

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
        template = _LETTER_OF[appeal.outcome]
        by_people = appeal.basis in (Basis.REVIEW, Basis.PANEL)
        facts = {"reasons": _words(appeal, reasons) if by_people else _both(reasons)}
        if appeal.outcome in (Outcome.UPHELD, Outcome.AMENDED):
            if appeal.is_open:
                facts["next_by"] = _day(appeal, Milestone.SECOND_TIER_REQUEST, edition)
            else:
                template = LetterTemplate.APPEAL_UPHELD_AGAIN
        self._write(transaction, appeal, template, facts, now)

    def verdict_close(
        self, transaction: Transaction, appeal: Appeal, edition: Edition, now: datetime
    ) -> None:
        """The person: who decides now is for them to say, and by when."""
        until = appeal.deadlines[Milestone.JURY_VERDICT].due_at
        facts = {"choose_by": local_minute(until, edition)}
        self._write(transaction, appeal, LetterTemplate.APPEAL_VERDICT_CLOSE, facts, now)

    def with_staff(
        self, transaction: Transaction, appeal: Appeal, edition: Edition, now: datetime
    ) -> None:
        """The person: no jury has decided; staff does, and by when."""
        facts = {"decide_by": _day(appeal, Milestone.PANEL_DECISION, edition)}
        self._write(transaction, appeal, LetterTemplate.APPEAL_WITH_STAFF, facts, now)

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
        messenger: MemberId | None = appeal.furnisher
        if appeal.link is Link.WEAK:
            template = _UNNAMED.get(template, template)
            named.pop("furnisher", None)
            # Nor does the furnisher carry it: it would show itself, or reach the earlier holder.
            messenger = None
        if template is not LetterTemplate.IDENTITY_THEFT_BLOCKED:
            named["appeal"] = str(appeal.id)
        self._letters.write(
            transaction,
            lookup_keys=[appeal.lookup_key],
            template=template,
            facts=named,
            incident=appeal.incident,
            furnisher=messenger,
            now=now,
            # What is given later can be the address of who holds the identifier by then.
            given_by={appeal.lookup_key: appeal.lodged_at or now},
        )


def _words(appeal: Appeal, reasons: Text) -> str:
    """What people wrote of the incident: for whoever it is surely about."""
    return _both(reasons if appeal.link is Link.SURE else _MAY_BE_OF_ANOTHER)


def _both(text: Text) -> str:
    return f"{text.en}\n{text.zh}" if text.zh else text.en


def _day(appeal: Appeal, milestone: Milestone, edition: Edition) -> str:
    """The last day of a limit, as people write it: it ends at the midnight after."""
    last = appeal.deadlines[milestone].due_at - timedelta(microseconds=1)
    return local_date(last, edition).isoformat()
