"""Mail preview: mails as they would be made, and HTML pages that show them light, dark, and as wide as a phone."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from mailtalk.mail.composing.preview import Preview, in_scheme

VIEWS = (("light", 720), ("dark", 720), ("phone, light", 390), ("phone, dark", 390))
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Mail preview</title>
<style>
body {{ margin: 0; padding: 24px; font: 15px/1.5 system-ui, sans-serif; background: #e7eaef; color: #1b222c; }}
section {{ margin: 0 0 48px; }} h2 {{ margin: 0 0 4px; }} pre {{ background: #fff; padding: 16px; overflow: auto; }}
.views {{ display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; }} figure {{ margin: 0; }}
iframe {{ border: 1px solid #c3cad5; height: 760px; background: #fff; }}
</style></head><body><h1>Mail preview</h1>
{sections}
</body></html>
"""
SECTION = """<section id="{kind}"><h2>{kind}</h2>
<p><b>From</b> {sender} &nbsp; <b>Subject</b> {subject} &nbsp; {size} bytes</p>
<div class="views">{frames}</div><details><summary>text part</summary><pre>{text}</pre></details></section>"""
FRAME = """<figure><figcaption>{name}</figcaption>
<iframe title="{kind}, {name}" width="{width}" style="color-scheme: {scheme}" sandbox src="{file}"></iframe></figure>"""


def write_pages(mails: Mapping[str, Preview], out: Path) -> Path:
    """Write the mails, and an index.html that shows them all; return its path."""
    out.mkdir(parents=True, exist_ok=True)
    for kind, mail in mails.items():
        for scheme in ("light", "dark"):
            (out / f"{kind}-{scheme}.html").write_text(in_scheme(scheme, mail.html), "utf-8")
        (out / f"{kind}.eml").write_bytes(mail.source)
    index = out / "index.html"
    index.write_text(PAGE.format(sections="\n".join(_section(kind, mail) for kind, mail in mails.items())), "utf-8")
    return index.absolute()


def _section(kind: str, mail: Preview) -> str:
    frames = "".join(
        FRAME.format(name=name, kind=kind, width=width, scheme=scheme, file=f"{kind}-{scheme}.html")
        for name, width in VIEWS
        for scheme in (name.rpartition(", ")[2],)
    )
    values = {"sender": escape(mail.sender), "subject": escape(mail.subject), "text": escape(mail.text)}
    return SECTION.format(kind=kind, size=len(mail.source), frames=frames, **values)
