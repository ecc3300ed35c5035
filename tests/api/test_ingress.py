"""Mail that providers post: stored byte for byte after the proof, forged requests refused, repeats posted once."""

import hmac
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support.cast import Cast
from support.servers import make_settings, serving
from support.smtp_client import address_of, kept
from support.sns import PEM, SUBSCRIBE, TOPIC, certificate, sns
from support.sql import column, rows
from support.waiting import until

from api.ingress.post import Post
from api.ingress.sns import Ses
from mailtalk.errors import Unauthorized
from mailtalk.inbound.handover import HandedMail
from mailtalk.keys import Keyring
from worker.server import WorkerServer

SECRET = "user:" + "p" * 32
KEY = "k" * 32
RAW = (
    b"From: Bob <bob@example.com>\r\nMessage-ID: <1@example.com>\r\nContent-Type: text/plain; charset=latin-1\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xfc\xdfe = 100 % & mehr\r\n"
)
TEXT = RAW.replace(b"\xfc\xdf", b"uess")  # Postmark's JSON holds texts
BASIC = {"Authorization": f"Basic {b64encode(SECRET.encode()).decode()}"}


@pytest.fixture
def api(database_url: str, redis_url: str) -> Iterator[str]:
    settings = make_settings(
        database_url=database_url,
        redis_url=redis_url,
        smtp_message_bytes=50_000,
        ingress_postmark=SECRET,
        ingress_sendgrid=SECRET,
        ingress_mailgun=KEY,
        ingress_cloudflare=KEY,
    )
    with serving(settings) as url:
        yield url


@pytest.fixture
def to(cast: Cast, keyring: Keyring) -> str:
    """Bob's address."""
    cast.join("bob")
    return address_of(cast, keyring, "bob")


def mailgun(to: str, raw: bytes = RAW, *, key: str = KEY, at: float | None = None) -> dict[str, bytes]:
    timestamp = str(int(at or time.time()))
    signature = hmac.new(key.encode(), f"{timestamp}token".encode(), sha256).hexdigest()
    fields = {"sender": "bob@example.com", "recipient": to, "timestamp": timestamp, "token": "token"}
    return {name: text.encode() for name, text in (fields | {"signature": signature}).items()} | {"body-mime": raw}


def form(fields: dict[str, bytes]) -> dict[str, Any]:
    content = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in fields.items())
    return {"content": content, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}


def request(provider: str, to: str) -> dict[str, Any]:
    """A request as its maker documents it."""
    envelope = json.dumps({"to": [to], "from": "bob@example.com"}).encode()
    parts = {"envelope": (None, envelope), "email": (None, RAW), "charsets": (None, b"{}")}
    sent = {"From": "bob@example.com", "OriginalRecipient": to, "RawEmail": TEXT.decode(), "MessageID": "1"}
    headers = {"X-Envelope-From": "bob@example.com", "X-Envelope-To": to, "Authorization": f"Bearer {KEY}"}
    return {
        "postmark": {"json": sent, "headers": BASIC},
        "sendgrid": {"files": parts, "headers": BASIC},
        "mailgun": form(mailgun(to)),
        "mailgun/mime": {"files": {name: (None, value) for name, value in mailgun(to).items()}},
        "cloudflare": {"content": RAW, "headers": headers},
    }[provider]


PROVIDERS = ("postmark", "sendgrid", "mailgun", "mailgun/mime", "cloudflare")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_mail_is_stored_byte_for_byte_before_the_200(api: str, cast: Cast, to: str, provider: str) -> None:
    answer = httpx.post(f"{api}/ingress/{provider}", **request(provider, to))
    assert (answer.status_code, answer.json()) == (200, {"stored": 1, "unknown": 0})
    assert kept(cast) == [TEXT if provider == "postmark" else RAW]
    assert rows(cast.database, "SELECT mail_from, client_ip FROM raw_mails") == [("bob@example.com", None)]


def test_it_becomes_a_message_once_however_often_it_is_posted(
    api: str, worker: WorkerServer, cast: Cast, to: str
) -> None:
    for _ in range(3):
        assert httpx.post(f"{api}/ingress/mailgun", **form(mailgun(to))).status_code == 200
    outcomes = until(lambda: _three(cast))
    assert sorted(outcomes) == ["ignored", "ignored", "posted"]
    assert column(cast.database, "SELECT text FROM messages") == ["Grüße = 100 % & mehr"]


