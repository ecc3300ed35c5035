"""Settings by area: inbound mail, outgoing mail, retention, webhooks, console, logs and metrics."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from mailtalk.settings.types import (
    AppId,
    Domain,
    Domains,
    Host,
    Mailboxes,
    Password,
    Port,
    Private,
    scheme,
)


class Inbound(BaseSettings):
    """Checks and storage of inbound mail."""

    mail_per_hour: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        60,
        description="Mails of one participant per hour that become messages; others are quarantined; 0: no limit.",
    )
    raw_mail_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        30, description="Days that inbound mails are kept in their original form, for display and replay."
    )
    file_url_seconds: Annotated[float, Field(ge=60, le=31_536_000)] = Field(
        604_800, description="Seconds that a link to an attachment works."
    )
    photos: bool = Field(
        default=False,
        description="Show the photos of users in mails: each is fetched from its photoUrl, made small and kept.",
    )
    trusted_sealers: Domains = Field(
        None, description="Domains whose ARC seals are trusted when forwarding broke SPF and DKIM, separated by commas."
    )
    dns_servers: Annotated[str | None, Field(pattern=r"^[0-9a-fA-F.:, \[\]]+$")] = Field(
        None,
        description="DNS resolvers for SPF, DKIM and DMARC, IP addresses separated by commas; unset: the system's.",
    )


class Outgoing(BaseSettings):
    """Relay, rates, retries and DKIM of outgoing mail."""

    hold_outgoing: bool = Field(
        default=False, description="Send no mails and webhooks; they are made and wait. For the time after a restore."
    )
    relay_connections: Annotated[int, Field(ge=1, le=100)] = Field(
        8,
        description="Connections of one worker to the relay, besides those that take over 5 seconds for a mail.",
    )
    domain_mails_per_minute: Annotated[int, Field(ge=0)] = Field(
        0, description="Mails per minute to one recipient domain, over all workers; 0: no limit."
    )
    unknown: Literal["resend", "hold"] = Field(
        "resend", description="What to do with a mail when the relay's answer to it was lost: resend or hold."
    )
    give_up_hours: Annotated[float, Field(gt=0, le=240)] = Field(
        48, description="Hours after which a mail is no longer retried."
    )
    suppress_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        30, description="Days that nothing is sent to an address that does not exist."
    )
    idempotency_header: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")] = Field(
        None,
        description="Header with the delivery's id, for relays that drop repeats, such as Resend-Idempotency-Key.",
    )
    dkim_domain: Domain | None = Field(
        None, description="Domain that signs outgoing mail by DKIM; unset: no signature by us."
    )
    dkim_selector: Domains = Field(None, description="DKIM selector; two, separated by a comma, for two keys.")
    dkim_key: SecretStr | None = Field(None, description="DKIM private key, PEM: RSA, Ed25519, or both.")


class Retention(BaseSettings):
    """Retention of what has ended, and of messages if `message_days` is set; conversations stay until deleted."""

    notification_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        30, description="Days that notifications and their mails are kept after they ended."
    )
    change_days: Annotated[float, Field(gt=0, le=36_500)] = Field(
        365, description="Days that the log of participation changes is kept."
    )
    message_days: Annotated[float, Field(ge=2, le=36_500)] | None = Field(
        None, description="Days after which messages and their files are deleted; unset: they are kept."
    )


class Webhooks(BaseSettings):
    """Allowed webhook URLs, and the retention of events."""

    webhook_allow_private: Private = Field(
        "false",
        description="Private addresses that webhooks may have: false, true (all), or networks separated by commas.",
    )
    event_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        30, description="Days that webhook events are kept for replay."
    )


class Console(BaseSettings):
    """Logins of the console, besides an app's secret, which logs in to that app."""

    console_password: Password = Field(
        None, description="Password of the console's operators, who see and change all apps; at least 12 characters."
    )
    console_reader_password: Password = Field(
        None, description="Password for those who see all apps in the console, and change nothing."
    )
    console_demo_app: AppId | None = Field(
        None, description="App with the tour, whose reply addresses the console shows; mailtalk up sets it."
    )
    console_session_hours: Annotated[float, Field(gt=0, le=720)] = Field(
        12, description="Hours after which a login to the console ends."
    )
    console_oidc_issuer: Annotated[str | None, scheme("https", "http")] = Field(
        None, description="OpenID Connect provider for logins to the console, its issuer URL."
    )
    console_oidc_client_id: str | None = Field(None, description="Id of this client at the provider.")
    console_oidc_client_secret: Password = Field(
        None, description="Its secret, at least 12 characters; a new one ends the logins."
    )
    console_oidc_operators: Mailboxes = Field(
        None, description="Addresses, or @domains, that log in as operators by the provider, separated by commas."
    )
    console_oidc_readers: Mailboxes = Field(None, description="The same for readers, who change nothing.")

    @model_validator(mode="after")
    def _know_their_provider(self) -> Self:
        if self.console_oidc_issuer and not (self.console_oidc_client_id and self.console_oidc_client_secret):
            raise ValueError(
                "MAILTALK_CONSOLE_OIDC_ISSUER needs MAILTALK_CONSOLE_OIDC_CLIENT_ID and "
                "MAILTALK_CONSOLE_OIDC_CLIENT_SECRET"
            )
        return self


class Observation(BaseSettings):
    """Metrics, error reports and logs."""

    metrics_port: Port | None = Field(
        None, description="Port of a process's metrics for Prometheus, at /metrics; unset: none are served."
    )
    metrics_host: Host = Field("127.0.0.1", description="Address at which the metrics are served.")
    sentry_dsn: Annotated[SecretStr | None, scheme("https", "http")] = Field(
        None,
        description="DSN of a Sentry project that gets reports of unexpected errors; needs the extra sentry.",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Form of the log on stderr: lines of text, or of JSON."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level of what Mailtalk's own code logs; libraries log warnings and errors."
    )
