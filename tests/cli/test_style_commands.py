"""`mailtalk app style` and `mailtalk mail preview`: how mails look, seen before anybody gets one."""

import email
import tomllib
from pathlib import Path
from typing import Any

import pytest
from support.cast import Cast
from support.command_line import Command, command
from support.sql import column

STYLE = """
colour = "#0a7d5a"
footer = '''Acme "GmbH"\\nBerlin
ü'''
link = "https://acme.example/{conversationId}"

[texts.de]
reply = "Einfach antworten!"

[texts.de.new]
one = "Eine neu."
other = "{count} neu."

[templates]
subject = "[{{ app }}] {{ subject }}"
"""


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "style.toml"
    path.write_text(STYLE, "utf-8")
    return path


def kept(cast: Cast) -> dict[str, Any]:
    found: dict[str, Any] = column(cast.database, "SELECT style FROM apps")[0]
    return found


def test_a_style_is_set_shown_and_read_again(mailtalk: Command, cast: Cast, file: Path, tmp_path: Path) -> None:
    assert "No style set: default look." in mailtalk("app", "style", "demo").stdout
    shown = mailtalk("app", "style", "demo", "--file", str(file)).stdout
    assert kept(cast) == tomllib.loads(STYLE) == tomllib.loads(shown)
    (tmp_path / "again.toml").write_text(mailtalk("app", "style", "demo").stdout, "utf-8")
    mailtalk("app", "style", "demo", "--file", str(tmp_path / "again.toml"))
    assert kept(cast) == tomllib.loads(STYLE)


def test_single_values_come_and_go(mailtalk: Command, cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "mail.txt").write_text("{{ marker or '' }}{{ new }}", "utf-8")
    mailtalk("app", "style", "demo", "--set", "colour=#0a7d5a", "--set", "privacy=true", "--set", "texts.de.reply=Los!")
    mailtalk("app", "style", "demo", "--template", f"text={tmp_path / 'mail.txt'}", "--set", "texts.de.open=Auf")
    assert kept(cast)["privacy"] is True
    assert kept(cast)["texts"] == {"de": {"reply": "Los!", "open": "Auf"}}
    assert kept(cast)["templates"] == {"text": "{{ marker or '' }}{{ new }}"}
    mailtalk("app", "style", "demo", "--unset", "colour", "--unset", "templates.text")
    assert kept(cast).keys() == {"privacy", "texts", "templates"}
    assert kept(cast)["templates"] == {}


def test_what_is_wrong_changes_nothing_and_says_where(mailtalk: Command, cast: Cast, tmp_path: Path) -> None:
    mailtalk("app", "style", "demo", "--set", "colour=#0a7d5a")
    (tmp_path / "mail.html").write_text("<p>{{ marker }}</p>\n{{ secret }}", "utf-8")
    (tmp_path / "wrong.toml").write_text("colour = ", "utf-8")
    told = mailtalk("app", "style", "demo", "--template", f"html={tmp_path / 'mail.html'}", code=1).stderr
    assert "templates.html: line 2: 'secret' is undefined" in told
    assert "no app 'nobody'" in mailtalk("app", "style", "nobody", "--set", "name=x", code=1).stderr
    assert "wrong.toml" in mailtalk("app", "style", "demo", "--file", str(tmp_path / "wrong.toml"), code=1).stderr
    for wrong in (("--set", "colour"), ("--unset", "logo"), ("--set", "colour.dark=x")):
        mailtalk("app", "style", "demo", *wrong, code=2)
    assert kept(cast) == {"colour": "#0a7d5a"}


def test_a_preview_needs_no_database(file: Path, tmp_path: Path) -> None:
    mailtalk = command("postgresql://nobody@127.0.0.1:9/nothing", tmp_path)
    told = mailtalk("mail", "preview", "--file", str(file), "--locale", "de", "--out", str(tmp_path / "out")).stdout
    assert str(tmp_path / "out/index.html") in told
    index = (tmp_path / "out/index.html").read_text("utf-8")
    for kind in ("reply", "mention", "files", "many", "long", "read-only", "private"):
        assert f'src="{kind}-dark.html"' in index
        assert b"multipart/alternative" in (tmp_path / f"out/{kind}.eml").read_bytes()
    dark = (tmp_path / "out/reply-dark.html").read_text("utf-8")
    assert "@media all" in dark
    assert "Einfach antworten!" in dark
    assert "Sie haben" not in mailtalk("mail", "preview", "--file", str(file), "--kind", "private", "--text").stdout


def test_a_conversation_is_shown_as_one_user_would_be_mailed_it(mailtalk: Command, cast: Cast) -> None:
    cast.join("alice", "bob")
    cast.say("alice", "Hi <!!mention:bob|Bob>")
    mailtalk("app", "style", "demo", "--set", "colour=#0a7d5a")
    seen = ("mail", "preview", "--app", "demo", "--conversation", "hello", "--user", "bob")
    assert "Hi @Bob" in mailtalk(*seen, "--text").stdout
    assert "#0a7d5a" in mailtalk(*seen, "--html").stdout
    source = email.message_from_string(mailtalk(*seen, "--source").stdout)
    assert (source["From"], source["Subject"]) == ("Alice via Demo\n <notify@reply.example>", "Hello")
    assert "nobody" in mailtalk(*seen[:-1], "nobody", code=1).stderr
    mailtalk(*seen[:-2], code=2)


def test_the_built_in_template_is_one_to_begin_with(tmp_path: Path) -> None:
    mailtalk, file = command("postgresql://nobody@127.0.0.1:9/nothing", tmp_path), tmp_path / "style.toml"
    own = mailtalk("mail", "template", "html").stdout
    file.write_text(f"[templates]\nhtml = '''{own}'''\n", "utf-8")
    shown = mailtalk("mail", "preview", "--file", str(file), "--kind", "reply", "--html").stdout
    assert shown == mailtalk("mail", "preview", "--kind", "reply", "--html").stdout
