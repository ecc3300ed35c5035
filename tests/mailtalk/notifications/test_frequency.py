"""When digests are due: at the next full hour, or at eight where the reader lives."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtalk.notifications.frequency import next_hour, next_morning


@pytest.mark.parametrize(
    ("zone", "now", "morning"),
    [
        (None, "2026-01-02T07:59:59Z", "2026-01-02T08:00:00Z"),
        (None, "2026-01-02T08:00:00Z", "2026-01-03T08:00:00Z"),
        ("Asia/Tokyo", "2026-01-01T22:00:00Z", "2026-01-01T23:00:00Z"),
        ("America/New_York", "2026-01-02T13:00:01Z", "2026-01-03T13:00:00Z"),
        ("Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T06:00:00Z"),  # summer begins in that night
        ("Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T07:00:00Z"),  # and ends
        ("Nowhere/City", "2026-01-02T07:00:00Z", "2026-01-02T08:00:00Z"),
        ("../etc/passwd", "2026-01-02T07:00:00Z", "2026-01-02T08:00:00Z"),
        ("Europe", "2026-01-02T07:00:00Z", "2026-01-02T08:00:00Z"),
    ],
)
def test_the_morning_is_eight_where_one_lives(zone: str | None, now: str, morning: str) -> None:
    assert next_morning(datetime.fromisoformat(now), zone) == datetime.fromisoformat(morning)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  hypothesis wants them so
def test_a_digest_is_always_ahead_and_never_far(now: datetime) -> None:
    assert timedelta(0) < next_hour(now) - now <= timedelta(hours=1)
    for zone in (None, "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"):
        assert timedelta(0) < next_morning(now, zone) - now <= timedelta(hours=25)
