import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support.command_line import MAILTALK

from cli.main import main


def mailtalk(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAILTALK_")}
    return subprocess.run(
        [MAILTALK, *arguments], env=clean | settings, text=True, capture_output=True, check=False, timeout=60
    )


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_what_needs_no_command_imports_none(arguments: tuple[str, ...]) -> None:
    listed = "import sys; from cli.main import main; main(standalone_mode=False)"
    run = f"try:\n exec({listed!r})\nexcept BaseException: pass\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", run, *arguments], text=True, capture_output=True, check=True)
    packages = {name.partition(".")[0] for name in done.stderr.split()}
    assert not packages & {"sqlalchemy", "celery", "pydantic", "msgspec", "starlette", "aiosmtpd", "api", "worker"}
    assert not [name for name in done.stderr.split() if name.startswith("cli.commands.")]


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")


@pytest.mark.parametrize("name", main.lazy)
def test_the_line_in_the_list_is_the_first_of_the_commands_own_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert (command.help or "").split("\n\n")[0] == main.lazy[name][1]


def test_every_command_has_a_help_of_whole_sentences() -> None:
    for path, command in commands(main):
        assert (command.help or "").split("\n\n")[0].strip().endswith((".", ":")), path


def test_help_teaches() -> None:
    done = mailtalk("--help")
    assert done.returncode == 0
    for word in ("up", "api", "worker", "bridge", "migrate", "app", "README.md", "Exit codes"):
        assert word in done.stdout


@pytest.mark.parametrize("command", ["up", "api", "worker", "bridge", "migrate", "app"])
def test_each_command_has_help(command: str) -> None:
    done = mailtalk(command, "--help")
    assert done.returncode == 0
    assert f"Usage: mailtalk {command}" in done.stdout


@pytest.mark.parametrize("command", ["up", "migrate"])
def test_a_wrong_setting_is_one_line_and_exit_2(command: str) -> None:
    done = mailtalk(command, MAILTALK_API_PORT="eighty")
    assert done.returncode == 2
    assert done.stderr.startswith("MAILTALK_API_PORT = 'eighty'")
    assert "Traceback" not in done.stderr


def test_a_command_without_a_database_says_how_to_get_one(tmp_path: Path) -> None:
    done = mailtalk("migrate", MAILTALK_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert "run `mailtalk up`" in done.stderr


def test_a_database_that_does_not_answer_is_exit_1_without_its_password() -> None:
    done = mailtalk("migrate", MAILTALK_DATABASE_URL="postgresql://me:hush@127.0.0.1:1/none")
    assert done.returncode == 1
    assert "the database does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr


@pytest.mark.parametrize("door", ["API", "SMTP"])
def test_up_names_a_port_that_is_taken(door: str, tmp_path: Path) -> None:
    ports = {"MAILTALK_API_PORT": free_port(), "MAILTALK_SMTP_PORT": free_port()}
    with socket.create_server(("127.0.0.1", int(ports[f"MAILTALK_{door}_PORT"]))):
        done = mailtalk("up", MAILTALK_DATA_DIR=str(tmp_path / "data"), **ports)
    assert done.returncode == 2
    assert f"MAILTALK_{door}_PORT={ports[f'MAILTALK_{door}_PORT']}: another program listens" in done.stderr
    assert "Traceback" not in done.stderr


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def test_up_requires_a_key_beside_a_database_of_ones_own(tmp_path: Path) -> None:
    done = mailtalk("up", MAILTALK_DATA_DIR=str(tmp_path / "data"), MAILTALK_DATABASE_URL="postgresql://own")
    assert done.returncode == 2
    assert done.stderr.startswith("MAILTALK_SECRET_KEY: required")
