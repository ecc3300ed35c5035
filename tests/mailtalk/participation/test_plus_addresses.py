"""One mailbox for all inbound addresses, replies+TOKEN@…: in every mail that we send, and in each way in."""

import re
from collections.abc import Callable
from email.message import Message

import httpx
import pytest
from support.cast import Cast
from support.inbox import DOMAIN, Box, mail
from support.outbox import Post, at
from support.raw_smtp import Talk
from support.servers import bridging, make_settings, serving
from support.smtp_client import address_of
from support.sql import column, rows

from mailtalk.inbound import receive
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.mail.address import AddressScheme
from mailtalk.mail.parsing.parse import MailAttachment
from mailtalk.mail.replies.file_secrets import FileSecrets
from mailtalk.mail.replies.quotes.own_mail import OwnAddress
from mailtalk.notifications.builder import MailBuilder
from mailtalk.notifications.mails import MailIdentity
from mailtalk.outbound import verp
from mailtalk.settings.load import Settings, SettingsError, load
from mailtalk.vocabulary import Purpose

PLUS = AddressScheme(DOMAIN, "replies")
TOKEN = re.compile(rf"replies\+([a-z2-7]{{30}})@{re.escape(DOMAIN)}")
HOST_MATE = f"bob@{DOMAIN}"  # somebody else's mailbox at the same domain


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    cast.join("alice", "bob")
    return Box(cast, keyring, rules={"mailbox": "replies"})


def plus(mailbox: str) -> str:
    return PLUS.address(mailbox.partition("@")[0])


@pytest.fixture
def ours(cast: Cast, keyring: Keyring) -> Message:
    """A mail of ours to Bob, made with the scheme."""
    cast.join("alice", "bob")
    post = Post(cast, keyring)
    post.say("alice", "Hello")
    post.close(1000)
    identity = MailIdentity(f"replies@{DOMAIN}", DOMAIN, "https://mail.example", mailbox="replies")
    with cast.database.transaction() as session:
        assert MailBuilder(session, keyring, identity, at(1000)).build() == 1
    return post.mails()[0][1]


def test_our_mails_carry_it_in_reply_to_and_list_unsubscribe(ours: Message) -> None:
    assert TOKEN.fullmatch(str(ours["Reply-To"]))
    assert TOKEN.search(str(ours["List-Unsubscribe"]))
    assert f"@{DOMAIN}" not in TOKEN.sub("", f"{ours['Reply-To']}{ours['List-Unsubscribe']}")


@pytest.mark.parametrize("form", ["{token}@{domain}", "replies+{token}@{domain}", "Talk+x+{token}@{domain}"])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_both_forms_are_accepted_in_any_case(box: Box, form: str, case: Callable[[str], str]) -> None:
    token = box.address("bob").partition("@")[0]
    mailbox = case(form.format(token=token, domain=DOMAIN))
    key = address.signer(box.keyring, token)
    assert key is not None
    assert receive.recognise(box.keyring, mailbox, DOMAIN) == address.lookup(key, token)
    assert receive.may_be_ours(mailbox, DOMAIN)


def test_the_mailbox_without_a_token_and_other_domains_are_not_ours(box: Box) -> None:
    token = box.address("bob").partition("@")[0]
    for mailbox in (f"replies@{DOMAIN}", f"replies+x@{DOMAIN}", f"replies+{token}@else.example", f"{token}+x@{DOMAIN}"):
        assert receive.recognise(box.keyring, mailbox, DOMAIN) is None
        assert not receive.may_be_ours(mailbox, DOMAIN)


def test_a_bounce_address_has_the_form_too(box: Box, ours: Message) -> None:
    delivery_id = column(box.cast.database, "SELECT id FROM deliveries")[0]
    mailbox = plus(verp.local_part(box.keyring, delivery_id))
    bearer = receive.recognise(box.keyring, mailbox.upper(), DOMAIN)
    assert getattr(bearer, "delivery_id", None) == delivery_id
    assert verp.within(box.keyring, f"Return-Path: <{mailbox}>".encode(), DOMAIN) == [delivery_id]


