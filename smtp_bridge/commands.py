"""Command loop of a session: dispatches commands, and limits their number and the number of errors."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar

from aiosmtpd.smtp import TLSSetupException

from smtp_bridge import replies
from smtp_bridge.greeting import GreetedConnection
from smtp_bridge.session_context import SessionContext, SessionStage

LINE = 2_048  # bytes of a command; RFC 5321 asks for 512, and more for extensions
BEFORE_TLS = {"NOOP", "LHLO", "EHLO", "STARTTLS", "QUIT"}  # RFC 3207 4
OF_A_MAIL = {"MAIL", "RCPT", "DATA"}  # not counted when accepted: they have limits of their own
PENANCE = 1.0  # seconds of delay after each error, once half of the permitted errors were made

Verb = Callable[[Any, str | None], str | None]  # handles a command and returns its reply, or None if it comes later


class CommandLoop(GreetedConnection):
    """Dispatcher of commands by name; a subclass defines `verbs`."""

    verbs: ClassVar[Mapping[str, Verb]]

    def __init__(self, context: SessionContext) -> None:
        super().__init__(context)
        self._commands = self._errors = 0
        self._pushed = ""

    async def push(self, status: Any) -> None:
        """Reply from aiosmtpd, with the enhanced code added."""
        self._pushed = replies.complete(status)
        await super().push(self._pushed)

    def _command(self, line: bytes) -> None:
        self._timer.restart(self._limits.patience)
        name, _, argument = line.decode("utf-8", "surrogateescape").strip("\r\n").partition(" ")
        verb = name.upper()
        if self._commands >= self._settings.smtp_commands + (verb in OF_A_MAIL):
            self._farewell = replies.TOO_MANY_COMMANDS
            return
        try:
            reply = self._refusal(verb, len(line)) or self.verbs[verb](self, argument.strip() or None)
        except Exception as error:  # noqa: BLE001 - all of it is a failure of ours, and is logged there
            reply = self._handler.failure(error)
        if reply:
            self._conclude(verb, reply)

    def _refusal(self, verb: str, length: int) -> str | None:
        if length > LINE:
            return replies.LINE_TOO_LONG
        if verb not in self.verbs:
            return replies.UNKNOWN_COMMAND
        if self._settings.smtp_tls_required and not self._tls_protocol and verb not in BEFORE_TLS:
            return replies.TLS_REQUIRED
        return None

    def _conclude(self, verb: str, reply: str) -> None:
        """Send a command's final reply, and count it."""
        self._reply(reply)
        self._stage = SessionStage.COMMAND
        self._count(verb, reply)

    def _leave_to_aiosmtpd(self, verb: str, coroutine: Coroutine[Any, Any, None]) -> None:
        """Have aiosmtpd handle a command; it replies by `push`."""
        self._stage = SessionStage.WAITING
        self._task = self.loop.create_task(self._conclude_after(verb, coroutine))

    async def _conclude_after(self, verb: str, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            await coroutine
        except TLSSetupException as error:  # nothing else reports that the client is gone
            self.abort()
            self.connection_lost(error)
            return
        except Exception as error:  # noqa: BLE001 - all of it is a failure of ours, and is logged there
            await self.push(self._handler.failure(error))
        if self._stage is SessionStage.WAITING:
            self._stage = SessionStage.COMMAND
            self._count(verb, self._pushed)
            self._proceed()

    def _count(self, verb: str, reply: str) -> None:
        if reply == replies.OK_QUEUED:
            self._commands = self._errors = 0
        elif verb not in OF_A_MAIL or not replies.is_agreed(reply):
            self._commands += 1
        if replies.is_refusal(reply):
            self._punish()

    def _punish(self) -> None:
        self._errors += 1
        if self._errors >= self._settings.smtp_errors:
            self._farewell = self._farewell or replies.TOO_MANY_ERRORS
        elif self._errors > self._settings.smtp_errors // 2:
            self._stage = SessionStage.WAITING
            self.loop.call_later(PENANCE, self._forgive)

    def _forgive(self) -> None:
        if self._stage is SessionStage.WAITING:
            self._stage = SessionStage.COMMAND
            self._proceed()
