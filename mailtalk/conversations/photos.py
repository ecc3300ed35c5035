"""Photos of users: fetched from their `photo_url` once a day, kept small, and deleted with the user."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.mail.parsing.parse import Thumbnail
from mailtalk.models import Photo, User

KEPT = timedelta(days=1)  # until it is fetched again
FAILED = timedelta(hours=1)  # until the next attempt
_KEEP = text("""
    INSERT INTO photos (app_id, user_id, url, content_type, content, fetched_at)
    SELECT app_id, id, :url, :type, :content, :now FROM users WHERE app_id = :app AND id = :user FOR KEY SHARE
    ON CONFLICT (app_id, user_id) DO UPDATE SET url = excluded.url, content_type = excluded.content_type,
        content = excluded.content, fetched_at = excluded.fetched_at""")


class KnownPhoto(NamedTuple):
    """A user's current `photo_url`, and the photo that is kept; `is_fresh` if it need not be fetched now."""

    url: str
    content_type: str | None = None
    content: bytes | None = None
    is_fresh: bool = False


def find(session: Session, app_id: str, user_id: str, now: datetime) -> KnownPhoto | None:
    """What is known of a user's photo; None without a `photo_url`."""
    user, photo = session.get(User, (app_id, user_id)), session.get(Photo, (app_id, user_id))
    if user is None or not user.photo_url:
        return None
    if photo is None or photo.url != user.photo_url:
        return KnownPhoto(user.photo_url)
    is_fresh = now - photo.fetched_at < (KEPT if photo.content else FAILED)
    return KnownPhoto(user.photo_url, photo.content_type, photo.content, is_fresh)


def keep(session: Session, app_id: str, user_id: str, url: str, photo: Thumbnail | None, now: datetime) -> None:  # noqa: PLR0913, PLR0917  a photo is all of these
    """Keep a photo, or that there is none at this URL."""
    content_type, content = (photo.content_type, photo.content) if photo else (None, None)
    values = {"app": app_id, "user": user_id, "url": url, "type": content_type, "content": content, "now": now}
    session.execute(_KEEP, values)
