"""The command line, run in this process against a test's database."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from cli.main import main

Command = Callable[..., Result]
MAILTALK = Path(sys.executable).parent / "mailtalk"  # as people call it


def environment(database_url: str, data_dir: Path) -> dict[str, str]:
    """What `mailtalk` needs to find the test's database."""
    own = {
        "MAILTALK_DATABASE_URL": database_url,
        "MAILTALK_SECRET_KEY": "k" * 32,
        "MAILTALK_DATA_DIR": str(data_dir),
    }
    return os.environ | own


def command(database_url: str, data_dir: Path) -> Command:
    """`mailtalk(*arguments, code=0, **settings)`: gives the result, whose exit code must be `code`."""

    def mailtalk(*arguments: str, code: int = 0, **settings: str) -> Result:
        result = CliRunner().invoke(main, arguments, env=environment(database_url, data_dir) | settings)
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return mailtalk
