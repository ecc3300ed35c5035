"""DNS for checking senders: our own resolver, in which all questions about one mail share one deadline."""

import re
import time
from typing import Any

import dns.exception
import dns.name
import dns.resolver
import spf  # type: ignore[import-untyped]
from dns.nameserver import Do53Nameserver

ONE_MAIL = 5.0  # seconds for all that is asked about a mail
ONE_NAME = 2.0
QUESTIONS = 40  # SPF alone may take 10 mechanisms of 10 hosts each
REMEMBERED = 1_000  # answers
LONGEST_TEXT = 2_000  # bytes; a longer key would be made to cost time
_SERVER = re.compile(r"\[?([0-9a-fA-F:.]+?)\]?(?::(\d{1,5}))?")
_ADDRESS_WITH_COLONS = 2


class Unanswered(Exception):
    """The DNS did not answer, for now."""


class Resolver:
    """Asks the servers of MAILTALK_DNS_SERVERS, or the system's; remembers answers for their time to live."""

    def __init__(self, servers: str | None = None) -> None:
        self._resolver = _system() if servers is None else dns.resolver.Resolver(configure=False)
        if servers is not None:
            self._resolver.nameservers = [_nameserver(each.strip()) for each in servers.split(",") if each.strip()]
        self._resolver.cache = dns.resolver.LRUCache(REMEMBERED)

    def questions(self) -> "Questions":
        """The questions about one mail; the deadline begins now."""
        return Questions(self._resolver)


class Questions:
    """What is asked about one mail. Unanswered when a server is in trouble or the time is over."""

    def __init__(self, resolver: dns.resolver.Resolver) -> None:
        self._resolver, self._left, self._deadline = resolver, QUESTIONS, time.monotonic() + ONE_MAIL

    def ask(self, name: str, kind: str) -> list[Any]:
        """The records of a name; none when there is no such name, or it cannot be one."""
        self._left -= 1
        seconds = min(self._deadline - time.monotonic(), ONE_NAME)
        if seconds <= 0 or self._left < 0:
            raise Unanswered("a mail's time for the DNS is over")
        try:
            return list(self._resolver.resolve(name, kind, lifetime=seconds, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            return []
        except (dns.resolver.NoNameservers, dns.exception.Timeout) as error:
            raise Unanswered(f"{name}: {type(error).__name__}") from error
        except (dns.exception.DNSException, UnicodeError):  # a label too long, empty, …
            return []

    def texts(self, name: str) -> list[bytes]:
        """The TXT records of a name."""
        return [b"".join(record.strings) for record in self.ask(name, "TXT")]

    def key(self, name: bytes, timeout: float = 0) -> bytes | None:  # noqa: ARG002  dkimpy's parameters
        """A DKIM key's record; None for none and for one too long to be honest."""
        found = self.texts(name.decode("latin-1"))
        return found[0] if found and len(found[0]) <= LONGEST_TEXT else None


class Spf(spf.query):  # type: ignore[misc]
    """pyspf's evaluation (RFC 7208), with our questions."""

    def __init__(self, questions: Questions, client_ip: str, mail_from: str, helo: str) -> None:
        super().__init__(i=client_ip, s=mail_from, h=helo)
        self._questions = questions

    def dns(self, name: Any, qtype: str, cnames: object = None, ignore_void: object = None) -> list[Any]:  # noqa: ARG002  pyspf's parameters
        """Answer as pyspf expects it: addresses and names as texts, MX with preference, TXT as strings."""
        if (key := (str(name).lower().rstrip("."), qtype)) not in self.cache:
            self.cache[key] = self._ask(*key)
        if not self.cache[key] and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("too many names that are not there")
        return list(self.cache[key])

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            found = self._questions.ask(name, kind)
        except Unanswered as error:
            raise spf.TempError(str(error)) from error
        return [_as_pyspf(kind, record) for record in found]


def _system() -> dns.resolver.Resolver:
    try:
        return dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:  # a machine without DNS: what is asked is not answered
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
    """`192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`."""
    if not text.startswith("[") and text.count(":") >= _ADDRESS_WITH_COLONS:
        return Do53Nameserver(text)
    found = _SERVER.fullmatch(text)
    return Do53Nameserver(found[1], int(found[2] or 53)) if found else Do53Nameserver(text)
