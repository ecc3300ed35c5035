"""The relay over real sockets: each answer leads to its stage, and no dot is sent unasked."""

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from support.relay_client import RelayClient
from support.smtp_sink import HANG, HANG_UP, RESET, Sink, sinking
from support.waiting import until

from mailtalk.outbound import circuit_breaker
from mailtalk.outbound.smtp_connection import SmtpEnvelope, Timeouts
from mailtalk.outbound.smtp_protocol import SmtpProtocol
from mailtalk.outbound.smtp_replies import SendResult, SmtpReply
from mailtalk.vocabulary import Stage

TO_BOB = SmtpEnvelope("notify@reply.example", "bob@example.com", "id")
MAIL = b"Subject: hi\r\n\r\nhello\r\n"
QUEUED, DEFERRED, FAILED, UNKNOWN, SENT = Stage.QUEUED, Stage.DEFERRED, Stage.FAILED, Stage.UNKNOWN, Stage.SENT


@pytest.fixture(params=[(), ("PIPELINING", "DSN")], ids=["plain", "pipelining"])
def sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    with sinking() as sink:
        sink.extensions = request.param
        yield sink


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "FIRST", 0.0)


@pytest.fixture
def relay(sink: Sink) -> Iterator[RelayClient]:
    relay = RelayClient(sink.url)
    yield relay
    relay.close()


def send(relay: RelayClient, mail: bytes = MAIL, to: str = "bob@example.com") -> SendResult:
    sent = relay.send(SmtpEnvelope("notify@reply.example", to, "id"), mail, lambda: True)
    assert sent is not None
    return sent


def test_a_mail_arrives_as_it_was_made(sink: Sink, relay: RelayClient) -> None:
    name = sink.url.removeprefix("smtp://")
    assert send(relay) == SendResult(SENT, SmtpReply(".", 250, "2.0.0 taken"), relay=name)
    assert sink.mails == [MAIL]
    assert sink.recipients == ["bob@example.com"]


@pytest.mark.parametrize(
    "mail", [b".\r\n..\r\n.a\r\n\r\n.\r\n", b"a\r\n.\r\nQUIT\r\n", b"\r\n", b"x" * 200_000 + b"\r\n"]
)
def test_dots_and_sizes_are_kept(sink: Sink, relay: RelayClient, mail: bytes) -> None:
    assert send(relay, mail).stage is SENT
    assert sink.mails == [mail]


BROKEN = {"MAIL": QUEUED, "RCPT": DEFERRED, "DATA": DEFERRED}
BEFORE_THE_DOT = [
    ("421 4.3.2 closing", None),
    ("451 4.7.1 greylisted", DEFERRED),
    ("452 4.2.2 full", DEFERRED),
    ("530 5.7.0 authenticate first", QUEUED),
    ("535 5.7.8 no", QUEUED),
    ("550 5.1.1 nobody", FAILED),
    ("550 5.7.515 your domain does not sign", QUEUED),
    ("552 5.2.2 full", DEFERRED),
    ("554 5.7.1 spam", FAILED),
    ("554 5.7.1 <bob@example.com>: Relay access denied", QUEUED),
    ("what?", DEFERRED),
    ("220 hello again", DEFERRED),
    (HANG_UP, None),
    (RESET, None),
    (HANG, None),
]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("answer", "stage"), BEFORE_THE_DOT)
def test_an_answer_before_the_dot(sink: Sink, verb: str, answer: str, stage: Stage | None) -> None:
    sink.will(verb, answer)
    with closing(RelayClient(sink.url, Timeouts(dot=2.0, command=2.0))) as relay:
        if verb == "MAIL" and stage is FAILED:
            stage = QUEUED  # it is the sender, who is the same for all, that was refused
        got = send(relay).stage
        # A reset may overtake the answers that were sent before it.
        assert got in ({BROKEN[verb], QUEUED} if answer == RESET else {stage or BROKEN[verb]})
        assert sink.mails == []
        assert send(relay).stage is SENT  # whatever was said, the next mail goes
        assert sink.mails == [MAIL]


