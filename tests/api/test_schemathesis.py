"""schemathesis asks every operation of the document, right and wrong, with all its checks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.cast import Cast

EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", SHORT := "3")  # of an operation; `make schemathesis` asks for more
SECONDS = 300 if EXAMPLES == SHORT else 7_200  # on a busy machine; on a quiet one the short form takes half a minute


@pytest.mark.timeout(SECONDS)
def test_schemathesis_finds_nothing(api: str, worker: object, cast: Cast, here: Path, tmp_path: Path) -> None:
    cast.join("alice", "bob")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(here / "api" / "schemathesis.toml")]
    phases = "examples,fuzzing" if EXAMPLES == SHORT else "examples,coverage,fuzzing,stateful"
    run = [*command, "run", f"{api}/openapi.json", "--checks", "all", "--max-examples", EXAMPLES, "--no-color"]
    run += ["--phases", phases]
    environment = os.environ | {
        "API_SECRET": cast.secret,
        "API_APP": cast.app_id,
        "PYTHONPATH": str(here / "api"),
    }
    ended = subprocess.run(run, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[:20_000] + ended.stderr[-4_000:]
