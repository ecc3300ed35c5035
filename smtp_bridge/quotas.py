"""Quotas for mail: per client host, for all reports (mail to the postmaster, bounces), and by free disk space."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from math import inf
from pathlib import Path

from mailtalk.participation.addresses import Bearer
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import Purpose
from smtp_bridge import replies

MINUTE = 60.0
DISK_CHECK = 1.0  # seconds between two checks of the disk
REPORTS = {Purpose.POSTMASTER, Purpose.BOUNCE}


class RateLimit:
    """Amounts by key and minute; a limit of 0 means no limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._amounts: Counter[str] = Counter()
        self._ends_at = 0.0

    def is_used_up(self, key: str) -> bool:
        """True if the key has reached the limit in the current minute."""
        self._start_minute()
        return 0 < self._limit <= self._amounts[key]

    def add(self, key: str, amount: int = 1) -> None:
        """Count an amount."""
        self._start_minute()
        if self._limit:
            self._amounts[key] += amount

    def _start_minute(self) -> None:
        if time.monotonic() >= self._ends_at:
            self._ends_at = time.monotonic() + MINUTE
            self._amounts.clear()


class MailQuotas:
    """Quotas, checked before the 354; counts received mails."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._host_mails = RateLimit(settings.smtp_host_mails_per_minute)
        self._host_bytes = RateLimit(settings.smtp_host_bytes_per_minute)
        self._reports = RateLimit(settings.smtp_reports_per_minute)
        self._disk_is_full, self._disk_checked_at = False, -inf

    def size_limit(self, bearers: Sequence[Bearer]) -> int:
        """Largest permitted mail for these recipients, in bytes."""
        largest = self._settings.smtp_message_bytes
        return min(largest, self._settings.smtp_report_bytes) if _report(bearers) else largest

    def refusal(self, host: str | None, bearers: Sequence[Bearer]) -> str | None:
        """Reply to DATA if a quota is used up, else None."""
        if self._is_disk_full():
            return replies.NO_STORAGE
        if host and (self._host_mails.is_used_up(host) or self._host_bytes.is_used_up(host)):
            return replies.TOO_MUCH_FROM_HOST
        purpose = _report(bearers)
        return replies.TOO_MANY_REPORTS if purpose and self._reports.is_used_up(purpose) else None

    def count(self, host: str | None, bearers: Sequence[Bearer], size: int) -> None:
        """Count a mail that was received."""
        if host:
            self._host_mails.add(host)
            self._host_bytes.add(host, size)
        if purpose := _report(bearers):
            self._reports.add(purpose)

    def _is_disk_full(self) -> bool:
        now = time.monotonic()
        if now - self._disk_checked_at >= DISK_CHECK:
            self._disk_checked_at = now
            self._disk_is_full = _free_bytes(self._settings.data_dir) < self._settings.smtp_free_disk_bytes
        return self._disk_is_full


def _report(bearers: Sequence[Bearer]) -> Purpose | None:
    """Purpose of a mail that is for no participant; None for any other mail."""
    purposes = {bearer.purpose for bearer in bearers}
    return min(purposes) if purposes and purposes <= REPORTS else None


def _free_bytes(directory: Path) -> int:
    """Free disk space at a directory that may not exist yet, in bytes."""
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    status = os.statvfs(existing)
    return status.f_bavail * status.f_frsize
