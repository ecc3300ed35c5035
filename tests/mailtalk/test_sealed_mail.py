"""Mails at rest: smaller than they are, the same bytes again, and those of before compression too."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailtalk import sealed_mail
from mailtalk.keys import KeyAway, Keyring, SealBroken

ABOUT = "raw-mail"
MAIL = b"Subject: hi\r\n\r\n" + b"Shall we meet on Thursday?\r\n" * 1_000


@pytest.mark.parametrize("mail", [MAIL, b"", b"\x28\xb5\x2f\xfd", os.urandom(300_000)], ids=len)
def test_a_mail_is_the_same_bytes_again(keyring: Keyring, mail: bytes) -> None:
    assert sealed_mail.unseal(keyring, sealed_mail.seal(keyring, mail, ABOUT), ABOUT) == mail


def test_it_is_smaller_than_the_mail(keyring: Keyring) -> None:
    assert len(sealed_mail.seal(keyring, MAIL, ABOUT)) < len(MAIL) / 20


def test_a_mail_sealed_without_compression_is_read_as_it_is(keyring: Keyring) -> None:
    for mail in (MAIL, b"\x28\xb5\x2f\xfd looks compressed"):
        assert sealed_mail.unseal(keyring, keyring.seal(mail, ABOUT), ABOUT) == mail


def test_it_is_bound_to_its_row_and_its_key(keyring: Keyring) -> None:
    sealed = sealed_mail.seal(keyring, MAIL, "delivery/1")
    with pytest.raises(SealBroken):
        sealed_mail.unseal(keyring, sealed, "delivery/2")
    with pytest.raises(SealBroken):
        sealed_mail.unseal(keyring, sealed[:-1] + bytes([sealed[-1] ^ 1]), "delivery/1")
    with pytest.raises(KeyAway):
        sealed_mail.unseal(Keyring.from_setting("another key of 32 characters, or more"), sealed, "delivery/1")


def test_threads_do_not_disturb_each_other(keyring: Keyring) -> None:
    mails = [os.urandom(50_000) + bytes([number]) * 50_000 for number in range(8)] * 20

    def is_same(mail: bytes) -> bool:
        return sealed_mail.unseal(keyring, sealed_mail.seal(keyring, mail, ABOUT), ABOUT) == mail

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(is_same, mails))
