"""A participation's row as the state that the rules work on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from mailtalk.participation.rules import State
from mailtalk.vocabulary import Access, Choice, Frequency, Notify, Sees


class Stored(Protocol):
    """What the rules need of a participation: its row, or the row's values."""

    @property
    def present(self) -> bool:
        """False after leaving."""

    @property
    def access(self) -> str:
        """Of `Access`."""

    @property
    def notify(self) -> str:
        """Of `Notify`."""

    @property
    def generation(self) -> int:
        """Goes up with every rotation."""

    @property
    def mute_until(self) -> datetime | None:
        """Until when it is muted."""

    @property
    def sees(self) -> str:
        """Of `Sees`."""

    @property
    def frequency(self) -> str:
        """Of `Frequency`."""

    @property
    def chosen(self) -> Sequence[str]:
        """Of `Choice`."""


def state(row: Stored) -> State:
    """A participation as its rules see it."""
    return State(
        row.present,
        Access(row.access),
        Notify(row.notify),
        row.generation,
        row.mute_until,
        Sees(row.sees),
        Frequency(row.frequency),
        frozenset(map(Choice, row.chosen)),
    )
