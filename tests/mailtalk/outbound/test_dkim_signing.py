"""Signing: a signature and a header by which a relay drops repeats, put on when the mail is made."""

from base64 import b64encode
from email import message_from_bytes
from typing import Any
from uuid import uuid4

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support.cast import Cast
from support.outbox import DOMAIN, Post, at
from support.sql import rows

from mailtalk.keys import Keyring
from mailtalk.models import Delivery
from mailtalk.notifications.builder import MailBuilder
from mailtalk.notifications.mails import MailIdentity
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.settings.load import Settings, SettingsError

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public(_name: bytes, timeout: int = 5) -> bytes:
    spki = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + b64encode(spki)


def settings(**values: Any) -> Settings:
    return Settings(secret_key="k" * 32, **values)


def test_our_mails_are_made_with_it_and_are_believed(cast: Cast, keyring: Keyring) -> None:
    given = {"idempotency_header": "Resend-Idempotency-Key", "dkim_domain": DOMAIN, "dkim_selector": "s"}
    sender = MailIdentity(f"notify@{DOMAIN}", DOMAIN, signer=MailSigner.of(settings(**given, dkim_key=PEM)))
    cast.join("alice", "bob")
    post = Post(cast, keyring)
    post.say("alice", "Grüße, " + "long " * 100)
    post.close(30)
    with cast.database.transaction() as session:
        MailBuilder(session, keyring, sender, at(30)).build()
    (row,) = rows(cast.database, "SELECT id, body_sealed FROM deliveries")
    raw = post.opened(Delivery(id=row.id, body_sealed=row.body_sealed))
    assert dkim.verify(raw, dnsfunc=public)
    assert message_from_bytes(raw)["Resend-Idempotency-Key"] == str(row.id)


def test_without_settings_a_mail_stays_as_it_is() -> None:
    mail = b"From: a@b\r\n\r\nhello\r\n"
    assert MailSigner.of(settings()).sign(mail, uuid4()) == mail


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"dkim_domain": "example.com"}, "belong together"),
        ({"dkim_key": PEM, "dkim_selector": "s"}, "belong together"),
        ({"dkim_domain": "example.com", "dkim_selector": "a,b", "dkim_key": PEM}, "as many selectors as keys"),
        ({"dkim_domain": "example.com", "dkim_selector": "a", "dkim_key": "hunter2"}, "as many selectors as keys"),
    ],
)
def test_wrong_settings_are_told_without_the_key(values: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as error:
        MailSigner.of(settings(**values))
    assert "hunter2" not in str(error.value)
    assert "PRIVATE" not in str(error.value)


@pytest.mark.parametrize(
    ("relay", "expected"),
    [
        ("smtp://t:t@smtp.postmarkapp.com:587", ["X-PM-Metadata-mailtalk-id: %s", "X-PM-KeepID: true"]),
        ("smtp://u:p@smtp.eu.mailgun.org:587", ['X-Mailgun-Variables: {"mailtalk-id": "%s"}']),
        ("smtps://u:p@smtp.sendgrid.net:465", ['X-SMTPAPI: {"unique_args": {"mailtalk-id": "%s"}}']),
        ("smtp://u:p@email-smtp.eu-west-1.amazonaws.com:587", ["X-SES-MESSAGE-TAGS: mailtalk-id=%s"]),
        ("smtp://127.0.0.1:25,smtp://smtp.postmarkapp.com.evil.example", []),
        (None, []),
    ],
)
def test_a_mail_to_a_providers_host_carries_its_id_for_that_provider_alone(
    relay: str | None, expected: list[str]
) -> None:
    delivery_id = uuid4()
    signed = MailSigner.of(settings(relay_url=relay)).sign(b"From: x@y.example\r\n\r\nHi\r\n", delivery_id)
    fields = signed.decode().partition("From:")[0].splitlines()
    assert fields == [field.replace("%s", str(delivery_id)) for field in expected]
