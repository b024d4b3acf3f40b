"""What those who take part in an appeal can act on."""

from registry.kernel.problems import Kind, Problem, Text


class AppealNotFound(Problem):
    """No appeal of this id is the caller's to see."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such appeal", zh="没有该异议")
    advice = Text(
        en="A person sees their own appeals, a furnisher those against its incidents.",
        zh="本人仅可查看自己的异议，信息提供者仅可查看针对其报送事件的异议。",
    )


class NothingToContest(Problem):
    """No incident of this id is filed under an identity the appellant has proved."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such incident in your record", zh="您的记录中没有该事件")
    advice = Text(
        en="Your record lists what is filed under the identities you have proved.",
        zh="您的记录列出了以您已证明的身份标识报送的全部事件。",
    )


class AppealOpen(Problem):
    """The incident is contested already."""

    kind = Kind.CONFLICT
    title = Text(en="An appeal against this incident is open", zh="针对该事件的异议正在处理")
    advice = Text(
        en="Add facts or evidence to it, or ask for the second tier once it is decided.",
        zh="请在该异议中补充事实或证据；作出决定后可申请二次复核。",
    )


class AppealRepeated(Problem):
    """The same was decided, or given up, before."""

    kind = Kind.CONFLICT
    title = Text(en="This appeal says nothing new", zh="该异议没有新的内容")
    advice = Text(
        en="Name a ground that was not decided yet, or add evidence that was not seen yet.",
        zh="请提出尚未裁决的理由，或补充此前未提交的证据。",
    )


class AppealStateRefuses(Problem):
    """What is asked cannot be done in the state the appeal is in."""

    kind = Kind.CONFLICT
    title = Text(en="The appeal is past that, or not there yet", zh="异议当前状态不允许该操作")
    advice = Text(
        en="Read the appeal again: its state and time limits say what can be done now.",
        zh="请重新读取该异议：其状态与期限说明目前可进行的操作。",
    )


class DraftIncomplete(Problem):
    """The appeal lacks what lodging needs."""

    kind = Kind.INVALID
    title = Text(en="The appeal cannot be lodged yet", zh="异议尚不能提交")
    advice = Text(
        en="An appeal has at least one ground and a statement; evidence is optional.",
        zh="异议须至少有一项理由及一份陈述；证据可选。",
    )


class ReviewerConflicted(Problem):
    """Whoever reported an incident, or decided on it before, does not decide on it."""

    kind = Kind.FORBIDDEN
    title = Text(en="This reviewer may not decide here", zh="该复核人员须回避")
    advice = Text(
        en="Let a reviewer decide who neither reported the incident nor decided on it before.",
        zh="请由未参与报送且未曾就此作出决定的复核人员决定。",
    )


class ReviewedBefore(Problem):
    """This reviewer has said something else on this appeal."""

    kind = Kind.CONFLICT
    title = Text(en="This reviewer has decided already", zh="该复核人员已作出决定")
    advice = Text(
        en="A reviewer's word stands; another reviewer must agree or disagree.",
        zh="复核人员的决定不可更改；须由另一名复核人员表示同意或不同意。",
    )


class FurnisherUnheard(Problem):
    """An incident is not upheld before its furnisher has answered."""

    kind = Kind.CONFLICT
    title = Text(en="The furnisher has not answered", zh="信息提供者尚未答复")
    advice = Text(
        en="Wait for the answer, or for its time limit: silence removes the incident.",
        zh="请等待答复或答复期限届满：逾期不答复的，事件将被移除。",
    )


class EvidenceRefused(Problem):
    """The file is none that evidence may be; nothing of it is kept."""

    kind = Kind.INVALID
    title = Text(en="This file cannot be taken as evidence", zh="该文件不能作为证据接收")
    advice = Text(
        en=(
            "JPEG, PNG and WebP images, PDF without scripts or attachments, and plain text, "
            "each of at most 10 MB. `errors` says what was found."
        ),
        zh="可接收 JPEG、PNG、WebP 图片，不含脚本与附件的 PDF，以及纯文本，单个不超过 10 MB。",
    )


class EvidenceTooMuch(Problem):
    """The appeal has as many files as an appeal may have."""

    kind = Kind.CONFLICT
    title = Text(en="The appeal has no room for another file", zh="异议的证据文件已达上限")
    advice = Text(
        en="At most 8 files, 32 MB together.",
        zh="最多 8 个文件，合计不超过 32 MB。",
    )
