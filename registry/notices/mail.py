"""Hands letters to the operator's mail relay, and says what it made of them.

TLS as the setting says, certificates checked; a Message-ID that is the letter's own,
so that a letter repeated after a crash is recognised. Bounded in time as a whole: a relay
that says a byte now and then keeps nobody.
Source: RFC 5321, RFC 5322, RFC 3207 (STARTTLS), RFC 6531 (addresses beyond ASCII),
RFC 8314 (implicit TLS).
"""

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from enum import Enum

from registry.notices.letter_model import MailResult

# All of one delivery, whatever the relay does; within the lease of the job that sends.
RELAY_SECONDS_MAX = 30.0


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
    seconds_max: float = RELAY_SECONDS_MAX

    def send(self, mail: Mail) -> MailResult:
        """What the relay says; never an exception of the network's."""
        message = _message(mail, self.sender)
        if message is None:
            return MailResult.REFUSED
        is_taken = False
        try:
            with _Limit.running(self.seconds_max) as limit, self._open(limit) as session:
                if self.user:
                    session.login(self.user, self.password())
                if not mail.address.isascii() and not _takes_any_script(session):
                    # It will not tomorrow: that is the relay's word on this address.
                    return MailResult.REFUSED
                session.send_message(message, from_addr=self.sender, to_addrs=[mail.address])
                # Whatever becomes of the farewell.
                is_taken = True
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return _result(min(codes, default=0))
        except smtplib.SMTPDataError as error:
            return _result(error.smtp_code)
        except (smtplib.SMTPException, OSError):
            # The relay itself: not reached, no TLS, no login, no end. That is ours to
            # mend, not the address's fault.
            return MailResult.TAKEN if is_taken else MailResult.NOT_NOW
        return MailResult.TAKEN

    def _open(self, limit: "_Limit") -> smtplib.SMTP:
        if self.tls is MailTls.IMPLICIT:
            return _TlsSession(self, limit)
        session = _Session(self, limit)
        if self.tls is MailTls.STARTTLS:
            try:
                # Raises where the relay does not offer it: never on in the clear.
                session.starttls(context=self.context)
            except BaseException:
                session.close()
                raise
        return session


class _Limit:
    """The end of one delivery: then its connection is shut down, whoever waits on it.

    A timeout of the socket's begins anew with every byte; this one does not.
    """

    def __init__(self, seconds_max: float) -> None:
        self._ends_at = time.monotonic() + seconds_max
        self._copy: socket.socket | None = None
        self._timer: threading.Timer | None = None

    @classmethod
    @contextmanager
    def running(cls, seconds_max: float) -> Iterator["_Limit"]:
        """A limit that runs, until it is left."""
        limit = cls(seconds_max)
        try:
            yield limit
        finally:
            limit._lift()

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to the first address that takes one, which the limit ends.

        Raises: OSError. Looking up the name is bounded by the system's resolver alone.
        """
        refused: OSError = OSError("the relay has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            seconds = self._ends_at - time.monotonic()
            if seconds <= 0:
                break
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(seconds)
            try:
                connection.connect(address)
            except OSError as error:
                connection.close()
                refused = error
                continue
            self._watch(connection)
            return connection
        raise refused

    def _watch(self, connection: socket.socket) -> None:
        # A copy of the descriptor: TLS takes the connection over, this stays ours to close.
        self._copy = connection.dup()
        seconds = max(0.0, self._ends_at - time.monotonic())
        self._timer = threading.Timer(seconds, self._shut_down, [self._copy])
        self._timer.daemon = True
        self._timer.start()

    @staticmethod
    def _shut_down(copy: socket.socket) -> None:
        with suppress(OSError):
            copy.shutdown(socket.SHUT_RDWR)

    def _lift(self) -> None:
        if self._timer is None or self._copy is None:
            return
        # It has ended before the copy is closed: the number may be another's then.
        self._timer.cancel()
        self._timer.join()
        self._copy.close()


class _Session(smtplib.SMTP):
    """A session whose connection the limit makes and ends."""

    def __init__(self, relay: Relay, limit: _Limit) -> None:
        self._limit = limit
        super().__init__(relay.host, relay.port, timeout=relay.seconds_max)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # smtplib's own seam between TCP and TLS.
        return self._limit.connect(host, port)


class _TlsSession(smtplib.SMTP_SSL, _Session):
    """The same, in TLS from the first byte."""

    def __init__(self, relay: Relay, limit: _Limit) -> None:
        self._limit = limit
        smtplib.SMTP_SSL.__init__(
            self, relay.host, relay.port, timeout=relay.seconds_max, context=relay.context
        )


def _result(code: int) -> MailResult:
    return MailResult.REFUSED if 500 <= code <= 599 else MailResult.NOT_NOW


def _takes_any_script(session: smtplib.SMTP) -> bool:
    """Whether the relay takes addresses beyond ASCII. Source: RFC 6531."""
    session.ehlo_or_helo_if_needed()
    return session.has_extn("smtputf8")


def _message(mail: Mail, sender: str) -> EmailMessage | None:
    """The mail as it travels; None: no header can name its address as it is."""
    message = EmailMessage()
    message["From"] = Address(addr_spec=sender)
    local, _, domain = mail.address.rpartition("@")
    message["To"] = Address(username=local, domain=domain)
    if message["To"] != mail.address or "=?" in mail.address:
        # Read as an encoded word, it would be another's address.
        return None
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.message_id}>"
    # Nobody's absence note may answer a letter (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, cte="base64")
    return message
