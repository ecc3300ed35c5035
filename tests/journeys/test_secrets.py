import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
from people import Backend, Mail, Post, Relay
from stack import GREETING, Stack, until
from story import ANSWER, LAST, MENTION, QUESTION, Story, answer

KEPT = {"app_secret", "secret_key", "database_url", "redis_url", "postgres/password", "valkey/password"}


@pytest.fixture
def stack(up: Callable[..., Stack], relay: Relay) -> Stack:
    return up(relay_url=relay.url)


def test_no_secret_and_no_text_is_logged(stack: Stack, relay: Relay) -> None:
    story = Story(stack, relay)
    for step in story.tell():
        if step == "carol was mailed":
            hard_times(stack, relay, story)
    mails = [mail for name in ("alice", "bob", "carol") for mail in story.mails(name)]
    secrets = {*texts(), *addresses(mails), *kept(stack.data).values()}
    assert len(secrets) > 15
    logs = {path: path.read_text(errors="replace") for path in stack.data.rglob("log")}
    logs[Path("out")], logs[Path("err")] = GREETING.sub("", stack.out), stack.err
    assert len(logs) == 4
    assert "smtp_bridge.handler" in stack.err
    assert not [(str(path), secret) for path, log in logs.items() for secret in secrets if secret in log]
