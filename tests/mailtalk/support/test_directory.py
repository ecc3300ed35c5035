"""Users and conversations of an app, as operators list and search them."""

import pytest
from support.cast import NAMES, Cast

from mailtalk.conversations import conversations, users
from mailtalk.errors import NotFound
from mailtalk.ids import ConversationKey
from mailtalk.support import directory
from mailtalk.support.directory import DirectorySearch
from mailtalk.vocabulary import Access


def user_ids(cast: Cast, search: str | None = None, limit: int = 10, after: str | None = None) -> list[str]:
    with cast.database.transaction() as session:
        return [
            each.id for each in directory.user_page(session, DirectorySearch("demo", search), limit=limit, after=after)
        ]


def test_users_are_listed_newest_first_with_their_conversations(cast: Cast) -> None:
    cast.join("alice", "bob")
    cast.join("carol", access=Access.NONE)
    assert user_ids(cast) == sorted(NAMES, reverse=True)
    with cast.database.transaction() as session:
        (bob,) = directory.user_page(session, DirectorySearch("demo", "bob"), limit=10)
        (carol,) = directory.user_page(session, DirectorySearch("demo", "carol"), limit=10)
    assert (bob.name, bob.emails, bob.conversations, carol.conversations) == ("Bob", ["bob@example.com"], 1, 0)


def test_users_are_found_by_a_part_of_id_name_or_address(cast: Cast) -> None:
    with cast.database.transaction() as session:
        users.put(session, "demo", "u1", {"name": "Erin 100%", "emails": ["x@example.org", "Erin.Doe@example.net"]})
        users.put(session, "demo", "u2", {"name": "Nobody"})
    assert user_ids(cast, "erin") == user_ids(cast, "DOE@EXAMPLE") == user_ids(cast, "0%") == ["u1"]
    assert user_ids(cast, "u2") == ["u2"]
    assert user_ids(cast, "_") == []


def test_pages_of_users_continue_after_the_last_one(cast: Cast) -> None:
    assert user_ids(cast, limit=3) + user_ids(cast, after=user_ids(cast, limit=3)[-1]) == user_ids(cast)
    with pytest.raises(NotFound):
        user_ids(cast, after="nobody")


def test_conversations_are_listed_by_their_last_activity(cast: Cast) -> None:
    with cast.database.transaction() as session:
        conversations.put(session, ConversationKey("demo", "later"), {"subject": "Plan B"})
    cast.join("alice", "bob")
    cast.say("alice", "hi", "again")
    with cast.database.transaction() as session:
        first, second = directory.conversation_page(session, DirectorySearch("demo"), limit=10)
        assert directory.conversation_page(session, DirectorySearch("demo"), limit=10, after=first.id) == [second]
        assert directory.conversation_page(session, DirectorySearch("demo", "plan b"), limit=10) == [second]
        assert directory.conversation_page(session, DirectorySearch("demo", user_id="bob"), limit=10) == [first]
        assert directory.conversation_page(session, DirectorySearch("demo", user_id="carol"), limit=10) == []
    assert (first.id, first.subject, first.participants, first.messages) == ("hello", "Hello", 2, 2)
    assert first.window_due_at is not None
    assert (second.id, second.participants, second.window_due_at) == ("later", 0, None)


def test_an_unknown_app_user_or_conversation_is_not_found(cast: Cast) -> None:
    with cast.database.transaction() as session:
        with pytest.raises(NotFound):
            directory.user_page(session, DirectorySearch("other"), limit=1)
        with pytest.raises(NotFound):
            directory.conversation_page(session, DirectorySearch("demo", user_id="nobody"), limit=1)
        with pytest.raises(NotFound):
            directory.conversation_page(session, DirectorySearch("demo"), after="none", limit=1)
