"""The bridge's statements and commits: their number does not grow with the mails that come together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from support.cast import Cast
from support.smtp_client import DOMAIN, MAIL, address_of
from support.sql import column

from mailtalk.conversations import users
from mailtalk.db.database import Database
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings
from smtp_bridge import replies
from smtp_bridge.data import MailData
from smtp_bridge.handler import BridgeHandler
from smtp_bridge.limits import SessionLimits
from smtp_bridge.transaction import MailEnvelope

TOGETHER = (1, 10, 100)


@contextmanager
def counted() -> Iterator[list[str]]:
    """Grows by one with each statement of an asynchronous psycopg connection."""
    statements: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def counting(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        statements.append(str(query))
        return await execute(cursor, query, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.AsyncCursor, "execute", counting)
        yield statements


def with_handler(settings: Settings, keyring: Keyring, work: Callable[[BridgeHandler], Awaitable[None]]) -> None:
    async def go() -> None:
        with closing(Database(settings.require("database_url"))) as database:
            handler = BridgeHandler(database, keyring, settings, lambda: None)
            await work(handler)
            await handler.close()

    asyncio.run(go())


def envelope(settings: Settings, *mailboxes: str, handler: BridgeHandler) -> MailEnvelope:
    envelope = MailEnvelope()
    envelope.data = MailData(SessionLimits(settings), settings.smtp_message_bytes)
    envelope.data.feed(MAIL + b".\r\n")
    for mailbox in mailboxes:
        assert handler.admit(envelope, mailbox) == replies.OK_RECIPIENT
    return envelope


@pytest.mark.parametrize("together", TOGETHER)
def test_mails_that_come_together_take_one_statement(
    cast: Cast, settings: Settings, keyring: Keyring, together: int
) -> None:
    async def work(handler: BridgeHandler) -> None:
        mails = [envelope(settings, "postmaster", f"postmaster@{DOMAIN}", handler=handler) for _ in range(together)]
        with counted() as statements:
            ids = await asyncio.gather(*(handler.store(mail, "192.0.2.1", "mx.example.com") for mail in mails))
        assert ids == sorted(set(ids))
        assert len(statements) == 1

    with_handler(settings, keyring, work)
    assert column(cast.database, "SELECT count(*) FROM raw_mails") == [together]
    assert len(column(cast.database, "SELECT DISTINCT CAST(xmin AS text) FROM inbound_mails")) == 1  # transactions


@pytest.mark.parametrize("together", TOGETHER)
def test_recipients_that_are_asked_for_together_take_one_statement(
    cast: Cast, settings: Settings, keyring: Keyring, together: int
) -> None:
    people = [f"user{number}" for number in range(together)]
    with cast.database.transaction() as session:
        for user in people:
            users.put(session, cast.app_id, user, {"name": user})
    cast.join(*people)
    mailboxes = [address_of(cast, keyring, user) for user in people]

    async def work(handler: BridgeHandler) -> None:
        with counted() as statements:
            answers = [handler.admit(MailEnvelope(), mailbox) for mailbox in mailboxes]
            bearers = [await answer for answer in answers if not isinstance(answer, str)]
        assert [bearer.user_id for bearer in bearers if bearer] == people
        assert len(statements) == 1

    with_handler(settings, keyring, work)
