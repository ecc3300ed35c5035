"""The TypeScript client: compiled strictly, then used against the running API by Node."""

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.cast import Cast
from support.servers import Stack

from mailtalk.webhooks import signing

ROOT = Path(__file__).parents[2]
COMPILER = ROOT / "tests/api/typescript_client"  # pins the compiler
pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A folder with the compiled client in `dist`."""
    shutil.copytree(ROOT / "clients/typescript/src", tmp_path / "src")
    for path in (ROOT / "clients/typescript/tsconfig.json", ROOT / "clients/typescript/package.json"):
        shutil.copy(path, tmp_path)
    tools = shutil.copytree(COMPILER, tmp_path / "tools")
    installed = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=tools, capture_output=True, check=False)
    if installed.returncode:
        pytest.skip("npm could not download the compiler")
    done = subprocess.run([tools / "node_modules/.bin/tsc"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return tmp_path


def test_it_joins_says_lists_uploads_and_verifies(compiled: Path, stack: Stack, cast: Cast) -> None:
    key, body, now = signing.new_secret(), '{"id": "evt_1"}', datetime(2026, 5, 2, tzinfo=UTC)
    headers = signing.headers([key], "evt_1", body.encode(), now)
    signed = json.dumps({"body": body, "headers": headers, "key": key, "now": now.timestamp()})
    script = shutil.copy(ROOT / "tests/clients/visit.mjs", compiled)
    visit = ["node", script, stack.api, cast.app_id, cast.secret, signed]
    done = subprocess.run(visit, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
