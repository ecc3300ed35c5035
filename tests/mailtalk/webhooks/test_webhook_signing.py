"""Signatures that others verify: TalkJS's as its documents write it, and Standard Webhooks' by its own library."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from mailtalk.webhooks import signing

NOW = datetime.now(UTC)
BODY = '{"id":"evt_1","text":"Grüße"}'.encode()
SECRET, OTHER = signing.new_secret(), signing.new_secret()


def test_talkjs_signs_timestamp_dot_body_with_the_secret_as_it_is_written() -> None:
    headers = signing.headers([SECRET, OTHER], "evt_1", BODY, NOW)
    assert headers["X-TalkJS-Timestamp"] == str(round(NOW.timestamp() * 1000))
    signed = headers["X-TalkJS-Timestamp"].encode() + b"." + BODY
    assert headers["X-TalkJS-Signature"] == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest().upper()


@pytest.mark.parametrize("secret", [SECRET, OTHER], ids=["new", "old"])
def test_standard_webhooks_own_library_verifies_both_secrets_while_they_change(secret: str) -> None:
    headers = signing.headers([SECRET, OTHER], "evt_1", BODY, datetime.now(UTC))
    assert Webhook(secret).verify(BODY, headers) == {"id": "evt_1", "text": "Grüße"}


@pytest.mark.parametrize("change", ["body", "id", "secret", "time"])
def test_it_verifies_nothing_else(change: str) -> None:
    at = datetime.now(UTC) - timedelta(minutes=6 if change == "time" else 0)
    headers = signing.headers([OTHER if change == "secret" else SECRET], "evt_1", BODY, at)
    if change == "id":
        headers["webhook-id"] = "evt_2"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + b" " if change == "body" else BODY, headers)


def test_the_example_of_the_specification() -> None:
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    headers = signing.headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("secret", "good"),
    [
        pytest.param(SECRET, True, id="made"),
        ("sk_live_0123456789abcdef", True),
        ("too short", False),
        ("x" * 201, False),
        ("geheimes-Wort-mit-Umläuten", False),
        ("whsec_c2hvcnQ=", False),
        ("whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", False),
    ],
)
def test_secrets_that_people_bring(secret: str, *, good: bool) -> None:
    assert (signing.problem(secret) is None) is good
