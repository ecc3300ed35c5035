"""MAILTALK_HOLD_OUTGOING: mails and webhooks are made and wait, until it is unset."""

from support.cast import Cast
from support.servers import working
from support.sql import column, subscribe
from support.waiting import until

from mailtalk.settings.load import Settings

SENT = "SELECT count(*) FROM deliveries WHERE stage = 'captured'"


def test_nothing_is_sent_while_it_is_held(settings: Settings, cast: Cast) -> None:
    cast.join("alice", "bob")
    subscribe(cast.database)
    held = settings.model_copy(update={"hold_outgoing": True})
    with working(held) as worker:
        cast.say("alice", "hi")
        until(lambda: column(cast.database, "SELECT stage FROM deliveries") == ["queued"])
        until(lambda: column(cast.database, "SELECT count(*) FROM webhook_deliveries")[0])
        worker.jobs.deliver()
        worker.jobs.mail_sender.wait()
    assert column(cast.database, "SELECT DISTINCT attempts FROM deliveries") == [0]
    assert column(cast.database, "SELECT max(attempts) FROM webhook_deliveries") == [0]
    with working(settings):
        until(lambda: column(cast.database, SENT) == [1])
