"""Bounces and complaints that providers post: proven, matched to our mails, and of effect once."""

import hmac
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text
from support import sns
from support.cast import Cast
from support.outbox import DOMAIN, START, Post
from support.servers import make_settings, serving
from support.sql import column, rows, subscribe

from api.ingress import post as ingress
from api.ingress.ses_events import SesEvents
from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.errors import Unauthorized
from mailtalk.keys import Keyring
from mailtalk.outbound import provider_reports, verp
from mailtalk.outbound.provider_reports import ProviderPost
from mailtalk.support import explain
from mailtalk.vocabulary import Reason

SECRET = "user:" + "p" * 32
KEY = "k" * 32
BOB = "bob@example.com"
BASIC = {"Authorization": f"Basic {b64encode(SECRET.encode()).decode()}"}
SENDGRID = ec.generate_private_key(ec.SECP256R1())
PUBLIC = b64encode(SENDGRID.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
EVENTS = "SELECT data->>'bounce' FROM events WHERE type = 'notification.bounced'"
OTHER = "00000000-0000-4000-8000-000000000000"
NOBODY = "The email account that you tried to reach does not exist"


@pytest.fixture
def api(database_url: str, redis_url: str) -> Iterator[str]:
    settings = make_settings(
        database_url=database_url,
        redis_url=redis_url,
        ingress_postmark=SECRET,
        ingress_mailgun=KEY,
        ingress_sendgrid_events=PUBLIC,
        ingress_ses_events=sns.TOPIC,
    )
    with serving(settings) as url:
        yield url


def execute(database: Database, statement: str) -> None:
    with database.transaction() as session:
        session.execute(text(statement))


@pytest.fixture
def sent(cast: Cast, keyring: Keyring) -> UUID:
    """Id of a mail to Bob that was sent a moment ago."""
    cast.join("alice", "bob")
    subscribe(cast.database)
    post, now = Post(cast, keyring), (clock.now() - START).total_seconds()
    post.say("alice", "Hello", now - 60)
    assert post.mailed(now) == ["bob"]
    execute(cast.database, "UPDATE deliveries SET stage = 'sent', ended_at = now()")
    found: UUID = column(cast.database, "SELECT id FROM deliveries")[0]
    return found


def postmark(metadata: str, kind: str = "HardBounce", **more: Any) -> dict[str, Any]:
    """A bounce or complaint as Postmark documents it."""
    event = {
        "RecordType": "SpamComplaint" if kind == "SpamComplaint" else "Bounce",
        "ID": 4323372036854775807,
        "Type": kind,
        "TypeCode": 1,
        "Name": "Hard bounce",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": f"smtp;550 5.1.1 {NOBODY}",
        "Email": BOB,
        "From": "notify@example.com",
        "BouncedAt": "2026-11-05T16:33:54.9070259Z",
        "Inactive": True,
        "Metadata": {"mailtalk-id": metadata},
        "MessageStream": "outbound",
    }
    return {"json": event | more, "headers": BASIC}


def mailgun(metadata: str, token: str = "", key: str = KEY, at: float | None = None, **more: Any) -> dict[str, Any]:
    """A permanent failure as Mailgun documents it."""
    timestamp, token = str(int(at or time.time())), token or uuid4().hex
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), sha256).hexdigest()
    event = {
        "id": "G9Bn5sl1TC6nu79C8C0bwg",
        "timestamp": 1521233195.375624,
        "log-level": "error",
        "event": "failed",
        "severity": "permanent",
        "reason": "bounce",
        "recipient": BOB,
        "recipient-domain": "example.com",
        "envelope": {"sender": "someone@mg.example.com", "transport": "smtp", "targets": BOB},
        "message": {"headers": {"message-id": "1@mg.example.com", "to": BOB}, "size": 111, "attachments": []},
        "delivery-status": {
            "attempt-no": 1,
            "code": 550,
            "message": f"5.1.1 {NOBODY}",
            "description": "",
            "enhanced-code": "5.1.1",
        },
        "user-variables": {"mailtalk-id": metadata} if metadata else [],
    }
    proof = {"timestamp": timestamp, "token": token, "signature": signature}
    return {"json": {"signature": proof, "event-data": event | more}}


def sendgrid(*events: dict[str, Any], key: ec.EllipticCurvePrivateKey = SENDGRID) -> dict[str, Any]:
    """A batch of events, signed as SendGrid documents it."""
    body, timestamp = json.dumps(events).encode(), str(int(time.time()))
    signature = b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()
    names = ("X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp")
    return {"content": body, "headers": dict(zip(names, (signature, timestamp), strict=True))}


