"""Rules of sending that the settings name."""

from dataclasses import dataclass
from datetime import timedelta

from mailtalk.settings.load import Settings
from mailtalk.vocabulary import Stage


@dataclass(frozen=True, slots=True)
class SendingSettings:
    """How long a mail is tried, how fast mails go, and what becomes of a mail whose reply was lost."""

    give_up: timedelta = timedelta(hours=48)
    suppress: timedelta = timedelta(days=30)
    hold: bool = False
    per_minute: int = 0  # mails to one domain; 0: no limit

    @classmethod
    def of(cls, settings: Settings) -> "SendingSettings":
        """Read the settings."""
        return cls(
            timedelta(hours=settings.give_up_hours),
            timedelta(days=settings.suppress_days),
            settings.unknown == "hold",
            settings.domain_mails_per_minute,
        )

    @property
    def doubt(self) -> Stage:
        """The stage of a delivery whose final dot was sent and whose reply was lost."""
        return Stage.HELD if self.hold else Stage.UNKNOWN


DEFAULT = SendingSettings()
