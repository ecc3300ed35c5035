"""Settings: a wrong value is named with its problem and what is allowed; secrets are never shown."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from mailtalk.settings.load import SECRETS, Settings, SettingsError, load, unknown

ROOT = Path(__file__).parents[3]
LONG = "s3cret-" * 6
ROW = re.compile(r"^\| `(MAILTALK_[A-Z_]+)` *\|(.*)\|$", re.MULTILINE)


def refusal(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    monkeypatch.setenv(f"MAILTALK_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load()
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("API_PORT", "eighty", "integer"),
        ("API_PORT", "0", "greater than or equal to 1"),
        ("API_PORT", "65536", "less than or equal to 65535"),
        ("SMTP_HOST", "a b", "pattern"),
        ("REPLY_DOMAIN", "Reply.Example", "pattern"),
        ("REPLY_DOMAIN", "reply..example", "pattern"),
        ("REPLY_DOMAIN", "a\n.example", "pattern"),
        ("MAIL_FROM", "notify", "pattern"),
        ("MAIL_FROM", "a b@example.com", "pattern"),
        ("MAIL_FROM", "a@example.com\r\nBcc: x@y", "pattern"),
        ("APP_ID", "a/b", "pattern"),
        ("PUBLIC_URL", "example.com", "http://…"),
        ("PUBLIC_URL", "ftp://example.com", "https://…"),
        ("QUIET_SECONDS", "-1", "greater than or equal to 0"),
        ("QUIET_SECONDS", "nan", "less than or equal to 86400"),
        ("CAP_SECONDS", "inf", "less than or equal to 86400"),
        ("WAIT_SECONDS", "61", "less than or equal to 60"),
    ],
)
def test_a_wrong_value_is_named_with_its_problem(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    text = refusal(monkeypatch, name, value)
    assert text.startswith(f"MAILTALK_{name} = {value!r}: ")
    assert problem in text
    assert Settings.model_fields[name.lower()].description in text  # type: ignore[operator]
    assert "\n" not in text


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "postgresql://…"),
        ("DATABASE_URL", "hunter2", "postgresql://…"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:port/d", "postgresql://…"),
        ("DATABASE_URL", "postgresql://u:hunter2@[::1/d", "postgresql://…"),
        ("DATABASE_URL", "postgresql://u:hunter2@h\u2100/d", "postgresql://…"),
        ("REDIS_URL", "http://u:hunter2@h", "redis://…"),
        ("REDIS_URL", "redis://", "redis://…"),
        ("RELAY_URL", "http://u:hunter2@h", "smtps://…"),
        ("RELAY_URL", "smtp://u:hunter2@h:99999", "smtp://…"),
        ("RELAY_URL", "smtp://u:hunter2@h:0", "smtp://…"),
        ("APP_SECRET", "hunter2", "shorter than 32"),
        ("SECRET_KEY", "hunter2", "openssl rand"),
        ("SECRET_KEY", f"{LONG},hunter2", "shorter than 32"),
        ("SECRET_KEY", f"{LONG},{' ' * 40}", "shorter than 32"),
    ],
)
def test_a_wrong_secret_is_named_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    text = refusal(monkeypatch, name, value)
    assert text.startswith(f"MAILTALK_{name}: ")
    assert problem in text
    assert "hunter2" not in text
    assert LONG not in text


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTALK_SMTP_PORT", "0")
    lines = refusal(monkeypatch, "API_PORT", "x").splitlines()
    assert [line.split()[0] for line in lines] == ["MAILTALK_API_PORT", "MAILTALK_SMTP_PORT"]


@pytest.mark.parametrize("name", SECRETS)
def test_each_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    values = {"database_url": "postgresql://h/d", "redis_url": "redis://h", "relay_url": "smtp://h"}
    values |= {"sentry_dsn": "https://public@sentry.example/1", "imap_url": "imaps://u:p@h/INBOX"}
    value = values.get(name, LONG)
    (tmp_path / "secret").write_text(f"{value}\n")
    monkeypatch.setenv(f"MAILTALK_{name.upper()}_FILE", str(tmp_path / "secret"))
    assert load().require(name) == value


def test_a_secret_and_its_file_at_once_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MAILTALK_SECRET_KEY_FILE", str(tmp_path / "secret"))
    text = refusal(monkeypatch, "SECRET_KEY", LONG)
    assert "MAILTALK_SECRET_KEY and MAILTALK_SECRET_KEY_FILE are both set" in text


def test_a_file_that_is_missing_a_folder_or_no_text_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe" * 20)
    for path, problem in (("none", "No such file"), (".", "directory"), ("bytes", "not UTF-8")):
        text = refusal(monkeypatch, "SECRET_KEY_FILE", str(tmp_path / path))
        assert text.startswith("MAILTALK_SECRET_KEY_FILE: cannot read")
        assert problem in text


def test_an_empty_file_is_a_wrong_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert "shorter than 32" in refusal(monkeypatch, "SECRET_KEY_FILE", str(tmp_path / "empty"))


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_HOST", "API_PORT", "REPLY_DOMAIN", "SMTP_TLS_CERT", "RELAY_URL", "SECRET_KEY"):
        monkeypatch.setenv(f"MAILTALK_{name}", "")
    assert load() == Settings()


def test_a_variable_that_is_no_setting_is_told_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "MAILTALK_API_PROT",
        "MAILTALK_SECRETKEY_FILE",
        "MAILTALK_ZZZ",
        "mailtalk_api_host",
        "MAILTALK_DKIM_KEY_FILE",
    ):
        monkeypatch.setenv(name, "1")
    assert unknown() == [
        "MAILTALK_API_PROT is not a setting; did you mean MAILTALK_API_PORT?",
        "MAILTALK_SECRETKEY_FILE is not a setting; did you mean MAILTALK_SECRET_KEY_FILE?",
        "MAILTALK_ZZZ is not a setting; mailtalk --help says where all are listed",
    ]


def test_secrets_do_not_show_in_the_repr() -> None:
    settings = Settings(database_url="postgresql://u:hunter2@h/d", secret_key=LONG, relay_url="smtp://u:hunter2@h")
    assert "hunter2" not in repr(settings) + str(settings)
    assert LONG not in repr(settings) + str(settings)
    assert settings.require("secret_key") == LONG


def test_what_is_required_and_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="MAILTALK_SECRET_KEY is not set"):
        Settings().require("secret_key")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().api_port = 1  # type: ignore[misc]


def test_every_secret_is_known_as_one() -> None:
    secret = {name for name, field in Settings.model_fields.items() if SecretStr.__name__ in str(field.annotation)}
    assert secret == set(SECRETS)


def test_what_follows_from_other_settings() -> None:
    assert Settings(reply_domain="r.example").sender == "notify@r.example"
    assert Settings(mail_from="a@b.example").sender == "a@b.example"
    assert Settings(api_port=81).base_url == "http://127.0.0.1:81"
    assert Settings(public_url="https://x.example/").base_url == "https://x.example"


def test_the_readme_has_every_setting_with_its_default_and_description() -> None:
    section = (ROOT / "README.md").read_text().partition("\n## Settings\n")[2].partition("\n## ")[0]
    table = dict(ROW.findall(section))
    assert table.keys() == {f"MAILTALK_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default, meaning = (cell.strip() for cell in table[f"MAILTALK_{name.upper()}"].split(" | "))
        assert meaning.replace(" (secret).", ".").replace("`", "") == field.description
        assert meaning.endswith(" (secret).") == (name in SECRETS)
        if field.default is not None:
            assert default == f"`{field.default}`", name


def test_a_message_names_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(monkeypatch, "API_PORT", "x").endswith("Port of the HTTP API. Default: 8000.")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"SMTP_TLS_CERT": "cert.pem"}, "MAILTALK_SMTP_TLS_CERT and MAILTALK_SMTP_TLS_KEY: set both, or neither"),
        ({"SMTP_TLS_KEY": "key.pem"}, "MAILTALK_SMTP_TLS_CERT and MAILTALK_SMTP_TLS_KEY: set both, or neither"),
        ({"SMTP_TLS_REQUIRED": "true"}, "MAILTALK_SMTP_TLS_REQUIRED needs MAILTALK_SMTP_TLS_CERT"),
        ({"SMTP_IN_FLIGHT_BYTES": "1000000"}, "MAILTALK_SMTP_IN_FLIGHT_BYTES must be at least 1.5 times"),
        ({"LMTP_PORT": "8025"}, "MAILTALK_LMTP_PORT and MAILTALK_SMTP_PORT are the same"),
    ],
)
def test_settings_that_do_not_fit_are_named(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], problem: str
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"MAILTALK_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert problem in str(caught.value)
