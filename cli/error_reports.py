"""Error reports to Sentry (the extra `sentry`): errors that are logged, and uncaught exceptions, without secrets."""

import logging
import re
from collections.abc import Iterable
from typing import Any

import sentry_sdk
from pydantic import SecretStr
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration
from sentry_sdk.types import Event, Hint

from api.request_id import request_id
from mailtalk.mail import address
from mailtalk.settings.load import SECRETS, Settings

SHORTEST = 6  # characters of what is replaced wherever it stands
_MAILBOX = re.compile(r"[^\s<>\"'(),:;=\[\]]+@[\w.-]+\w")
_PASSWORD = re.compile(r"(?<=://)[^\s/@]+@")
_WORD = re.compile(r"\b[A-Za-z2-7]{30,40}\b")  # as long as the local part of an inbound address
_CREDENTIAL = re.compile(r"(?i)(?<=bearer )\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]+")


def start(process: str, settings: Settings) -> None:
    """Report the errors of this process; release and environment come from SENTRY_* variables."""
    scrubber = Scrubber(settings)
    sentry_sdk.init(
        settings.require("sentry_dsn"),
        default_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            ExcepthookIntegration(),
            ThreadingIntegration(),
            DedupeIntegration(),
            AtexitIntegration(callback=lambda *_: None),
        ],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        before_send=scrubber.scrub,
    )
    sentry_sdk.set_tag("process", process)


class Scrubber:
    """Replaces what nobody else may read: secrets of the settings, credentials, mailboxes and inbound addresses."""

    def __init__(self, settings: Settings) -> None:
        self._secrets = sorted(_secrets(settings), key=len, reverse=True)

    def scrub(self, event: Event, _hint: Hint) -> Event:
        """Scrub an event, and tag it with the request."""
        tags: Any = event.get("tags") or {}
        event["tags"] = dict(tags) | ({"request_id": number} if (number := request_id.get()) else {})
        scrubbed: Event = self._clean(event)
        return scrubbed

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {name: self._clean(each) for name, each in value.items()}
        return [self._clean(each) for each in value] if isinstance(value, (list, tuple)) else value

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "(secret)")
        text = _CREDENTIAL.sub("(secret)", _PASSWORD.sub("(secret)@", text))
        return _WORD.sub(_hidden, _MAILBOX.sub("(address)", text))


def _hidden(word: re.Match[str]) -> str:
    return "(hidden)" if address.is_local_part(word[0]) else word[0]


def _secrets(settings: Settings) -> Iterable[str]:
    """Values of secret settings, and each of several keys."""
    for name in SECRETS:
        value: SecretStr | None = getattr(settings, name)
        if value is not None:
            parts = value.get_secret_value().split(",")
            yield from (part.strip() for part in parts if len(part.strip()) >= SHORTEST)
