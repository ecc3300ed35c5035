"""Suppressions: what is known against an address, how it fades, and who takes it back."""

from datetime import datetime, timedelta

import pytest
from support.cast import Cast
from support.inbox import Box, mail
from support.outbox import Post, at
from support.sql import rows

from mailtalk import clock
from mailtalk.conversations import users
from mailtalk.keys import Keyring
from mailtalk.outbound import suppressions
from mailtalk.outbound.suppressions import HALF_LIFE, Refusal
from mailtalk.vocabulary import Suspicion

BOB = "bob@example.com"
MONTH = timedelta(days=30)


def note(cast: Cast, now: datetime, *, dead: bool, email: str = BOB) -> None:
    with cast.database.transaction() as session:
        suppressions.note(session, now, [Refusal(cast.app_id, email, "5.1.1", dead=dead)], MONTH)


def complain(cast: Cast, now: datetime, email: str = BOB) -> None:
    with cast.database.transaction() as session:
        suppressions.suppress(session, now, cast.app_id, email, Suspicion.COMPLAINED, None, MONTH)


def active(cast: Cast, now: datetime, *emails: str) -> dict[str, str]:
    with cast.database.transaction() as session:
        found = suppressions.active(session, now, {(cast.app_id, email) for email in emails or (BOB,)})
    return {email: reason for (_, email), reason in found.items()}


def test_a_dead_address_is_left_alone_for_a_month_however_it_is_written(cast: Cast) -> None:
    note(cast, at(0), dead=True, email="Bob@Example.com")
    assert active(cast, at(0), "BOB@example.com", "carol@example.com") == {"BOB@example.com": "dead"}
    assert active(cast, at(0) + MONTH) == {}


def test_another_app_knows_nothing_of_it(cast: Cast, keyring: Keyring) -> None:
    other = Cast.introduce(cast.database, keyring, "Other")
    note(cast, at(0), dead=True)
    assert active(other, at(0)) == {}


def test_three_soft_failures_at_once_suppress_and_two_do_not(cast: Cast) -> None:
    for _ in range(2):
        note(cast, at(0), dead=False)
    assert active(cast, at(0)) == {}
    note(cast, at(0), dead=False)
    assert active(cast, at(0)) == {BOB: "failing"}


def test_soft_failures_fade(cast: Cast) -> None:
    for week in range(20):  # 1 + 1/2 + 1/4 + … stays below 3
        note(cast, at(0) + week * HALF_LIFE, dead=False)
    assert active(cast, at(0) + 19 * HALF_LIFE) == {}


def test_a_complaint_counts_for_180_days_and_nothing_weakens_it(cast: Cast) -> None:
    complain(cast, at(0))
    note(cast, at(1), dead=True)
    assert active(cast, at(0) + timedelta(days=179)) == {BOB: "complained"}
    assert active(cast, at(0) + timedelta(days=181)) == {}


def test_a_complaint_after_a_bounce_counts(cast: Cast) -> None:
    note(cast, at(0), dead=True)
    complain(cast, at(1))
    assert active(cast, at(0) + 2 * MONTH) == {BOB: "complained"}


def test_released_it_is_as_if_nothing_had_been(cast: Cast) -> None:
    complain(cast, at(0))
    with cast.database.transaction() as session:
        assert suppressions.release(session, cast.app_id, ["BOB@example.com"])
        assert not suppressions.release(session, cast.app_id, [BOB])
    assert active(cast, at(0)) == {}


def test_who_writes_from_the_address_is_mailed_there_again(cast: Cast, keyring: Keyring) -> None:
    cast.join("alice", "bob")
    for email in (BOB, "alice@example.com"):
        complain(cast, clock.now(), email)
    box = Box(cast, keyring)
    box.receive(mail(sender="alice@example.com"), box.bearer("bob"))  # not an address of Bob's
    box.receive(mail("I am back", sender="Bob@Example.com"), box.bearer("bob"))
    assert [outcome for outcome, _ in box.outcomes()] == ["posted", "posted"]
    assert active(cast, clock.now(), BOB, "alice@example.com") == {"alice@example.com": "complained"}


def test_an_address_that_is_given_anew_is_mailed_again(cast: Cast) -> None:
    complain(cast, at(0))
    with cast.database.transaction() as session:
        users.put(session, cast.app_id, "bob", {"emails": [BOB], "name": "Bobby"})
    assert active(cast, at(0)) == {BOB: "complained"}
    for emails in (["new@example.com"], [BOB]):
        with cast.database.transaction() as session:
            users.put(session, cast.app_id, "bob", {"emails": emails})
    assert active(cast, at(0)) == {}


def test_a_suppressed_address_gets_no_mail_and_the_others_do(cast: Cast, keyring: Keyring) -> None:
    cast.join("alice", "bob", "carol")
    with cast.database.transaction() as session:
        users.put(session, cast.app_id, "carol", {"emails": ["c1@example.com", "c2@example.com"]})
    for email in (BOB, "C1@example.com"):
        note(cast, at(0), dead=True, email=email)
    post = Post(cast, keyring)
    post.say("alice", "hi")
    assert post.mailed() == ["carol"]
    assert post.mails()[0][1]["To"] == "Carol\r\n <c2@example.com>"
    cancelled = rows(cast.database, "SELECT user_id, reason FROM notifications WHERE user_id = 'bob'")
    assert [tuple(row) for row in cancelled] == [("bob", "suppressed")]


@pytest.mark.parametrize("limit", [1, 2])
def test_the_list_goes_on_after_the_last_one(cast: Cast, limit: int) -> None:
    for user in ("alice", "bob", "carol"):
        note(cast, at(0), dead=True, email=f"{user}@example.com")
    found: list[str] = []
    with cast.database.transaction() as session:
        while page := suppressions.listed(session, at(1), cast.app_id, limit, found[-1] if found else ""):
            found += [row.address for row in page]
    assert found == [f"{user}@example.com" for user in ("alice", "bob", "carol")]
