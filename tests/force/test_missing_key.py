"""A key that is missing from MAILTALK_SECRET_KEY while it is needed: everything waits for it, nothing is refused."""

import smtplib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import time

import httpx
import jwt
import pytest
from pydantic import SecretStr
from support.cast import Cast
from support.command_line import command
from support.inbox import Box, mail
from support.servers import bridging, serving
from support.smtp_client import DOMAIN, LATER, NOBODY
from support.sql import column, rows

from mailtalk import clock
from mailtalk.inbound.process import KEY_AWAY
from mailtalk.keys import Keyring
from mailtalk.outbound import verp
from mailtalk.settings.load import Settings
from smtp_bridge import missing_keys

OLD, NEW = "k" * 32, "n" * 32
JUNK = f"{'a' * 30}@{DOMAIN}"


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    cast.join("alice", "bob")
    return Box(cast, keyring)


@pytest.fixture
def client(settings: Settings) -> Iterator[smtplib.SMTP]:
    """A client of a bridge that has the new key alone."""
    replaced = settings.model_copy(update={"secret_key": SecretStr(NEW)})
    with bridging(replaced) as where, smtplib.SMTP(*where, timeout=30) as client:
        client.ehlo()
        client.mail("bob@example.com")
        yield client


def test_as_long_as_a_live_address_needs_it_an_unknown_address_is_451(box: Box, client: smtplib.SMTP) -> None:
    bounce = f"{verp.local_part(box.keyring, column(box.cast.database, 'SELECT gen_random_uuid()')[0])}@{DOMAIN}"
    for address in (box.address("bob"), bounce, JUNK):
        assert client.rcpt(address) == LATER
    assert client.rcpt(f"nobody@{DOMAIN}") == NOBODY


@pytest.mark.parametrize("end", ["DELETE FROM addresses", "UPDATE participations SET present = false"])
def test_once_no_live_address_needs_it_an_unknown_address_is_550(
    box: Box, client: smtplib.SMTP, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = box.address("bob")
    assert client.rcpt(address) == LATER
    rows(box.cast.database, end)
    assert client.rcpt(address) == LATER  # the database is not asked for each
    monkeypatch.setattr(missing_keys, "FRESH", 0.0)
    assert client.rcpt(address) == NOBODY


def test_junk_is_550_while_all_keys_are_there(box: Box, settings: Settings) -> None:
    box.address("bob")
    both = settings.model_copy(update={"secret_key": SecretStr(f"{NEW},{OLD}")})
    with bridging(both) as where, smtplib.SMTP(*where, timeout=30) as client:
        client.ehlo()
        client.mail("bob@example.com")
        assert client.rcpt(JUNK) == client.rcpt(JUNK) == NOBODY
        assert client.rcpt(box.address("bob"))[0] == 250


def test_a_stored_mail_waits_for_its_key_and_those_behind_it_wait_too(box: Box) -> None:
    without = Box(box.cast, Keyring.from_setting(NEW))
    both = Box(box.cast, Keyring.from_setting(f"{NEW},{OLD}"))
    box.receive(mail("first"), box.bearer("bob"))
    both.receive(mail("second"), box.bearer("bob"))
    both.receive(mail("of alice", sender="alice@example.com"), box.bearer("alice"))
    for _ in range(6):  # more than the attempts of a mail that fails
        assert [outcome for outcome, _ in without.outcomes()] == ["received", "received", "posted"]
        assert column(box.cast.database, "SELECT max(attempts) FROM inbound_mails") == [0]
        rows(box.cast.database, "UPDATE inbound_mails SET not_before = NULL")
    assert both.outcomes() == [("posted", "whole")] * 3
    assert box.texts() == ["of alice", "first", "second"]


def test_it_is_tried_again_after_some_minutes(box: Box) -> None:
    box.receive(mail("first"), box.bearer("bob"))
    Box(box.cast, Keyring.from_setting(NEW)).process()
    later = column(box.cast.database, "SELECT not_before FROM inbound_mails")[0]
    assert timedelta(0) < later - clock.now() <= KEY_AWAY


def test_show_raw_says_it_in_a_sentence(box: Box, database_url: str, tmp_path: Path) -> None:
    box.receive(mail("first"), box.bearer("bob"))
    mailtalk = command(database_url, tmp_path)
    said = mailtalk("inbound", "show", "1", "--raw", code=1, MAILTALK_SECRET_KEY=NEW).stderr
    key = f"{box.keyring.current.id:08x}"
    assert said == f"Error: it is sealed with key {key}, which MAILTALK_SECRET_KEY does not hold: put it back\n"


def test_the_api_answers_503_to_who_proves_to_know_a_secret_that_cannot_be_opened(box: Box, settings: Settings) -> None:
    claims = {"tokenType": "app", "iss": box.cast.app_id, "exp": time() + 60}
    token = jwt.encode(claims, box.cast.secret, "HS256")
    with serving(settings.model_copy(update={"secret_key": SecretStr(NEW)})) as url:
        answer = httpx.get(f"{url}/v1/{box.cast.app_id}/users/bob", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
