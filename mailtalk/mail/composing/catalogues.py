"""Text catalogues (one TOML file per language) and Jinja options, shared by mails, notices and pages."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined

JINJA: Mapping[str, Any] = {
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
}


def load(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Catalogues in a folder, by language code."""
    return {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))}
