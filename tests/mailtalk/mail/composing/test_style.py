"""Styles: what is wrong is refused with its place and reason, what escapes or never ends too, and none loses a mail."""

import logging
import re
from typing import Any

import pytest
from support.notification_content import content, parts

from mailtalk.errors import Invalid
from mailtalk.mail.composing import colours, compose, sandbox, style, style_check
from mailtalk.mail.composing.inline_css import inlined
from mailtalk.mail.composing.texts import TEXTS

HTML = """<html><head><style>.m { color: {{ colours.colour }} }
@media (prefers-color-scheme: dark) { .m { color: #fff !important } }</style></head>
<body>{% if marker %}<p>{{ marker }}</p>{% endif %}
<table>{% for message in messages %}<tr {% if loop.first %}class="m"{% endif %}><td class="m">{{ message.sender }}:
{{ message.text|lines }}</td></tr>{% endfor %}</table><a href="{{ links.unsubscribe }}">x</a></body></html>"""
TEXT = "{% if marker %}{{ marker }}\n{% endif %}{% for m in messages %}{{ m.sender }}: {{ m.text }}\n{% endfor %}"


def refused(**raw: Any) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as caught:
        style_check.checked(raw)
    assert isinstance(caught.value.reasons, dict)
    return dict(caught.value.reasons)


def fault(source: str, name: str = "text") -> str:
    (reason,) = refused(templates={name: source})[f"templates.{name}"]
    return reason


def test_a_whole_style_is_used() -> None:
    found = style_check.checked(
        {
            "name": "Acme",
            "colour": "#0a7d5a",
            "footer": "Acme GmbH\nBerlin",
            "link": "https://acme.example/{conversationId}?u={userId}",
            "logo": "https://acme.example/logo.png",
            "locale": "de",
            "time_zone": "Europe/Berlin",
            "texts": {
                "de": {"reply": "Einfach antworten!", "new": {"one": "Eine neu", "other": "{count} neu in {app}"}}
            },
            "templates": {
                "html": HTML,
                "text": TEXT,
                "subject": "[{{ app }}] {{ subject }}",
                "sender": "{{ names }} ({{ app }})",
            },
        }
    )
    made = content("one\ntwo", style=found, language=found.speaks(None, None))
    text, html = parts(made)
    assert text == f"{TEXTS['de']['marker']}\nAlice: one\ntwo\n"
    assert 'style="color: #0a7d5a' in html
    assert html.count('class="m"') == 2
    assert "prefers-color-scheme" in html
    assert "one<br>\ntwo" in html
    assert compose.body(made).subject == "[Demo] Hello"
    assert compose.sender(made, ("Alice",)) == "Alice (Demo)"
    assert made.language.say("reply", app="Demo") == "Einfach antworten!"
    assert found.link_for("a/b c", "ü&?=#") == "https://acme.example/a%2Fb%20c?u=%C3%BC%26%3F%3D%23"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("colour", "red"),
        ("colour", "#12345g"),
        ("colour", "#123456;background:url(x)"),
        ("logo", "http://x.example/a.png"),
        ("logo", "javascript:alert(1)"),
        ("logo", 'https://x.example/"onload='),
        ("link", "ftp://x.example"),
        ("link", "https://{userId}.example/"),
        ("link", "https://x.example/{secret}"),
        ("link", "https://x.example/{"),
        ("link", "https://x.example/ü"),
        ("privacy", "yes"),
        ("locale", "sv"),
        ("time_zone", "Mars/Olympus"),
        ("name", "x" * 201),
        ("footer", 5),
        ("texts", {"sv": {"reply": "x"}}),
        ("texts", {"en": {"marker": "x"}}),
        ("texts", {"en": {"reply": "{secret}"}}),
        ("texts", {"en": {"new": "x"}}),
        ("texts", {"en": {"new": {"one": "x"}}}),
        ("texts", "x"),
        ("templates", {"headers": "Bcc: e@x"}),
        ("templates", {"html": 5}),
        ("templates", {"html": "x" * 64_001}),
        ("bcc", "eve@example.com"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object) -> None:
    assert list(refused(**{key: value})) == [key]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("a\nb\n{% if %}", "line 3: Expected"),
        ("a\n{{ nothing }}", "line 2: 'nothing' is undefined"),
        ("{{ marker }}\n{% for m in messages %}\n{{ m.secret }}{% endfor %}", "line 3: "),
        ("{{ marker }}\n{{ x|pprint }}", "line 2: No filter named 'pprint'"),
        ("{{ marker|_steps }}", "line 1: no filter"),
        ("no marker at all", "must show {{ marker }}"),
        ("{{ marker }} {{ links.settings|upper }}", "a link must stand as it is"),
        ("{{ marker }} {{ links.settings|truncate(2, true, '', 0) }}", "a link must stand as it is"),
    ],
)
def test_a_broken_template_is_refused_with_line_and_reason(source: str, reason: str) -> None:
    assert fault(source).startswith(reason)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages|map(attribute='__class__') }}",
        "{{ app|attr('__class__') }}",
        "{{ lipsum.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ self.__init__ }}",
        "{{ 'a'.format(1) }}",
        "{{ '%s'|format(app) }}",
        "{% import 'os' as os %}",
        "{% include '/etc/passwd' %}",
        "{% extends 'x' %}",
        "{% set x = 1 %}",
        "{% macro m() %}{{ m() }}{% endmacro %}",
        "{% for x in messages recursive %}{{ loop(messages) }}{% endfor %}",
        "{% call x() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ app|safe }}",
        "{% autoescape false %}{{ app }}{% endautoescape %}",
    ],
)
def test_what_leads_out_of_the_sandbox_is_refused(source: str) -> None:
    assert "marker" not in fault("{{ marker }}" + source)


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(10**9) %}x{% endfor %}",
        "{{ range(1000000000)|length }}",
        "{{ 'x' * 10**9 }}",
        "{{ 9 ** 999999999 }}",
        "{{ 'x'|center(1000000000) }}",
        "{% for a in messages %}" * 6 + "x" + "{% endfor %}" * 6,
        "{% for a in marker %}" * 4 + "x" + "{% endfor %}" * 4,
        "{% for a in messages %}{% for b in marker %}" + "x" * 2_000 + "{% endfor %}{% endfor %}",
        "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
        "{{ " + "not " * 3_000 + "1 }}",
        "{% if 1 %}" * 900 + "{% endif %}" * 900,
    ],
)
def test_what_does_not_end_or_gets_too_large_is_refused(source: str) -> None:
    assert fault("{{ marker }}" + source)