def bounce(metadata: str, **more: Any) -> dict[str, Any]:
    """One event of SendGrid's."""
    event = {
        "email": BOB,
        "event": "bounce",
        "type": "bounce",
        "reason": f"550 5.1.1 {NOBODY}",
        "status": "5.1.1",
        "sg_event_id": "ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",
        "sg_message_id": "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-1",
        "smtp-id": "<1@mg.example.com>",
        "timestamp": 1604517234,
    }
    return event | ({"mailtalk-id": metadata} if metadata else {}) | more


def ses(kind: str = "Bounce", status: str = "5.1.1", **mail: Any) -> str:
    """A notification of SES; `mail` replaces what it tells of our mail."""
    recipient = {"emailAddress": BOB, "status": status, "action": "failed", "diagnosticCode": f"smtp; 550 {NOBODY}"}
    about = {
        "Bounce": {
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [recipient],
                "feedbackId": "00000138111222aa-1",
                "timestamp": "2026-11-27T14:59:38.237Z",
            }
        },
        "Complaint": {
            "complaint": {
                "complainedRecipients": [{"emailAddress": BOB}],
                "feedbackId": "000001378603177f-2",
                "complaintFeedbackType": "abuse",
            }
        },
    }
    told = {"source": "news@example.com", "messageId": "00000138-3", "destination": [BOB]}
    return json.dumps({"notificationType": kind, **about[kind], "mail": told | mail})


def suppressed(cast: Cast) -> list[tuple[str, str]]:
    return [tuple(row) for row in rows(cast.database, "SELECT address, reason FROM suppressions WHERE until > now()")]


@pytest.mark.parametrize("provider", ["postmark", "mailgun", "sendgrid"])
def test_a_hard_bounce_by_our_id_suppresses_the_address_and_is_told(
    api: str, cast: Cast, sent: UUID, provider: str
) -> None:
    request = {
        "postmark": postmark(str(sent)),
        "mailgun": mailgun(str(sent)),
        "sendgrid": sendgrid(bounce(str(sent))),
    }[provider]
    answer = httpx.post(f"{api}/ingress/{provider}/events", **request)
    assert (answer.status_code, answer.json()) == (200, {"hard": 1})
    assert suppressed(cast) == [(BOB, "dead")]
    assert column(cast.database, EVENTS) == ["hard"]
    assert column(cast.database, "SELECT bounced_at FROM deliveries") != [None]
    with cast.database.transaction() as session:
        assert Reason.SUPPRESSED in explain.status(session, clock.now(), cast.participant("bob")).bars


@pytest.mark.parametrize("provider", ["postmark", "mailgun", "sendgrid"])
def test_a_complaint_suppresses_for_180_days(api: str, cast: Cast, sent: UUID, provider: str) -> None:
    request = {
        "postmark": postmark(str(sent), "SpamComplaint"),
        "mailgun": mailgun(str(sent), event="complained"),
        "sendgrid": sendgrid(bounce(str(sent), event="spamreport")),
    }[provider]
    assert httpx.post(f"{api}/ingress/{provider}/events", **request).json() == {"complaint": 1}
    assert suppressed(cast) == [(BOB, "complained")]
    (until,) = column(cast.database, "SELECT until FROM suppressions")
    assert timedelta(days=179) < until - clock.now() < timedelta(days=181)


def test_our_message_id_or_our_envelope_sender_names_the_mail_too(api: str, cast: Cast, sent: UUID) -> None:
    message_id = column(cast.database, "SELECT message_id FROM deliveries")[0]
    answers = [
        httpx.post(f"{api}/ingress/sendgrid/events", **sendgrid(bounce("", event="spamreport", **{"smtp-id": told})))
        for told in (message_id, message_id.replace(sent.hex, "0" * 32))
    ]
    assert [answer.json() for answer in answers] == [{"complaint": 1}, {"repeated": 1}]


def test_a_signed_envelope_sender_names_the_mail(api: str, cast: Cast, keyring: Keyring, sent: UUID) -> None:
    sender = {"envelope": {"sender": f"{verp.local_part(keyring, sent).upper()}@{DOMAIN}"}}
    answer = httpx.post(f"{api}/ingress/mailgun/events", **mailgun("", event="complained", **sender))
    assert answer.json() == {"complaint": 1}


