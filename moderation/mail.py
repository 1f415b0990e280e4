"""Hands a mail to a mail server."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from moderation.errors import AddressRefused, DeliveryFailed, DeliveryUnsure

TIMEOUT_SECONDS = 20.0
PORTS = {"smtp": 587, "smtps": 465}
MAX_ADDRESS_CHARACTERS = 254


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over.

    Attributes
    ----------
    is_tls : TLS from the first byte; otherwise as soon as the server offers it.
    user, password : None = without signing in.
    """

    host: str
    port: int
    is_tls: bool
    user: str | None
    password: str | None

    @classmethod
    def read(cls, url: str) -> "MailServer":
        """The server that a URL such as smtps://user:password@mail.example.org names.

        Raises
        ------
        DeliveryFailed
            It names none.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise DeliveryFailed(
                "KLANKBORD_SMTP_URL is no URL; write smtps://user:password@mail.example.org"
            ) from error
        if parts.scheme not in PORTS or not host:
            raise DeliveryFailed("KLANKBORD_SMTP_URL must begin with smtp:// or smtps:// and name a host")
        user = None if parts.username is None else unquote(parts.username)
        password = None if parts.password is None else unquote(parts.password)
        return cls(host, port or PORTS[parts.scheme], parts.scheme == "smtps", user, password)


def check_address(address: str) -> str:
    """An e-mail address, without spaces around it.

    Raises
    ------
    AddressRefused
    """
    address = address.strip()
    local, at, host = address.rpartition("@")
    is_plain = address.isascii() and address.isprintable() and not any(c in ' ,;:/<>()[]"\\' for c in address)
    if not (is_plain and local and at and "." in host.strip(".")) or len(address) > MAX_ADDRESS_CHARACTERS:
        raise AddressRefused("write the address as name@example.org")
    if parseaddr(address)[1] != address:
        raise AddressRefused("write the address as name@example.org")
    return address


@contextmanager
def open_server(server: MailServer) -> Iterator[smtplib.SMTP]:
    """A connection over which mails are handed over; a password is only ever sent under TLS.

    Raises
    ------
    DeliveryFailed
        The server cannot be reached or does not let us in.
    """
    context = ssl.create_default_context()
    try:
        if server.is_tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=TIMEOUT_SECONDS, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryFailed(f"the mail server cannot be reached ({type(error).__name__})") from error
    with connection:
        try:
            _sign_in(connection, server, context)
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryFailed(f"the mail server does not let us in ({type(error).__name__})") from error
        yield connection


def hand_over(connection: smtplib.SMTP, mail: EmailMessage) -> None:
    """Have the server take a mail.

    Raises
    ------
    DeliveryFailed
        It did not.
    DeliveryUnsure
        The connection broke off before it said so.
    """
    try:
        connection.send_message(mail)
    except (smtplib.SMTPServerDisconnected, TimeoutError, ConnectionError) as error:
        raise DeliveryUnsure(f"the connection broke off ({type(error).__name__})") from error
    except (OSError, smtplib.SMTPException, MessageError) as error:
        raise DeliveryFailed(f"the mail server does not take it ({type(error).__name__})") from error


def _sign_in(connection: smtplib.SMTP, server: MailServer, context: ssl.SSLContext) -> None:
    connection.ehlo()
    is_safe = server.is_tls
    if not is_safe and connection.has_extn("starttls"):
        connection.starttls(context=context)
        connection.ehlo()
        is_safe = True
    if server.user is None:
        return
    if not is_safe:
        raise smtplib.SMTPNotSupportedError("no TLS")
    connection.login(server.user, server.password or "")
