"""The console's routes, for the API's process."""

from importlib import import_module

from starlette.routing import Route

from console import home, routing, static_files
from console.login import LoginPages
from console.logins import Logins
from console.oidc import OidcPages
from console.requests import Site
from console.watch import ConversationWatch
from mailtalk.keys import Keyring
from mailtalk.mail.replies.file_secrets import FileSecrets
from mailtalk.settings.load import Settings

# Modules that declare pages, in the order of their routes.
MODULES = (
    *("login", "home", "tour", "conversations", "participants", "mails", "letters", "sending_on", "inbound", "why"),
    *("system", "suppressions", "webhooks", "webhook_changes", "changes", "style", "app_settings"),
)


def routes(settings: Settings) -> list[Route]:
    """All routes of the console."""
    logins = Logins(settings, Keyring.from_setting(settings.require("secret_key")))
    site = Site(settings, logins, FileSecrets(settings.reply_domain), ConversationWatch())
    for module in MODULES:
        import_module(f"console.{module}")
    pages = LoginPages(site)
    return [
        *pages.routes(),
        *OidcPages(site, pages).routes(),
        *static_files.ROUTES,
        *home.ROUTES,
        *routing.routes(site),
    ]
