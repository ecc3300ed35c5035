"""DNS for sender authentication: our own resolver; all queries about one mail share one deadline."""

import re
import time
from typing import Any

import dns.exception
import dns.name
import dns.resolver
import spf  # type: ignore[import-untyped]
from dns.nameserver import Do53Nameserver

ONE_MAIL = 5.0  # seconds for all queries about one mail
ONE_NAME = 2.0
QUESTIONS = 40  # SPF alone may need 10 mechanisms of 10 hosts each
REMEMBERED = 1_000  # cached answers
LONGEST_TEXT = 2_000  # bytes; a longer key would only serve to cost time
_SERVER = re.compile(r"\[?([0-9a-fA-F:.]+?)\]?(?::(\d{1,5}))?")
_ADDRESS_WITH_COLONS = 2


class Unanswered(Exception):
    """Temporary DNS failure."""


class Resolver:
    """Resolver over MAILTALK_DNS_SERVERS, or the system's servers; caches answers for their time to live."""

    def __init__(self, servers: str | None = None) -> None:
        self._resolver = _system() if servers is None else dns.resolver.Resolver(configure=False)
        if servers is not None:
            self._resolver.nameservers = [
                _nameserver(server.strip()) for server in servers.split(",") if server.strip()
            ]
        self._resolver.cache = dns.resolver.LRUCache(REMEMBERED)

    def questions(self) -> "Questions":
        """Queries about one mail; the deadline starts now."""
        return Questions(self._resolver)


class Questions:
    """Queries about one mail. Unanswered if a server fails or the deadline has passed."""

    def __init__(self, resolver: dns.resolver.Resolver) -> None:
        self._resolver, self._left, self._deadline = resolver, QUESTIONS, time.monotonic() + ONE_MAIL

    def ask(self, name: str, kind: str) -> list[Any]:
        """Records of a name; empty if the name does not exist or is not valid."""
        self._left -= 1
        seconds = min(self._deadline - time.monotonic(), ONE_NAME)
        if seconds <= 0 or self._left < 0:
            raise Unanswered("the deadline of the DNS queries has passed")
        try:
            return list(self._resolver.resolve(name, kind, lifetime=seconds, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            return []
        except (dns.resolver.NoNameservers, dns.exception.Timeout) as error:
            raise Unanswered(f"{name}: {type(error).__name__}") from error
        except (dns.exception.DNSException, UnicodeError):  # a label too long, empty, …
            return []

    def texts(self, name: str) -> list[bytes]:
        """TXT records of a name."""
        return [b"".join(record.strings) for record in self.ask(name, "TXT")]

    def key(self, name: bytes, timeout: float = 0) -> bytes | None:  # noqa: ARG002  dkimpy's parameters
        """DKIM key record; None if there is none, or if it is too long."""
        records = self.texts(name.decode("latin-1"))
        return records[0] if records and len(records[0]) <= LONGEST_TEXT else None


class Spf(spf.query):  # type: ignore[misc]
    """pyspf's evaluation (RFC 7208) over our queries."""

    def __init__(self, questions: Questions, client_ip: str, mail_from: str, helo: str) -> None:
        super().__init__(i=client_ip, s=mail_from, h=helo)
        self._questions = questions

    def dns(self, name: Any, qtype: str, cnames: object = None, ignore_void: object = None) -> list[Any]:  # noqa: ARG002  pyspf's parameters
        """Answer in pyspf's format: addresses and names as strings, MX with preference, TXT as strings."""
        if (key := (str(name).lower().rstrip("."), qtype)) not in self.cache:
            self.cache[key] = self._ask(*key)
        if not self.cache[key] and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("too many void look-ups")
        return list(self.cache[key])

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            records = self._questions.ask(name, kind)
        except Unanswered as error:
            raise spf.TempError(str(error)) from error
        return [_as_pyspf(kind, record) for record in records]


def _system() -> dns.resolver.Resolver:
    try:
        return dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:  # a machine without DNS: every query is unanswered
        return dns.resolver.Resolver(configure=False)


def _as_pyspf(kind: str, record: Any) -> Any:
    match kind:
        case "A" | "AAAA":
            return record.address
        case "MX":
            return record.preference, record.exchange.to_text(omit_final_dot=True)
        case "PTR":
            return record.target.to_text(omit_final_dot=True)
    return record.strings


def _nameserver(text: str) -> Do53Nameserver:
    """Parse `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`."""
    if not text.startswith("[") and text.count(":") >= _ADDRESS_WITH_COLONS:
        return Do53Nameserver(text)
    match = _SERVER.fullmatch(text)
    return Do53Nameserver(match[1], int(match[2] or 53)) if match else Do53Nameserver(text)
