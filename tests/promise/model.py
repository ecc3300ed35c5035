"""A conversation's participants as api.md has them, in plain Python: nothing of Mailtalk's own code is in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

ACTIVE = ("ReadWrite", "Read")
OLD, NEW = "2021-02-09", "2024-01-01"


@dataclass(frozen=True)
class Operation:
    """One request; ADD is PUT of the conversation, naming one participant."""

    method: str
    user: str
    body: dict[str, Any] = field(default_factory=dict)
    version: str = NEW


@dataclass
class Person:
    """A user's part in it; `ends` counts the deaths of the user's address."""

    access: str = ""  # nothing: takes no part
    notify: Any = True
    ends: int = 0
    sees: str = "nothing"
    seen_until: int | None = None
    seen_with: frozenset[str] | None = None
    chose: bool = False  # notify is the user's own choice

    @property
    def active(self) -> bool:
        return self.access in ACTIVE


class Model:
    """What one operation after the other makes of a conversation."""

    def __init__(self, limit: int | None, users: Sequence[str]) -> None:
        self.limit = limit
        self.people = {user: Person() for user in users}
        self.messages = 0

    @property
    def active(self) -> frozenset[str]:
        return frozenset(user for user, person in self.people.items() if person.active)

    def do(self, asked: Operation) -> int:
        """Apply it; gives its status."""
        person, verb = self.people[asked.user], asked.method
        if verb == "ADD" and person.access:
            return 200
        if verb in {"PATCH", "ROTATE"} and not person.access:
            return 404
        if verb == "ROTATE":
            return self._rotate(person)
        if verb == "DELETE":
            self._end(person, "", keeps_view=asked.version == OLD)
            return 200
        return self._set(person, asked)

    def choose(self, user: str, notify: Any) -> None:
        """What the user submits on the settings page; the value that is there already is no choice."""
        person = self.people[user]
        person.chose = person.chose or notify != person.notify
        person.notify = notify

    def _set(self, person: Person, asked: Operation) -> int:
        stays = asked.method == "PATCH"
        access = asked.body.get("access", person.access if stays else "ReadWrite")
        if access in ACTIVE and not person.active and self.limit is not None and len(self.active) >= self.limit:
            return 409
        person.notify = asked.body.get("notify", person.notify if stays or person.chose else True)
        person.chose = person.chose and "notify" not in asked.body
        if access in ACTIVE:
            person.access, person.sees, person.seen_until, person.seen_with = access, "all", None, None
        else:
            self._end(person, "None", keeps_view=True)
        return 200

    def _end(self, person: Person, access: str, *, keeps_view: bool) -> None:
        if not keeps_view:
            person.sees, person.seen_until, person.seen_with = "nothing", None, None
        elif person.active:
            person.sees, person.seen_until, person.seen_with = "frozen", self.messages, self.active
        person.ends += person.active
        person.access = access

    @staticmethod
    def _rotate(person: Person) -> int:
        if person.access != "ReadWrite":
            return 404
        person.ends += 1
        return 200
