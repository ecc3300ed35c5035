"""Settings page of the link in mails: a participant's notify, mute and frequency, and their language."""

from urllib.parse import parse_qsl

from sqlalchemy.orm import Session
from starlette.responses import Response

from api.pages import choices, page, words
from api.pages.visits import Visit, apply, form_body
from mailtalk import clock
from mailtalk.conversations import users
from mailtalk.models import User
from mailtalk.outbound import suppressions

SEE_OTHER = 303
FIELDS = 20


async def settings(visit: Visit, status: int = 200) -> Response:
    """GET: show the participant's email settings as a form."""
    row, now = visit.participation, clock.now()
    until = choices.muted_until(row, now)
    query = visit.request.query_params
    return visit.shown(
        "settings.html",
        status,
        notify=next(name for name, notify in choices.NOTIFY.items() if notify == row.notify),
        frequency=row.frequency,
        muted_until=until and words.moment(until, visit.language, visit.user.time_zone),
        languages=words.LANGUAGES,
        outcome=next((name for name in ("saved", "later") if name in query), None),
    )


async def save(visit: Visit) -> Response:
    """POST: save the form and redirect to the page, so that a reload does not send it twice."""
    form = _form(await form_body(visit.request))
    if form is None:
        return await settings(visit, 400)
    language = form.get("language")
    if language in words.LANGUAGES and language != words.spoken(visit.user.locale):
        await visit.services.transact(lambda session: _speak(session, visit.user, language))
    if choices.wants_mail(form):
        await visit.services.transact(lambda session: _reach(session, visit.user))
    change = choices.asked(form, visit.participation, clock.now())
    applied = change is None or await apply(visit, change)
    return Response(status_code=SEE_OTHER, headers=page.GUARDS | {"Location": "?saved" if applied else "?later"})


def _form(body: bytes | None) -> dict[str, str] | None:
    """Fields of a form; None if it is too long or has too many fields."""
    try:
        return None if body is None else dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=FIELDS))
    except ValueError:
        return None


def _speak(session: Session, user: User, language: str) -> None:
    users.put(session, user.app_id, user.id, {"locale": language})


def _reach(session: Session, user: User) -> None:
    """Lift all suppressions of the user's addresses: asking for mails here also withdraws a complaint."""
    suppressions.release(session, user.app_id, user.emails or ())
