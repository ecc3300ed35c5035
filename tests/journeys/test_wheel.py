"""The wheel: what it holds is enough, in an environment that has our dependencies and nothing of this checkout."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support.mailboxes import Captured
from support.product import Stack
from support.story import Story

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The command `mailtalk` of an environment into which the wheel was installed."""
    wheels, environment = tmp_path / "wheels", tmp_path / "environment"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    source = tmp_path / "source"
    for package in ("mailtalk", "api", "console", "smtp_bridge", "worker", "cli"):
        shutil.copytree(ROOT / package, source / package)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", wheels, source]
    subprocess.run(build, check=True)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin/python"
    install = ["install", "--quiet", "--no-deps", "--no-index", *wheels.glob("*.whl")]
    subprocess.run([python, "-m", "pip", "--disable-pip-version-check", *install], check=True)
    # The dependencies of this environment; an editable install's own hooks are not read from there.
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin/mailtalk"


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
