"""A client that has said whom its mail is from, and whom it goes to."""

import smtplib
from collections.abc import Iterator

import pytest
from support.cast import Cast
from support.smtp_client import address_of

from mailtalk.keys import Keyring


@pytest.fixture
def client(bridge: tuple[str, int]) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(*bridge, timeout=30) as client:
        client.ehlo()
        client.mail("bob@example.com")
        yield client


@pytest.fixture
def bob(cast: Cast, keyring: Keyring) -> str:
    cast.join("alice", "bob")
    return address_of(cast, keyring, "bob")
