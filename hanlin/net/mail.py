"""Sends an e-mail through the operator's server, and no other."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from hanlin.errors import BadRequest, EngineFailed, Misconfigured

SECONDS = 30


class Server(Struct, frozen=True):
    """Where mail is handed in: TLS from the first byte (`smtps`), or after STARTTLS."""

    host: str
    port: int
    implicit_tls: bool
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"  # never a secret in a log


class Mail:
    """`domains`: to whose addresses mail may go; without any, the sender's own domain."""

    def __init__(
        self, url: str, sender: str, *, domains: tuple[str, ...] = (), tls: ssl.SSLContext | None = None
    ) -> None:
        """`smtps://user:password@host:465`, or `smtp://…:587` with STARTTLS. Misconfigured for anything else."""
        self._server = _server(url)
        self._sender = sender
        self._domain = _domain(sender)
        if not self._domain:
            raise Misconfigured("The sender of mail must be an address.", action="Change `mail_sender`.")
        self._domains = frozenset(domain.lower() for domain in domains) or {self._domain}
        self._tls = tls or ssl.create_default_context()

    def check(self, address: str) -> None:
        """BadRequest unless it is one plain address to which mail may go."""
        if parseaddr(address)[1] != address or _domain(address) not in self._domains:
            raise BadRequest(
                f"Mail goes to one address at {', '.join(sorted(self._domains))}.",
                action="Give another address, or ask the operator to allow its domain.",
                param="address",
            )

    async def send(self, to: str, subject: str, text: str, number: str) -> None:
        """Send a text; `number` (letters, digits, _) names it, so that a reader shows it once when it comes twice.

        BadRequest for an address that is not allowed, EngineFailed when the server does not take it.
        """
        self.check(to)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, " ".join(subject.split())
        message["Message-ID"] = f"<{number}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday note answers it
        message.set_content(text)
        try:
            await asyncio.to_thread(self._hand_in, message)
        except (OSError, smtplib.SMTPException) as error:
            raise EngineFailed(
                f"The mail server did not take the message ({type(error).__name__}).",
                action="Try again; if it stays, the operator finds the reason in the mail server's log.",
                code="mail_failed",
            ) from None

    def _hand_in(self, message: EmailMessage) -> None:
        server = self._server
        if server.implicit_tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=self._tls)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
        with connection:
            if not server.implicit_tls:
                connection.starttls(context=self._tls)
            if server.user:
                connection.login(server.user, server.password)
            connection.send_message(message)


def _server(url: str) -> Server:
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise Misconfigured(
            "The mail server is not an address.", action="Write `smtps://user:password@host:465` or `smtp://…:587`."
        )
    implicit = parts.scheme == "smtps"
    return Server(
        parts.hostname,
        parts.port or (465 if implicit else 587),
        implicit,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _domain(address: str) -> str:
    return parseaddr(address)[1].rpartition("@")[2].lower() if "@" in address else ""
