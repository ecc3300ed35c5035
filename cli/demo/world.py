"""The set that `mailtalk demo` fills in, read from `world.toml`."""

from pathlib import Path
from typing import Literal

import msgspec

Kind = Literal["person", "file", "vacation", "empty", "stranger", "bounce"]


class DemoUser(msgspec.Struct):
    """A user of an app."""

    id: str
    name: str
    email: str
    locale: str
    zone: str | None = None
    frequency: str | None = None  # of their mails


class DemoMail(msgspec.Struct):
    """A mail that comes in, as an answer of one who was mailed."""

    by: str
    kind: Kind
    text: str


class DemoConversation(msgspec.Struct):
    """A conversation: [sender, hours ago, text] of old messages, [sender, text] of new ones, and the answers."""

    id: str
    subject: str
    participants: list[str]
    history: list[tuple[str, float, str]]
    fresh: list[tuple[str, str]]
    mails: list[DemoMail]


class DemoApp(msgspec.Struct):
    """An app with its users and conversations."""

    id: str
    name: str
    colour: str
    senders: str  # a `SenderPolicy`
    users: list[DemoUser]
    conversations: list[DemoConversation]


class World(msgspec.Struct):
    """All apps."""

    apps: list[DemoApp]


def load() -> World:
    """Read the set."""
    return msgspec.toml.decode((Path(__file__).parent / "world.toml").read_bytes(), type=World)
