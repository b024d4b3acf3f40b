"""Who takes codes to people: a mail server, a gateway of short messages, a sandbox's file."""

import os
import smtplib
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from registry.kernel.canonical import canonical_json
from registry.subjects.sending import SUBJECT_LINE, Channel, CodeMessage, CodeSender, text_of

SMTP_SECONDS_MAX = 20.0
MAIL_SCHEMES = frozenset({"smtp", "smtp+starttls", "smtps"})


class SmsGateway(Protocol):
    """A provider of short messages; `id` is the same when a message is handed over again."""

    def send(self, *, id: str, number: str, text: str) -> None:
        """Hands a message over; raises when it was not taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSender:
    """Sends codes by SMTP: `smtp://`, `smtp+starttls://` or `smtps://[user@]host[:port]`."""

    server: str
    sender: str
    password: str | None = field(default=None, repr=False)

    def send(self, message: CodeMessage) -> None:
        """Raises: OSError, smtplib.SMTPException."""
        parts = urlsplit(self.server)
        assert parts.scheme in MAIL_SCHEMES
        host, secure = parts.hostname or "", ssl.create_default_context()
        if parts.scheme == "smtps":
            with smtplib.SMTP_SSL(
                host, parts.port or 465, timeout=SMTP_SECONDS_MAX, context=secure
            ) as server:
                self._hand_over(server, message)
            return
        port = parts.port or (587 if parts.scheme == "smtp+starttls" else 25)
        with smtplib.SMTP(host, port, timeout=SMTP_SECONDS_MAX) as server:
            if parts.scheme == "smtp+starttls":
                server.starttls(context=secure)
            self._hand_over(server, message)

    def _hand_over(self, server: smtplib.SMTP, message: CodeMessage) -> None:
        user = urlsplit(self.server).username
        if user is not None and self.password is not None:
            server.login(unquote(user), self.password)
        server.send_message(mail_of(message, self.sender))


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


def mail_of(message: CodeMessage, sender: str) -> EmailMessage:
    """The mail that carries a code; sent twice it has the same Message-ID."""
    local, _, domain = message.address.rpartition("@")
    mail = EmailMessage(policy=SMTP if local.isascii() else SMTPUTF8)
    mail["From"] = sender
    mail["To"] = Address(username=local, domain=domain)
    mail["Subject"] = SUBJECT_LINE
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2].rstrip('>')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_of(message))
    return mail
