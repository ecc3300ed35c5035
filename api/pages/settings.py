"""Settings page of the link in mails: notify, mute and frequency, for one conversation or all of the participant's.

It says whose settings they are, and lists their conversations; the language and accepted senders are the user's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl

from sqlalchemy.orm import Session
from starlette.responses import Response

from api.pages import choices, page, words
from api.pages.visits import Visit, apply, apply_all, form_body
from mailtalk import clock
from mailtalk.conversations import apps, users
from mailtalk.mail import address
from mailtalk.mail.composing import style
from mailtalk.models import Participation, User
from mailtalk.outbound import suppressions
from mailtalk.participation import links, of_user
from mailtalk.participation.of_user import OwnConversations

SEE_OTHER = 303
FIELDS = 20
ALL = "all"  # scope of the second button
LISTED = 50  # conversations
SHOWN = 3  # addresses


async def settings(visit: Visit, status: int = 200) -> Response:
    """GET: show the participant's email settings as a form, and their other conversations."""
    row, user, now = visit.participation, visit.user, clock.now()
    until = choices.muted_until(row, now)
    query = visit.request.query_params
    own = await visit.services.transact(lambda session: _own(session, row))
    return visit.shown(
        "settings.html",
        status,
        notify=_notify(row),
        frequency=row.frequency,
        muted_until=until and words.moment(until, visit.language, user.time_zone),
        languages=words.LANGUAGES,
        outcome=next((name for name in ("saved", "later") if name in query), None),
        addresses=", ".join(map(address.masked, address.distinct(user.emails or ())[:SHOWN])),
        accepted=_masked(user),
        own=[_listed(visit, each, subject, now) for each, subject in own.newest],
        total=own.total,
    )


async def save(visit: Visit) -> Response:
    """POST: save the form and redirect to the page, so that a reload does not send it twice."""
    pairs = _pairs(await form_body(visit.request))
    if pairs is None:
        return await settings(visit, 400)
    form = dict(pairs)
    await visit.services.transact(lambda session: _keep(session, visit, form, pairs))
    applied = await (_save_all(visit, form) if form.get("scope") == ALL else _save_one(visit, form))
    return Response(status_code=SEE_OTHER, headers=page.GUARDS | {"Location": "?saved" if applied else "?later"})


def _own(session: Session, row: Participation) -> OwnConversations:
    """The user's conversations; of an app with privacy, only their number."""
    own, app = of_user.newest(session, row.app_id, row.user_id, LISTED), apps.found(session, row.app_id)
    return own._replace(newest=()) if style.of(app.style).privacy else own


def _pairs(body: bytes | None) -> Sequence[tuple[str, str]] | None:
    """Fields of a form; None if it is too long or has too many fields."""
    try:
        return None if body is None else parse_qsl(body.decode("utf-8", "replace"), max_num_fields=FIELDS)
    except ValueError:
        return None


def _keep(session: Session, visit: Visit, form: Mapping[str, str], pairs: Sequence[tuple[str, str]]) -> None:
    """What is the user's, not a participation's: language, suppressions of their addresses, accepted senders.

    Asking for mails also withdraws a complaint.
    """
    user, language = visit.user, form.get("language")
    if language in words.LANGUAGES and language != words.spoken(user.locale):
        users.put(session, user.app_id, user.id, {"locale": language})
    if choices.wants_mail(form):
        suppressions.release(session, user.app_id, user.emails or ())
    forgotten = {value for name, value in pairs if name == "forget"}
    if forgotten:
        row = session.get_one(User, (user.app_id, user.id), with_for_update={"key_share": True})
        row.accepted_senders = [each for each in row.accepted_senders or () if address.masked(each) not in forgotten]


async def _save_one(visit: Visit, form: Mapping[str, str]) -> bool:
    change = choices.asked(form, visit.participation, clock.now())
    return change is None or await apply(visit, change)


async def _save_all(visit: Visit, form: Mapping[str, str]) -> bool:
    """Save the choices for all conversations of the user in the app."""
    row, now = visit.participation, clock.now()
    rows = await visit.services.transact(lambda session: of_user.every(session, row.app_id, row.user_id))
    changes = {each.key: choices.asked(form, each, now) for each in rows}
    return await apply_all(visit.services, {key: change for key, change in changes.items() if change})


def _masked(user: User) -> list[str]:
    return list(dict.fromkeys(map(address.masked, user.accepted_senders or ())))


def _listed(visit: Visit, row: Participation, subject: str | None, now: datetime) -> dict[str, object]:
    """A conversation in the list, with the link to its own settings."""
    until = choices.muted_until(row, now)
    return {
        "subject": subject or visit.about["app"],
        "notify": _notify(row),
        "muted_until": until and words.moment(until, visit.language, visit.user.time_zone),
        "token": links.token(visit.services.keyring, row.id),
        "is_this": row.id == visit.participation.id,
    }


def _notify(row: Participation) -> str:
    return next(name for name, notify in choices.NOTIFY.items() if notify == row.notify)
