"""Keys of what came from outside (a provider's report, a mail of an IMAP folder), so that it has its effect once."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import text
from sqlalchemy.orm import Session

PURGED = 5_000  # in one transaction

_NEW = text("""
    INSERT INTO seen_posts (key, at) SELECT key, :now FROM unnest(CAST(:keys AS bytea[])) AS key
    ON CONFLICT DO NOTHING RETURNING key""")
_FORGET = text("DELETE FROM seen_posts WHERE key = :key")
_PURGE = text("""
    DELETE FROM seen_posts WHERE key IN (
        SELECT key FROM seen_posts WHERE at < :before ORDER BY at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING 1""")


def new(session: Session, now: datetime, keys: Iterable[str]) -> set[str]:
    """Keep these keys as hashes; returns those that are new. A concurrent transaction with one is waited for."""
    hashes = {sha256(key.encode()).digest(): key for key in keys}
    if not hashes:
        return set()
    kept = session.scalars(_NEW, {"keys": sorted(hashes), "now": now})  # one order: no deadlock
    return {hashes[bytes(one)] for one in kept}


def forget(session: Session, key: str) -> None:
    """Forget a key, since what came with it had no effect."""
    session.execute(_FORGET, {"key": sha256(key.encode()).digest()})


def purge(session: Session, now: datetime, days: float) -> int:
    """Forget a batch of keys this many days old; returns the number, 0 if none is left."""
    return len(session.execute(_PURGE, {"before": now - timedelta(days=days), "most": PURGED}).all())
