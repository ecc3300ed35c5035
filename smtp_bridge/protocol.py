"""The verbs that we say otherwise than aiosmtpd."""

from collections.abc import Sequence

from aiosmtpd.smtp import Envelope

from mailtalk.participation.addresses import Bearer
from smtp_bridge import replies
from smtp_bridge.connection import Connection, Stage
from smtp_bridge.data import Content, Endless
from smtp_bridge.limits import memory

WINDOW = 10.0  # seconds over which the speed of a mail's data is measured


class Mail(Envelope):
    """aiosmtpd's envelope, with its data, and with whom its recipients stand for, in the order of its RCPTs."""

    def __init__(self) -> None:
        super().__init__()
        self.bearers: list[Bearer] = []
        self.data: Content


class Bridge(Connection):
    """A session in which mail is handed over by SMTP."""

    envelope: Mail
    setting = "SMTP_PORT"

    @property
    def origin(self) -> tuple[str | None, str | None]:
        """The address and the name of who hands a mail over, as far as they tell where it is from."""
        name = self.session.host_name if self.session else None
        return str(self.client) if self.client else None, name

    def has_room(self, size: int) -> bool:
        """Whether a mail of this size could be received now."""
        return self._guard.has_room(memory(size))

    async def smtp_EHLO(self, hostname: str | None) -> None:  # noqa: N802 - aiosmtpd's name, as those below
        """Say what we can."""
        if await self._is_named(hostname):
            self.session.extended_smtp = True  # type: ignore[union-attr]
            *others, last = [self.hostname, *self._extensions()]
            await self._say(*(f"250-{each}" for each in others), f"250 {last}")

    async def smtp_HELO(self, hostname: str | None) -> None:  # noqa: N802
        """Say who we are."""
        if await self._is_named(hostname):
            self.session.extended_smtp = False  # type: ignore[union-attr]
            await self._say(f"250 {self.hostname}")

    async def smtp_STARTTLS(self, arg: str | None) -> None:  # noqa: N802
        """Start TLS, once, with the newest certificate."""
        if self._certificate is None:
            await self.push(replies.UNKNOWN_COMMAND)
        elif self._tls_protocol:
            await self.push(replies.TLS_ACTIVE)
        else:
            self.tls_context = self._certificate.context
            await super().smtp_STARTTLS(arg or "")

    async def smtp_VRFY(self, _arg: str | None) -> None:  # noqa: N802
        """Tell nobody who is here."""
        await self.push(replies.CANNOT_VERIFY)

    async def smtp_QUIT(self, _arg: str | None) -> None:  # noqa: N802
        """End."""
        self._farewell = replies.BYE

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        """Receive a mail to its final dot, have it kept, and answer."""
        if refusal := self._no_data(arg):
            await self.push(refusal)
            return
        content = self.envelope.data = Content(self._guard, self._settings.smtp_message_bytes)
        try:
            await self._receive(content)
            self._stage = Stage.KEEPING
            await self._answer(content.refusal or await self._call_handler_hook("DATA"))
        except Endless:
            self._farewell = replies.TOO_LARGE
        finally:
            if self._stage is Stage.RECEIVING:
                content.close()

    async def check_helo_needed(self, _helo: str = "") -> bool:
        """Whether who speaks has to say a name first."""
        named = bool(self.session and self.session.host_name)
        if not named:
            await self.push(replies.NO_GREETING)
        return not named

    def _create_envelope(self) -> Mail:
        return Mail()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        try:
            return super()._getaddr(arg)
        except (AttributeError, LookupError, NameError, RecursionError):
            return None, None  # Python's parser stumbles over what is no address

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        return super()._getparams(params) if "".join(params).isascii() else None  # not all digits are numbers

    def _extensions(self) -> list[str]:
        able = [f"SIZE {self.data_size_limit}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
        return [*able, "STARTTLS"] if self._certificate and not self._tls_protocol else able

    async def _is_named(self, hostname: str | None) -> bool:
        if not hostname:
            await self.push(replies.NO_HOST_NAME)
            return False
        self.envelope = Mail()
        self.session.host_name = hostname  # type: ignore[union-attr]
        self._said = replies.OK
        return True

    def _no_data(self, arg: str | None) -> str | None:
        if not self.envelope.rcpt_tos:
            return replies.NO_RECIPIENT
        if arg:
            return replies.NO_PARAMETER
        return None if self.has_room(1) else replies.NO_STORAGE

    async def _receive(self, content: Content) -> None:
        self._stage = Stage.RECEIVING
        if self._timeout_handle:
            self._timeout_handle.cancel()  # from now on the speed counts
        await self.push(replies.GO_AHEAD)
        self._watch(self._received)
        try:
            await content.receive(self._reader)
        finally:
            self._watching.cancel()

    def _watch(self, before: int) -> None:
        self._watching = self.loop.call_later(WINDOW, self._look, before)

    def _look(self, before: int) -> None:
        if self._received - before < self._settings.smtp_bytes_per_second * WINDOW:
            self._end(replies.TOO_SLOW)
        else:
            self._watch(self._received)

    async def _answer(self, reply: str) -> None:
        answers = self._answers(reply)
        self.envelope = Mail()
        self._stage = Stage.COMMAND
        self._reset_timeout()
        for each in answers:
            await self.push(each)

    def _answers(self, reply: str) -> list[str]:
        return [reply]
