"""What a person is told of how their appeal stands: the playbook's words, until others are true.

lodged, relayed --> the playbook's, but   jury --> that it decides; divided: that they choose;
                    for what is done               a larger panel does
answered        --> staff decides         panel -> other staff, and whether after a jury
upheld          --> others can            closed -> how it ended
"""

from collections.abc import Iterable, Mapping

from registry.appeals.model import Appeal, Basis, Blocking, Event, Outcome, State, What
from registry.appeals.triage import Action, Playbook
from registry.kernel.problems import Text

_RELAYED = Text(
    en="The furnisher is asked to answer. If it does not, the incident is removed.",
    zh="已要求信息提供者答复。逾期不答复的，该事件将被移除。",
)
_BLOCKED = Text(
    en="You say that somebody else acted in your name. The incident is blocked while this is "
    "looked into.",
    zh="您表示有人冒用您的身份。在核查期间，该事件已被屏蔽。",
)
_NOT_BLOCKED = Text(
    en="You say that somebody else acted in your name. A person looked into it: the incident is "
    "not blocked, or no longer. It stays marked as contested.",
    zh="您表示有人冒用您的身份。经人工核查，该事件不予屏蔽或已解除屏蔽，但仍标注为有异议。",
)
_OF_BLOCK: Mapping[Blocking | None, Text] = {
    Blocking.PROVISIONAL: _BLOCKED,
    Blocking.CONFIRMED: _BLOCKED,
    Blocking.DECLINED: _NOT_BLOCKED,
    Blocking.LIFTED: _NOT_BLOCKED,
}
_ANSWERED = Text(
    en="The furnisher has answered. The registry's staff decides; what is not decided in time is "
    "removed.",
    zh="信息提供者已答复，由本系统工作人员作出决定；逾期未决定的，该事件将被移除。",
)
_UPHELD = Text(
    en="It was decided that the incident stays as it stands now. Within the time limit you can "
    "have others decide again.",
    zh="已决定该事件按现有内容予以保留。您可在期限内申请由他人复审。",
)
_JURY = Text(
    en="A jury drawn by lot decides. If it comes to no safe verdict, the registry's staff decides.",
    zh="由抽签产生的评审团作出裁决；未能作出明确裁决的，由本系统工作人员决定。",
)
_DIVIDED = Text(
    en="The jury's votes were too close. Within the time limit you choose who decides: a larger "
    "panel of other jurors, or the registry's staff. If you say nothing, staff decides.",
    zh="评审团投票结果过于接近。您可在期限内选择由更大的评审团（其他评审员）或本系统工作人员决定；"
    "未作选择的，由工作人员决定。",
)
_LARGER_PANEL = Text(
    en="A larger panel of other jurors decides. If it comes to no verdict in time, the registry's "
    "staff decides.",
    zh="由更大的评审团（其他评审员）作出裁决；逾期未作出裁决的，由本系统工作人员决定。",
)
_STAFF = Text(
    en="Other staff of the registry decides again; what is not decided in time is removed.",
    zh="由本系统其他工作人员复审；逾期未决定的，该事件将被移除。",
)
_STAFF_AFTER_JURY = Text(
    en="No jury has decided. Other staff of the registry decides; what is not decided in time is "
    "removed.",
    zh="评审团未作出裁决，改由本系统其他工作人员决定；逾期未决定的，该事件将被移除。",
)
_ENDED: Mapping[Outcome, Text] = {
    Outcome.UPHELD: Text(
        en="It was decided for good that the incident stays.",
        zh="已最终决定该事件予以保留。",
    ),
    Outcome.AMENDED: Text(
        en="It was decided for good that the incident stays as its furnisher corrected it.",
        zh="已最终决定该事件按信息提供者更正后的内容予以保留。",
    ),
    Outcome.OVERTURNED: Text(
        en="The incident was removed; it is in no answer any more.",
        zh="该事件已被移除，不再出现在任何答复中。",
    ),
    Outcome.WITHDRAWN_BY_FURNISHER: Text(
        en="The furnisher withdrew the incident; it is in no answer any more.",
        zh="信息提供者已撤回该事件，不再出现在任何答复中。",
    ),
    Outcome.WITHDRAWN_BY_SUBJECT: Text(
        en="You withdrew your appeal; nothing was decided.",
        zh="您已撤回异议，未作裁决。",
    ),
    Outcome.EXPIRED: Text(
        en="The time the incident may be kept has run out; it is in no answer any more.",
        zh="该事件的保存期限已届满，不再出现在任何答复中。",
    ),
}
_GIVEN_UP_AGAIN = Text(
    en="You withdrew your appeal; the first decision stands.",
    zh="您已撤回异议，首次决定仍然有效。",
)


def told_of(appeal: Appeal, events: Iterable[Event], playbook: Playbook | None) -> Text | None:
    """How an appeal stands, to the person; None: it is a draft."""
    happened = {each.what for each in events}
    match appeal.state:
        case State.ANSWERED:
            return _ANSWERED
        case State.UPHELD:
            return _UPHELD
        case State.JURY if What.LARGER_PANEL_ASKED in happened:
            return _LARGER_PANEL
        case State.JURY:
            return _DIVIDED if What.VERDICT_CLOSE in happened else _JURY
        case State.PANEL:
            return _STAFF_AFTER_JURY if What.REFERRED_TO_PANEL in happened else _STAFF
        case State.CLOSED if not _was_settled_at_once(appeal, playbook):
            assert appeal.outcome is not None, "what is over has an outcome"
            is_given_up = appeal.outcome is Outcome.WITHDRAWN_BY_SUBJECT
            if is_given_up and What.SECOND_TIER_REQUESTED in happened:
                return _GIVEN_UP_AGAIN
            return _ENDED[appeal.outcome]
    return None if playbook is None else _asked(appeal, playbook)


def _asked(appeal: Appeal, playbook: Playbook) -> Text:
    """The playbook's words, but for what has been done since: the block, and the relay."""
    words = _OF_BLOCK.get(appeal.blocking, playbook.told)
    if appeal.state is not State.RELAYED or playbook.action is not Action.READ_FIRST:
        return words
    if appeal.blocking is None:
        return _RELAYED
    return Text(en=f"{words.en} {_RELAYED.en}", zh=f"{words.zh}{_RELAYED.zh}")


def _was_settled_at_once(appeal: Appeal, playbook: Playbook | None) -> bool:
    """Whether the playbook's own words say how it ended: it asked nobody anything."""
    return appeal.basis is Basis.PLAYBOOK and playbook is not None and playbook.asks is None
