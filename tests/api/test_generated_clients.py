"""Clients that generators make from the API's document: Python's is used against the running API, both are compiled."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support.cast import Cast

from api.app import OPERATIONS
from api.openapi.document import document

NPM_PROJECT = Path(__file__).parent / "typescript_client"
TYPES = {"User", "Conversation", "Participant", "NewParticipant", "ParticipantUpdate", "Message", "NewMessage", "Error"}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clients") / "openapi.json"
    path.write_text(json.dumps(document(OPERATIONS)))
    return path


@pytest.fixture(scope="module")
def python_client(described: Path) -> Iterator[Path]:
    """The directory of the package `generated_client`."""
    quiet = described.with_name("config.yml")
    quiet.write_text("post_hooks: []\n")
    package = described.with_name("generated_client")
    generate = ["generate", "--meta", "none", "--fail-on-warning", "--config", str(quiet), "--path", str(described)]
    run(sys.executable, "-m", "openapi_python_client", *generate, "--output-path", str(package))
    sys.path.insert(0, str(described.parent))
    yield package
    sys.path.remove(str(described.parent))


def run(*command: str, cwd: Path | None = None) -> None:
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout[-8_000:]}{ended.stderr[-8_000:]}"


def test_the_python_client_has_types(python_client: Path) -> None:
    models = import_module("generated_client.models")
    assert set(dir(models)) >= TYPES
    run(sys.executable, "-m", "mypy", "--follow-imports=silent", str(python_client), cwd=python_client.parent)


def test_the_python_client_joins_says_and_lists(python_client: Path, api: str, worker: object, cast: Cast) -> None:
    models: Any = import_module("generated_client.models")
    client: Any = import_module("generated_client").AuthenticatedClient(base_url=api, token=cast.secret)

    def call(module: str, *path: str, **given: Any) -> Any:
        return import_module(f"generated_client.api.{module}").sync(cast.app_id, *path, client=client, **given)

    with client:
        joined = call("participants.join_conversation", "hello", "alice", body=models.NewParticipant(notify=False))
        assert isinstance(joined, models.Empty)
        (posted,) = call(
            "messages.post_messages",
            "hello",
            body=[models.NewMessage(type_=models.MessageType.USERMESSAGE, sender="alice", text="Hello")],
        )
        (message,) = call("messages.list_messages", "hello").data
        assert (message.id, message.text, message.sender_id) == (posted.id, "Hello", "alice")
        (alice,) = call("participants.list_participants", "hello").data
        assert (alice.id, alice.access, alice.notify) == ("alice", models.Access.READWRITE, False)
        assert call("users.get_user", "alice").name == "Alice"
        refused = call("users.get_user", "nobody")
        assert isinstance(refused, models.Error)
        assert refused.error_code == "USER_NOT_FOUND"


@pytest.mark.long
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_typescript_client_compiles(described: Path, tmp_path: Path) -> None:
    project = shutil.copytree(NPM_PROJECT, tmp_path / "typescript")
    installed = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"], cwd=project, env=os.environ, capture_output=True, check=False
    )
    if installed.returncode:
        pytest.skip("npm could not download the generator")
    run("npx", "openapi-ts", "-i", str(described), "-o", "client", "-c", "@hey-api/client-fetch", cwd=project)
    types = (project / "client" / "types.gen.ts").read_text()
    assert all(f"export type {name} = " in types for name in TYPES)
    options = "--strict --skipLibCheck --target es2022 --module esnext --moduleResolution bundler"
    run("npx", "tsc", "--noEmit", *options.split(), "--lib", "es2022,dom,dom.iterable", "client/index.ts", cwd=project)
