"""`mailtalk demo` beside `mailtalk up`: apps with people, answers by mail, a file, a bounce, one mail in quarantine."""

import re
from collections.abc import Callable

import httpx
import psycopg
from support.product import Stack, until

COUNTS = """SELECT
    (SELECT count(*) FROM apps), (SELECT count(*) FROM files), (SELECT count(*) FROM suppressions),
    (SELECT count(*) FROM inbound_mails WHERE outcome = 'posted'),
    (SELECT count(*) FROM inbound_mails WHERE outcome = 'quarantined'),
    (SELECT count(*) FROM inbound_mails WHERE verdict = 'auto-reply'),
    (SELECT count(*) FROM inbound_mails WHERE verdict = 'empty')"""
FILLED = (6, 1, 1, 5, 1, 1, 1)


def test_the_demo_fills_in_a_world_and_does_so_once(up: Callable[..., Stack]) -> None:
    stack = up()
    url = (stack.data / "database_url").read_text().strip()
    said = stack.command("demo").decode()
    assert "walter answers (bounce)" in said
    with psycopg.connect(url, autocommit=True) as connection:
        until("all answers are processed", lambda: connection.execute(COUNTS).fetchone() == FILLED)
        assert stack.command("demo").decode().count("is there already") == 5
        assert connection.execute(COUNTS).fetchone() == FILLED


def test_a_link_of_the_command_logs_in(up: Callable[..., Stack]) -> None:
    link = up().command("console", "link").decode().strip()
    assert re.fullmatch(r"http://\S+/console/enter/[\w-]{43}", link)
    with httpx.Client(follow_redirects=True) as client:
        assert "The first five minutes" in client.get(link).text


def test_a_webhook_may_listen_on_this_machine(up: Callable[..., Stack]) -> None:
    stack = up()
    answer = httpx.put(
        f"{stack.url}/v1/demo/webhooks/mine",
        json={"url": "http://127.0.0.1:9/hook"},
        headers={"Authorization": f"Bearer {stack.secret}"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
