"""Loops end: with a vacation program that says what it is, with one that does not, and with another Mailtalk."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from support.cast import Cast
from support.mail_servers import World, around, polite, rude, terse
from support.servers import Copied, bridging, make_settings, sweeping, working
from support.sql import column, rows
from support.waiting import until

from mailtalk.conversations import apps, conversations, users
from mailtalk.db.database import Database
from mailtalk.keys import Keyring
from mailtalk.participation import addresses
from mailtalk.vocabulary import Purpose, SenderPolicy

BUSY = """SELECT (SELECT count(*) FROM inbound_mails WHERE outcome = 'received')
    + (SELECT count(*) FROM conversations WHERE window_due_at IS NOT NULL)
    + (SELECT count(*) FROM notifications WHERE status = 'open')
    + (SELECT count(*) FROM deliveries WHERE stage NOT IN ('sent', 'failed', 'cancelled'))"""
VERDICTS = "SELECT outcome, verdict FROM inbound_mails ORDER BY id"
PER_HOUR = 6  # mails of a participant
NOTICES = "SELECT user_id FROM deliveries WHERE kind = 'rejection'"
BOB, ALICE = "bob@example.com", "alice@example.com"
DOMAIN, OTHER = "reply.localhost", "reply.other.example"


@pytest.fixture
def world() -> Iterator[World]:
    with around() as world:
        yield world


@pytest.fixture
def ours(world: World, cast: Cast, database_url: str, redis_url: str) -> Iterator[Cast]:
    """A worker that sends into the world, and a bridge that the world knows."""
    settings = make_settings(
        database_url=database_url,
        redis_url=redis_url,
        relay_url=world.sink.url,
        quiet_seconds=0,
        cap_seconds=0,
        mail_per_hour=PER_HOUR,
    )
    with working(settings), bridging(settings) as at:
        world.bridges[DOMAIN] = at
        yield cast


def settle(world: World, *databases: Database) -> None:
    """Until nothing moves any more, in no instance, nor between them."""

    def is_quiet() -> bool:
        worked = world.work()
        busy = any(column(each, BUSY)[0] for each in databases)
        return not worked and not busy and not world.work()

    until(is_quiet)


def verdicts(database: Database) -> list[tuple[str, str]]:
    return [(row.outcome, row.verdict) for row in rows(database, VERDICTS)]


def talk(world: World, cast: Cast, *texts: str) -> None:
    """Alice writes, each time once all is quiet again."""
    for text in texts:
        cast.say("alice", text)
        settle(world, cast.database)


def assert_one_notice(world: World, cast: Cast) -> None:
    """Bob was told of the flood once, and what his program said to that reached nobody."""
    assert column(cast.database, NOTICES) == ["bob"]
    assert [refused.rpartition("@")[2] for refused in world.refused] == [DOMAIN]


def test_a_vacation_program_that_says_what_it_is_writes_no_message(world: World, ours: Cast) -> None:
    ours.join("alice", "bob")
    world.responders[BOB] = polite
    talk(world, ours, "one", "two", "three", "four")
    assert (world.to(BOB), world.to(ALICE)) == (4, 0)
    assert {verdict for _, verdict in verdicts(ours.database)} == {"auto-reply"}
    assert column(ours.database, "SELECT DISTINCT origin FROM messages") == ["rest"]


def test_one_that_says_nothing_is_stopped_by_what_it_repeats(world: World, ours: Cast) -> None:
    ours.join("alice", "bob")
    world.responders[BOB] = rude
    talk(world, ours, "one", "two", "three", "four")
    assert (world.to(BOB), world.to(ALICE)) == (4 + 1, 2)  # one for each that a person wrote, and one notice to Bob
    assert verdicts(ours.database) == [("posted", "person")] * 2 + [("quarantined", "flood")] * 2
    assert_one_notice(world, ours)


def test_two_that_say_nothing_come_to_an_end(world: World, ours: Cast) -> None:
    ours.join("alice", "bob")
    world.responders |= {BOB: rude, ALICE: rude}
    talk(world, ours, "the only human word")
    assert (world.to(BOB), world.to(ALICE)) == (3 + 1, 2)  # Bob's third answer is held back, of which he is told
    assert verdicts(ours.database)[-1] == ("quarantined", "flood")
    talk(world, ours, "and another")
    assert (world.to(BOB), world.to(ALICE)) == (4 + 1, 2)  # the message itself, and no second notice
    assert_one_notice(world, ours)


def test_two_whose_words_are_few_come_to_an_end_by_their_number(world: World, ours: Cast) -> None:
    """A short text to different mails is no repetition: people write "OK" more than twice an hour."""
    ours.join("alice", "bob")
    world.responders |= {BOB: terse, ALICE: terse}
    talk(world, ours, "the only human word")
    assert (world.to(BOB), world.to(ALICE)) == (PER_HOUR + 1 + 1, PER_HOUR)
    assert verdicts(ours.database) == [("posted", "person")] * 2 * PER_HOUR + [("quarantined", "flood")]
    assert_one_notice(world, ours)


def test_a_program_that_answers_the_question_too_gets_no_answer(world: World, ours: Cast) -> None:
    """From an address that is not Bob's: he is asked, at his own, where the program answers again."""
    with ours.database.transaction() as session:
        apps.put(session, ours.app_id, {"sender_policy": SenderPolicy.MATCH})
    ours.join("alice", "bob")
    world.responders[BOB] = lambda mail, _reader: rude(mail, "bob@elsewhere.example")
    talk(world, ours, "one", "two")
    assert (world.to(BOB), world.to(ALICE)) == (3, 0)  # two notifications, and one question about the same words
    assert verdicts(ours.database) == [("quarantined", "sender")] * 2
    assert [each.rpartition("@")[2] for each in world.refused] == [DOMAIN]  # to whoever asked nobody can write


def test_two_instances_that_face_each_other_are_silent(
    world: World, ours: Cast, copied: Copied, keyring: Keyring
) -> None:
    with copied() as url, other(world, url, keyring) as theirs:
        for cast in (ours, theirs):
            cast.join("alice", "bob")
        reach(ours, theirs, OTHER, keyring)
        reach(theirs, ours, DOMAIN, keyring)
        for cast in (ours, theirs):
            cast.say("alice", "A human word")
            settle(world, ours.database, theirs.database)
        assert len(world.mails) == 2
        for cast in (ours, theirs):
            assert column(cast.database, "SELECT text FROM messages") == ["A human word"]
            assert verdicts(cast.database) == [("ignored", "auto-generated")]


def reach(cast: Cast, elsewhere: Cast, domain: str, keyring: Keyring) -> None:
    """Let Bob's address here be that of Bob's participation there."""
    with elsewhere.database.transaction() as session:
        row = conversations.participant(session, elsewhere.participant("bob"))
        there = f"{addresses.issue(session, keyring, row, Purpose.REPLY)}@{domain}"
    with cast.database.transaction() as session:
        users.put(session, cast.app_id, "bob", {"emails": [there]})


@contextmanager
def other(world: World, url: str, keyring: Keyring) -> Iterator[Cast]:
    """Another instance, with a database, a domain, a worker and a bridge of its own."""
    settings = make_settings(
        database_url=url,
        redis_url="redis://127.0.0.1:1",
        relay_url=world.sink.url,
        reply_domain=OTHER,
        quiet_seconds=0,
        cap_seconds=0,
    )
    with closing(Database(url)) as database, sweeping(settings), bridging(settings) as at:
        world.bridges[OTHER] = at
        yield Cast.introduce(database, keyring)
