"""Lanes: changes take effect in one order, whoever applies them and however many at once."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from support.cast import NAMES, Cast
from support.sql import column, raise_for, rows
from support.waiting import until

from mailtalk import clock
from mailtalk.changes import apply
from mailtalk.changes import log as change_log
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations, users
from mailtalk.errors import Unavailable
from mailtalk.ids import ConversationKey
from mailtalk.participation.rules import UNSET, Fold, Request
from mailtalk.vocabulary import Access, ChangeKind, ChangeStatus, Notify
from worker.server import WorkerServer

JOIN, LEAVE, UPDATE = ChangeKind.JOIN, ChangeKind.LEAVE, ChangeKind.UPDATE
LOG = "SELECT user_id, kind, access, notify, error_code FROM changes ORDER BY applied_seq"
PENDING = "SELECT id FROM changes WHERE status = 'pending'"
STATES = "SELECT user_id, access, notify, generation FROM participations WHERE present ORDER BY user_id"
PRESENT = "SELECT user_id FROM participations WHERE present AND access <> 'None' ORDER BY user_id"


def drain(cast: Cast) -> None:
    while column(cast.database, PENDING):
        cast.apply()


def test_changes_of_one_participant_apply_in_the_order_they_were_accepted(cast: Cast) -> None:
    for request in (Request(JOIN), Request(UPDATE, Access.READ), Request(LEAVE), Request(JOIN, notify=Notify.OFF)):
        cast.accept("bob", request)
    assert [ended.status for ended in cast.apply()] == [ChangeStatus.APPLIED] * 4
    assert tuple(rows(cast.database, STATES)[0]) == ("bob", "ReadWrite", "Off", 1)


def test_each_applied_change_has_the_next_number(cast: Cast) -> None:
    cast.join("alice", "bob")
    cast.leave("alice")
    assert column(cast.database, "SELECT applied_seq FROM changes ORDER BY id") == [1, 2, 3]
    assert column(cast.database, "SELECT applied_seq FROM conversations") == [3]


def test_what_is_refused_has_its_code_and_its_place(cast: Cast) -> None:
    assert cast.change("bob", Request(UPDATE, Access.READ)) == "PARTICIPANT_NOT_FOUND"
    assert tuple(rows(cast.database, "SELECT status, applied_seq FROM changes")[0]) == ("rejected", 1)


def test_a_drainer_that_finds_the_lane_taken_goes_home_and_nothing_is_lost(cast: Cast) -> None:
    cast.accept("alice", Request(JOIN))
    with cast.database.transaction() as session:
        assert len(apply.apply(session, clock.now())) == 1
        cast.accept("bob", Request(JOIN))
        assert cast.apply() == []  # another session, while the first has not committed
    assert len(cast.apply()) == 1
    assert column(cast.database, PRESENT) == ["alice", "bob"]


def test_a_taken_lane_keeps_no_other_conversation_waiting(cast: Cast) -> None:
    with cast.database.transaction() as session:
        conversations.put(session, ConversationKey(cast.app_id, "other"), {})
    cast.accept("alice", Request(JOIN))
    with cast.database.transaction() as session:
        apply.apply(session, clock.now())
        cast.accept("bob", Request(JOIN), "other")
        cast.accept("bob", Request(JOIN))
        assert len(cast.apply()) == 1
    assert column(cast.database, "SELECT conversation_id FROM participations WHERE user_id = 'bob'") == ["other"]


def asked(rng: random.Random) -> Request:
    kind = rng.choice((JOIN, JOIN, UPDATE, LEAVE, ChangeKind.ADD))
    access = None if kind is ChangeKind.ADD else rng.choice((None, *Access))
    return Request(kind, None if kind is JOIN and access is Access.NONE else access, rng.choice((None, *Notify)))


def send(cast: Cast, seed: int) -> list[int]:
    rng, sent = random.Random(seed), []
    for _ in range(30):
        accepted = cast.accept(rng.choice(NAMES), asked(rng))
        assert isinstance(accepted, int)
        sent.append(accepted)
        if rng.random() < 0.5:
            cast.apply()
    return sent


@pytest.mark.parametrize("limit", [2, None])
def test_concurrent_changes_end_as_their_sequence_says(cast: Cast, limit: int | None) -> None:
    rows(cast.database, "UPDATE apps SET participant_limit = :limit", limit=limit)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda seed: send(cast, seed), range(6)))
    drain(cast)
    assert column(cast.database, "SELECT applied_seq FROM changes ORDER BY applied_seq") == list(range(1, 181))
    replay = Fold({}, 0, limit, set(NAMES))
    for user, kind, access, notify, error in rows(cast.database, LOG):
        request = Request(ChangeKind(kind), access and Access(access), notify and Notify(notify), UNSET)
        assert replay.apply([(user, request)]) == [error]
    states = [(u, s.access, s.notify, s.generation) for u, s in sorted(replay.states.items()) if s.present]
    assert [tuple(row) for row in rows(cast.database, STATES)] == states


def test_what_one_sender_sends_one_after_the_other_applies_in_that_order(cast: Cast) -> None:
    with ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(lambda seed: send(cast, seed), range(6)))
    drain(cast)
    order: dict[int, int] = dict(map(tuple, rows(cast.database, "SELECT id, applied_seq FROM changes")))
    for ids in sent:
        assert [order[each] for each in ids] == sorted(order[each] for each in ids)


def test_the_limit_holds_while_eight_threads_join_and_leave(cast: Cast) -> None:
    rows(cast.database, "UPDATE apps SET participant_limit = 5")
    people = [f"u{n}" for n in range(24)]
    with cast.database.transaction() as session:
        for user in people:
            users.put(session, cast.app_id, user, {"name": user})
    seen: list[int] = []

    def crowd(part: int) -> None:
        for user in people[part::8] * 3:
            cast.accept(user, Request(JOIN))
            cast.apply()
            seen.append(len(column(cast.database, PRESENT)))
            if int(user[1:]) % 2:
                cast.accept(user, Request(LEAVE))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(crowd, range(8)))
    drain(cast)
    assert max(seen) == 5
    assert len(column(cast.database, PRESENT)) <= 5
    assert "PARTICIPANT_LIMIT" in column(cast.database, "SELECT error_code FROM changes")


def test_more_than_one_batch_is_applied_by_looking_again(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "BATCH", 3)
    everybody = [Requested(cast.participant(user), Request(JOIN), clock.now()) for user in NAMES * 2]
    with cast.database.transaction() as session:
        change_log.accept(session, everybody)
    assert [len(cast.apply()) for _ in range(4)] == [3, 3, 2, 0]
    assert column(cast.database, PRESENT) == sorted(NAMES)


def test_what_the_database_cannot_do_now_is_no_poison(cast: Cast) -> None:
    rows(cast.database, "CREATE FUNCTION full() RETURNS trigger LANGUAGE plpgsql AS "
         "$$ BEGIN RAISE 'disk full' USING ERRCODE = '53100'; END $$")  # fmt: skip
    rows(cast.database, "CREATE TRIGGER t BEFORE INSERT ON participations EXECUTE FUNCTION full()")
    cast.accept("bob", Request(JOIN))
    with pytest.raises(Unavailable):
        cast.apply()
    rows(cast.database, "DROP TRIGGER t ON participations")
    assert [ended.status for ended in cast.apply()] == [ChangeStatus.APPLIED]


def test_poison_names_the_changes_in_hand(cast: Cast) -> None:
    raise_for(cast.database, "participations", "NEW.user_id = 'bob'")
    ids = [cast.accept(user, Request(JOIN)) for user in ("alice", "bob")]
    with pytest.raises(apply.PoisonChanges) as caught:
        cast.apply()
    assert [change.id for change in caught.value.changes] == ids


def test_a_poisonous_change_fails_at_the_fifth_attempt_and_its_neighbours_go_on(
    cast: Cast, worker: WorkerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "RETRY", timedelta(0))
    raise_for(cast.database, "participations", "NEW.user_id = 'bob'")
    for user in ("alice", "bob", "carol"):
        cast.accept(user, Request(JOIN))
    until(lambda: worker.jobs.apply_changes() or not column(cast.database, PENDING))
    assert column(cast.database, PRESENT) == ["alice", "carol"]
    fate = rows(cast.database, "SELECT status, error_code, attempts FROM changes WHERE user_id = 'bob'")[0]
    assert tuple(fate) == ("failed", "INTERNAL", 5)
    order = column(cast.database, "SELECT user_id FROM changes WHERE status = 'applied' ORDER BY applied_seq")
    assert order == ["alice", "carol"]
