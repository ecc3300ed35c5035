"""SMTP and LMTP by hand: every byte that goes out is the test's own."""

import socket
import ssl
import struct
from typing import Self

from support.smtp_client import DOMAIN, MAIL

POSTMASTER = f"postmaster@{DOMAIN}"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets


class Talk:
    """One connection; replies are heard whole, with all their lines."""

    def __init__(self, where: tuple[str, int], first: bytes = b"", *, greeted: bool = True) -> None:
        self.socket = socket.create_connection(where, timeout=30)
        self.socket.sendall(first)
        self._open()
        self.greeting = self.hear() if greeted else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._replies.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self) -> str:
        """The next reply; nothing when they have hung up."""
        lines = []
        while line := self._line():
            lines.append(line.removesuffix("\r\n"))
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    def say(self, *lines: str) -> str:
        """Say these, one after the other's reply; gives the last reply."""
        for line in lines:
            self.send(f"{line}\r\n".encode())
            reply = self.hear()
        return reply

    def begin(self, *recipients: str, greeting: str = "EHLO") -> str:
        """Up to and including DATA."""
        return self.say(
            f"{greeting} client.example",
            "MAIL FROM:<bob@example.com>",
            *(f"RCPT TO:<{each}>" for each in recipients or (POSTMASTER,)),
            "DATA",
        )

    def post(self, raw: bytes = MAIL) -> str:
        """A mail to the postmaster, from its EHLO on."""
        assert self.begin().startswith("354 ")
        self.send(raw + b".\r\n")
        return self.hear()

    def start_tls(self, context: ssl.SSLContext) -> None:
        assert self.say("STARTTLS").startswith("220 ")
        self.wrap(context)

    def wrap(self, context: ssl.SSLContext) -> None:
        self._replies.close()
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self._open()

    def reset(self) -> None:
        """Leave without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._replies.close()
        self.socket.close()

    def _open(self) -> None:
        self._replies = self.socket.makefile("rb")

    def _line(self) -> str:
        try:
            return self._replies.readline().decode()
        except (ConnectionResetError, UnicodeDecodeError):
            return ""
