"""Whatever is said, read and changed, in whatever order: each message is mailed once, or one reason says why not."""

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from fates import Fates, Reader
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Row
from support.cast import NAMES, Cast
from support.outbox import START, Post, text
from support.sql import rows

from mailtalk.changes import apply
from mailtalk.changes import log as change_log
from mailtalk.changes.log import Requested
from mailtalk.conversations import apps, conversations
from mailtalk.db.database import Database
from mailtalk.keys import Keyring
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind, Frequency, Notify

FATES = """SELECT user_id, seq, coalesce(reason, 'mailed') AS fate
    FROM notifications, unnest(seqs) AS part, generate_series(lower(part), upper(part) - 1) AS seq
    WHERE conversation_id = :place AND status <> 'open'"""
WAITING = "SELECT user_id, not_before FROM notifications WHERE conversation_id = :place AND status = 'open'"
users = st.sampled_from(NAMES)
delays = st.sampled_from([0, 1, 4, 6, 31, 70, 101, 3_000, 20_000])


class Mailings(RuleBasedStateMachine):
    """One conversation, its clock, and the plain fates of its messages."""

    def __init__(self, post: Post) -> None:
        super().__init__()
        place = secrets.token_hex(8)
        self.post = replace(post, cast=replace(post.cast, conversation=place))
        self.seconds = 0.0
        self.fates = Fates({user: Reader() for user in NAMES})
        with self._database.transaction() as session:
            conversations.put(session, self.post.cast.key, {})

    @initialize(frequency=st.sampled_from(Frequency))
    def begin(self, frequency: Frequency) -> None:
        with self._database.transaction() as session:
            apps.put(session, self.post.cast.app_id, {"frequency": frequency})
        self.fates.frequency = frequency
        for user in NAMES:
            self.join(user)

    @rule(author=users, mentions=st.lists(users, max_size=2, unique=True))
    def say(self, author: str, mentions: list[str]) -> None:
        if not self.fates.readers[author].present:
            return
        said = " ".join([f"message{len(self.fates.said) + 1}.", *(f"<!!mention:{user}|X>" for user in mentions)])
        self.post.say(author, said, self.seconds)
        self.fates.say(author, mentions, self.now)

    @rule(seconds=delays)
    def wait(self, seconds: float) -> None:
        self.seconds += seconds

    @rule()
    def close(self) -> None:
        self.post.close(self.seconds)
        self.fates.close(self.now)

    @rule()
    def make(self) -> None:
        self.post.make(self.seconds)
        self.fates.make(self.now)

    @rule(user=users)
    def read(self, user: str) -> None:
        seen = len(self.fates.said)
        self.fates.readers[user].read = seen
        rows(self._database, "UPDATE participations SET read_seq = :seq WHERE user_id = :user AND conversation_id = :c",
             seq=seen, user=user, c=self.post.cast.conversation)  # fmt: skip

    @rule(user=users)
    def leave(self, user: str) -> None:
        self._change(user, Request(ChangeKind.LEAVE))
        self.fates.readers[user].present = False

    @rule(user=users)
    def join(self, user: str) -> None:
        self._change(user, Request(ChangeKind.JOIN))
        reader = self.fates.readers[user]
        self.fates.repace(user, "default", self.now)
        reader.present, reader.notify, reader.mute_until = True, "All", None

    @rule(user=users, notify=st.sampled_from(Notify))
    def want(self, user: str, notify: Notify) -> None:
        if self.fates.readers[user].present:
            self._change(user, Request(ChangeKind.UPDATE, notify=notify))
            self.fates.readers[user].notify = notify

    @rule(user=users, seconds=delays)
    def mute(self, user: str, seconds: float) -> None:
        if self.fates.readers[user].present:
            until = self.now + timedelta(seconds=seconds)
            self._change(user, Request(ChangeKind.UPDATE, mute_until=until))
            self.fates.readers[user].mute_until = until

    @rule(user=users, frequency=st.sampled_from(Frequency))
    def pace(self, user: str, frequency: Frequency) -> None:
        if self.fates.readers[user].present:
            self._change(user, Request(ChangeKind.UPDATE, frequency=frequency))
            self.fates.repace(user, frequency, self.now)

    @invariant()
    def each_message_has_the_one_fate_of_the_model(self) -> None:
        found = [(row.user_id, row.seq, row.fate) for row in self._rows(FATES)]
        assert sorted(found) == sorted((*place, fate) for place, fate in self.fates.of.items())

    @invariant()
    def what_waits_is_due_when_the_model_says(self) -> None:
        waiting = {row.user_id: row.not_before for row in self._rows(WAITING)}
        assert waiting == {name: reader.due for name, reader in self.fates.readers.items() if reader.due is not None}

    def teardown(self) -> None:
        self.wait(200)
        self.close()
        self.wait(90_000)  # the slowest digest is due then
        self.make()
        self.each_message_has_the_one_fate_of_the_model()
        everyone = {(name, said.seq) for name, reader in self.fates.readers.items() for said in self.fates.said
                    if reader.present}  # fmt: skip
        assert everyone <= self.fates.of.keys() | self.fates.missed
        mailed = Counter(self._mailed())
        assert mailed == Counter(place for place, fate in self.fates.of.items() if fate == "mailed")

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    @property
    def _database(self) -> Database:
        return self.post.cast.database

    def _rows(self, statement: str) -> list[Row[Any]]:
        return rows(self._database, statement, place=self.post.cast.conversation)

    def _change(self, user: str, request: Request) -> None:
        cast = self.post.cast
        with self._database.transaction() as session:
            change_log.accept(session, [Requested(cast.participant(user), request, self.now)])
        with self._database.transaction() as session:
            assert [ended.error_code for ended in apply.apply(session, self.now) or ()] == [None]

    def _mailed(self) -> Iterator[tuple[str, int]]:
        """Each message in each mail that was really made; a reader's own one that it answers was not mailed."""
        for user, mail in self.post.mails():
            body = "\n".join(line for line in text(mail).splitlines() if not line.startswith("You wrote · "))
            yield from ((user, said.seq) for said in self.fates.said for _ in range(body.count(f"message{said.seq}.")))


def test_each_message_is_mailed_once_or_has_one_reason(cast: Cast, keyring: Keyring) -> None:
    run_state_machine_as_test(
        partial(Mailings, Post(cast, keyring)),
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
