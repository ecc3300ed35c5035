"""SMTP session: its commands. MAIL and RCPT in the usual syntax are parsed here, any other by aiosmtpd."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from mailtalk.participation.addresses import Bearer
from smtp_bridge import replies
from smtp_bridge.commands import Verb
from smtp_bridge.session_context import SessionStage
from smtp_bridge.transaction import MailEnvelope, MailTransactions

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAILBOX = rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_PARAMETER = r"(?i: (?:SIZE=[0-9]{1,12}|BODY=(?:7BIT|8BITMIME)|SMTPUTF8))"
_FROM = re.compile(rf"(?i:FROM:)<({_MAILBOX})?>((?:{_PARAMETER}){{0,3}})", re.ASCII)
_TO = re.compile(rf"(?i:TO:)<({_MAILBOX})>", re.ASCII)


class SmtpSession(MailTransactions):
    """SMTP session."""

    setting = "SMTP_PORT"

    def _ehlo(self, hostname: str | None) -> str:
        if refusal := self._introduce(hostname, extended=True):
            return refusal
        *others, last = [self.hostname, *self._extensions()]
        return "".join(f"250-{line}\r\n" for line in others) + f"250 {last}"

    def _helo(self, hostname: str | None) -> str:
        return self._introduce(hostname, extended=False) or f"250 {self.hostname}"

    def _introduce(self, hostname: str | None, *, extended: bool) -> str | None:
        if not hostname:
            return replies.NO_HOST_NAME
        self.envelope = MailEnvelope()
        self.session.host_name, self.session.extended_smtp = hostname, extended
        return None

    def _extensions(self) -> list[str]:
        able = [f"SIZE {self.data_size_limit}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
        return [*able, "STARTTLS"] if self._context.certificate and not self._tls_protocol else able

    def _starttls(self, argument: str | None) -> str | None:
        if self._context.certificate is None:
            return replies.UNKNOWN_COMMAND
        if self._tls_protocol:
            return replies.TLS_ACTIVE
        self.tls_context = self._context.certificate.context  # the current one: it may have been reloaded
        self._leave_to_aiosmtpd("STARTTLS", self.smtp_STARTTLS(argument or ""))
        return None

    def _mail(self, argument: str | None) -> str | None:
        match = _FROM.fullmatch(argument or "")
        if not match or not self.session.host_name or self.envelope.mail_from:
            self._leave_to_aiosmtpd("MAIL", self.smtp_MAIL(argument))
            return None
        options = match[2].upper().split()
        if options and not self.session.extended_smtp:
            self._leave_to_aiosmtpd("MAIL", self.smtp_MAIL(argument))
            return None
        reply: str = self._handler.begin(self, self.envelope, match[1] or "<>", options)
        return reply

    def _rcpt(self, argument: str | None) -> str | None:
        match = _TO.fullmatch(argument or "")
        if not match or not self.envelope.mail_from:
            self._leave_to_aiosmtpd("RCPT", self.smtp_RCPT(argument))
            return None
        answer = self._handler.admit(self.envelope, match[1])
        if isinstance(answer, str):
            return answer
        self._stage = SessionStage.WAITING
        answer.add_done_callback(partial(self._admitted, match[1]))
        return None

    def _admitted(self, mailbox: str, bearer: "asyncio.Future[Bearer | None]") -> None:
        reply = self._handler.admitted(self.envelope, mailbox, bearer)
        if self._stage is SessionStage.WAITING:
            self._conclude("RCPT", reply)
            self._proceed()

    def _data_verb(self, argument: str | None) -> str | None:
        if not self.envelope.rcpt_tos:
            return replies.NO_RECIPIENT
        if argument:
            return replies.NO_DATA_PARAMETER
        if not self.has_room(1):
            return replies.NO_STORAGE
        if refusal := self._quotas.refusal(self.host, self.envelope.bearers):
            return refusal
        self._receive()
        return None

    def _rset(self, argument: str | None) -> str:
        if argument:
            return replies.NO_RSET_PARAMETER
        self.envelope = MailEnvelope()
        return replies.OK

    def _quit(self, _argument: str | None) -> None:
        self._farewell = replies.BYE

    async def check_helo_needed(self, _helo: str = "") -> bool:
        """True, after an error reply, if the client has not sent EHLO or HELO."""
        if not self.session.host_name:
            await self.push(replies.NO_GREETING)
        return not self.session.host_name

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        try:
            return super()._getaddr(arg)
        except (AttributeError, LookupError, NameError, RecursionError):
            return None, None  # Python's parser fails on some malformed addresses

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        return super()._getparams(params) if "".join(params).isascii() else None  # int() fails on some non-ASCII digits

    verbs: ClassVar[Mapping[str, Verb]] = {
        "EHLO": _ehlo,
        "HELO": _helo,
        "STARTTLS": _starttls,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "DATA": _data_verb,
        "RSET": _rset,
        "NOOP": lambda _session, _argument: replies.OK,
        "VRFY": lambda _session, _argument: replies.CANNOT_VERIFY,
        "EXPN": lambda _session, _argument: replies.NO_EXPANSION,
        "HELP": lambda _session, _argument: replies.HELP,
        "QUIT": _quit,
    }
