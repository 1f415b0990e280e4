"""Sends a request to an address that somebody outside chose, and nowhere else: the addresses that the name stands for
are looked at when the connection is made, nothing leads on to another place, and nobody can keep us waiting.
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Event, Timer
from urllib.parse import SplitResult, urlsplit

from moderation.errors import DeliveryFailed, WebhookUrlRefused

TIMEOUT_SECONDS = 10.0
"""For everything together: looking up the name apart, which has limits of its own."""
MAX_URL_CHARACTERS = 2000
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Answer:
    """What came back; the body is not read.

    Attributes
    ----------
    retry_after_seconds : how long the receiver asks us to wait; None = it does not say.
    """

    status: int
    retry_after_seconds: int | None


def check_url(url: str, *, allow_private: bool) -> SplitResult:
    """Take a URL apart, if it is one that something may be sent to as far as its text can tell.

    Raises
    ------
    WebhookUrlRefused
        It is no https address, carries a password, or names an address inside our own network.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise WebhookUrlRefused("the URL cannot be read") from error
    if len(url) > MAX_URL_CHARACTERS or not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        raise WebhookUrlRefused("the URL must be at most 2,000 ASCII characters without spaces")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise WebhookUrlRefused("the URL must begin with https://")
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise WebhookUrlRefused("the URL must name a host, and no user, password or #fragment")
    if not allow_private:
        _refuse_inside_name(host)
    return parts


def send(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> Answer:
    """POST a body; a redirect is an answer like any other and is not followed.

    Parameters
    ----------
    allow_private : whether addresses inside our own network will do, and http without TLS.

    Raises
    ------
    DeliveryFailed
        The name leads to an address that is not allowed, or no answer came in time.
    """
    try:
        parts = check_url(url, allow_private=allow_private)
    except WebhookUrlRefused as error:
        raise DeliveryFailed(str(error)) from error
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with closing(_connect(host, port, allow_private=allow_private)) as raw:
            sock = raw if parts.scheme == "http" else _under_tls(raw, host)
            with closing(sock), _deadline(sock):
                return _exchange(sock, parts, body, headers)
    except (OSError, HTTPException, UnicodeError) as error:
        raise DeliveryFailed(_in_words(error)) from error


def is_public(address: str) -> bool:
    """Whether an address is one of the internet at large, and none inside an IPv6 address is not."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast


def _refuse_inside_name(host: str) -> None:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        raise WebhookUrlRefused("the URL names a host inside this network")
    try:
        is_outside = is_public(name)
    except ValueError:  # a name, looked up when something is sent
        return
    if not is_outside:
        raise WebhookUrlRefused("the URL names an address inside this network")


def _connect(host: str, port: int, *, allow_private: bool) -> socket.socket:
    """A connection to one of the addresses of a name, all of which have to be allowed."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not allow_private and not all(is_public(str(place[0])) for *_, place in found):
        raise DeliveryFailed("the host name leads to an address inside this network")
    family, kind, protocol, _, place = found[0]
    raw = socket.socket(family, kind, protocol)
    try:
        raw.settimeout(TIMEOUT_SECONDS)
        raw.connect(place)
    except OSError:
        raw.close()
        raise
    return raw


def _under_tls(raw: socket.socket, host: str) -> ssl.SSLSocket:
    """The same connection under TLS; the handshake is made with the first byte, under the deadline."""
    context = ssl.create_default_context()
    return context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)


@contextmanager
def _deadline(sock: socket.socket) -> Iterator[None]:
    """End a connection in time, even where bytes still trickle in.

    Raises
    ------
    TimeoutError
        It was ended; what had come by then may look like an answer.
    """
    is_over = Event()

    def cut() -> None:
        is_over.set()
        with suppress(OSError):  # it has ended by itself
            # Not the method of a TLS socket, which would take the session from under the thread that reads.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = Timer(TIMEOUT_SECONDS, cut)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if is_over.is_set():
        raise TimeoutError


def _exchange(sock: socket.socket, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> Answer:
    if isinstance(sock, ssl.SSLSocket):
        sock.do_handshake()
    connection = HTTPConnection(parts.hostname or "", parts.port)
    connection.sock = sock
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("POST", target, body=body, headers={**headers, "Connection": "close"})
    answer = connection.getresponse()
    waits = answer.getheader("Retry-After", "")
    return Answer(answer.status, int(waits) if waits.isascii() and waits.isdigit() and len(waits) < 9 else None)


def _in_words(error: OSError | HTTPException | UnicodeError) -> str:
    """What went wrong, without anything that the receiver said."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror | UnicodeError):
        return "the host name is not known"
    if isinstance(error, ssl.SSLError):
        return "no trusted TLS connection"
    if isinstance(error, ConnectionRefusedError):
        return "the connection is refused"
    return "the connection broke off"
