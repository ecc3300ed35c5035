"""A DNS server of a test's own, on a real socket: it answers from a zone that the test wrote down."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

SERVFAIL, SILENCE = "SERVFAIL", "silence"


@dataclass
class Zone:
    """Records by (name, kind): texts as in a zone file, SERVFAIL for trouble, or SILENCE for no answer at all."""

    records: dict[tuple[str, str], list[str] | str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def text(self, name: str, value: bytes | str) -> None:
        """A TXT record, in strings of at most 255 bytes."""
        value = value.decode() if isinstance(value, bytes) else value
        parts = [value[i : i + 250] for i in range(0, len(value), 250)]
        self.records.setdefault((name, "TXT"), [])
        found = self.records[name, "TXT"]
        assert isinstance(found, list)
        found.append(" ".join(f'"{part}"' for part in parts))

    def fail(self, name: str, how: str = SERVFAIL, kind: str = "TXT") -> None:
        self.records[name, kind] = how

    def answer(self, raw: bytes) -> bytes | None:
        query = dns.message.from_wire(raw)
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        found = self.records.get((name, kind))
        if found == SILENCE:
            return None
        response = dns.message.make_response(query)
        if found == SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif found:
            response.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *found))
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.flags |= dns.flags.RA
        return response.to_wire()


@contextmanager
def naming() -> Iterator[Zone]:
    zone, end = Zone(), threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.05)
        zone.address = f"127.0.0.1:{server.getsockname()[1]}"

        def serve() -> None:
            while not end.is_set():
                try:
                    raw, peer = server.recvfrom(65_535)
                except TimeoutError:
                    continue
                if (answer := zone.answer(raw)) is not None:
                    server.sendto(answer, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield zone
        end.set()
        thread.join(10)
