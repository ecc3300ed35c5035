"""Apps: a new one with its secret, shown once; and the settings of one, changed by the verbs of `mailtalk app`."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session
from starlette.responses import Response

from api import wire
from api.versions import VERSIONS
from console.logins import ConsoleRole
from console.rendering import segment
from console.requests import ConsoleRequest
from console.routing import APP, ROOT, page
from mailtalk.conversations import apps
from mailtalk.errors import Invalid
from mailtalk.vocabulary import Frequency, SenderPolicy

SETTINGS = APP + "/settings"
NAME_LIMIT = 200  # characters


@page("POST", ROOT + "/apps", ConsoleRole.OPERATOR)
def create_app(session: Session, visit: ConsoleRequest) -> Response:
    """Create an app, and show its secret, which cannot be read later."""
    name, wanted = visit.form.get("name", "").strip(), visit.form.get("id", "").strip()
    if not 0 < len(name) <= NAME_LIMIT:
        raise Invalid({"name": [f"must have 1 to {NAME_LIMIT} characters"]})
    wanted_id = wire.checked_id("id", wanted) if wanted else None
    app_id, secret = apps.create(session, visit.services.keyring, name, wanted_id)
    visit.record(session, "create an app", app=app_id)
    return visit.show("secret.html", title=f"The app {app_id}", secret=secret, path=f"{ROOT}/apps/{segment(app_id)}")


@page("GET", SETTINGS)
def show_settings(session: Session, visit: ConsoleRequest) -> Response:
    """Show the app's settings."""
    app = apps.found(session, visit.app_id)
    choices: dict[str, Any] = {
        "frequencies": list(Frequency),
        "policies": list(SenderPolicy),
        "versions": list(VERSIONS),
    }
    return visit.show("settings.html", app=app, settings=visit.site.settings, **choices)


@page("POST", SETTINGS)
def put_settings(session: Session, visit: ConsoleRequest) -> Response:
    """Store the settings. Invalid names every field that is wrong."""
    fields = _fields(visit.form)
    apps.put(session, visit.app_id, fields)
    visit.record(session, "change the app", **{name: _shown(value) for name, value in fields.items()})
    return visit.back_to(f"{ROOT}/apps/{segment(visit.app_id)}/settings")


@page("POST", SETTINGS + "/secret", ConsoleRole.OPERATOR)
def rotate_secret(session: Session, visit: ConsoleRequest) -> Response:
    """Replace the app's secret, and show the new one; the old one and its logins end within seconds."""
    if visit.app_id == visit.site.settings.console_demo_app:
        raise Invalid(["`mailtalk up` keeps this app's secret in a file: mailtalk app rotate-secret changes both"])
    secret = apps.rotate_secret(session, visit.services.keyring, visit.app_id)
    visit.record(session, "replace the app's secret")
    path = f"{ROOT}/apps/{segment(visit.app_id)}/settings"
    return visit.show("secret.html", title=f"The new secret of {visit.app_id}", secret=secret, path=path)


def _fields(form: Mapping[str, str]) -> dict[str, Any]:
    """Columns of a form; a number that is empty is None: no limit, or the pace of the settings."""
    readers: dict[str, Callable[[str], Any]] = {
        "name": str,
        "participant_limit": int,
        "quiet_seconds": float,
        "cap_seconds": float,
        "frequency": Frequency,
        "sender_policy": SenderPolicy,
        "default_version": lambda name: VERSIONS[name].name,
    }
    fields: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for name, read in readers.items():
        text = form.get(name, "").strip()
        try:
            fields[name] = read(text) if text or read not in {int, float} else None
        except (ValueError, KeyError):
            wrong[name] = [f"{text[:40]!r} is not allowed"]
    if len(fields.get("name", "")) > NAME_LIMIT:
        wrong["name"] = [f"must have at most {NAME_LIMIT} characters"]
    if wrong:
        raise Invalid(wrong)
    return fields


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
