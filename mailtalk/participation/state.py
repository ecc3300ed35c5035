"""State of a participation, from its row, as the rules use it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from mailtalk.participation.rules import State
from mailtalk.vocabulary import Access, Choice, Frequency, Notify, Sees


class Stored(Protocol):
    """Columns of a participation that the rules need; a row, or values."""

    @property
    def present(self) -> bool:
        """False after leaving."""

    @property
    def access(self) -> str:
        """An `Access` value."""

    @property
    def notify(self) -> str:
        """A `Notify` value."""

    @property
    def generation(self) -> int:
        """Number of rotations, never lowered."""

    @property
    def mute_until(self) -> datetime | None:
        """End of the mute; None if not muted."""

    @property
    def sees(self) -> str:
        """A `Sees` value."""

    @property
    def frequency(self) -> str:
        """A `Frequency` value."""

    @property
    def chosen(self) -> Sequence[str]:
        """`Choice` values."""


def state(row: Stored) -> State:
    """Convert a participation to its state."""
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
