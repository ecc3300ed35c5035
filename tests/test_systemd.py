"""The systemd units: systemd accepts them, they start commands that exist, and they give no more rights than needed."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mailtalk.settings.load import PREFIX, SECRETS, Settings

UNITS = Path(__file__).parents[1] / "deploy/systemd"
SERVICES = sorted(UNITS.glob("*.service"))
MAILTALK = Path(sys.executable).with_name("mailtalk")
each_service = pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)


class Unit(configparser.RawConfigParser):
    """A unit file; of a name that stands several times all values, in lines."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, delimiters="=", comment_prefixes="#")
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read_string(path.read_text())
        self.lines = re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.lines if key == name]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for path in UNITS.iterdir():
        unit = path.read_text().replace("/opt/mailtalk/bin/mailtalk", str(MAILTALK))
        (tmp_path / path.name).write_text(unit)
    units = [tmp_path / path.name for path in (*SERVICES, UNITS / "mailtalk.target")]
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_LOG_LEVEL": "warning", "PATH": "/usr/bin:/bin"},
    )
    ours = [line for line in checked.stderr.splitlines() if "mailtalk" in line]
    assert (checked.returncode, ours) == (0, [])


@each_service
def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    program, *command = Unit(unit)["Service"]["ExecStart"].split()
    assert program == "/opt/mailtalk/bin/mailtalk"
    assert subprocess.run([MAILTALK, *command, "--help"], capture_output=True, check=False).returncode == 0


@each_service
def test_a_unit_gives_no_more_rights_than_needed(unit: Path) -> None:
    service = Unit(unit)["Service"]
    assert service["User"] == "mailtalk"
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictNamespaces"):
        assert service[name] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ("CAP_NET_BIND_SERVICE" if "bridge" in unit.stem else "")


@each_service
def test_every_setting_of_a_unit_exists_and_secrets_are_files(unit: Path) -> None:
    names = {name.split("=")[0] for line in Unit(unit).all("Environment") for name in line.split()}
    assert names <= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
    granted = {line.split(":")[0] for line in Unit(unit).all("LoadCredential")}
    assert {name.removeprefix(PREFIX).removesuffix("_FILE").lower() for name in names} == granted
    plain = re.findall(rf"^({PREFIX}\w+)=", (UNITS / "mailtalk.env").read_text(), re.MULTILINE)
    assert set(plain) <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
