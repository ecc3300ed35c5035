"""What becomes of each message for each reader, in plain Python: nothing of Mailtalk's own code is in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

QUIET, CAP, MENTION = timedelta(seconds=30), timedelta(seconds=100), timedelta(seconds=5)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Reader:
    """How somebody is mailed; `due` is when the open notification is."""

    present: bool = False
    notify: str = "All"
    mute_until: datetime | None = None
    frequency: str = "default"
    read: int = 0
    due: datetime | None = None
    begins: int = 0  # the first message that the open notification is about


@dataclass(frozen=True)
class Said:
    """A message: its place, who wrote it, whom it mentions."""

    seq: int
    author: str
    mentions: Sequence[str]


@dataclass
class Fates:
    """A conversation whose clock the test turns; `of` holds each fate: mailed, or the reason why not."""

    readers: dict[str, Reader]
    frequency: str = "default"  # the app's
    said: list[Said] = field(default_factory=list)
    of: dict[tuple[str, int], str] = field(default_factory=dict)
    missed: set[tuple[str, int]] = field(default_factory=set)  # by who was away when they were settled
    window: list[Said] = field(default_factory=list)
    opened: datetime | None = None
    closes: datetime | None = None

    def say(self, author: str, mentions: Sequence[str], now: datetime) -> None:
        message = Said(len(self.said) + 1, author, mentions)
        self.said.append(message)
        self.window.append(message)
        self.opened = self.opened or now
        self.closes = min(now + QUIET, self.opened + CAP)
        for name, reader in self.readers.items():
            at_once = self._often(reader) == "immediately"
            hastened = name in mentions and self._often(reader) == "default"
            if (at_once or hastened) and self._why(name, message, now, read=0) is None:
                self._open(reader, now if at_once else min(now + MENTION, self.closes))

    def close(self, now: datetime) -> None:
        if self.closes is None or self.closes > now:
            return
        for name, reader in self.readers.items():
            fresh = [message for message in self.window if (name, message.seq) not in self.of]
            whys = {message.seq: self._why(name, message, now, reader.read) for message in fresh}
            if not reader.present:
                self.missed |= {(name, message.seq) for message in fresh}
            if not reader.present or not fresh:
                continue
            if None in whys.values():
                self._open(reader, slot(self._often(reader), now))
            elif reader.due is None:
                self.of |= {(name, seq): str(why) for seq, why in whys.items()}
        self.window, self.opened, self.closes = [], None, None

    def make(self, now: datetime) -> None:
        for name, reader in self.readers.items():
            if reader.due is None or reader.due > now:
                continue
            reader.due = None
            for message in self.said[reader.begins - 1 :]:
                if (name, message.seq) not in self.of:
                    self.of[name, message.seq] = self._why(name, message, now, reader.read) or "mailed"

    def repace(self, name: str, frequency: str, now: datetime) -> None:
        reader = self.readers[name]
        reader.frequency, before = frequency, reader.frequency
        if reader.due is not None and frequency != before:
            reader.due = slot(self._often(reader), now)

    def _often(self, reader: Reader) -> str:
        return self.frequency if reader.frequency == "default" else reader.frequency

    def _open(self, reader: Reader, due: datetime) -> None:
        begins = self.window[0].seq
        reader.begins = begins if reader.due is None else min(begins, reader.begins)
        reader.due = due if reader.due is None else min(due, reader.due)

    def _why(self, name: str, message: Said, now: datetime, read: int) -> str | None:
        reader = self.readers[name]
        if not reader.present:
            return "left"
        if message.author == name:
            return "own-message"
        if message.seq <= read:
            return "already-read"
        if reader.mute_until is not None and now < reader.mute_until:
            return "muted"
        if reader.notify == "Off":
            return "notify-off"
        return "not-mentioned" if reader.notify == "MentionsOnly" and name not in message.mentions else None


def slot(frequency: str, now: datetime) -> datetime:
    """When a mail may be made at the earliest."""
    if frequency == "hourly":
        return now.replace(minute=0, second=0, microsecond=0) + HOUR
    if frequency == "daily":
        morning = now.replace(hour=8, minute=0, second=0, microsecond=0)
        return morning if morning > now else morning + DAY
    return now
