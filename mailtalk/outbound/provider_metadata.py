"""Metadata headers: a delivery's id, in the form in which the relay's provider hands it back in its events.

Only mails that go to a provider's own host carry its header: other providers would pass it on to the reader.
"""

import re
from urllib.parse import urlsplit

NAME = "mailtalk-id"
_FIELDS = {
    r"(.+\.)?postmarkapp\.com": (f"X-PM-Metadata-{NAME}: %s", "X-PM-KeepID: true"),  # else it replaces our Message-ID
    r"(.+\.)?mailgun\.(org|net)": (f'X-Mailgun-Variables: {{"{NAME}": "%s"}}',),
    r"(.+\.)?sendgrid\.net": (f'X-SMTPAPI: {{"unique_args": {{"{NAME}": "%s"}}}}',),
    r"email-smtp(-fips)?\..+\.amazonaws\.com(\.cn)?": (f"X-SES-MESSAGE-TAGS: {NAME}=%s",),
}


def headers(relay_urls: str) -> tuple[str, ...]:
    """Header fields for the providers among the relays, `%s` for the id; none for others. URLs by comma."""
    hosts = [urlsplit(url.strip()).hostname or "" for url in relay_urls.split(",")]
    used = (fields for host, fields in _FIELDS.items() if any(re.fullmatch(host, each) for each in hosts))
    return tuple(field for fields in used for field in fields)