@pytest.mark.parametrize(
    ("answer", "stage"),
    [
        ("250 ok", SENT),
        ("421 4.3.2 closing", DEFERRED),
        ("451 4.3.0 later", DEFERRED),
        ("452 4.3.1 full", DEFERRED),
        ("550 5.1.1 nobody", FAILED),
        ("550 5.7.1 spam", FAILED),
        ("550 5.7.515 your domain does not sign", QUEUED),
        ("552 5.3.4 too big", DEFERRED),
        ("what?", UNKNOWN),
        ("354 go on", UNKNOWN),
        (HANG_UP, UNKNOWN),
        (RESET, UNKNOWN),
        (HANG, UNKNOWN),
    ],
)
def test_an_answer_to_the_dot(sink: Sink, answer: str, stage: Stage) -> None:
    sink.will(".", answer)
    with closing(RelayClient(sink.url, Timeouts(dot=2.0))) as relay:
        assert send(relay).stage is stage
        assert send(relay).stage is SENT


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO"])
@pytest.mark.parametrize("answer", ["421 4.3.2 busy", "554 5.7.1 go away", "what?", HANG_UP, RESET, HANG])
def test_a_relay_that_does_not_greet_costs_no_attempt(sink: Sink, verb: str, answer: str) -> None:
    sink.will(verb, answer)
    if verb == "EHLO":
        sink.will("HELO", answer)
    with closing(RelayClient(sink.url, Timeouts(connect=2.0))) as relay:
        assert send(relay).stage is QUEUED
        assert send(relay).stage is SENT


def test_the_connection_is_kept_between_mails(sink: Sink, relay: RelayClient) -> None:
    sink.will("RCPT", "250 ok", "550 no", "450 later")
    for _ in range(5):
        send(relay)
    assert sink.sessions == 1


@pytest.mark.parametrize("answer", ["421 closing", "what?", HANG_UP])
def test_a_connection_that_went_wrong_is_not_kept(sink: Sink, relay: RelayClient, answer: str) -> None:
    sink.will("RCPT", answer)
    send(relay)
    send(relay)
    assert sink.sessions == 2


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["421 4.4.2 you were idle", "451 4.4.2 timeout", HANG_UP, RESET])
def test_a_kept_connection_that_the_relay_gave_up_is_replaced_at_once(
    sink: Sink, relay: RelayClient, verb: str, answer: str
) -> None:
    send(relay)
    sink.will(verb, answer)
    assert send(relay).stage is SENT
    assert sink.sessions == 2


def test_a_recipient_who_is_refused_costs_no_connection(sink: Sink, relay: RelayClient) -> None:
    sink.will("RCPT", *["550 5.1.1 nobody"] * 3)
    assert [send(relay).text for _ in range(3)] == ["550 5.1.1 nobody"] * 3
    assert send(relay).stage is SENT
    assert sink.sessions == 1


def test_a_relay_that_waits_for_a_mail_whose_recipient_it_refused_gets_none(sink: Sink, relay: RelayClient) -> None:
    sink.extensions = ("PIPELINING",)
    sink.will("RCPT", "550 5.1.1 nobody")
    sink.will("DATA", "354 go on")
    assert send(relay).stage is FAILED
    assert send(relay).stage is SENT
    assert (sink.mails, sink.sessions) == ([MAIL], 2)


def test_the_envelope_is_as_it_was_given(sink: Sink, relay: RelayClient) -> None:
    send(relay)
    relay.send(SmtpEnvelope("", "bob@example.com", "id"), MAIL, lambda: True)
    assert sink.senders == ["notify@reply.example", "<>"]
    asked = ["RET=HDRS", "ENVID=id", "NOTIFY=FAILURE,DELAY"]
    assert sink.options == (asked * 2 if "DSN" in sink.extensions else [])


