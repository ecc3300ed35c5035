"""Changes of webhooks: a new one, another URL or other events, a new secret, its end; by the verbs of the API."""

from collections.abc import Mapping

from sqlalchemy.orm import Session
from starlette.responses import Response

from api import webhooks as api_webhooks
from console.rendering import segment
from console.requests import ConsoleRequest
from console.routing import page
from console.webhooks import LIST, ONE
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.errors import Invalid
from mailtalk.models import Webhook
from mailtalk.webhooks import endpoints
from mailtalk.webhooks.endpoints import EndpointSpec

EVENT = "event:"  # before an event's type in the name of its field


@page("POST", LIST)
def put_webhook(session: Session, visit: ConsoleRequest) -> Response:
    """Create or change a webhook; a new one's secret is shown, once."""
    apps.found(session, visit.app_id)
    webhook_id, services = visit.form.get("id", "").strip(), visit.services
    if not api_webhooks.ID.fullmatch(webhook_id):
        raise Invalid({"id": ["must be 1 to 64 letters, digits, _ and -"]})
    spec = EndpointSpec(visit.form.get("url", "").strip(), _events(visit.form), ordered="ordered" in visit.form)
    row, is_new = endpoints.put(session, services.keyring, services.guard, clock.now(), visit.app_id, webhook_id, spec)
    visit.record(session, "put a webhook", webhook=webhook_id, url=spec.url)
    return _secret(visit, row) if is_new else visit.back_to(_path(visit, row))


@page("POST", ONE + "/secret")
def rotate_secret(session: Session, visit: ConsoleRequest) -> Response:
    """Make a new secret, and show it, once; the previous one signs too for a day."""
    row = endpoints.rotate(session, visit.services.keyring, clock.now(), visit.app_id, visit.id("webhookId"))
    visit.record(session, "replace a webhook's secret", webhook=row.id)
    return _secret(visit, row)


@page("POST", ONE + "/delete")
def delete_webhook(session: Session, visit: ConsoleRequest) -> Response:
    """Delete it, and cancel what waits for it."""
    endpoints.delete(session, clock.now(), visit.app_id, visit.id("webhookId"))
    visit.record(session, "delete a webhook", webhook=visit.id("webhookId"))
    return visit.back_to(f"/console/apps/{segment(visit.app_id)}/webhooks")


def _events(form: Mapping[str, str]) -> list[str] | None:
    """Types of the chosen events; None, which is all, if none is chosen."""
    return [name.removeprefix(EVENT) for name in form if name.startswith(EVENT)] or None


def _secret(visit: ConsoleRequest, row: Webhook) -> Response:
    secret = endpoints.secret_of(row, visit.services.keyring)
    return visit.show("secret.html", title=f"The secret of {row.id}", secret=secret, path=_path(visit, row))


def _path(visit: ConsoleRequest, row: Webhook) -> str:
    return f"/console/apps/{segment(visit.app_id)}/webhooks/{segment(row.id)}"