def test_a_bounce_without_an_id_belongs_to_the_last_mail_to_the_address_a_complaint_to_none(
    api: str, cast: Cast, sent: UUID
) -> None:
    events = f"{api}/ingress/sendgrid/events"
    assert httpx.post(events, **sendgrid(bounce("", event="spamreport"))).json() == {"unmatched": 1}
    assert suppressed(cast) == []
    stranger = bounce("", email="dave@example.com", sg_event_id="2")
    ours = bounce("", email="Bob@Example.com", sg_event_id="3")
    assert httpx.post(events, **sendgrid(stranger, ours)).json() == {"hard": 1, "unmatched": 1}
    assert suppressed(cast) == [(BOB, "dead")]


def test_a_report_about_another_address_than_the_mails_silences_nobody(api: str, cast: Cast, sent: UUID) -> None:
    for provider, request in (
        ("postmark", postmark(str(sent), Email="dave@example.com")),
        ("mailgun", mailgun(str(sent), event="complained", recipient="dave@example.com")),
        ("sendgrid", sendgrid(bounce(OTHER, event="spamreport"))),
    ):
        assert httpx.post(f"{api}/ingress/{provider}/events", **request).json() == {"unmatched": 1}
    assert rows(cast.database, "SELECT * FROM suppressions") == []
    assert column(cast.database, "SELECT bounced_at FROM deliveries") == [None]


def test_a_post_that_comes_again_has_no_effect(api: str, cast: Cast, sent: UUID) -> None:
    request = sendgrid(bounce(str(sent), event="spamreport"), bounce(str(sent), event="spamreport"))
    assert httpx.post(f"{api}/ingress/sendgrid/events", **request).json() == {"complaint": 1, "repeated": 1}
    execute(cast.database, "DELETE FROM suppressions")  # an operator released it
    assert httpx.post(f"{api}/ingress/sendgrid/events", **request).json() == {"repeated": 2}
    assert suppressed(cast) == []


def test_a_token_of_mailguns_counts_once_whatever_stands_beside_it(api: str, cast: Cast, sent: UUID) -> None:
    events = f"{api}/ingress/mailgun/events"
    assert httpx.post(events, **mailgun(str(sent), "t", event="delivered")).json() == {}
    assert httpx.post(events, **mailgun(str(sent), "t", event="complained")).json() == {"repeated": 1}
    assert suppressed(cast) == []


@pytest.mark.parametrize(
    ("provider", "change"),
    [
        ("postmark", {"kind": "Transient"}),
        ("postmark", {"kind": "AutoResponder"}),
        ("postmark", {"RecordType": "Delivery"}),
        ("mailgun", {"severity": "temporary"}),
        ("mailgun", {"event": "opened"}),
        ("sendgrid", {"event": "deferred"}),
        ("sendgrid", {"event": "click"}),
    ],
)
def test_what_is_no_failure_changes_nothing(
    api: str, cast: Cast, sent: UUID, provider: str, change: dict[str, Any]
) -> None:
    make = {"postmark": postmark, "mailgun": mailgun, "sendgrid": lambda *a, **k: sendgrid(bounce(*a, **k))}
    answer = httpx.post(f"{api}/ingress/{provider}/events", **make[provider](str(sent), **change))
    assert (answer.status_code, answer.json()) == (200, {})
    assert column(cast.database, "SELECT bounced_at FROM deliveries") == [None]


def test_what_may_pass_is_soft_whatever_the_provider_calls_it(api: str, cast: Cast, sent: UUID) -> None:
    full = {"message": "552 5.2.2 mailbox full", "enhanced-code": "5.2.2"}
    answer = httpx.post(f"{api}/ingress/mailgun/events", **mailgun(str(sent), **{"delivery-status": full}))
    assert answer.json() == {"soft": 1}
    assert [tuple(row) for row in rows(cast.database, "SELECT address, score, until FROM suppressions")] == [
        (BOB, 1.0, None)
    ]


def forged() -> dict[str, tuple[str, dict[str, Any]]]:
    wrong = {"Authorization": f"Basic {b64encode(b'user:guess').decode()}"}
    stranger = sendgrid(bounce(OTHER), key=ec.generate_private_key(ec.SECP256R1()))
    return {
        "postmark without a password": ("postmark", postmark(OTHER) | {"headers": {}}),
        "postmark with a wrong one": ("postmark", postmark(OTHER) | {"headers": wrong}),
        "mailgun with another key": ("mailgun", mailgun(OTHER, key="x" * 32)),
        "mailgun of yesterday": ("mailgun", mailgun(OTHER, at=time.time() - 86_400)),
        "sendgrid with another key": ("sendgrid", stranger),
        "sendgrid with another body": ("sendgrid", sendgrid(bounce(OTHER)) | {"content": b"[]"}),
        "sendgrid without a signature": ("sendgrid", {"content": b"[]"}),
        "sendgrid with nonsense": (
            "sendgrid",
            {"content": b"[]", "headers": {"X-Twilio-Email-Event-Webhook-Signature": "no Base64"}},
        ),
    }


