"""People who reply to one mailbox, replies+TOKEN@…, from which their mails are fetched: nothing listens on port 25."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from support.dovecot import Dovecot, needs_dovecot
from support.product import Stack, until

pytestmark = needs_dovecot
HELLO = "/v1/demo/conversations/hello"


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as dovecot:
        yield dovecot


@pytest.mark.timeout(600)
def test_a_reply_in_the_mailbox_becomes_a_message(
    up: Callable[..., Stack], dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.cert))
    own = {"reply_to_scheme": "plus", "reply_domain": "example.org", "imap_url": dovecot.url("replies")}
    stack = up(**own)
    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {stack.secret}"}, timeout=30) as http:
        http.put("/v1/demo/users/bob", json={"name": "Bob", "email": ["bob@example.com"]}).raise_for_status()
        http.put(HELLO, json={"participants": ["bob"]}).raise_for_status()
        to = http.get(f"{HELLO}/participants/bob/email").raise_for_status().json()["emailAddress"]
        assert to.startswith("replies+")
        head = f"Delivered-To: {to}\r\nReceived: by mx\r\nFrom: bob@example.com\r\nTo: {to}\r\nMessage-ID: <1@x>\r\n"
        dovecot.put("replies", f"{head}\r\nHello by IMAP\r\n".encode())
        until("the message", lambda: "Hello by IMAP" in http.get(f"{HELLO}/messages").text or None)
    until("the mail is moved", lambda: not dovecot.mails("replies") or None)
    assert len(dovecot.mails("replies", "Mailtalk")) == 1
