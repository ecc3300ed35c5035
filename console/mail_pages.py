"""Pages of one mail in either direction: masked, revealed by a click that is logged, and its HTML in a frame."""

from typing import Protocol

from sqlalchemy.orm import Session
from starlette.responses import Response

from console import mail_views
from console.mail_views import MailView
from console.requests import ConsoleRequest
from console.routing import page


class ShowMail(Protocol):
    """Page of a mail, with or without its secrets."""

    def __call__(self, session: Session, visit: ConsoleRequest, *, reveal: bool) -> Response:
        """Render it."""


class OpenMail(Protocol):
    """Parsed mail, masked outside of the demo app."""

    def __call__(self, session: Session, visit: ConsoleRequest) -> MailView:
        """Read it."""


def declare(path: str, name: str, show: ShowMail, read: OpenMail) -> None:
    """Declare the three pages of mails of this name at a path that ends in the parameter with the mail's id."""
    parameter = path.rpartition("{")[2].rstrip("}")

    @page("GET", path)
    def show_mail(session: Session, visit: ConsoleRequest) -> Response:
        """Show the mail."""
        return show(session, visit, reveal=visit.shows_secrets)

    @page("POST", path)
    def reveal_mail(session: Session, visit: ConsoleRequest) -> Response:
        """Show it with its reply addresses and links, which are secrets: the click is logged."""
        visit.record(session, f"reveal an {name} mail", **{parameter.removesuffix("Id"): visit.id(parameter)})
        return show(session, visit, reveal=True)

    @page("GET", path + "/html")
    def show_frame(session: Session, visit: ConsoleRequest) -> Response:
        """Show its HTML, for a sandboxed frame."""
        return mail_views.frame(read(session, visit))
