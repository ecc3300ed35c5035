"""Links in mails: they name one participation, cannot be made up, and live while it takes part."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cast import Cast
from support.sql import column

from mailtalk.conversations import conversations
from mailtalk.keys import Keyring
from mailtalk.models import Participation
from mailtalk.participation import links
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind, Notify

BASE = "https://mail.example.com"
KEYS = Keyring.from_setting("k" * 32)


def link(cast: Cast, keyring: Keyring, user: str = "bob") -> str:
    with cast.database.transaction() as session:
        return links.settings(keyring, BASE, conversations.participant(session, cast.participant(user)))


def owner(cast: Cast, keyring: Keyring, url: str) -> str | None:
    with cast.database.transaction() as session:
        found = links.read(session, keyring, url.rpartition("/")[2])
        return found and found.user_id


def test_a_link_leads_to_its_participant(cast: Cast, keyring: Keyring) -> None:
    cast.join("alice", "bob")
    assert owner(cast, keyring, link(cast, keyring)) == "bob"
    assert owner(cast, keyring, link(cast, keyring, "alice")) == "alice"


def test_both_pages_have_one_token_and_say_what_they_do(keyring: Keyring) -> None:
    row = Participation(id=uuid4())
    settings, unsubscribe = links.settings(keyring, BASE, row), links.unsubscribe(keyring, BASE, row)
    assert settings.startswith(f"{BASE}/settings/")
    assert unsubscribe == settings.replace("/settings/", "/unsubscribe/")
    assert len(settings.rpartition("/")[2]) == links.TOKEN_CHARS


@pytest.mark.parametrize("kind", [ChangeKind.ROTATE, ChangeKind.UPDATE])
def test_an_old_mails_link_goes_on_working_while_its_reader_takes_part(
    cast: Cast, keyring: Keyring, kind: ChangeKind
) -> None:
    cast.join("bob")
    old = link(cast, keyring)
    assert cast.change("bob", Request(kind, notify=Notify.OFF)) is None
    assert owner(cast, keyring, old) == "bob"


@pytest.mark.parametrize("end", [Request(ChangeKind.LEAVE), Request(ChangeKind.UPDATE, Access.NONE)])
def test_a_link_is_dead_when_its_participant_is_none_any_more(cast: Cast, keyring: Keyring, end: Request) -> None:
    cast.join("bob")
    old = link(cast, keyring)
    cast.change("bob", end)
    assert owner(cast, keyring, old) is None


def test_a_new_key_signs_and_the_old_ones_links_live_until_it_is_removed(cast: Cast) -> None:
    cast.join("bob")
    old = link(cast, Keyring.from_setting("old"))
    assert owner(cast, Keyring.from_setting("new,old"), old) == "bob"
    assert link(cast, Keyring.from_setting("new,old")) != old
    assert owner(cast, Keyring.from_setting("new"), old) is None


@pytest.mark.parametrize("position", [0, 20, 21, 22, 42])
def test_a_changed_link_leads_nowhere(cast: Cast, keyring: Keyring, position: int) -> None:
    cast.join("bob")
    good = link(cast, keyring).rpartition("/")[2]
    changed = "B" if good[position] != "B" else "C"
    assert owner(cast, keyring, good[:position] + changed + good[position + 1 :]) is None


def test_a_participations_id_alone_is_no_link(cast: Cast, keyring: Keyring) -> None:
    cast.join("bob")
    (found,) = column(cast.database, "SELECT id FROM participations")
    assert owner(cast, keyring, str(found)) is None


@given(st.text(max_size=60) | st.text("abc_-+/=", min_size=43, max_size=43))
def test_nothing_that_we_did_not_sign_is_ours(text: str) -> None:
    assert links._participation_id(KEYS, text) is None
