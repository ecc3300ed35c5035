"""Short form of `make fuzz`: nothing that a stranger sends breaks the parsers or the SMTP verbs."""

import logging
import os
import re
import socket

import pytest
from fuzz.inputs import INPUTS, commands
from fuzz.targets import TARGETS
from hypothesis import HealthCheck, given, settings
from support.servers import bridging, make_settings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
NOWHERE = {"database_url": "postgresql://127.0.0.1:1/none", "redis_url": "redis://127.0.0.1:1"}
LEAK = re.compile(r"Error: \(|Traceback")  # an exception's class and text
REPLY = re.compile(r"[2345][0-5]\d[ -]\S.*")
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_a_parser(name: str) -> None:
    quick(given(INPUTS[name])(TARGETS[name]))()


def test_nothing_breaks_the_smtp_verbs(caplog: pytest.LogCaptureFixture) -> None:
    limits = {"smtp_errors": 1_000, "smtp_sessions_per_host": 1_000, "smtp_commands": 1_000}
    with bridging(make_settings(**NOWHERE, **limits)) as where, caplog.at_level(logging.ERROR):

        @settings(max_examples=EXAMPLES // 5, deadline=None, suppress_health_check=list(HealthCheck))
        @given(commands)
        def talk(lines: list[str]) -> None:
            with socket.create_connection(where, timeout=30) as client:
                said = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")
                client.sendall(said + b"\r\n.\r\nRSET\r\nQUIT\r\n")
                replies = client.makefile("rb").read().decode().splitlines()
            assert replies[0].startswith("220 ")
            assert [reply for reply in replies if not REPLY.fullmatch(reply)] == []
            assert [reply for reply in replies if LEAK.search(reply)] == []

        talk()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
