"""All settings, read once from MAILTALK_* variables; secrets also from files named by MAILTALK_*_FILE."""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from mailtalk.settings.doors import Edge, HttpEdge, Imap, Ingress, Rates
from mailtalk.settings.sections import Console, Inbound, Observation, Outgoing, Retention, Webhooks
from mailtalk.settings.types import AppId, Domain, Host, Mailbox, Port, Seconds, Secret, scheme

PREFIX = "MAILTALK_"
SECRETS = (
    *("app_secret", "secret_key", "database_url", "redis_url", "relay_url", "dkim_key", "sentry_dsn"),
    *("ingress_cloudflare", "ingress_mailgun", "ingress_postmark", "ingress_sendgrid", "imap_url"),
    *("console_password", "console_reader_password", "console_oidc_client_secret"),
)


class SettingsError(Exception):
    """Wrong setting; the text names the variable, the problem and the allowed values."""


class Settings(HttpEdge, Rates, Edge, Imap, Inbound, Ingress, Outgoing, Retention, Webhooks, Console, Observation):
    """Settings of all processes; README's table repeats their descriptions, which a test compares."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    data_dir: Path = Field(Path(".mailtalk"), description="Directory of the embedded servers and of generated secrets.")
    database_url: Annotated[SecretStr | None, scheme("postgresql", "postgres", "postgresql+psycopg")] = Field(
        None, description="PostgreSQL URL, postgresql://…; unset: an embedded server."
    )
    redis_url: Annotated[SecretStr | None, scheme("redis", "rediss", "unix")] = Field(
        None,
        description="URL of the broker, Valkey or Redis: redis://…, rediss://… or unix://…; unset: an embedded server.",
    )
    api_host: Host = Field("127.0.0.1", description="Address on which the HTTP API listens.")
    api_port: Port = Field(8000, description="Port of the HTTP API.")
    smtp_host: Host = Field("127.0.0.1", description="Address on which the SMTP bridge listens.")
    smtp_port: Port = Field(8025, description="Port of the SMTP bridge.")
    reply_domain: Domain = Field(
        "reply.localhost", description="Domain of the inbound addresses; its MX record must name the bridge."
    )
    reply_to_scheme: Literal["address", "plus"] = Field(
        "address",
        description="Form of inbound addresses: address (TOKEN@REPLY_DOMAIN), or plus (MAILBOX+TOKEN@REPLY_DOMAIN) for "
        "one mailbox of a domain that others use too; addresses of both forms are accepted.",
    )
    reply_mailbox: Annotated[str, Field(max_length=20, pattern=r"^[a-z0-9][a-z0-9._-]*$")] = Field(
        "replies", description="Mailbox of MAILTALK_REPLY_TO_SCHEME=plus, in lower case."
    )
    relay_url: Annotated[SecretStr | None, scheme("smtp", "smtps")] = Field(
        None,
        description="Relay for outgoing mail, smtp://… or smtps://…; several, separated by commas, in order of "
        "preference; unset: mail is captured, see mailtalk mails.",
    )
    app_id: AppId = Field("demo", description="App that mailtalk up creates.")
    app_secret: Secret = Field(
        None,
        description="Secret of that app, at least 32 characters; unset: generated once and kept in the data directory.",
    )
    public_url: Annotated[str | None, scheme("http", "https")] = Field(
        None, description="Base URL of all links in mails; unset: http://API_HOST:API_PORT."
    )
    mail_from: Mailbox | None = Field(
        None,
        description="From address of outgoing mail; unset: notify@REPLY_DOMAIN, or MAILBOX@REPLY_DOMAIN with plus.",
    )
    quiet_seconds: Seconds = Field(
        30, description="Seconds without a new message in a conversation before its notifications are mailed."
    )
    cap_seconds: Seconds = Field(
        900, description="Seconds after the first message at which they are mailed at the latest."
    )
    wait_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        5, description="Seconds an HTTP request waits for its change to be applied before it is answered 202."
    )
    worker_processes: Annotated[int | None, Field(ge=1, le=64)] = Field(
        None, description="Processes of mailtalk worker; unset: one per core, with mailtalk up at most 4."
    )
    secret_key: Secret = Field(
        None,
        description="Key that inbound addresses, signatures and encryption are derived from, at least 32 characters; "
        "several, separated by commas: the first signs and encrypts, all are accepted; unset: generated once, with the "
        "embedded database only.",
    )

    @model_validator(mode="after")
    def _have_different_ports(self) -> Self:
        if self.lmtp_port == self.smtp_port:
            raise ValueError(f"{PREFIX}LMTP_PORT and {PREFIX}SMTP_PORT are the same: choose another port for one")
        return self

    @property
    def sender(self) -> str:
        """From address of outgoing mail."""
        return self.mail_from or f"{self.own_mailbox or 'notify'}@{self.reply_domain}"

    @property
    def own_mailbox(self) -> str:
        """Mailbox of all inbound addresses; empty if each has its own."""
        return self.reply_mailbox if self.reply_to_scheme == "plus" else ""

    @property
    def base_url(self) -> str:
        """Base URL of links in mails, without a trailing slash."""
        return (self.public_url or f"http://{self.api_host}:{self.api_port}").rstrip("/")

    def require(self, name: str) -> str:
        """Value of a secret setting; SettingsError if it is not set."""
        value: SecretStr | None = getattr(self, name)
        if value is None:
            raise SettingsError(
                f"{PREFIX}{name.upper()} is not set; set it or {PREFIX}{name.upper()}_FILE. {_meaning(name)}"
            )
        return value.get_secret_value()


def load(**overrides: Any) -> Settings:
    """Settings from the environment; SettingsError names every wrong one, its problem and the allowed values."""
    try:
        return Settings(**(_from_files() | overrides))
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(problem) for problem in error.errors())) from None


def unknown() -> list[str]:
    """A sentence for each MAILTALK_* variable that is no setting, with the one that was probably meant."""
    names = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    names |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
    strangers = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in names)
    return [f"{name} is not a setting{_meant(name, names)}" for name in strangers]


def _meant(name: str, names: set[str]) -> str:
    close = get_close_matches(name.upper(), names, n=1, cutoff=0.75)
    return f"; did you mean {close[0]}?" if close else "; mailtalk --help says where all are listed"


def _from_files() -> dict[str, str]:
    """Secrets in files, as Docker and Kubernetes provide them."""
    values = {}
    for name in SECRETS:
        variable = f"{PREFIX}{name.upper()}"
        path = os.environ.get(f"{variable}_FILE")
        if not path:
            continue
        if os.environ.get(variable):
            raise SettingsError(f"{variable} and {variable}_FILE are both set; set one of them")
        try:
            values[name] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{variable}_FILE: cannot read {path!r}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{variable}_FILE: cannot read {path!r}: not UTF-8 text") from None
    return values


def _explain(error: Any) -> str:
    """One line about one wrong setting, or about several that contradict each other; never a secret's value."""
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")
    field = str(error["loc"][0])
    value = "" if field in SECRETS else f" = {error['input']!r}"
    problem = error["msg"].removeprefix("Value error, ")
    return f"{PREFIX}{field.upper()}{value}: {problem}. {_meaning(field)}"


def _meaning(name: str) -> str:
    """Description of a setting, with its default."""
    field = Settings.model_fields[name]
    return f"{field.description}" + ("" if field.default is None else f" Default: {field.default}.")
