"""Request of somebody who is logged in: their rights, its form, its page, and the entry in the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import wire
from api.request import Services
from console import navigation, rendering
from console.logins import ConsoleLogin, ConsoleRole, Logins
from console.watch import ConversationWatch
from mailtalk import clock
from mailtalk.errors import NotFound
from mailtalk.ids import ConversationKey
from mailtalk.mail.replies.file_secrets import FileSecrets
from mailtalk.models import AuditEntry
from mailtalk.settings.load import Settings
from mailtalk.support import audit

SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Site:
    """What all requests to the console share."""

    settings: Settings
    logins: Logins
    secrets: FileSecrets
    watch: ConversationWatch


@dataclass(frozen=True, slots=True)
class ConsoleRequest:
    """Request with a valid login."""

    request: Request
    site: Site
    login: ConsoleLogin
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        """Services of the API's process."""
        services: Services = self.request.app.state.services
        return services

    @property
    def app_id(self) -> str:
        """App in the path. NotFound for one that the login does not see."""
        app_id = self.id("appId")
        if self.login.app_id not in {None, app_id}:
            raise NotFound([f"no app {app_id!r}"])
        return app_id

    @property
    def conversation_key(self) -> ConversationKey:
        """Conversation in the path."""
        return ConversationKey(self.app_id, self.id("conversationId"))

    @property
    def query(self) -> Mapping[str, str]:
        """Parameters of the query, without NUL, which no text of the database may have."""
        return {name: value.replace("\0", "") for name, value in self.request.query_params.items()}

    @property
    def may_change(self) -> bool:
        """True unless the login is read-only."""
        return self.login.role >= ConsoleRole.ADMIN

    @property
    def shows_secrets(self) -> bool:
        """True for the demo app, whose reply addresses the tour shows."""
        return self.app_id == self.site.settings.console_demo_app

    def id(self, name: str) -> str:
        """Id from the path. Invalid for a malformed one."""
        return wire.path_value(name, self.request.path_params[name])

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """Render a page."""
        quoted = self.request.path_params.get("appId")
        shown = {
            "here": self.request.url.path,
            "login": self.login,
            "may_change": self.may_change,
            "is_operator": self.login.role is ConsoleRole.OPERATOR,
            "form_token": self.site.logins.form_token(self.login),
            "app_id": quoted and self.app_id,
            "demo_app": self.site.settings.console_demo_app,
            "query": self.query,
            "said": self.query.get("said"),
            "navigation": navigation.links(self.login, quoted, is_demo=bool(quoted) and self.shows_secrets),
        }
        return rendering.html(template, shown | values, status)

    def back_to(self, path: str, said: str = "done") -> Response:
        """Redirect after a POST, so that a reload does not repeat it; the page then says what was done."""
        mark = "&" if "?" in path else "?"
        return RedirectResponse(f"{path}{mark}said={said}", SEE_OTHER, headers=rendering.GUARDS)

    def record(self, session: Session, action: str, **target: str) -> None:
        """Enter an action in the audit log."""
        app_id = self.app_id if "appId" in self.request.path_params else self.login.app_id
        audit.record(session, entry(self.request, self.login, action, app_id, target))


def entry(
    request: Request, login: ConsoleLogin | None, action: str, app_id: str | None, target: Mapping[str, str]
) -> AuditEntry:
    """Entry for the audit log; `login` is None before one."""
    return AuditEntry(
        at=clock.now(),
        actor=login.name if login else "unknown",
        role=login.role.name.lower() if login else "none",
        client=request.client.host if request.client else None,
        action=action,
        app_id=app_id,
        target=dict(target),
    )
