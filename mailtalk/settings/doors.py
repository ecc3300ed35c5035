"""Settings of the doors: HTTP API and its rates, SMTP bridge, providers that post mail."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from mailtalk.settings.types import (
    Bytes,
    Count,
    Networks,
    Port,
    PublicKey,
    Rate,
    Secret,
    Topic,
    scheme,
)


class HttpEdge(BaseSettings):
    """Connections of the HTTP API: time-outs, sizes, numbers and proxies."""

    http_header_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        10, description="Longest time in which a client sends the header of a request, in seconds."
    )
    http_header_bytes: Annotated[int, Field(ge=1_000, le=1_000_000)] = Field(
        32_000, description="Largest header of a request, in bytes."
    )
    http_body_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(
        300, description="Longest time in which a client sends the body of a request, in seconds."
    )
    http_bytes_per_second: Annotated[int, Field(ge=0)] = Field(
        500, description="Lowest speed of a body, and of a client that reads an answer, in bytes per second; 0: any."
    )
    http_keep_alive_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        75, description="Seconds that a connection is kept between two requests; more than a proxy in front keeps it."
    )
    http_connections: Count = Field(2_000, description="Most connections to one process of the API.")
    http_connections_per_host: Count = Field(
        1_000, description="Most connections from one IPv4 address or IPv6 /64 network, not counting proxies."
    )
    http_proxy_from: Networks | None = Field(
        None,
        description="Networks of HTTP proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, separated by "
        "commas; they have no limit of their own.",
    )
    http_downloads: Count = Field(
        200, description="Most files that one process sends at the same time; a quarter of them to one host."
    )


class Rates(BaseSettings):
    """Rate limits of apps, client hosts and recipients."""

    app_requests_per_minute: Rate = Field(
        0, description="Most requests of one app per minute, over all processes; 0: any."
    )
    app_messages_per_minute: Rate = Field(
        0, description="Most messages that one app may post per minute, over all processes; 0: any."
    )
    app_joins_per_minute: Rate = Field(
        0, description="Most participants that one app may add or change per minute, over all processes; 0: any."
    )
    host_requests_per_minute: Rate = Field(
        0, description="Most requests per minute from one host to one process of the API; 0: any."
    )
    host_wrong_credentials_per_minute: Rate = Field(
        60, description="Wrong credentials per minute from one host, above which their answers are slowed down; 0: any."
    )
    recipient_mails_per_hour: Rate = Field(
        120, description="Most notification mails to one user per hour; later messages wait for the next one; 0: any."
    )


class Edge(BaseSettings):
    """TLS, proxies and limits of the SMTP bridge; defaults are Postfix's, or what real mail needs."""

    smtp_tls_cert: Path | None = Field(
        None, description="File with the certificate chain for STARTTLS, PEM; read again on SIGHUP."
    )
    smtp_tls_key: Path | None = Field(None, description="File with its private key, PEM.")
    smtp_tls_required: bool = Field(default=False, description="Refuse mail from clients that have not started TLS.")
    smtp_proxy_from: Networks | None = Field(
        None, description="Networks of proxies that must send the PROXY protocol header, separated by commas."
    )
    lmtp_port: Port | None = Field(None, description="Port for LMTP, for use behind an MTA; unset: no LMTP.")
    smtp_message_bytes: Bytes = Field(
        25_000_000, description="Largest mail, and largest file uploaded to the API, in bytes."
    )
    smtp_recipients: Count = Field(100, description="Most recipients of one mail.")
    smtp_sessions: Count = Field(1_000, description="Most sessions at the same time.")
    smtp_sessions_per_host: Count = Field(
        20, description="Most sessions at the same time from one IPv4 address or IPv6 /64 network."
    )
    smtp_commands: Count = Field(100, description="Most commands of a session since its last mail, not counting RCPT.")
    smtp_errors: Count = Field(10, description="Most refused commands of a session since its last mail.")
    smtp_session_seconds: Annotated[float, Field(ge=1, le=86_400)] = Field(
        600, description="Longest session, in seconds."
    )
    smtp_bytes_per_second: Annotated[int, Field(ge=0)] = Field(
        500, description="Lowest speed of a mail's data, in bytes per second; 0: any."
    )
    smtp_in_flight_bytes: Bytes = Field(
        256_000_000,
        description="Memory for all mails being received, in bytes; at least 1.5 times MAILTALK_SMTP_MESSAGE_BYTES.",
    )
    smtp_reserved_percent: Annotated[int, Field(ge=0, le=90)] = Field(
        10, description="Percentage of MAILTALK_SMTP_SESSIONS kept for hosts that have delivered mail to a participant."
    )
    smtp_host_mails_per_minute: Annotated[int, Field(ge=0)] = Field(
        600, description="Most mails per minute from one host, not counting the loopback; 0: no limit."
    )
    smtp_host_bytes_per_minute: Annotated[int, Field(ge=0)] = Field(
        250_000_000, description="Most bytes of mail per minute from one host, not counting the loopback; 0: no limit."
    )
    smtp_reports_per_minute: Annotated[int, Field(ge=0)] = Field(
        600, description="Most mails per minute to the postmaster, and as many to bounce addresses; 0: no limit."
    )
    smtp_report_bytes: Bytes = Field(
        1_000_000, description="Largest mail to the postmaster or a bounce address alone, in bytes."
    )
    smtp_free_disk_bytes: Annotated[int, Field(ge=0)] = Field(
        500_000_000, description="Free bytes on the disk of MAILTALK_DATA_DIR below which mail is deferred; 0: any."
    )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if (self.smtp_tls_cert is None) != (self.smtp_tls_key is None):
            raise ValueError("MAILTALK_SMTP_TLS_CERT and MAILTALK_SMTP_TLS_KEY: set both, or neither")
        if self.smtp_tls_required and self.smtp_tls_cert is None:
            raise ValueError("MAILTALK_SMTP_TLS_REQUIRED needs MAILTALK_SMTP_TLS_CERT and MAILTALK_SMTP_TLS_KEY")
        if self.smtp_in_flight_bytes < self.smtp_message_bytes * 3 // 2:
            raise ValueError("MAILTALK_SMTP_IN_FLIGHT_BYTES must be at least 1.5 times MAILTALK_SMTP_MESSAGE_BYTES")
        return self


