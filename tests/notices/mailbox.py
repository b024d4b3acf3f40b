"""A real, small mail relay: takes, refuses or puts off, as it is told."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


@dataclass(slots=True)
class Mailbox:
    """What arrived; `recipient` and `data` are what the relay says to each."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipient: str = "250 OK"
    data: str = "250 OK"

    async def handle_RCPT(  # noqa: N802 # aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.recipient.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data.startswith("2"):
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        return self.data


@contextmanager
def mailbox(**controlled: Any) -> Iterator[Mailbox]:
    """A relay on this machine, for as long as the context lasts."""
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        box.port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **controlled)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