def test_no_before_the_dot_leaves_nothing_at_the_relay(sink: Sink, relay: RelayClient) -> None:
    assert relay.send(TO_BOB, MAIL, lambda: False) is None
    assert send(relay, b"other\r\n").stage is SENT
    assert sink.mails == [b"other\r\n"]
    assert sink.commands.count("DATA") == 2


@pytest.mark.parametrize("used", [False, True])
def test_a_relay_that_hung_up_before_the_dot_surely_has_nothing(
    sink: Sink, relay: RelayClient, monkeypatch: pytest.MonkeyPatch, used: bool
) -> None:
    lost, connection_lost = asyncio.Event(), SmtpProtocol.connection_lost

    def seen(protocol: SmtpProtocol, error: Exception | None) -> None:
        connection_lost(protocol, error)
        lost.set()

    async def hung_up() -> bool:
        sink.stop(sink.transports[-1])
        return await lost.wait()

    monkeypatch.setattr(SmtpProtocol, "connection_lost", seen)
    if used:
        send(relay)
    sent = relay.send_when(TO_BOB, MAIL, hung_up)
    assert sent is not None
    assert (sent.stage, len(sink.mails)) == (DEFERRED, int(used))
    assert send(relay).stage is SENT


def test_trouble_before_the_dot_leaves_nothing_at_the_relay_and_is_told(sink: Sink, relay: RelayClient) -> None:
    def trouble() -> bool:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        relay.send(TO_BOB, MAIL, trouble)
    assert send(relay, b"other\r\n").stage is SENT
    assert sink.mails == [b"other\r\n"]


@pytest.mark.parametrize(
    "to", ["", "bob", "b b@x", "b@x>\r\nRCPT TO:<eve@x", "b@x\n", "<b@x>", "ü@x.example", "b@x\x00", "b@é.example"]
)
def test_an_address_that_could_say_more_is_never_sent(sink: Sink, relay: RelayClient, to: str) -> None:
    assert send(relay, to=to).stage is FAILED
    assert sink.commands == []


def test_a_relay_that_is_away_costs_no_attempt() -> None:
    with closing(RelayClient("smtp://127.0.0.1:1")) as relay:
        assert send(relay).stage is QUEUED


@pytest.mark.parametrize("greeting", [b"554 go away\r\n", b"what?\r\n", b"", b"220 hi\r\n500 no\r\n500 no\r\n"])
def test_a_relay_that_greets_badly_costs_no_attempt_and_leaves_no_socket_open(greeting: bytes) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        closing(RelayClient(f"smtp://127.0.0.1:{server.getsockname()[1]}")) as relay,
        ThreadPoolExecutor(1) as pool,
    ):
        sending = pool.submit(send, relay)
        connection, _ = server.accept()
        with connection:
            connection.sendall(greeting)
            connection.shutdown(socket.SHUT_WR)
            assert sending.result(20).stage is QUEUED
            until(lambda: connection.recv(1000) == b"")  # our side closed, too


def test_many_threads_share_a_few_connections(sink: Sink, relay: RelayClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda n: send(relay, b"%d\r\n" % n), range(200)))
    assert {each.stage for each in sent} == {SENT}
    assert sorted(sink.mails) == sorted(b"%d\r\n" % n for n in range(200))
    assert sink.sessions <= 8


def test_a_worn_connection_is_replaced(sink: Sink, relay: RelayClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtalk.outbound.relay.MAILS_PER_CONNECTION", 2)
    for _ in range(4):
        send(relay)
    assert sink.sessions == 2


def test_a_relay_that_refuses_one_more_connection_gets_fewer_and_loses_no_mail(sink: Sink, relay: RelayClient) -> None:
    sink.delay = 0.3
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(send, relay)
        until(lambda: sink.mails)
        sink.will("CONNECT", "421 4.7.0 too many connections")
        second = pool.submit(send, relay)
        assert [first.result(20).stage, second.result(20).stage] == [SENT, SENT]
    assert sink.sessions == 2  # the refused one, and one that both mails took
    assert relay.room(64) == 64
