"""Failures of the last day on the page of queues, each with a button that tries it again."""

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack
from support.sql import rows

from tests.console.conftest import OPERATOR, enter, token

LETTER = """INSERT INTO deliveries (app_id, id, conversation_id, user_id, address, message_id, body_sealed, stage,
        reply, not_before, created_at, ended_at)
    VALUES (:app, gen_random_uuid(), 'hello', 'bob', 'bob@example.com', '', '', 'failed', '550 5.7.1 no', now(), now(),
        now()) RETURNING id"""
MAIL = """WITH raw AS (
        INSERT INTO raw_mails (sealed, mail_from, received_at) VALUES ('', 'bob@example.com', now()) RETURNING id)
    INSERT INTO inbound_mails (app_id, conversation_id, user_id, raw_id, purpose, outcome, reason, received_at,
        processed_at)
    SELECT :app, 'hello', 'bob', id, 'reply', 'failed', 'the parser ended', now(), now() FROM raw RETURNING id"""
EVENT = """WITH hook AS (
        INSERT INTO webhooks (app_id, id, url, secret_sealed, secret_since, created_at)
        VALUES (:app, 'main', 'https://hooks.example', '', now(), now())),
    happened AS (
        INSERT INTO events (app_id, type, data, created_at, told_at)
        VALUES (:app, 'message.sent', '{}', now(), now()) RETURNING id)
    INSERT INTO webhook_deliveries (app_id, webhook_id, event_id, lane, stage, status, reply, created_at, ended_at)
    SELECT :app, 'main', id, 'hello', 'failed', 500, 'out of order', now(), now() FROM happened RETURNING event_id"""
QUEUES = "/console/queues"


@pytest.fixture
def paths(stack: Stack, cast: Cast) -> dict[str, str]:
    """Where each kind of failure is tried again."""
    app = f"/console/apps/{cast.app_id}"
    ids = [rows(stack.database, sql, app=cast.app_id)[0][0] for sql in (LETTER, MAIL, EVENT)]
    return {
        "550 5.7.1 no": f"{app}/mails/out/{ids[0]}/resend",
        "the parser ended": f"{app}/mails/in/{ids[1]}/replay",
        "out of order": f"{app}/webhooks/main",
    }


def test_each_failure_is_shown_and_tried_again(program: httpx.Client, paths: dict[str, str]) -> None:
    enter(program, OPERATOR)
    page = program.get(QUEUES).text
    for reason, path in paths.items():
        assert reason in page
        form = page.partition(f'action="{path}"')[2]
        event = {"do": "replay", "event": form.partition('name="event" value="')[2].partition('"')[0]}
        answer = program.post(path, data={"form_token": token(form), **event})
        assert answer.status_code == 303, answer.text


def test_an_app_sees_its_own_failures_alone(program: httpx.Client, stack: Stack, paths: dict[str, str]) -> None:
    enter(program, stack.introduce().secret)
    page = program.get(QUEUES).text
    assert not [reason for reason in paths if reason in page]
