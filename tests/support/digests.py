"""Digests: people in several conversations, mailed once an hour, and the mails that they get."""

import email
from dataclasses import replace
from email.message import Message as Mail
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import select
from support.cast import Cast
from support.outbox import SENDER, Post, at, text

from mailtalk.conversations import conversations
from mailtalk.ids import ConversationKey
from mailtalk.models import Delivery
from mailtalk.notifications import windows
from mailtalk.notifications.builder import MailBuilder
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind, Frequency

HOUR = 3600
PLACES = ("garden", "kitchen & yard", "roof")


def introduce(cast: Cast) -> None:
    """Bob is in three conversations, and gets what is said there once an hour."""
    for place in PLACES:
        with cast.database.transaction() as session:
            conversations.put(session, ConversationKey(cast.app_id, place), {"subject": place.title()})
        change(cast, place, "alice", Request(ChangeKind.JOIN))
        change(cast, place, "bob", Request(ChangeKind.JOIN, frequency=Frequency.HOURLY))


def change(cast: Cast, place: str, user: str, request: Request) -> None:
    assert isinstance(cast.accept(user, request, place), int)
    assert [ended.error_code for ended in cast.apply()] == [None]


def say(post: Post, place: str, *texts: str) -> None:
    here = replace(post, cast=replace(post.cast, conversation=place))
    for said in texts:
        here.say("alice", said)


def build(post: Post, seconds: float) -> list[Mail]:
    """Mails that are made until a moment, oldest first."""
    with post.cast.database.transaction() as session:
        windows.close_windows(session, at(100))
    while True:
        with post.cast.database.transaction() as session:
            if not MailBuilder(session, post.keyring, SENDER, at(seconds)).build():
                return mails(post)


def mails(post: Post) -> list[Mail]:
    with post.cast.database.transaction() as session:
        made = session.scalars(select(Delivery).order_by(Delivery.created_at, Delivery.address)).all()
    return [email.message_from_bytes(post.opened(row)) for row in made]


def replies(mail: Mail) -> list[tuple[str, str]]:
    """Address and subject of each Reply link."""
    links = [urlsplit(line.split(": ", 1)[1]) for line in text(mail).splitlines() if line.startswith("Reply: ")]
    return [(unquote(link.path), parse_qs(link.query)["subject"][0]) for link in links]
