"""A mail server that keeps what it gets: aiosmtpd, on a loopback port."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import time
from collections import defaultdict

from aiosmtpd.controller import Controller

from .processes import free_port

PATIENCE_SECONDS = 20.0


class Mailbox:
    """Whom mails went to, and what they said."""

    def __init__(self) -> None:
        self._mails: dict[str, list[email.message.EmailMessage]] = defaultdict(list)
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    def __enter__(self) -> Mailbox:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802 - aiosmtpd calls it so
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        for recipient in envelope.rcpt_tos:
            self._mails[recipient].append(mail)
        return "250 OK"

    @property
    def settings(self) -> dict[str, str]:
        """What Authgent has to be told to send mail here."""
        return {
            "AUTHGENT_SMTP_URL": f"smtp://127.0.0.1:{self._controller.port}?tls=none",
            "AUTHGENT_MAIL_FROM": "Example sign-in <auth@example.com>",
        }

    async def link(self, recipient: str, prefix: str) -> str:
        """The first address that begins so in the next mail to `recipient`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self._mails[recipient]:
                text = self._mails[recipient].pop(0).get_body(("plain",)).get_content()
                return re.search(re.escape(prefix) + r"\S*", text)[0]
            await asyncio.sleep(0.1)
        raise TimeoutError(f"no mail to {recipient} within {PATIENCE_SECONDS:.0f} s")
