"""Who takes codes to people: a mail server, a gateway of short messages, a sandbox's file."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from registry.kernel.canonical import canonical_json
from registry.notices.letter_model import MailResult
from registry.notices.mail import Mail, Relay
from registry.subjects.sending import SUBJECT_LINE, Channel, CodeMessage, CodeSender, text_of


class SmsGateway(Protocol):
    """A provider of short messages; `id` is the same when a message is handed over again."""

    def send(self, *, id: str, number: str, text: str) -> None:
        """Hands a message over; raises when it was not taken."""


class NotTakenNow(Exception):
    """The relay or gateway did not take the message; the job tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSender:
    """Sends codes through the operator's mail relay; `authority` ends their Message-IDs."""

    relay: Relay
    authority: str

    def send(self, message: CodeMessage) -> None:
        """Raises: NotTakenNow. What the relay refuses for good is not tried again."""
        mail = Mail(
            address=message.address,
            subject=SUBJECT_LINE,
            text=text_of(message),
            message_id=f"{message.id}@{self.authority}",
            at=message.at,
        )
        if self.relay.send(mail) is MailResult.NOT_NOW:
            raise NotTakenNow


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSender:
    """Sends codes through a gateway."""

    gateway: SmsGateway

    def send(self, message: CodeMessage) -> None:
        """Raises: whatever the gateway does."""
        self.gateway.send(id=str(message.id), number=message.address, text=text_of(message))


class FileSender:
    """Writes codes into a file of the node's home, one JSON object a line: a sandbox's outside."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def send(self, message: CodeMessage) -> None:
        """Raises: OSError."""
        line = canonical_json(
            {
                "channel": message.channel.value,
                "id": str(message.id),
                "long": message.code.long,
                "short": message.code.short,
                "text": text_of(message),
                "to": message.address,
            }
        )
        with self._lock:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, line + b"\n")
            finally:
                os.close(handle)


class Senders:
    """The sender of each channel that is set up."""

    def __init__(self, senders: Mapping[Channel, CodeSender]) -> None:
        self._senders = dict(senders)

    @property
    def channels(self) -> frozenset[Channel]:
        """The channels that are set up."""
        return frozenset(self._senders)

    def send(self, message: CodeMessage) -> None:
        """Hands a message to the sender of its channel."""
        self._senders[message.channel].send(message)
