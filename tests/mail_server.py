"""A real mail server on this machine, as small as can be: it takes mails, or refuses them as it is told to."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread


@dataclass
class MailBox:
    """`refused` addresses are refused; `breaks_off` ends the connection when a mail has come."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    breaks_off: bool = False

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


class _Handler(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline().decode().strip():
            command = line.upper().split(":")[0].split()[0]
            if command == "QUIT":
                self._say("221 bye")
                return
            if command == "DATA":
                self._say("354 go on")
                if not self._take():
                    return
            elif command == "RCPT" and line.split("<")[1].rstrip(">") in self.server.box.refused:
                self._say("550 no such mailbox")
            else:
                self._say("250 fine")

    def _take(self) -> bool:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.server.box.mails.append(mail)
        if not self.server.box.breaks_off:
            self._say("250 taken")
        return not self.server.box.breaks_off

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, box: MailBox) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.box = box
        box.port = self.server_address[1]


@contextmanager
def running_mail_server() -> Iterator[MailBox]:
    box = MailBox()
    server = _Server(box)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
