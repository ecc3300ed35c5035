"""A participation's row as the rules see it."""

from mailtalk.models import Participation
from mailtalk.participation.rules import State
from mailtalk.vocabulary import Access, Frequency, Notify, Sees


def state(row: Participation) -> State:
    """A participation as its rules see it."""
    return State(
        row.present,
        Access(row.access),
        Notify(row.notify),
        row.generation,
        row.mute_until,
        Sees(row.sees),
        Frequency(row.frequency),
    )
