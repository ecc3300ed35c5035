"""Unsubscribe page of the link in mails, and one-click unsubscribing by mail programs (RFC 8058)."""

from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from api.pages.visits import Visit, apply, form_body
from mailtalk.participation.rules import Request as Change
from mailtalk.vocabulary import Actor, ChangeKind, Choice, Notify

OFF = Change(ChangeKind.UPDATE, notify=Notify.OFF, by=Actor.PARTICIPANT)
ONE_CLICK = b"one-click"  # List-Unsubscribe=One-Click


async def ask(visit: Visit) -> Response:
    """GET: show a button, since scanners that open links must not unsubscribe anyone."""
    return visit.shown("unsubscribe.html")


async def unsubscribe(visit: Visit) -> Response:
    """POST: turn this conversation's mails off; for the page's button and for one-click unsubscribing (RFC 8058)."""
    if not asks(await form_body(visit.request)):
        return visit.shown("unsubscribe.html", 400)
    row = visit.participation
    chosen = row.notify == Notify.OFF and Choice.NOTIFY in row.chosen  # else a backend's next PUT could undo it
    applied = chosen or await apply(visit, OFF)
    return visit.shown("unsubscribed.html", 200 if applied else 202, applied=applied)


def asks(body: bytes | None) -> bool:
    """True for One-Click in a form of any encoding and charset, whatever its type, and for no body at all.

    Some mail programs send none. A GET never gets here, so scanners that open links unsubscribe nobody.
    """
    return body is not None and (not body.strip() or ONE_CLICK in unquote_to_bytes(body.replace(b"\0", b"")).lower())
