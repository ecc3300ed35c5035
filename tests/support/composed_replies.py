"""Replies composed of parts, so that what their author wrote is known: languages, signatures, and clients' quotes."""

import tomllib
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

import msgspec


class Tongue(msgspec.Struct, frozen=True):
    """The words of one language: of the author, and of the programs that quote."""

    texts: tuple[str, ...]
    sign_off: str
    name: str
    role: str
    company: str
    phone: str
    device: str
    wrote: str  # "On {date}, {who} wrote:"
    dated: str
    labels: tuple[str, str, str, str]  # From, Sent, To, Subject
    original: str
    quoted: str
    farewells: tuple[str, ...]


TONGUES: Mapping[str, Tongue] = {
    language: msgspec.convert(words, Tongue)
    for language, words in tomllib.loads((Path(__file__).parents[1] / "mails/own/composed.toml").read_text()).items()
}
WHO = "Alice Moreau <alice@example.org>"
MAIL, LINK = "bob@example.com", "www.example.com"

Signature = Callable[[Tongue], tuple[str, str]]
"""Lines below the text: those that stay, and those that go."""

SIGNATURES: Mapping[str, Signature] = {
    "none": lambda _: ("", ""),
    "first name": lambda words: (f"\n\n{words.sign_off}\n{words.name.split()[0]}", ""),
    "name alone": lambda words: (f"\n\n{words.name.split()[0]}", ""),
    "device": lambda words: ("", f"\n\n{words.device}"),
    "dashes": lambda words: ("", f"\n\n-- \n{words.name}\n{words.role}, {words.company}\n{words.phone}"),
    "card": lambda words: (
        "",
        f"\n\n{words.sign_off}\n{words.name}\n{words.role}\n{words.company}\n{words.phone}\n{MAIL}",
    ),
    "card after a gap": lambda words: (
        "",
        f"\n\n{words.sign_off}\n\n{words.name}\n{words.role}\n\n{words.company}\n{words.phone}\n{LINK}",
    ),
    "bars": lambda words: (
        "",
        f"\n\n{words.sign_off}\n{words.name} | {words.role} | {words.company}\n{words.phone} | {MAIL}",
    ),
    "underscores": lambda words: (
        "",
        f"\n\n______________________\n{words.name}\n{words.company}\n{words.phone}\n{MAIL}",
    ),
    "name and contacts": lambda words: ("", f"\n\n{words.name}\n{words.phone}\n{MAIL}"),
}


def from_headers(words: Tongue) -> list[str]:
    """Forms in which programs write a name into the From header."""
    first, _, last = words.name.partition(" ")
    forms = [f"{words.name} <{MAIL}>", f"{words.name} ({words.company}) <{MAIL}>"]
    if last:
        forms += [f'"{last}, {first}" <{MAIL}>', f"{last} {first} <{MAIL}>", f"{first[0]}. {last} <{MAIL}>"]
    return forms


def attribution(words: Tongue) -> str:
    """The line above a quote."""
    return words.wrote.format(date=words.dated, who=WHO)


def header_block(words: Tongue) -> list[str]:
    """Outlook's lines above a quote."""
    values = (WHO, words.dated, f"{words.name} <{MAIL}>", "Room")
    return [f"{label} {value}" for label, value in zip(words.labels, values, strict=True)]


def prefixed(words: Tongue) -> str:
    """The quoted mail with > before each line."""
    return "\n".join(f"> {line}".rstrip() for line in words.quoted.split("\n"))


def _body(text: str) -> str:
    return "".join(f"<div>{escape(line) or '<br>'}</div>" for line in text.split("\n"))


def _paragraphs(text: str) -> str:
    return "".join(f"<p class=MsoNormal>{escape(line) or '&nbsp;'}<o:p></o:p></p>" for line in text.split("\n"))


def _bold(words: Tongue) -> str:
    lines = (line.partition(" ") for line in header_block(words))
    return "<br>".join(f"<b>{escape(label)}</b> {escape(rest)}" for label, _, rest in lines)


PLAIN: Mapping[str, Callable[[str, Tongue], str]] = {
    "nothing": lambda said, _: said,
    "attribution": lambda said, words: f"{said}\n\n{attribution(words)}\n\n{prefixed(words)}\n",
    "wrapped": lambda said, words: (
        f"{said}\n\n{attribution(words).replace(' <', chr(10) + '<', 1)}\n\n{prefixed(words)}\n"
    ),
    "quoted attribution": lambda said, words: f"{said}\n\n> {attribution(words)}\n>\n{prefixed(words)}\n",
    "headers": lambda said, words: "\n".join([said, "", *header_block(words), "", words.quoted, ""]),
    "ruled headers": lambda said, words: "\n".join([said, "", "_" * 32, *header_block(words), "", words.quoted, ""]),
    "original": lambda said, words: "\n".join(
        [said, "", f"-----{words.original}-----", *header_block(words), "", words.quoted, ""]
    ),
    "unmarked": lambda said, words: "\n".join([said, "", attribution(words), "", words.quoted, ""]),
    "answer below": lambda said, words: f"{attribution(words)}\n{prefixed(words)}\n\n{said}\n",
}
PAGES: Mapping[str, Callable[[str, Tongue], str]] = {
    "gmail": lambda said, words: (
        f'<div dir="ltr">{_body(said)}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        f'{escape(attribution(words))}<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">'
        f"{_body(words.quoted)}</blockquote></div>"
    ),
    "apple": lambda said, words: (
        f'<html><body dir="auto">{_body(said)}<div><br><blockquote type="cite"><div>{escape(attribution(words))}</div>'
        f"<br><div>{_body(words.quoted)}</div></blockquote></div></body></html>"
    ),
    "word": lambda said, words: (
        f"<html><body><div class=WordSection1>{_paragraphs(said)}<div><div style='border:none;border-top:solid #E1E1E1"
        f" 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal>{_bold(words)}</p></div></div>"
        f"{_paragraphs(words.quoted)}</div></body></html>"
    ),
    "owa": lambda said, words: (
        f'<html><body dir="ltr">{_body(said)}<div id="appendonsend"></div><hr style="display:inline-block;width:98%"'
        f' tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">{_bold(words)}</div>{_body(words.quoted)}'
        "</body></html>"
    ),
    "rule": lambda said, words: (
        f"<html><body>{_body(said)}<br><hr>{_bold(words)}<br><br>{_body(words.quoted)}</body></html>"
    ),
    "bare rule": lambda said, words: (
        f"<div>{escape(said).replace(chr(10), '<br>')}<br><hr>{escape(chr(10).join(header_block(words)))}"
        "</div>".replace("\n", "<br>")
        + _body(words.quoted)
    ),
    "unmarked": lambda said, words: (
        f"<div>{escape(said).replace(chr(10), '<br>')}<br><br>{escape(attribution(words))}</div>"
        f"<blockquote>{_body(words.quoted)}</blockquote>"
    ),
    "no blockquote": lambda said, words: (
        f"<p>{escape(said).replace(chr(10), '<br>')}</p><div>{escape(attribution(words))}</div>{_body(words.quoted)}"
    ),
    "original": lambda said, words: (
        f"{escape(said).replace(chr(10), '<br>')}<br><br><div>-------- {words.original} --------</div>"
        f"<div>{'</div><div>'.join(map(escape, header_block(words)))}</div><br>{_body(words.quoted)}"
    ),
    "answer below": lambda said, words: (
        f'<html><body><div class="moz-cite-prefix">{escape(attribution(words))}<br></div><blockquote type="cite">'
        f"{_body(words.quoted)}</blockquote>{_body(said)}</body></html>"
    ),
}
