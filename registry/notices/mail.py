"""Hands letters to the operator's mail relay, and says what it made of them.

TLS as the setting says, certificates checked; a Message-ID that is the letter's own,
so that a letter repeated after a crash is recognised. Bounded in time.
Source: RFC 5321, RFC 5322, RFC 3207 (STARTTLS), RFC 8314 (implicit TLS).
"""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from enum import Enum

from registry.notices.letter_model import MailResult

RELAY_SECONDS_MAX = 15.0


class MailTls(Enum):
    """How letters travel to the relay; the values are the schemes of its address."""

    STARTTLS = "smtp+starttls"
    IMPLICIT = "smtps"
    NONE = "smtp"


PORTS = {MailTls.STARTTLS: 587, MailTls.IMPLICIT: 465, MailTls.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One letter as mail. `message_id` is without brackets."""

    address: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    message_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The operator's mail relay. `password` is read when it is needed, from its file."""

    host: str
    port: int
    tls: MailTls
    sender: str
    user: str
    password: Callable[[], str]
    context: ssl.SSLContext

    def send(self, mail: Mail) -> MailResult:
        """What the relay says; never an exception of the network's."""
        message = _message(mail, self.sender)
        try:
            with self._open() as session:
                if self.user:
                    session.login(self.user, self.password())
                session.send_message(message, from_addr=self.sender, to_addrs=[mail.address])
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return _result(min(codes, default=0))
        except smtplib.SMTPDataError as error:
            return _result(error.smtp_code)
        except (smtplib.SMTPException, OSError):
            # The relay itself: not reached, no TLS, no login. That is ours to mend,
            # not the address's fault.
            return MailResult.NOT_NOW
        return MailResult.TAKEN

    def _open(self) -> smtplib.SMTP:
        if self.tls is MailTls.IMPLICIT:
            return smtplib.SMTP_SSL(
                self.host, self.port, timeout=RELAY_SECONDS_MAX, context=self.context
            )
        session = smtplib.SMTP(self.host, self.port, timeout=RELAY_SECONDS_MAX)
        if self.tls is MailTls.STARTTLS:
            try:
                # Raises where the relay does not offer it: never on in the clear.
                session.starttls(context=self.context)
            except BaseException:
                session.close()
                raise
        return session


def _result(code: int) -> MailResult:
    return MailResult.REFUSED if 500 <= code <= 599 else MailResult.NOT_NOW


def _message(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = Address(addr_spec=sender)
    message["To"] = Address(addr_spec=mail.address)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.message_id}>"
    # Nobody's absence note may answer a letter (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, cte="base64")
    return message
