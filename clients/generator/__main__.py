"""Write the generated modules of both clients."""

import subprocess
import sys
from pathlib import Path

from clients.generator import python, typescript

ROOT = Path(__file__).parents[1]


def main(root: Path = ROOT) -> None:
    """Write and format the modules below the folder of the clients."""
    package, source = root / "python/mailtalk_client", root / "typescript/src"
    made = {
        package / "models.py": python.models(),
        package / "aio.py": python.client(is_async=True),
        package / "client.py": python.client(is_async=False),
        source / "models.ts": typescript.models(),
        source / "operations.ts": typescript.operations(),
    }
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    modules = [path for path in made if path.suffix == ".py"]
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", *modules], check=True)  # noqa: S603  ours


if __name__ == "__main__":
    main()
