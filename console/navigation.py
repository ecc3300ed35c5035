"""Links of the console's navigation."""

from collections.abc import Sequence

from console.logins import Login

OF_APP = (
    ("conversations", "Conversations"),
    ("mails", "Mail"),
    ("why", "Why no mail?"),
    ("quarantine", "Quarantine"),
    ("mailbox", "Mailbox"),
)
OF_DEMO = (("tour", "First five minutes"),)
OF_ALL = (("/console/apps", "Apps"),)


def links(login: Login, quoted_app: str | None, *, is_demo: bool) -> Sequence[tuple[str, str]]:
    """Path and label of each link; those of an app only where one is shown."""
    labels = (*(OF_DEMO if is_demo else ()), *OF_APP) if quoted_app else ()
    of_app = [(f"/console/apps/{quoted_app}/{path}", label) for path, label in labels]
    return [*of_app, *(() if login.app_id else OF_ALL)]
