"""What a person is told of how their appeal stands: the playbook's words, until others are true.

lodged, relayed --> the playbook's        jury --> that it decides; divided: that they choose;
answered        --> staff decides                   a larger panel does
upheld          --> others can            panel -> other staff, and whether after a jury
                                          closed -> how it ended
"""

from collections.abc import Iterable, Mapping

from registry.appeals.model import Appeal, Basis, Event, Outcome, State, What
from registry.appeals.triage import Playbook
from registry.kernel.problems import Text

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
            return _ENDED[appeal.outcome]
    return None if playbook is None else playbook.told


def _was_settled_at_once(appeal: Appeal, playbook: Playbook | None) -> bool:
    """Whether the playbook's own words say how it ended: it asked nobody anything."""
    return appeal.basis is Basis.PLAYBOOK and playbook is not None and playbook.asks is None
