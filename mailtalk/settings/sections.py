"""Settings by what they steer: the SMTP edge, mail that comes in, mail that goes out, webhooks."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from mailtalk.settings.types import Bytes, Count, Domain, Domains, Networks, Port, Private


class Edge(BaseSettings):
    """What the SMTP bridge allows; the defaults are Postfix's, or what real mail needs."""

    smtp_tls_cert: Path | None = Field(None, description="certificate chain for STARTTLS, PEM; read again on SIGHUP")
    smtp_tls_key: Path | None = Field(None, description="its key, PEM")
    smtp_tls_required: bool = Field(default=False, description="refuse mail from who has not started TLS")
    smtp_proxy_from: Networks | None = Field(
        None, description="networks of proxies that speak the PROXY protocol to the bridge, by comma"
    )
    lmtp_port: Port | None = Field(
        None, description="where the bridge listens for LMTP too, for standing behind an MTA"
    )
    smtp_message_bytes: Bytes = Field(25_000_000, description="size of a mail")
    smtp_recipients: Count = Field(100, description="recipients of a mail")
    smtp_sessions: Count = Field(1_000, description="sessions at once")
    smtp_sessions_per_host: Count = Field(20, description="sessions at once of one IP address")
    smtp_commands: Count = Field(100, description="commands of a session since its last mail, recipients not counted")
    smtp_errors: Count = Field(10, description="refused commands of a session since its last mail")
    smtp_session_seconds: Annotated[float, Field(ge=1, le=86_400)] = Field(600, description="length of a session")
    smtp_bytes_per_second: Annotated[int, Field(ge=0)] = Field(500, description="least speed of a mail's data; 0 = any")
    smtp_in_flight_bytes: Bytes = Field(256_000_000, description="memory for mails that are being received, in all")

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if (self.smtp_tls_cert is None) != (self.smtp_tls_key is None):
            raise ValueError("MAILTALK_SMTP_TLS_CERT and MAILTALK_SMTP_TLS_KEY: set both, or none")
        if self.smtp_tls_required and self.smtp_tls_cert is None:
            raise ValueError("MAILTALK_SMTP_TLS_REQUIRED needs MAILTALK_SMTP_TLS_CERT and MAILTALK_SMTP_TLS_KEY")
        if self.smtp_in_flight_bytes < self.smtp_message_bytes * 3 // 2:
            raise ValueError("MAILTALK_SMTP_IN_FLIGHT_BYTES is less than one mail takes: 1.5 * SMTP_MESSAGE_BYTES")
        return self


class Inbound(BaseSettings):
    """How mail that came in is judged and kept."""

    mail_per_hour: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        60, description="mails of one participant an hour before the rest is put into quarantine; 0 = off"
    )
    raw_mail_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        30, description="how long mails are kept as they came, for showing and replaying"
    )
    file_url_seconds: Annotated[float, Field(ge=60, le=31_536_000)] = Field(
        604_800, description="how long the link to a file that came with a mail works"
    )
    trusted_sealers: Domains = Field(
        None, description="domains whose ARC seals are believed when a forward broke SPF and DKIM, by comma"
    )
    dns_servers: Annotated[str | None, Field(pattern=r"^[0-9a-fA-F.:, \[\]]+$")] = Field(
        None, description="addresses of the resolvers for SPF, DKIM and DMARC, by comma; unset: the system's"
    )


class Outgoing(BaseSettings):
    """How mails are sent."""

    relay_connections: Annotated[int, Field(ge=1, le=100)] = Field(8, description="connections to the relay, a worker")
    domain_mails_per_minute: Annotated[int, Field(ge=0)] = Field(
        0, description="mails a minute to one domain of recipients, of all workers; 0 = as fast as the relay takes them"
    )
    unknown: Literal["resend", "hold"] = Field(
        "resend", description="what becomes of a mail whose final dot was sent and whose answer was lost"
    )
    give_up_hours: Annotated[float, Field(gt=0, le=240)] = Field(48, description="how long a mail is tried")
    suppress_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        30, description="how long nothing is sent to an address that does not exist"
    )
    idempotency_header: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")] = Field(
        None, description="header with the delivery's id, by which a relay drops repeats, as Resend-Idempotency-Key"
    )
    dkim_domain: Domain | None = Field(None, description="domain that signs our mails; unset: the relay signs")
    dkim_selector: Domains = Field(None, description="its selector; two, by comma, for two keys")
    dkim_key: SecretStr | None = Field(None, description="its private key, PEM: RSA or Ed25519, or both")


class Webhooks(BaseSettings):
    """What may be told to other programs, and how long it is remembered."""

    webhook_allow_private: Private = Field(
        "false", description="whether webhooks may lead to private addresses: true, false, or networks by comma"
    )
    event_days: Annotated[float, Field(gt=0, le=3650)] = Field(30, description="how long events can be replayed")