def test_loops_that_say_nothing_are_counted_too() -> None:
    assert "loops more than" in fault("{{ marker or '' }}" + "{% for a in texts.why %}" * 3 + "{% endfor %}" * 3)
    assert "gives more than" in fault("{{ marker or '' }}" + "{% for a in texts.why %}" + "x" * 30_000 + "{% endfor %}")


def test_html_of_others_is_escaped_in_every_template() -> None:
    found = style_check.checked({"templates": {"html": HTML}})
    html = parts(content("<script>alert(1)</script>{{ 7 * 7 }}", style=found))[1]
    assert "<script>" not in html
    assert "{{ 7 * 7 }}" in html


@pytest.mark.parametrize(
    "raw",
    [
        {"templates": {"html": "{{ nothing }}", "text": "{{ nothing }}", "subject": "{{ no }}", "sender": "{{ no }}"}},
        {"templates": {"html": "{% if", "text": "{% if", "subject": "{% if", "sender": "{% if"}},
        {"templates": {"html": "{% for a in range(10**9) %}", "text": "{{ links.settings|upper }}"}},
        {"colour": "none", "what": 1},
    ],
)
def test_a_style_that_fails_when_a_mail_is_made_gives_way_to_ours(
    raw: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        made = content("hi", style=style.of(raw))
        assert "Alice · " in parts(made)[0]
    assert "not used" in caplog.text or "ours is used" in caplog.text
    assert "Reply to this email" in parts(made)[1]
    assert compose.body(made).subject == "Hello"
    assert compose.sender(made, ("Alice",)) == "Alice via Demo"


def test_styles_are_inlined_without_the_network_and_jinja_stays() -> None:
    source = '<link rel="stylesheet" href="http://127.0.0.1:9/x.css"><link rel="stylesheet" href="file:///etc/passwd">'
    page = '<p title="{{ a > b }}">{# n #}{% if x < 1 %}y{% endif %}</p>'
    made = inlined(f"{source}<style>p {{ color: {{{{ c }}}} }}</style>{page}")
    for piece in ('title="{{ a > b }}"', "{# n #}", "{% if x < 1 %}y{% endif %}", 'style="color: {{ c }}'):
        assert piece in made
    assert "root:" not in made


def test_equal_styles_are_one_object() -> None:
    assert style.of({"colour": "#0a7d5a", "name": "x"}) is style.of({"name": "x", "colour": "#0a7d5a"})
    assert style.of({}) is style.DEFAULT
    assert style.of({"locale": "de"}).speaks(None, None) is style.of({"locale": "de"}).speaks(None, None)


@pytest.mark.parametrize("colour", ["#000000", "#ffffff", "#1f6feb", "#ffe600", "#7f7f7f", "#00ff00", "#2b0057"])
def test_every_colour_can_be_read(colour: str) -> None:
    palette = {name: colours._rgb(value) for name, value in colours.palette(colour).items()}
    assert colours.contrast(palette["on_light"], palette["tint"]) >= colours.CONTRAST
    assert colours.contrast(palette["on_light"], colours.LIGHT) >= colours.CONTRAST
    assert colours.contrast(palette["on_dark"], palette["shade"]) >= colours.CONTRAST
    assert colours.contrast(palette["on_colour"], palette["colour"]) >= 4


def test_our_own_templates_pass_every_check() -> None:
    assert style_check.checked({"templates": dict(style.BUILT_IN)})
    assert not re.search(r"https?://", re.sub(r'"urn:[^"]*"', "", style.BUILT_IN["html"]))


def test_lines_are_kept_without_white_space_rules() -> None:
    assert sandbox.lines("a\n  b  c<") == "a<br>\n&nbsp;&nbsp;b &nbsp;c&lt;"
