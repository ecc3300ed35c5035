"""Rules of sending, from the settings."""

from dataclasses import dataclass
from datetime import timedelta

from mailtalk.settings.load import Settings
from mailtalk.vocabulary import Stage


@dataclass(frozen=True, slots=True)
class SendingSettings:
    """Time limit of retries, domain rate, and treatment of a mail whose reply was lost."""

    give_up: timedelta = timedelta(hours=48)
    suppress: timedelta = timedelta(days=30)
    hold: bool = False
    per_minute: int = 0  # mails to one domain per minute; 0: no limit
    send: bool = True  # False: mails are made, and none is sent

    @classmethod
    def of(cls, settings: Settings) -> "SendingSettings":
        """Read the settings."""
        return cls(
            timedelta(hours=settings.give_up_hours),
            timedelta(days=settings.suppress_days),
            settings.unknown == "hold",
            settings.domain_mails_per_minute,
            not settings.hold_outgoing,
        )

    @property
    def doubt(self) -> Stage:
        """Stage of a delivery whose final dot was sent but whose reply was lost."""
        return Stage.HELD if self.hold else Stage.UNKNOWN


DEFAULT = SendingSettings()
