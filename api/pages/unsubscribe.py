"""Unsubscribe page of the link in mails, and one-click unsubscribing by mail programs (RFC 8058)."""

from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from api.pages.visits import Visit, apply, apply_all, form_body
from mailtalk.models import Participation
from mailtalk.participation import of_user
from mailtalk.participation.rules import Request as Change
from mailtalk.vocabulary import Actor, ChangeKind, Choice, Notify

OFF = Change(ChangeKind.UPDATE, notify=Notify.OFF, by=Actor.PARTICIPANT)
EVERYTHING = b"scope=all"  # of the page's second button
ONE_CLICK = b"one-click"  # List-Unsubscribe=One-Click


async def ask(visit: Visit, status: int = 200) -> Response:
    """GET: show a button, since scanners that open links must not unsubscribe anyone."""
    row = visit.participation
    total = await visit.services.transact(lambda session: of_user.count(session, row.app_id, row.user_id))
    return visit.shown("unsubscribe.html", status, has_others=total > 1)


async def unsubscribe(visit: Visit) -> Response:
    """POST: turn this conversation's mails off; for the page's button and for one-click unsubscribing (RFC 8058).

    The page's second button turns off those of all the user's conversations in the app.
    """
    body = await form_body(visit.request)
    if not asks(body):
        return await ask(visit, 400)
    everything = EVERYTHING in (body or b"").split(b"&")
    applied = await _stop_all(visit) if everything else _is_off(visit.participation) or await apply(visit, OFF)
    return visit.shown("unsubscribed.html", 200 if applied else 202, applied=applied, everything=everything)


def asks(body: bytes | None) -> bool:
    """True for One-Click in a form of any encoding and charset, whatever its type, and for no body at all.

    Some mail programs send none. A GET never gets here, so scanners that open links unsubscribe nobody.
    """
    return body is not None and (not body.strip() or ONE_CLICK in unquote_to_bytes(body.replace(b"\0", b"")).lower())


async def _stop_all(visit: Visit) -> bool:
    row = visit.participation
    rows = await visit.services.transact(lambda session: of_user.every(session, row.app_id, row.user_id))
    return await apply_all(visit.services, {each.key: OFF for each in rows if not _is_off(each)})


def _is_off(row: Participation) -> bool:
    """True if the participant chose it, else a backend's next PUT could undo it."""
    return row.notify == Notify.OFF and Choice.NOTIFY in row.chosen
