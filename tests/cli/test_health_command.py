"""`mailtalk health`: what a container engine asks, of processes that answer and of others."""

from pathlib import Path

import pytest
from support.command_line import Command, command
from support.product import free_port


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


def test_the_api_answers(mailtalk: Command, api: str) -> None:
    port = api.rpartition(":")[2]
    answer = mailtalk("health", "api", MAILTALK_API_HOST="0.0.0.0", MAILTALK_API_PORT=port)  # noqa: S104  not listened at
    assert answer.stdout == "the API answers\n"


def test_the_bridge_greets(mailtalk: Command, bridge: tuple[str, int]) -> None:
    assert mailtalk("health", "bridge", MAILTALK_SMTP_PORT=str(bridge[1])).stdout == "the bridge answers\n"


@pytest.mark.parametrize(("process", "setting"), [("api", "API_PORT"), ("bridge", "SMTP_PORT")])
def test_who_does_not_listen_is_not_well(mailtalk: Command, process: str, setting: str) -> None:
    answer = mailtalk("health", process, code=1, **{f"MAILTALK_{setting}": str(free_port())})
    assert "does not answer: ConnectionRefusedError" in answer.stdout


def test_a_container_of_another_process_is_well(mailtalk: Command) -> None:
    assert mailtalk("health", "container").stdout == ""
