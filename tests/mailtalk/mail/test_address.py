"""Inbound addresses: unguessable, never twice, and junk is known without a look-up."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtalk.keys import Key, Keyring
from mailtalk.mail import address
from mailtalk.vocabulary import Purpose

KEYS = Keyring.from_setting(f"{'n' * 32},{'o' * 32}")
KEY = KEYS.current
WHO = UUID(int=7)
ALPHABET = set("abcdefghijklmnopqrstuvwxyz234567")


def token(who: UUID = WHO, generation: int = 0, purpose: Purpose = Purpose.REPLY, key: Key = KEY) -> str:
    return address.token(key, who, generation, purpose)


def test_a_hundred_thousand_tokens_are_all_different_and_well_formed() -> None:
    tokens = {token(UUID(int=i), i % 3) for i in range(100_000)}
    assert len(tokens) == 100_000
    assert len({each[: address.TOKEN_CHARS] for each in tokens}) == 100_000
    assert {len(each) for each in tokens} == {30}
    assert set("".join(tokens)) == ALPHABET


def test_a_token_is_the_same_every_time_and_another_for_everything_else() -> None:
    assert token() == token()
    others = [token(uuid4()), token(generation=1), token(purpose=Purpose.UNSUBSCRIBE), token(key=KEYS.keys[1])]
    assert len({token(), *others}) == 5


def test_each_key_knows_its_own_tokens() -> None:
    for key in KEYS.keys:
        assert address.signer(KEYS, token(key=key)) is key
    assert address.signer(Keyring([KEYS.keys[1]]), token()) is None


@given(st.text(st.sampled_from(sorted(ALPHABET)), min_size=30, max_size=30))
def test_well_formed_junk_is_refused_without_a_look_up(local: str) -> None:
    assert address.signer(KEYS, local) is None  # 2 in a million would pass


@pytest.mark.parametrize("at", range(30))
def test_any_changed_character_is_noticed(at: int) -> None:
    right = token()
    wrong = right[:at] + ("a" if right[at] != "a" else "b") + right[at + 1 :]
    assert address.signer(KEYS, wrong) is None


@pytest.mark.parametrize(
    "local",
    ["", "postmaster", token()[:-1], token() + "a", token().upper(), token()[:29] + "ı", "é" * 30, "\udc80" * 30],
)
def test_what_is_not_even_shaped_like_a_token_is_refused(local: str) -> None:
    assert address.signer(KEYS, local) is None


def test_the_kept_hash_differs_from_key_to_key_and_does_not_hold_the_token() -> None:
    hashes = {address.lookup(key, token()) for key in KEYS.keys}
    assert len(hashes) == 2
    assert all(token().encode() not in each and len(each) == 32 for each in hashes)


@pytest.mark.parametrize(
    ("mailbox", "parts"),
    [
        ("Abc@Reply.Example", ("abc", "reply.example")),
        (" a@b ", ("a", "b")),
        ("postmaster", ("postmaster", "")),
        ("a@b@c", ("a@b", "c")),
        ("@c", ("c", "")),
        ("", ("", "")),
    ],
)
def test_a_mailbox_in_two_parts_lower_case(mailbox: str, parts: tuple[str, str]) -> None:
    assert address.split(mailbox) == parts
