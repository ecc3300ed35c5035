"""`mailtalk api` as people run it."""

from pathlib import Path
from typing import Any

import httpx
from support.command_line import MAILTALK
from support.server_process import ServerProcess
from support.servers import free_port


class ApiProcess(ServerProcess):
    """The API at `url`."""

    def __init__(self, log: Path, **settings: Any) -> None:
        port = settings.setdefault("api_port", free_port())
        super().__init__(log, (MAILTALK, "api"), port, **settings)
        self.url = f"http://127.0.0.1:{port}"

    def serves(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False
