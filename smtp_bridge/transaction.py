"""Mail transaction (RFC 5321 3.3): its envelope, its data at a minimum speed, and its commit before the 250."""

import asyncio

from aiosmtpd.smtp import Envelope

from mailtalk.participation.addresses import Bearer
from smtp_bridge import replies
from smtp_bridge.commands import CommandLoop
from smtp_bridge.data import DataOverrun, MailData
from smtp_bridge.limits import memory
from smtp_bridge.session_context import SessionStage

WINDOW = 10.0  # seconds over which the speed of a mail's data is averaged


class MailEnvelope(Envelope):
    """aiosmtpd's envelope, with the mail's data and the bearers of the recipients' addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.bearers: list[Bearer] = []
        self.data: MailData


class MailTransactions(CommandLoop):
    """Mail transactions of a session, one after the other."""

    envelope: MailEnvelope

    @property
    def origin(self) -> tuple[str | None, str | None]:
        """Client's address and HELO name, where they say something about a mail's origin."""
        return self.client, self.session.host_name

    def has_room(self, size: int) -> bool:
        """True if a mail of this size could be received now."""
        return self._limits.has_room(memory(size))

    def connection_lost(self, error: Exception | None) -> None:
        """Clean up; an incomplete mail is discarded."""
        if self._stage is SessionStage.RECEIVING:
            self._stop_receiving()
        super().connection_lost(error)

    def _close(self) -> None:
        if self._stage is SessionStage.RECEIVING:
            self._stop_receiving()
        super()._close()

    def _receive(self) -> None:
        """Start receiving the mail's data."""
        self.envelope.data = MailData(self._limits, self._quotas.size_limit(self.envelope.bearers))
        self._stage = SessionStage.RECEIVING
        self._timer.suspend()  # the speed counts from now on
        self._reply(replies.GO_AHEAD)
        self._watch(self._received)

    def _data(self, part: bytes) -> None:
        try:
            behind = self.envelope.data.feed(part)
        except DataOverrun:
            self._stop_receiving()
            self._farewell = replies.TOO_LARGE
            return
        if behind is None:
            return
        self._buffer += behind
        self._watching.cancel()
        if refusal := self.envelope.data.refusal:
            self._stop_receiving()
            self._conclude_mail(refusal)
        else:
            self._store()

    def _watch(self, before: int) -> None:
        self._watching = self.loop.call_later(WINDOW, self._look, before)

    def _look(self, before: int) -> None:
        if self._received - before < self._settings.smtp_bytes_per_second * WINDOW:
            self._end(replies.TOO_SLOW)
        else:
            self._watch(self._received)

    def _stop_receiving(self) -> None:
        self._watching.cancel()
        self.envelope.data.close()
        self._stage = SessionStage.COMMAND

    def _store(self) -> None:
        self._stage = SessionStage.STORING
        self._quotas.count(self.host, self.envelope.bearers, self.envelope.data.size)
        try:
            self._handler.store(self.envelope, *self.origin).add_done_callback(self._stored)
        except Exception as error:  # noqa: BLE001 - all of it is a failure of ours, and is logged there
            self._conclude_mail(self._handler.failure(error))

    def _stored(self, mail_id: "asyncio.Future[int]") -> None:
        reply = self._handler.stored(mail_id)
        if reply == replies.OK_QUEUED:
            self._note_delivery()
        if self._stage is SessionStage.STORING:
            self._conclude_mail(reply)
            self._proceed()

    def _note_delivery(self) -> None:
        self._useful_at = self.loop.time()
        if self.host and any(bearer.participation_id for bearer in self.envelope.bearers):
            self._limits.remember(self.host)

    def _conclude_mail(self, reply: str) -> None:
        *others, last = self._answers(reply)
        self.envelope = MailEnvelope()
        self._timer.restart(self._limits.patience)
        for other in others:
            self._reply(other)
        self._conclude("DATA", last)

    def _answers(self, reply: str) -> list[str]:
        return [reply]

    def _create_envelope(self) -> MailEnvelope:
        return MailEnvelope()