def _three(cast: Cast) -> list[str] | None:
    outcomes = column(cast.database, "SELECT outcome FROM inbound_mails WHERE outcome <> 'received'")
    return outcomes if len(outcomes) == 3 else None


def forged(to: str) -> dict[str, tuple[str, dict[str, Any]]]:
    wrong = {"Authorization": f"Basic {b64encode(b'user:guess').decode()}"}
    old = time.time() - 400
    sent = mailgun(to)
    return {
        "postmark without a password": ("postmark", request("postmark", to) | {"headers": {}}),
        "postmark with a wrong one": ("postmark", request("postmark", to) | {"headers": wrong}),
        "sendgrid with a wrong one": ("sendgrid", request("sendgrid", to) | {"headers": wrong}),
        "sendgrid with a bearer": ("sendgrid", request("sendgrid", to) | {"headers": {"Authorization": "Bearer x"}}),
        "mailgun with another key": ("mailgun", form(mailgun(to, key="x" * 32))),
        "mailgun of yesterday": ("mailgun", form(mailgun(to, at=old))),
        "mailgun with another time": ("mailgun", form(sent | {"timestamp": str(int(old)).encode()})),
        "cloudflare with another secret": (
            "cloudflare",
            {"content": RAW, "headers": {"X-Envelope-To": to, "Authorization": "Bearer " + "x" * 32}},
        ),
    }


@pytest.mark.parametrize("how", list(forged("")))
def test_nothing_forged_is_taken(api: str, cast: Cast, to: str, how: str) -> None:
    provider, sent = forged(to)[how]
    answer = httpx.post(f"{api}/ingress/{provider}", **sent)
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHORIZED")
    assert kept(cast) == []


