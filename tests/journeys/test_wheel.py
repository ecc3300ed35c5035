"""The wheel: what it holds is enough, in an environment that has our dependencies and nothing of this checkout."""

import subprocess
from pathlib import Path

from support.mailboxes import Captured
from support.product import Stack
from support.story import Story


def test_the_loop_of_an_installed_wheel(installed: Path, tmp_path: Path) -> None:
    said = subprocess.run(
        [installed.with_name("python"), "-c", "import cli; print(cli.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert said.startswith(str(installed.parents[1]))
    stack = Stack(tmp_path, installed)
    try:
        stack.start()
        for _ in Story(stack, Captured(stack)).tell():
            pass
    finally:
        stack.close()
