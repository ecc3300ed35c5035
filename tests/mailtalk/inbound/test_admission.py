"""Admission: whose address is taken at the door, and whose no longer."""

import pytest
from support.cast import Cast
from support.inbox import DOMAIN, LEAVE, NONE, READ, ROTATE, Box
from support.sql import rows

from mailtalk.inbound import receive
from mailtalk.keys import Keyring
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Purpose


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    cast.join("alice", "bob")
    return Box(cast, keyring)


def test_a_live_address_is_admitted_in_any_case(box: Box) -> None:
    address = box.address("bob")
    for mailbox in (address, address.upper(), f" {address} "):
        found = box.admit(mailbox)
        assert found is not None
        assert (found.user_id, found.conversation_id, found.purpose) == ("bob", "hello", Purpose.REPLY)
    assert isinstance(receive.recognise(box.keyring, address, DOMAIN), bytes)


@pytest.mark.parametrize("change", [READ, NONE, LEAVE, ROTATE])
def test_a_dead_address_is_not(box: Box, change: Request) -> None:
    address = box.address("bob")
    box.cast.change("bob", change)
    assert box.admit(address) is None


@pytest.mark.parametrize("change", [NONE, LEAVE, ROTATE])
def test_a_revoked_address_stays_dead_when_its_owner_comes_back(box: Box, change: Request) -> None:
    address = box.address("bob")
    box.cast.change("bob", change)
    box.cast.join("bob")
    assert box.admit(address) is None
    assert box.address("bob") != address
    assert box.admit(box.address("bob")) is not None


def test_a_reader_may_still_unsubscribe(box: Box) -> None:
    address = box.address("bob", Purpose.UNSUBSCRIBE)
    box.cast.change("bob", READ)
    assert box.admit(address) is not None
    box.cast.leave("bob")
    assert box.admit(address) is None


def test_an_old_mails_address_to_unsubscribe_outlives_a_rotation(box: Box) -> None:
    address = box.address("bob", Purpose.UNSUBSCRIBE)
    box.cast.change("bob", ROTATE)
    assert box.admit(address) is not None
    assert box.address("bob", Purpose.UNSUBSCRIBE) != address


def test_other_domains_and_junk_are_not_ours_and_cost_no_look_up(box: Box) -> None:
    local = box.address("bob").partition("@")[0]
    for mailbox in (f"{local}@example.com", local, f"{local}@x.{DOMAIN}", f"{'a' * 30}@{DOMAIN}", f"bob@{DOMAIN}", ""):
        assert receive.recognise(box.keyring, mailbox, DOMAIN) is None
        assert box.admit(mailbox) is None


def test_a_well_formed_address_that_was_never_issued_is_not_ours(box: Box) -> None:
    local = box.address("bob").partition("@")[0]
    rows(box.cast.database, "DELETE FROM addresses")
    assert box.admit(f"{local}@{DOMAIN}") is None


def test_the_postmaster_needs_no_database(keyring: Keyring) -> None:
    for mailbox in ("postmaster", "Postmaster", f"postmaster@{DOMAIN}", f"PostMaster@{DOMAIN.upper()}"):
        assert receive.recognise(keyring, mailbox, DOMAIN) == receive.POSTMASTER
    assert receive.recognise(keyring, "postmaster@example.com", DOMAIN) is None
    assert receive.recognise(keyring, f"bob@{DOMAIN}", DOMAIN) is None


def test_an_address_of_the_old_key_lives_on_beside_the_new_one(box: Box) -> None:
    address = box.address("bob")
    both = Keyring.from_setting(f"{'n' * 32},{'k' * 32}")
    assert box.admit(address, both) is not None
    assert Box(box.cast, both).address("bob") != address
    assert box.admit(address, Keyring.from_setting("n" * 32)) is None