def test_people_at_our_domain_are_people_and_our_mailbox_is_not(box: Box) -> None:
    bearer = box.bearer("bob")
    box.receive(mail("Hello", "Message-ID: <1@x>\r\n", HOST_MATE), bearer, mail_from=HOST_MATE)
    for sender in (f"replies@{DOMAIN}", f"Replies+tag@{DOMAIN}"):
        box.receive(mail("Hello", f"Message-ID: <{sender}>\r\n", sender), bearer, mail_from=sender)
    assert box.judged() == [("posted", "person", "whole"), *[("ignored", "loop", "own-domain")] * 2]


def test_no_token_stays_in_texts_and_files(box: Box) -> None:
    own = plus(box.address("bob"))
    token = own.partition("+")[2].partition("@")[0]
    for written in (own, own.upper(), own.replace("+", "%2B").replace("@", "%40")):
        assert token not in OwnAddress(DOMAIN).scrub(f"write to {written}.").lower()
        assert token not in address.hidden(f"550 <{written.replace('%40', '@')}> refused").lower()
        file = MailAttachment("a.txt", "text/plain", f"see <{written}>".encode(), None, False)
        assert token.encode() not in FileSecrets(DOMAIN).cleaned(file).content.lower()
    quote = f"On Mon, 2 Jan 2026 at 03:04, Alice <{own}> wrote:\r\n> Hello"
    box.receive(mail(f"Fine. Ask {own}\r\n\r\n{quote}"), box.bearer("bob"))
    box.outcomes()
    assert box.texts() == ["Fine. Ask replies+…"]
    assert token not in str(rows(box.cast.database, "SELECT m.*, i.* FROM messages m, inbound_mails i"))


@pytest.fixture
def plain(database_url: str, redis_url: str) -> Settings:
    return make_settings(database_url=database_url, redis_url=redis_url)


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return make_settings(database_url=database_url, redis_url=redis_url, reply_to_scheme="plus")


def test_the_api_shows_it_and_the_bridge_takes_both_before_and_after_a_change(
    cast: Cast, keyring: Keyring, plain: Settings, settings: Settings
) -> None:
    cast.join("bob")
    bare = address_of(cast, keyring, "bob")
    with serving(settings) as url, httpx.Client(headers={"Authorization": f"Bearer {cast.secret}"}) as http:
        answer = http.get(f"{url}/v1/{cast.app_id}/conversations/hello/participants/bob/email")
    assert answer.json() == {"emailAddress": plus(bare)}
    for scheme in (plain, settings):
        with bridging(scheme) as where, Talk(where) as smtp:
            smtp.say("EHLO x")
            smtp.say("MAIL FROM:<bob@example.com>")
            for recipient in (bare, plus(bare), plus(bare).upper()):
                assert smtp.say(f"RCPT TO:<{recipient}>").startswith("250")
            assert smtp.say(f"RCPT TO:<replies@{DOMAIN}>").startswith("550")


def test_the_settings_name_the_mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTALK_REPLY_TO_SCHEME", "plus")
    monkeypatch.setenv("MAILTALK_REPLY_MAILBOX", "talk")
    assert (load().own_mailbox, load().sender) == ("talk", f"talk@{DOMAIN}")
    monkeypatch.setenv("MAILTALK_REPLY_MAILBOX", "a+b")
    with pytest.raises(SettingsError, match="MAILTALK_REPLY_MAILBOX"):
        load()


def test_an_unsubscribe_by_mail_reaches_its_purpose(box: Box) -> None:
    mailbox = plus(box.address("bob", Purpose.UNSUBSCRIBE))
    local, domain = address.token_of(mailbox)
    bearer = box.admit(f"{local}@{domain}")
    assert bearer is not None
    assert bearer.purpose is Purpose.UNSUBSCRIBE
