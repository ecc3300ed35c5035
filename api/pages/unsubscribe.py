"""Unsubscribe page of the link in mails, and one-click unsubscribing by mail programs (RFC 8058)."""

from starlette.responses import Response

from api.pages.visits import Visit, apply, form_body
from mailtalk.participation.rules import Request as Change
from mailtalk.vocabulary import Actor, ChangeKind, Choice, Notify

ONE_CLICK = b"One-Click"  # List-Unsubscribe=One-Click, in a form of either encoding


async def ask(visit: Visit) -> Response:
    """GET: show a button, since scanners that open links must not unsubscribe anyone."""
    return visit.shown("unsubscribe.html")


async def unsubscribe(visit: Visit) -> Response:
    """POST: turn this conversation's mails off; for the page's button and for one-click unsubscribing (RFC 8058)."""
    if ONE_CLICK not in await form_body(visit.request):
        return visit.shown("unsubscribe.html", 400)
    off = Change(ChangeKind.UPDATE, notify=Notify.OFF, by=Actor.PARTICIPANT)
    row = visit.participation
    chosen = row.notify == Notify.OFF and Choice.NOTIFY in row.chosen  # else a backend's next PUT could undo it
    applied = chosen or await apply(visit, off)
    return visit.shown("unsubscribed.html", 200 if applied else 202, applied=applied)
