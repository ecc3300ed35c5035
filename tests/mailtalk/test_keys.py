"""The keyring: seals, and several keys at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtalk.keys import Key, Keyring, SealBroken

OLD, NEW = "o" * 32, "n" * 32


@given(st.binary(), st.text(st.characters(codec="utf-8")))
def test_what_was_sealed_can_be_opened(plain: bytes, about: str) -> None:
    keyring = Keyring.from_setting(NEW)
    sealed = keyring.seal(plain, about)
    assert keyring.unseal(sealed, about) == plain
    assert len(plain) < 8 or plain not in sealed


def test_two_seals_of_one_text_differ() -> None:
    keyring = Keyring.from_setting(NEW)
    assert keyring.seal(b"same", "x") != keyring.seal(b"same", "x")


def test_a_seal_is_bound_to_its_place() -> None:
    keyring = Keyring.from_setting(NEW)
    with pytest.raises(SealBroken):
        keyring.unseal(keyring.seal(b"secret", "delivery/1"), "delivery/2")


@pytest.mark.parametrize("at", [0, 3, 4, 15, 16, -1])
def test_a_changed_byte_breaks_the_seal(at: int) -> None:
    keyring = Keyring.from_setting(NEW)
    sealed = bytearray(keyring.seal(b"secret", "x"))
    sealed[at] ^= 1
    with pytest.raises(SealBroken):
        keyring.unseal(bytes(sealed), "x")


@pytest.mark.parametrize("length", range(33))
def test_a_cut_off_seal_is_broken(length: int) -> None:
    keyring = Keyring.from_setting(NEW)
    with pytest.raises(SealBroken):
        keyring.unseal(keyring.seal(b"secret", "x")[:length], "x")


def test_a_new_key_in_front_seals_and_the_old_one_still_opens() -> None:
    before, both = Keyring.from_setting(OLD), Keyring.from_setting(f"{NEW}, {OLD}")
    assert both.unseal(before.seal(b"kept", "x"), "x") == b"kept"
    with pytest.raises(SealBroken, match="MAILTALK_SECRET_KEY"):
        before.unseal(both.seal(b"kept", "x"), "x")


def test_keys_show_nothing_of_themselves() -> None:
    assert NEW not in repr(Keyring.from_setting(NEW)) + repr(Key(NEW.encode()))
    assert 0 <= Key(NEW.encode()).id < 2**31


def test_each_use_has_a_key_of_its_own() -> None:
    key = Key(NEW.encode())
    assert len({key.derive(use, b"data") for use in (b"issue", b"check", b"lookup", b"seal")}) == 4
