"""The wheel, built and installed in an environment that has our dependencies and nothing of this checkout."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]


def install(directory: Path) -> Path:
    """The command `mailtalk` of a new environment into which the wheel was installed."""
    wheels, environment = directory / "wheels", directory / "environment"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    source = directory / "source"
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