def test_amazons_notifications_are_verified(cast: Cast, to: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    fetched: list[str] = []

    def fetch(url: str) -> bytes:
        fetched.append(url)
        return certificate(key)

    ses = Ses(fetch)
    taken = ses(Post({}, sns(key, received(to)), {}), TOPIC)
    assert taken == HandedMail("bob@example.com", [to], RAW)
    assert ses(Post({}, sns(key, received(to)), {}), TOPIC) == taken
    assert fetched == [PEM]
    assert (
        ses(Post({}, sns(key, "", Type="SubscriptionConfirmation", Token="t", SubscribeURL=SUBSCRIBE), {}), TOPIC)
        is None
    )
    assert fetched == [PEM, SUBSCRIBE]


@pytest.mark.parametrize(
    "changed",
    [
        {"TopicArn": "arn:aws:sns:us-east-1:2:theirs"},
        {"SigningCertURL": "https://sns.us-east-1.amazonaws.com.evil.example/a.pem"},
        {"SigningCertURL": "https://evil.example/sns.us-east-1.amazonaws.com/a.pem"},
        {"SigningCertURL": "http://sns.us-east-1.amazonaws.com/a.pem"},
        {"SigningCertURL": "https://sns.us-east-1.amazonaws.com/a.pem?x=.pem"},
        {"Message": "another"},
        {"Signature": "AAAA"},
        {"Signature": "no Base64"},
        {"Type": "SubscriptionConfirmation", "SubscribeURL": "https://evil.example/"},
    ],
)
def test_nothing_of_amazon_is_taken_unproven(changed: dict[str, str]) -> None:
    key = rsa.generate_private_key(65537, 2048)
    sent = json.loads(sns(key, "{}")) | changed
    with pytest.raises(Unauthorized):
        Ses(lambda _: certificate(key))(Post({}, json.dumps(sent).encode(), {}), TOPIC)


def received(to: str) -> str:
    """What SES publishes of a mail."""
    receipt = {"recipients": [to], "action": {"type": "SNS", "encoding": "BASE64"}}
    mail = {"source": "bob@example.com", "destination": [to]}
    return json.dumps({"mail": mail, "receipt": receipt, "content": b64encode(RAW).decode()})


@pytest.mark.parametrize(("said", "kept_as"), [(b"pass", "pass"), (b"softfail", None), (b"\xff\x00", None)])
def test_the_providers_own_spf_result_is_kept_and_none_of_a_header(
    api: str, cast: Cast, to: str, said: bytes, kept_as: str | None
) -> None:
    sent = request("sendgrid", to)
    sent["files"]["SPF"] = (None, said)
    sent["files"]["email"] = (None, b"Received-SPF: pass\r\n" + RAW)
    assert httpx.post(f"{api}/ingress/sendgrid", **sent).status_code == 200
    assert column(cast.database, "SELECT spf FROM raw_mails") == [kept_as]


@pytest.mark.parametrize(("status", "spf"), [("PASS", "pass"), ("FAIL", None), ("GRAY", None)])
def test_amazons_own_spf_verdict_is_kept(to: str, status: str, spf: str | None) -> None:
    key, message = rsa.generate_private_key(65537, 2048), json.loads(received(to))
    message["receipt"]["spfVerdict"] = {"status": status}
    taken = Ses(lambda _: certificate(key))(Post({}, sns(key, json.dumps(message)), {}), TOPIC)
    assert taken == HandedMail("bob@example.com", [to], RAW, spf)


def test_what_is_missing_is_named(api: str, cast: Cast, to: str) -> None:
    sent = mailgun(to)
    del sent["body-mime"]
    answer = httpx.post(f"{api}/ingress/mailgun", **form(sent))
    assert (answer.status_code, answer.json()["reasons"]) == (400, {"body-mime": ["is required"]})
    answer = httpx.post(f"{api}/ingress/postmark", json={"From": "x"}, headers=BASIC)
    assert answer.status_code == 400
    assert "RawEmail" in str(answer.json()["reasons"]["body"])
    answer = httpx.post(f"{api}/ingress/cloudflare", content=RAW, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.json()["reasons"] == {"X-Envelope-To": ["is required"]}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_mail_that_is_too_large_is_refused(api: str, cast: Cast, to: str, provider: str) -> None:
    large = RAW + b"x" * 400_000
    postmark = {"From": "b", "OriginalRecipient": to, "RawEmail": large.decode("latin-1")}
    sent = {
        "postmark": {"json": postmark, "headers": BASIC},
        "sendgrid": {"files": {"email": (None, large), "envelope": (None, b"{}")}, "headers": BASIC},
        "mailgun": form(mailgun(to, large)),
        "mailgun/mime": {"files": {name: (None, value) for name, value in mailgun(to, large).items()}},
        "cloudflare": {"content": large, "headers": request("cloudflare", to)["headers"]},
    }[provider]  # fmt: skip
    answer = httpx.post(f"{api}/ingress/{provider}", **sent)  # type: ignore[arg-type]
    assert answer.status_code in {400, 413}
    assert kept(cast) == []


def test_a_form_is_read_no_further_than_a_mail_is_large(api: str, cast: Cast, to: str) -> None:
    answer = httpx.post(f"{api}/ingress/sendgrid", files={"email": ("mail.eml", b"x" * 400_000)})
    assert answer.status_code == 413
    assert kept(cast) == []


def test_recipients_that_are_not_ours_are_ignored(api: str, cast: Cast, to: str) -> None:
    stranger = "a" * 30 + "@reply.localhost"
    answer = httpx.post(f"{api}/ingress/mailgun", **form(mailgun(f"{to},{stranger}")))
    assert answer.json() == {"stored": 1, "unknown": 1}
    assert httpx.post(f"{api}/ingress/mailgun", **form(mailgun(stranger))).json() == {"stored": 0, "unknown": 1}
    assert len(kept(cast)) == 1


def test_a_provider_without_a_secret_is_not_found(database_url: str, redis_url: str) -> None:
    with serving(make_settings(database_url=database_url, redis_url=redis_url)) as url:
        for provider in (*PROVIDERS, "nobody"):
            assert httpx.post(f"{url}/ingress/{provider}", headers=BASIC).status_code == 404


def test_the_guide_shows_the_worker(api: str) -> None:
    guide = (Path(__file__).parents[2] / "docs/howto/ingress.md").read_text(encoding="utf-8")
    assert all(name in guide for name in ("X-Envelope-From", "X-Envelope-To", "/ingress/cloudflare"))
