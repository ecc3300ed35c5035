"""What a process tells others about itself, by settings: metrics, traces and error reports; the last two are extras."""

import os
from importlib.util import find_spec

from cli import metrics
from mailtalk.db.database import Database
from mailtalk.settings.load import PREFIX, Settings, SettingsError

OTEL = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")  # either sends spans


def check(settings: Settings) -> None:
    """SettingsError if a setting needs a package that is not installed."""
    if name := _traced_by():
        _need("opentelemetry.sdk", "otel", name)
    if settings.sentry_dsn:
        _need("sentry_sdk", "sentry", f"{PREFIX}SENTRY_DSN")


def start(process: str, settings: Settings, database: Database | None = None) -> None:
    """Serve metrics, with a database also the gauges read from it; trace and report errors where they are set."""
    metrics.serve(settings, database)
    if _traced_by():
        from cli import traces  # noqa: PLC0415  an extra

        traces.start(process)
    if settings.sentry_dsn:
        from cli import error_reports  # noqa: PLC0415  an extra

        error_reports.start(process, settings)


def _traced_by() -> str | None:
    """Variable that names the collector; None while there is none, or OTEL_* turn traces off."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    return None if off else next((name for name in OTEL if os.environ.get(name)), None)


def _need(package: str, extra: str, setting: str) -> None:
    if find_spec(package.partition(".")[0]) is None or find_spec(package) is None:
        raise SettingsError(f"{setting} is set, and needs a package: pip install 'mailtalk[{extra}]', or unset it")
