"""What production starts from: docker-compose.yml, the Dockerfile and the lock that it installs."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from socketserver import BaseRequestHandler, StreamRequestHandler, TCPServer
from threading import Thread
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

from mailtalk.settings.load import PREFIX, SECRETS, Settings

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RUNNING = {"api", "smtp_bridge", "worker", "postgres", "redis"}
OURS = {name for name, service in SERVICES.items() if "build" in service}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCKERFILE = [
    line.split(maxsplit=1)
    for line in re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines()
    if line and not line.startswith("#")
]
FINAL = DOCKERFILE[max(at for at, (word, _) in enumerate(DOCKERFILE) if word == "FROM") :]
LOCKS = ["requirements.lock", "requirements-server.lock", "requirements-build.lock"]
INDEX = re.compile(r"index[-_]url|find[-_]links|trusted[-_]host|(^|\s)-[if]\s", re.IGNORECASE)

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def test_compose_obeys_the_specification() -> None:
    schema = json.loads((ROOT / "tests/data/compose-spec.json").read_text())
    errors = Draft201909Validator(schema).iter_errors(COMPOSE)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_the_six_services() -> None:
    assert set(SERVICES) == RUNNING | {"migrate"}
    assert {"migrate", "api", "smtp_bridge", "worker"} == OURS


@pytest.mark.parametrize("name", sorted(RUNNING))
def test_what_keeps_running_is_checked_restarted_and_stopped_in_peace(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries"} <= set(service["healthcheck"])
    assert service["restart"] == "unless-stopped"
    assert "stop_grace_period" in service


def test_migration_comes_first_and_once() -> None:
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in OURS - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_nothing_waits_for_the_broker_to_be_well() -> None:
    waits = [service.get("depends_on", {}).get("redis") for service in SERVICES.values()]
    assert {"condition": "service_healthy"} not in waits


@each_service
def test_a_service_has_no_more_rights_than_it_needs(service: dict[str, Any]) -> None:
    assert not {"privileged", "cap_add", "pid", "ipc", "network_mode", "devices"} & set(service)
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    user = service["user"] if "user" in service else last("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert not any(volume.startswith(("/", ".", "~")) for volume in service.get("volumes", []))


def test_only_the_doors_are_published() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    http, smtp = (Settings.model_fields[field].default for field in ("api_port", "smtp_port"))
    assert published == {"api": [f"127.0.0.1:{http}:{http}"], "smtp_bridge": [f"25:{smtp}"]}
    assert COMPOSE["networks"]["store"]["internal"] is True
    assert [SERVICES[name]["networks"] for name in ("postgres", "redis")] == [["store"], ["store"]]


def test_data_outlive_the_database_container() -> None:
    volume, path = SERVICES["postgres"]["volumes"][0].split(":")
    assert volume in COMPOSE["volumes"]
    assert path == "/var/lib/postgresql"  # since 18; data below …/data would go to an anonymous volume


def test_the_broker_refuses_rather_than_evicts_and_keeps_nothing() -> None:
    options = dict(pairwise(SERVICES["redis"]["command"]))
    wanted = {"--save": "", "--appendonly": "no", "--maxmemory-policy": "noeviction"}
    assert wanted.items() <= options.items()


@each_service
def test_secrets_come_by_file(service: dict[str, Any]) -> None:
    environment = service.get("environment", {})
    granted = {f"/run/secrets/{name}" for name in service.get("secrets", [])}
    files = {value for name, value in environment.items() if name.endswith("_FILE")}
    assert files <= granted
    assert all(COMPOSE["secrets"][name] == {"file": f"./secrets/{name}"} for name in service.get("secrets", []))
    plain = {name: value for name, value in environment.items() if not name.endswith("_FILE")}
    told = {f"{PREFIX}{name.upper()}" for name in SECRETS} | {"POSTGRES_PASSWORD"}
    assert set(plain) & told <= {"MAILTALK_REDIS_URL"}
    assert "@" not in plain.get("MAILTALK_REDIS_URL", "")


@each_service
def test_every_setting_exists(service: dict[str, Any]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
    assert {name for name in service.get("environment", {}) if name.startswith(PREFIX)} <= known


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_service_gets_what_the_embedded_servers_would_give(name: str) -> None:
    needed = {"DATABASE_URL_FILE", "SECRET_KEY_FILE", "REDIS_URL", "REPLY_DOMAIN", "PUBLIC_URL"}
    assert {f"{PREFIX}{each}" for each in needed} <= set(SERVICES[name]["environment"])


def test_every_command_exists() -> None:
    mailtalk = Path(sys.executable).with_name("mailtalk")
    commands = [SERVICES[name]["command"] for name in sorted(OURS)]
    checks = [SERVICES[name].get("healthcheck", {}).get("test", []) for name in sorted(OURS)]
    checked = [check[2:] for check in checks if "mailtalk" in check]
    for command in {tuple(words): None for words in commands + checked}:
        assert subprocess.run([mailtalk, *command, "--help"], capture_output=True, check=False).returncode == 0, command


@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False)])
def test_the_check_of_the_api_sees_its_status(status: int, well: bool) -> None:
    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            path = self.rfile.readline().split()[1]
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.0 %d\r\n\r\n" % (status if path == b"/healthz" else 404))

    with served(Handler) as port:
        assert check_succeeds("api", port) is well


@pytest.mark.parametrize(("greeting", "well"), [(b"220 here\r\n", True), (b"421 full\r\n", False), (b"", False)])
def test_the_check_of_the_bridge_sees_its_greeting(greeting: bytes, well: bool) -> None:
    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(greeting)
            if greeting and self.rfile.readline():
                self.wfile.write(b"221 bye\r\n")

    with served(Handler) as port:
        assert check_succeeds("smtp_bridge", port) is well


@pytest.mark.parametrize("name", ["api", "smtp_bridge"])
def test_a_check_fails_where_nobody_listens(name: str) -> None:
    with served(BaseRequestHandler) as port:
        pass
    assert check_succeeds(name, port) is False


def test_the_example_of_the_environment_has_what_is_needed_and_only_what_is_passed_on() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    active = {line.partition("=")[0] for line in lines if line.startswith(PREFIX)}
    optional = {line[1:].partition("=")[0] for line in lines if line.startswith(f"#{PREFIX}")}
    settings: dict[str, Any] = {}
    for name in OURS:
        settings |= SERVICES[name]["environment"]
    assert active == {name for name, value in settings.items() if ":?" in str(value)}
    assert optional == {name for name, value in settings.items() if value is None}


def test_images_are_pinned() -> None:
    images = [rest.split()[0] for word, rest in DOCKERFILE if word == "FROM"]
    images += [service["image"] for service in SERVICES.values()]
    assert [image for image in images if not re.search(r":(?!latest$)[\w.-]+$", image)] == []
    assert {service["image"] for name, service in SERVICES.items() if name in OURS} == {"mailtalk:local"}


def test_the_image_starts_our_program_as_a_user_of_its_own() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last("USER"))
    assert [json.loads(last("ENTRYPOINT"))[0]] == list(PROJECT["project"]["scripts"])
    assert last("HEALTHCHECK").endswith('CMD ["mailtalk", "health", "container"]')


def test_the_image_holds_every_package_and_copies_nothing_else() -> None:
    copies = [rest.split() for word, rest in DOCKERFILE if word == "COPY" and "--from" not in rest]
    sources = {source for *each, _ in copies for source in each}
    packages = {each.removesuffix("*") for each in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    locks = {"requirements-build.lock", "requirements-server.lock"}
    assert sources == packages | locks | {"pyproject.toml", "README.md", "LICENSE"}
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_image_installs_by_hash_and_then_ourselves_alone() -> None:
    *locked, ours = pip_lines()
    assert all({"--require-hashes", "--only-binary"} <= set(line.split()) for line in locked)
    assert {"--no-deps", "--no-index", "--no-build-isolation"} <= set(ours.split())


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_pip_lines_of_the_image_install_a_program_that_starts(tmp_path: Path) -> None:
    source, image = tmp_path / "source", tmp_path / "image"
    source.mkdir()
    for _, words in ((word, rest.split()) for word, rest in DOCKERFILE if word == "COPY" and "--from" not in rest):
        for name in words[:-1]:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "venv", image], check=True)
    environment = os.environ | {"PATH": f"{image}/bin:{os.environ['PATH']}", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for line in pip_lines():
        subprocess.run(line, shell=True, cwd=source, env=environment, check=True, capture_output=True)  # noqa: S602
    for name in sorted(OURS):
        command = [image / "bin/mailtalk", *SERVICES[name]["command"], "--help"]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0, command


def test_the_servers_lock_is_a_part_of_the_lock() -> None:
    whole, server, build_lock = (pins(name) for name in LOCKS)
    assert build_lock.items() <= server.items() <= whole.items()
    build = PROJECT["build-system"]["requires"]
    assert names(PROJECT["project"]["dependencies"] + build) <= set(server)
    extras = PROJECT["project"]["optional-dependencies"]
    assert names(extras["dev"] + extras["embedded"]) & set(server) <= names(build)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_pins_and_hashes_only(name: str) -> None:
    line = re.compile(r"[a-z0-9-]+==[\w.]+( ; [^/@:#]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [each for each in (ROOT / name).read_text().splitlines() if not line.fullmatch(each)] == []
    assert all(hashes for _, hashes in pins(name).values())


def test_no_file_names_a_package_index() -> None:
    paths = [ROOT / name for name in (*LOCKS, "Dockerfile", "docker-compose.yml", "pyproject.toml")]
    paths += [path for path in (ROOT / ".ci").rglob("*") if path.is_file()]
    lines = [f"{path.name}: {line}" for path in paths for line in path.read_text().splitlines() if INDEX.search(line)]
    assert lines == []


def pip_lines() -> list[str]:
    """The commands by which the image installs, in order."""
    return [rest for word, rest in DOCKERFILE if word == "RUN" and "pip install" in rest]


def last(instruction: str) -> str:
    """The argument that counts in the image: the last one of the last stage."""
    return [rest for word, rest in FINAL if word == instruction][-1]


def pins(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Of each package in a lock its version with marker, and its hashes."""
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    heads = [block.split("==", 1) for block in blocks]
    return {head: (rest.split("\\")[0].strip(), frozenset(re.findall(r"sha256:\w+", rest))) for head, rest in heads}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", each)[0].lower() for each in requirements}


@contextmanager
def served(handler: Callable[[Any, Any, TCPServer], BaseRequestHandler]) -> Iterator[int]:
    """A server of this kind on a free port of this machine."""
    with TCPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def check_succeeds(name: str, port: int) -> bool:
    """Run a service's own health check, against another port."""
    kind, *command = SERVICES[name]["healthcheck"]["test"]
    assert kind == "CMD"
    field = {"api": "API_PORT", "smtp_bridge": "SMTP_PORT"}[name]
    environment = os.environ | {f"{PREFIX}{field}": str(port)}
    program = [Path(sys.executable).with_name(command[0]), *command[1:]]
    return subprocess.run(program, env=environment, capture_output=True, check=False).returncode == 0
