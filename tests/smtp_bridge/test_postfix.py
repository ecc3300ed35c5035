"""A real Postfix before the bridge, which speaks SMTP or LMTP to it."""

from collections.abc import Iterator

import pytest
from support.cast import Cast
from support.postfix import Postfix, needs_postfix
from support.servers import bridging, free_port
from support.smtp_client import DOMAIN, address_of
from support.smtp_sink import Sink, sinking
from support.sql import column, rows
from support.waiting import until

from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings

pytestmark = needs_postfix
BOB = "bob@example.com"


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with Postfix(DOMAIN, "example.com") as postfix:
        yield postfix


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Where Bob has his mailbox."""
    with sinking() as sink:
        yield sink


def mail(text: str) -> bytes:
    return f"From: {BOB}\r\nSubject: hi\r\nMessage-ID: <{text}@example.com>\r\n\r\n{text}\r\n".encode()


@pytest.fixture(params=["smtp", "lmtp"])
def edge(request: pytest.FixtureRequest, settings: Settings, postfix: Postfix, sink: Sink) -> Settings:
    """Where the bridge is to be, to whom Postfix speaks so."""
    edge = settings.model_copy(update={"lmtp_port": free_port()})
    port = {"smtp": edge.smtp_port, "lmtp": edge.lmtp_port}[request.param]
    postfix.route({DOMAIN: f"{request.param}:[127.0.0.1]:{port}", "example.com": f"smtp:[127.0.0.1]:{sink.port}"})
    return edge


@pytest.fixture
def addresses(cast: Cast, keyring: Keyring) -> list[str]:
    """Bob's and Alice's."""
    cast.join("alice", "bob")
    return [address_of(cast, keyring, name) for name in ("bob", "alice")]


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("worker")
def test_postfix_passes_mail_on(postfix: Postfix, sink: Sink, cast: Cast, addresses: list[str], edge: Settings) -> None:
    def texts() -> list[str]:
        return sorted(column(cast.database, "SELECT text FROM messages"))

    with bridging(edge):
        postfix.post(BOB, [*addresses, f"nobody@{DOMAIN}"], mail("first"))
        until(lambda: texts() == ["first"] * 2)
        bounce = until(lambda: sink.mails)[0]  # Postfix tells Bob of the one that is refused
        assert b"550 5.1.1 No such mailbox here" in bounce
        assert sink.recipients == [BOB]
        postfix.await_empty()

        rows(cast.database, "ALTER TABLE raw_mails RENAME TO away")
        postfix.post(BOB, addresses[:1], mail("second"))
        until(lambda: postfix.deferred("451 4.3.0 Temporary server failure"))
        rows(cast.database, "ALTER TABLE away RENAME TO raw_mails")
        postfix.flush()
        until(lambda: "second" in texts())

    postfix.post(BOB, addresses, mail("third"))
    until(lambda: postfix.deferred("Connection refused"))
    with bridging(edge):
        postfix.flush()
        until(lambda: texts() == ["first", "first", "second", "third", "third"])
        postfix.await_empty()
    assert column(cast.database, "SELECT count(*) FROM raw_mails") == [3]
    assert len(sink.mails) == 1