@pytest.mark.parametrize("how", list(forged()))
def test_nothing_forged_is_taken(api: str, cast: Cast, sent: UUID, how: str) -> None:
    provider, request = forged()[how]
    answer = httpx.post(f"{api}/ingress/{provider}/events", **request)
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHORIZED")
    assert suppressed(cast) == []


def test_a_post_is_bounded_and_its_mistakes_are_named(api: str, cast: Cast) -> None:
    answer = httpx.post(f"{api}/ingress/postmark/events", content=b"x" * 1_000_001, headers=BASIC)
    assert answer.status_code == 413
    answer = httpx.post(f"{api}/ingress/postmark/events", content=b"{}", headers=BASIC)
    assert (answer.status_code, "RecordType" in str(answer.json())) == (400, True)


def test_a_provider_without_a_secret_is_not_found(database_url: str, redis_url: str) -> None:
    with serving(make_settings(database_url=database_url, redis_url=redis_url)) as url:
        for provider in ("postmark", "mailgun", "sendgrid", "ses", "cloudflare", "nobody"):
            assert httpx.post(f"{url}/ingress/{provider}/events", headers=BASIC).status_code == 404


@pytest.fixture
def amazon() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def taken(amazon: rsa.RSAPrivateKey, body: bytes) -> ProviderPost:
    return SesEvents(lambda _: sns.certificate(amazon))(ingress.Post({}, body, {}), sns.TOPIC)


def recorded(cast: Cast, keyring: Keyring, post: ProviderPost) -> dict[str, int]:
    with cast.database.transaction() as session:
        return dict(provider_reports.record(session, keyring, clock.now(), "ses", post, timedelta(days=30)))


def test_amazons_events_are_matched_by_tag_message_id_sender_and_address(
    cast: Cast, keyring: Keyring, sent: UUID, amazon: rsa.RSAPrivateKey
) -> None:
    message_id = column(cast.database, "SELECT message_id FROM deliveries")[0]
    named: list[dict[str, Any]] = [
        {"tags": {"mailtalk-id": [str(sent)], "ses:operation": ["SendSmtpEmail"]}},
        {"headers": [{"name": "From", "value": "x"}, {"name": "Message-ID", "value": message_id}]},
        {"source": f"{verp.local_part(keyring, sent)}@{DOMAIN}"},
        {},
    ]
    for kind, expected in (("Complaint", ["complaint"] * 3 + ["unmatched"]), ("Bounce", ["hard"] * 4)):
        for mail, word in zip(named, expected, strict=True):
            execute(cast.database, "DELETE FROM seen_posts")
            assert recorded(cast, keyring, taken(amazon, sns.sns(amazon, ses(kind, **mail)))) == {word: 1}


def test_amazons_posts_count_once(cast: Cast, keyring: Keyring, sent: UUID, amazon: rsa.RSAPrivateKey) -> None:
    for word in ("hard", "repeated"):
        assert recorded(cast, keyring, taken(amazon, sns.sns(amazon, ses()))) == {word: 1}
    assert suppressed(cast) == [(BOB, "dead")]


def test_amazons_not_spam_and_automatic_answers_are_no_reports(amazon: rsa.RSAPrivateKey) -> None:
    kind = ses("Complaint").replace('"abuse"', '"not-spam"')
    answer = ses(status="").replace('"Permanent"', '"Transient"')
    for message in (kind, answer, json.dumps({"eventType": "Delivery", "mail": {"source": "x"}, "delivery": {}})):
        assert taken(amazon, sns.sns(amazon, message)) == ProviderPost([])
    confirmation = {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": sns.SUBSCRIBE}
    assert taken(amazon, sns.sns(amazon, "", **confirmation)) == ProviderPost([])


@pytest.mark.parametrize("changed", [{"TopicArn": sns.TOPIC + "s"}, {"Message": ses()}, {"Signature": "AAAA"}])
def test_nothing_of_amazon_is_taken_unproven(amazon: rsa.RSAPrivateKey, changed: dict[str, str]) -> None:
    sent = json.loads(sns.sns(amazon, "{}")) | changed
    with pytest.raises(Unauthorized):
        taken(amazon, json.dumps(sent).encode())
