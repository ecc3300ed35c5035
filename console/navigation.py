"""Links of the console's navigation."""

from collections.abc import Sequence
from urllib.parse import quote

from console.logins import ConsoleLogin

OF_APP = (
    ("conversations", "Conversations"),
    ("mails", "Mail"),
    ("why", "Why no mail?"),
    ("quarantine", "Quarantine"),
    ("mailbox", "Mailbox"),
    ("suppressions", "Suppressions"),
    ("webhooks", "Webhooks"),
    ("changes", "Changes"),
    ("style", "Style"),
    ("settings", "Settings"),
)
OF_DEMO = (("tour", "First five minutes"),)
OF_ALL = (("/console/queues", "Queues"), ("/console/audit", "Audit log"), ("/console/apps", "Apps"))


def links(login: ConsoleLogin, quoted_app: str | None, *, is_demo: bool) -> Sequence[tuple[str, str]]:
    """Path and label of each link; those of an app only where one is shown."""
    app = quoted_app or (quote(login.app_id, safe="") if login.app_id else None)
    labels = (*(OF_DEMO if is_demo else ()), *OF_APP) if app else ()
    return [*((f"/console/apps/{app}/{path}", label) for path, label in labels), *OF_ALL]
