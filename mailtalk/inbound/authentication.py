"""Sender authentication: SPF, DKIM and ARC results, aligned with the From domain as in DMARC (RFC 7489 3.1).

The domain's DMARC record only sets how strict the alignment is; its policy for failing mail (`p=`) is not applied.
Authentication-Results fields that arrived with the mail are ignored.
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import dkim  # type: ignore[import-untyped]
import msgspec
from authheaders import dmarc_lookup  # type: ignore[import-untyped]

from mailtalk.inbound import arc
from mailtalk.inbound.dns import Questions, Resolver, Spf, Unanswered
from mailtalk.mail import address, domains
from mailtalk.mail.parsing import headers, limits

SIGNATURES = 5  # of those that could count
SEALS = 10
PASS, FAIL, NONE, UNANSWERED = "pass", "fail", "none", "temperror"
UNADDRESSED = "unaddressed"  # a valid signature of a mail that does not name the recipient: anyone can send it again
log = logging.getLogger(__name__)
_SILENT = logging.getLogger("mailtalk.dkimpy")
_SILENT.disabled = True  # its log lines would contain text of the mail


class Evidence(msgspec.Struct, frozen=True):
    """Result of each method; `by` is the method that proves the sender."""

    spf: str = NONE
    dkim: str = NONE
    arc: str = NONE
    by: str | None = None


class ReceivedMail(msgspec.Struct, frozen=True):
    """A mail as received: its bytes, its SMTP envelope, and the forms of the inbound address that it was sent to.

    `spf` is the result for the envelope sender of a verified provider, which knew the client.
    """

    raw: bytes
    mail_from: str
    client_ip: str | None = None
    helo: str | None = None
    recipients: frozenset[str] = frozenset()
    spf: str | None = None


class Authenticator:
    """Mail authenticator; safe to use from several threads."""

    def __init__(self, resolver: Resolver, trusted_sealers: str | None = None) -> None:
        self._resolver = resolver
        self._trusted = frozenset(
            sealer.strip().lower() for sealer in (trusted_sealers or "").split(",") if sealer.strip()
        )

    def evidence(self, claim: ReceivedMail, domain: str) -> Evidence:
        """Evidence that the domain's owner sent this mail. Unanswered if it depends on a DNS that did not answer."""
        evidence = _Check(claim, domain, self._resolver.questions()).made(self._trusted)
        if evidence.by is None and UNANSWERED in (evidence.spf, evidence.dkim, evidence.arc):
            raise Unanswered(f"the DNS did not answer about {domain}")
        return evidence


def from_domain(raw: bytes) -> str | None:
    """Domain of the only From address, in ASCII; None if the mail has no From address or several."""
    fields = [value for name, value in _fields(limits.header_block(raw)) if name == b"from"]
    addresses = headers.addresses(headers.raw_text(fields[0])) if len(fields) == 1 else ()
    return address.normal(addresses[0]).rpartition("@")[2] if len(addresses) == 1 else None