class Ingress(BaseSettings):
    """Providers that post mail, bounces and complaints to /ingress; each is off while it has no secret."""

    ingress_cloudflare: Secret = Field(
        None, description="Secret that your Cloudflare Email Worker sends as a bearer token, at least 32 characters."
    )
    ingress_mailgun: Secret = Field(None, description="Mailgun's HTTP webhook signing key, for mails and events.")
    ingress_postmark: Secret = Field(
        None,
        description="user:password in the URLs that Postmark posts mails and events to, at least 32 characters.",
    )
    ingress_sendgrid: Secret = Field(
        None, description="user:password in the URL that SendGrid's Inbound Parse posts to, at least 32 characters."
    )
    ingress_sendgrid_events: PublicKey = Field(
        None, description="Verification key of SendGrid's signed event webhook, as its settings show it."
    )
    ingress_ses: Topic = Field(None, description="ARN of the SNS topic to which Amazon SES publishes mail.")
    ingress_ses_events: Topic = Field(
        None, description="ARN of the SNS topic to which Amazon SES publishes bounces and complaints."
    )


class Imap(BaseSettings):
    """IMAP folders that mailtalk fetch takes mail from."""

    imap_url: Annotated[SecretStr | None, scheme("imaps", "imap")] = Field(
        None,
        description="IMAP folders for mailtalk fetch, imaps://USER:PASSWORD@HOST/FOLDER, or imap://… with STARTTLS; "
        "several, separated by commas.",
    )
    imap_done_folder: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        "Mailtalk", description="Folder to which a mail is moved after it was stored; created if it is missing."
    )
    imap_other_folder: Annotated[str | None, Field(max_length=200)] = Field(
        None, description="Folder to which mails are moved that are not to an address of ours; unset: they stay."
    )
