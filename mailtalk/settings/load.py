"""Settings: frozen, read once from MAILTALK_* (and MAILTALK_*_FILE for secrets)."""

import os
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from mailtalk.settings.sections import Edge, Inbound, Outgoing, Webhooks
from mailtalk.settings.types import AppId, Domain, Host, Mailbox, Port, Seconds, Secret, scheme

PREFIX = "MAILTALK_"
SECRETS = ("app_secret", "secret_key", "database_url", "redis_url", "relay_url", "dkim_key")


class SettingsError(Exception):
    """A setting is wrong; the text names it, says what is wrong with it and what is allowed."""


class Settings(Edge, Inbound, Outgoing, Webhooks):
    """Every setting of every process; README's table says the same, held by tests/test_settings.py."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data_dir: Path = Field(Path(".mailtalk"), description="where the embedded servers and the made secrets are kept")
    database_url: Annotated[SecretStr | None, scheme("postgresql", "postgres", "postgresql+psycopg")] = Field(
        None, description="PostgreSQL; unset: an embedded one"
    )
    redis_url: Annotated[SecretStr | None, scheme("redis", "rediss", "unix")] = Field(
        None, description="Redis or Valkey, the broker; unset: an embedded one"
    )
    api_host: Host = Field("127.0.0.1", description="where the HTTP API listens")
    api_port: Port = Field(8000, description="its port")
    smtp_host: Host = Field("127.0.0.1", description="where the SMTP bridge listens")
    smtp_port: Port = Field(8025, description="its port")
    reply_domain: Domain = Field(
        "reply.localhost", description="the domain of the inbound addresses; its MX is the bridge"
    )
    relay_url: Annotated[SecretStr | None, scheme("smtp", "smtps")] = Field(
        None,
        description="where mails are sent; several, by comma, in order of preference; unset: they are captured",
    )
    app_id: AppId = Field("demo", description="the app that `mailtalk up` creates")
    app_secret: Secret = Field(None, description="its secret; unset: made once and kept in the data dir")
    public_url: Annotated[str | None, scheme("http", "https")] = Field(
        None, description="base of every link in mails; unset: http://API_HOST:API_PORT"
    )
    mail_from: Mailbox | None = Field(None, description="sender of our mails; unset: notify@REPLY_DOMAIN")
    quiet_seconds: Seconds = Field(30, description="a mail is made when its conversation was quiet so long")
    cap_seconds: Seconds = Field(900, description="and at most so long after the first message")
    wait_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        5, description="how long an HTTP request waits until its change is applied"
    )
    secret_key: Secret = Field(
        None,
        description="addresses and seals are derived from it; several, by comma: the first signs, all are known; "
        "unset: made once, with the embedded database only",
    )

    @model_validator(mode="after")
    def _have_doors_of_their_own(self) -> Self:
        if self.lmtp_port == self.smtp_port:
            raise ValueError(f"{PREFIX}LMTP_PORT and {PREFIX}SMTP_PORT are the same")
        return self

    @property
    def sender(self) -> str:
        """The address our mails come from."""
        return self.mail_from or f"notify@{self.reply_domain}"

    @property
    def base_url(self) -> str:
        """Base of every link in mails, without a slash at its end."""
        return (self.public_url or f"http://{self.api_host}:{self.api_port}").rstrip("/")

    def require(self, name: str) -> str:
        """A secret setting's value; SettingsError when it is not set."""
        value: SecretStr | None = getattr(self, name)
        if value is None:
            raise SettingsError(f"{PREFIX}{name.upper()} is not set ({Settings.model_fields[name].description})")
        return value.get_secret_value()


def load(**overrides: Any) -> Settings:
    """Read the environment; a wrong value raises SettingsError with name, problem and what is allowed."""
    try:
        return Settings(**(_from_files() | overrides))
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(each) for each in error.errors())) from None


def _from_files() -> dict[str, str]:
    """The values of the secrets that stand in files, as Docker and Kubernetes hand them over."""
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
            raise SettingsError(f"{variable}_FILE: cannot read {path!r}: it is not UTF-8 text") from None
    return values


def _explain(error: Any) -> str:
    """One line for one wrong setting, or for some that do not fit; a secret's value is never shown."""
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")
    field = str(error["loc"][0])
    shown = "" if field in SECRETS else f" = {error['input']!r}"
    allowed = Settings.model_fields[field].description
    return f"{PREFIX}{field.upper()}{shown}: {error['msg'].removeprefix('Value error, ')} ({allowed})"
