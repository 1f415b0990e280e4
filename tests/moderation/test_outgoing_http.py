import socket
from collections.abc import Iterator
from contextlib import closing
from threading import Event, Thread
from time import monotonic

import pytest

import moderation.outgoing_http
from moderation.errors import DeliveryFailed, WebhookUrlRefused
from moderation.outgoing_http import check_url, is_public, send
from tests.receiver import Receiver, running_receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "ff02::1",
    ],
)
def test_addresses_inside_are_known_in_every_dress(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_outside_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "https://",
        "nonsense",
        "https://u:p@example.org/",
        "https://[::1",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "https://db.internal/x",
        "https://example.org/#x",
        "https://example.org/a b",
        "https://exämple.org/",
        "https://example.org:99999/",
        "https://example.org/\r\nX: y",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_such_addresses_are_refused_when_they_are_given(url: str) -> None:
    with pytest.raises(WebhookUrlRefused):
        check_url(url, allow_private=False)


def test_ordinary_addresses_are_accepted() -> None:
    assert check_url("https://example.org:8443/hook?x=1", allow_private=False).port == 8443
    assert check_url("http://127.0.0.1:9/hook", allow_private=True).hostname == "127.0.0.1"


def test_a_body_arrives_with_its_headers(receiver: Receiver) -> None:
    answer = send(receiver.url + "?a=1", b"words", {"webhook-id": "evt_1"}, allow_private=True)
    assert (answer.status, answer.retry_after_seconds) == (204, None)
    (received,) = receiver.received
    assert (received.path, received.body, received.headers["webhook-id"]) == ("/hook?a=1", b"words", "evt_1")


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [(302, {"Location": receiver.url + "/elsewhere"})]
    assert send(receiver.url, b"", {}, allow_private=True).status == 302
    assert len(receiver.received) == 1


def test_a_receiver_may_ask_for_time(receiver: Receiver) -> None:
    receiver.answers = [(503, {"Retry-After": "120"}), (503, {"Retry-After": "Fri, 20 Nov 2026 12:00:00 GMT"})]
    waits = [send(receiver.url, b"", {}, allow_private=True).retry_after_seconds for _ in range(2)]
    assert waits == [120, None]


def test_the_address_behind_a_name_is_looked_at_when_the_connection_is_made(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(receiver.url.split(":")[2].split("/")[0])

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        inside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port)), inside]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(DeliveryFailed, match="inside this network"):
        send(f"https://looks-public.example:{port}/", b"", {}, allow_private=False)
    assert receiver.received == []


def test_a_port_where_nobody_listens_fails_in_words() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DeliveryFailed, match="the connection is refused"):
        send(f"http://127.0.0.1:{port}/", b"", {}, allow_private=True)


def test_what_speaks_no_tls_is_not_trusted(receiver: Receiver) -> None:
    with pytest.raises(DeliveryFailed, match="no trusted TLS connection"):
        send(receiver.url.replace("http:", "https:"), b"", {}, allow_private=True)


def test_bytes_that_trickle_in_cannot_keep_us_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moderation.outgoing_http, "TIMEOUT_SECONDS", 0.6)
    stop = Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def trickle() -> None:
            connection, _ = listener.accept()
            with closing(connection):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = Thread(target=trickle, daemon=True)
        thread.start()
        began = monotonic()
        with pytest.raises(DeliveryFailed):
            send(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"", {}, allow_private=True)
        assert monotonic() - began < 5
        stop.set()
        thread.join()
