"""What carries codes to people: a message in both languages, and who takes it there.

A sender is called outside any transaction and may be called again with the same message: a
mail then has the same Message-ID, a short message the same id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from registry.identity.normalise import IdentifierType
from registry.subjects.codes import CODE_LIFE, Code


class Channel(StrEnum):
    """How an identifier is reached."""

    MAIL = "mail"
    SMS = "sms"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeMessage:
    """A code on its way to `address`, which no log and no error may show."""

    id: UUID
    channel: Channel
    address: str
    code: Code
    at: datetime

    def __repr__(self) -> str:
        return f"CodeMessage({self.id})"


class CodeSender(Protocol):
    """Takes codes to where they are to be read."""

    def send(self, message: CodeMessage) -> None:
        """Hands the message on; whatever it raises makes the job try again."""


CHANNELS: Mapping[IdentifierType, Channel] = {
    IdentifierType.EMAIL: Channel.MAIL,
    IdentifierType.PHONE: Channel.SMS,
}
SUBJECT_LINE = "验证码 / Sign-in code"


def text_of(message: CodeMessage) -> str:
    """What the person reads; it says nothing of whether anything is known of them."""
    minutes = int(CODE_LIFE.total_seconds()) // 60
    short, long = message.code.short, message.code.long
    if message.channel is Channel.SMS:
        return (
            f"【消费信用登记】验证码 {short}，{minutes}分钟内有效，请勿告知他人。"
            f"若提示无效，请用长验证码 {long}\n"
            f"Consumer credit registry: your code is {short}, good for {minutes} minutes. "
            "Give it to nobody. If it is not accepted, use the long code above."
        )
    return (
        f"您的验证码：{short}\n"
        f"若提示验证码无效，请使用长验证码：{long}\n"
        f"{minutes} 分钟内有效，请勿告知任何人。如非本人操作，请忽略本邮件；"
        "本邮件不表示登记系统中有任何关于您的信息。\n\n"
        f"Your sign-in code: {short}\n"
        f"If it is not accepted, use the long code: {long}\n"
        f"Good for {minutes} minutes. Give it to nobody. If you did not ask for it, do nothing; "
        "this message does not mean that anything is known of you.\n"
    )
