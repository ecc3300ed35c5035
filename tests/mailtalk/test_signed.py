"""Signed links: no key, no link; one purpose each; links of earlier versions stay valid."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtalk import files, signed
from mailtalk.inbound import quarantine
from mailtalk.keys import Keyring
from mailtalk.participation import links

OLD, NEW = "k" * 32, "n" * 32
KEYS = Keyring.from_setting(OLD)
MAILED = datetime(2026, 11, 28, tzinfo=UTC)
# Mailed by version 0.1 before this module existed.
PARTICIPATION = "AAAAAAAAAAAAAAAAAAAAB6uP4LT7O5a5VqZgXkZrx7k"
RELEASE = "AAAAAAAAAAcAAAAAaxNUAAvIuL8wllyhn-1KsOAEjJ8"
FILE_EXPIRES, FILE_SIGNATURE = 1796432400, "GTsy_bPvgFybkGCeOhmfe51OajNOOFGK"

PURPOSES = [signed.PARTICIPATION, signed.RELEASE, signed.FILE]


@pytest.mark.parametrize("secret_key", [OLD, f"{NEW},{OLD}"])
def test_a_link_mailed_by_an_earlier_version_stays_valid(secret_key: str) -> None:
    keyring = Keyring.from_setting(secret_key)
    assert signed.read(keyring, signed.PARTICIPATION, PARTICIPATION) == UUID(int=7).bytes
    assert quarantine.read_link(keyring, RELEASE, MAILED) == 7
    assert files.is_signed(keyring, "demo", "0" * 32, FILE_EXPIRES, FILE_SIGNATURE, MAILED)


def test_this_version_makes_the_same_links() -> None:
    assert links.token(KEYS, UUID(int=7)) == PARTICIPATION
    assert quarantine.link(KEYS, "", 7, MAILED).endswith(f"/{RELEASE}")
    assert links.token(Keyring.from_setting(NEW), UUID(int=7)) != PARTICIPATION


@given(st.binary(max_size=40))
def test_a_token_gives_its_content_back_for_its_own_purpose_alone(content: bytes) -> None:
    for purpose in PURPOSES:
        token = signed.token(KEYS, purpose, content)
        assert [signed.read(KEYS, other, token) for other in PURPOSES if other != purpose] == [None, None]
        assert signed.read(KEYS, purpose, token) == content
        assert signed.read(Keyring.from_setting(NEW), purpose, token) is None


@given(st.text(max_size=60))
def test_a_detached_signature_fits_one_content_and_one_purpose(content: str) -> None:
    signature = signed.signature(KEYS, signed.FILE, content)
    assert signed.verifies(Keyring.from_setting(f"{NEW},{OLD}"), signed.FILE, content, signature)
    assert not signed.verifies(KEYS, signed.FILE, content + "x", signature)
    assert not signed.verifies(KEYS, signed.RELEASE, content, signature)
    assert not signed.verifies(Keyring.from_setting(NEW), signed.FILE, content, signature)


@given(st.integers(0, 42), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n"))
def test_one_changed_character_makes_a_token_worthless(position: int, character: str) -> None:
    changed = PARTICIPATION[:position] + character + PARTICIPATION[position + 1 :]
    read = signed.read(KEYS, signed.PARTICIPATION, changed)
    assert (read is not None) == (changed == PARTICIPATION)


@given(st.text(max_size=60))
def test_anything_else_is_no_token(text: str) -> None:
    assert [signed.read(KEYS, purpose, text) for purpose in PURPOSES] == [None, None, None]
    assert not signed.verifies(KEYS, signed.FILE, "content", text)


@pytest.mark.parametrize("extra", ["=", "==", "\n", "AAAA", " "])
def test_a_token_has_one_spelling(extra: str) -> None:
    assert signed.read(KEYS, signed.PARTICIPATION, PARTICIPATION + extra) is None


def test_a_link_ends_at_its_second() -> None:
    end = int(MAILED.timestamp())
    assert signed.has_expired(end, MAILED)
    assert not signed.has_expired(end, MAILED - timedelta(microseconds=1))