class _Check:
    """Authentication of one mail against its From domain, with the alignment mode that the domain publishes."""

    def __init__(self, claim: ReceivedMail, domain: str, questions: Questions) -> None:
        self._claim, self._domain, self._questions = claim, domain, questions
        self._record: dict[str, str] | None = None

    def made(self, trusted: frozenset[str]) -> Evidence:
        results = {"dkim": _tried(self._dkim)}
        if PASS not in results.values():
            results["spf"] = _tried(self._spf)
        if PASS not in results.values() and trusted:
            results["arc"] = _tried(partial(self._arc, trusted))
        return Evidence(**results, by=next((way for way, result in results.items() if result == PASS), None))

    def _dkim(self) -> str:
        signed = dkim.DKIM(self._claim.raw, logger=_SILENT)
        signatures = [value for name, value in signed.headers if name.lower() == b"dkim-signature"]
        could = [i for i, value in enumerate(signatures) if self._could_count(value)]
        return _best(_tried(partial(self._signature, signed, i)) for i in could[:SIGNATURES])

    def _could_count(self, signature: bytes) -> bool:
        match = re.search(rb"(?:^|;)\s*d\s*=\s*([^\s;]+)", signature)
        return match is not None and self._kin(match[1].decode("latin-1"))

    def _signature(self, signed: dkim.DKIM, index: int) -> str:
        verified = signed.verify(idx=index, dnsfunc=self._questions.key)
        # With l=, text may have been appended unsigned; if From is not signed, the signature proves nothing about it.
        whole = verified and b"l" not in signed.signature_fields and b"from" in signed.include_headers
        if not whole or not self._aligned(signed.domain.decode("latin-1"), "adkim"):
            return FAIL
        return PASS if self._is_addressed(signed.include_headers) else UNADDRESSED

    def _spf(self) -> str:
        domain = address.normal(self._claim.mail_from).rpartition("@")[2]
        result = self._spf_result() if domain and self._kin(domain) else NONE
        if result == PASS:
            return PASS if self._aligned(domain, "aspf") else FAIL
        return result if result in {NONE, UNANSWERED} else FAIL

    def _spf_result(self) -> str:
        if not self._claim.client_ip:
            return PASS if self._claim.spf == PASS else NONE
        query = Spf(self._questions, self._claim.client_ip, self._claim.mail_from, self._claim.helo or "")
        return str(query.check()[0])

    def _arc(self, trusted: frozenset[str]) -> str:
        """Accept the newest sealers' results while each is trusted: any of them could have changed what came before."""
        sealed = dkim.ARC(self._claim.raw, logger=_SILENT)
        sealed.headers = arc.respaced(sealed.headers)
        if not 0 < sum(name.lower() == b"arc-seal" for name, _ in sealed.headers) <= SEALS:
            return NONE
        verdict, sets, _ = sealed.verify(dnsfunc=self._questions.key)
        if verdict != dkim.CV_Pass or not self._seen_by(sets, trusted):
            return FAIL
        return PASS if self._is_addressed(arc.signed_names(sealed.headers, sets[0]["instance"])) else UNADDRESSED

    def _seen_by(self, sets: Sequence[dict[str, bytes]], trusted: frozenset[str]) -> bool:
        for fields in sets:
            if fields["as-domain"].decode("latin-1").lower() not in trusted:
                return False
            if self._has_seen(arc.noted(fields["aar-value"])):
                return True
        return False

    def _has_seen(self, noted: arc.Noted) -> bool:
        """True if a sealer saw DMARC pass; if it knew of no DMARC record, an aligned DKIM or SPF pass."""
        if noted.has_dmarc:
            return self._domain in noted.dmarc
        return any(self._aligned(domain, "adkim") for domain in noted.dkim) or any(
            self._aligned(domain, "aspf") for domain in noted.spf
        )

    def _is_addressed(self, signed: Iterable[bytes]) -> bool:
        """True if a signed To or Cc, the only one of its name, has the recipient."""
        fields = _fields(limits.header_block(self._claim.raw))
        for name in {b"to", b"cc"}.intersection(map(bytes.lower, signed)):
            values = [value for other, value in fields if other == name]
            if len(values) == 1 and self._claim.recipients.intersection(
                map(_bare, headers.addresses(headers.raw_text(values[0])))
            ):
                return True
        return False

    def _kin(self, other: str) -> bool:
        return domains.organisation(other.lower().rstrip(".")) == domains.organisation(self._domain)

    def _aligned(self, other: str, tag: str) -> bool:
        strict = self._published().get(tag, "r") == "s"
        return other.lower().rstrip(".") == self._domain if strict else self._kin(other)

    def _published(self) -> dict[str, str]:
        """DMARC record of the domain or of its organisational domain; {} if there is no valid one."""
        if self._record is None:
            candidates = dict.fromkeys((self._domain, domains.organisation(self._domain)))
            self._record = next(filter(None, map(self._published_at, candidates)), {})
        return self._record

    def _published_at(self, domain: str) -> dict[str, str]:
        records = [text for text in self._questions.texts(f"_dmarc.{domain}") if text.startswith(b"v=DMARC1")]
        try:
            return dmarc_lookup.answer_to_dict(records[0].decode("latin-1")) if len(records) == 1 else {}
        except dmarc_lookup.DMARCException:
            return {}


def _bare(mailbox: str) -> str:
    """Mailbox in lower case, as token@domain if it has a tag."""
    token, domain = address.token_of(mailbox)
    return f"{token}@{domain}"


def _tried(way: Callable[[], str]) -> str:
    """Result of one method; an exception of a library on hostile input counts as no proof."""
    try:
        return way()
    except Unanswered:
        return UNANSWERED
    except Exception as error:  # noqa: BLE001  the same
        log.info("sender authentication failed with %s", type(error).__name__)
        return FAIL


def _best(results: Iterable[str]) -> str:
    found = set(results)
    return next((result for result in (PASS, UNANSWERED, UNADDRESSED, FAIL) if result in found), NONE)


def _fields(block: bytes) -> list[tuple[bytes, bytes]]:
    unfolded = re.sub(rb"\r?\n(?=[ \t])", b"", block)
    pairs = (line.partition(b":") for line in re.split(rb"\r?\n", unfolded))
    return [(name.strip().lower(), value) for name, _, value in pairs]
