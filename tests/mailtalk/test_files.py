"""Files that come with mails: kept with messages, shown by links that end."""

import re
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from html import unescape
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image
from support.cast import Cast
from support.inbox import DOMAIN, Box
from support.outbox import SENDER, START, Post, text
from support.sql import column, rows

from mailtalk import clock, files
from mailtalk.conversations import conversations, messages
from mailtalk.files import Links
from mailtalk.keys import Key, Keyring
from mailtalk.notifications import windows
from mailtalk.notifications.builder import MailBuilder
from mailtalk.settings.load import Settings

NOBODY = "0" * 32
PHOTO, LOGO, PIXEL = b"\x89PNG photo" * 400, b"\x89PNG logo" * 400, b"GIF89a"
QUOTE = '<div class="gmail_quote">On Monday Alice wrote:<blockquote>Hi <img src="cid:old"></blockquote></div>'


@pytest.fixture
def box(cast: Cast, keyring: Keyring) -> Box:
    cast.join("alice", "bob")
    return Box(cast, keyring)


def mail(text: str = "", *came: tuple[str, str, bytes], html: str = "", **inline: bytes) -> bytes:
    """A mail with files (name, type, content), and with pictures that its HTML shows by their name."""
    made = EmailMessage()
    made["From"], made["Subject"] = "bob@example.com", "Re: Hello"
    if text or not html:
        made.set_content(text)
    if html:
        (made.add_alternative if text else made.set_content)(html, subtype="html")
    page: Any = made.get_body(("html",))
    for name, content in inline.items():
        page.add_related(content, "image", "png", cid=f"<{name}>", filename=f"{name}.png", disposition="inline")
    for name, kind, content in came:
        made.add_attachment(content, *kind.split("/"), filename=name)
    return made.as_bytes().replace(b"\n", b"\r\n")


def said(box: Box) -> list[tuple[str, Any]]:
    """Each message's text and the name of its file."""
    query = "SELECT text, attachment->>'name' AS name FROM messages ORDER BY seq"
    return [(row.text.strip(), row.name) for row in rows(box.cast.database, query)]


def received(box: Box, raw: bytes) -> list[tuple[str, Any]]:
    box.receive(raw, box.bearer("bob"))
    assert {outcome for outcome, _ in box.outcomes()} == {"posted"}
    return said(box)


def test_each_file_has_a_message_the_first_one_that_of_the_words(box: Box) -> None:
    came = [("plan.pdf", "application/pdf", b"%PDF"), ("../a\u202eb.txt", "text/plain", b"x"), ("", "image/png", PHOTO)]
    assert received(box, mail("Look", *came)) == [
        ("Look", "plan.pdf"), ("ab.txt", "ab.txt"), ("attachment.png", "attachment.png")
    ]  # fmt: skip
    kept = rows(box.cast.database, "SELECT f.* FROM files f JOIN messages m ON m.id = f.message_id ORDER BY m.seq")
    assert [(row.name, row.content_type, row.size) for row in kept] == [
        ("plan.pdf", "application/pdf", 4), ("ab.txt", "text/plain", 1), ("attachment.png", "image/png", len(PHOTO))
    ]  # fmt: skip
    assert all(b"PDF" not in bytes(row.content_sealed) for row in kept)


def test_a_file_without_words_is_a_message(box: Box) -> None:
    assert received(box, mail("", ("a.pdf", "application/pdf", b"%PDF"))) == [("a.pdf", "a.pdf")]


def test_a_picture_among_the_words_is_theirs_and_one_of_the_quote_is_not(box: Box) -> None:
    html = f'<div>This: <img src="cid:new"><img src="cid:pixel"></div>{QUOTE}'
    assert received(box, mail("", html=html, new=PHOTO, old=LOGO, pixel=PIXEL, lost=LOGO)) == [("This:", "new.png")]


def test_a_picture_alone_is_a_message_and_its_stand_in_is_no_word(box: Box) -> None:
    html = f'<div><img src="cid:new"></div>{QUOTE}'
    assert received(box, mail("[image: new.png]\n\nOn Monday Alice wrote:\n> Hi", html=html, new=PHOTO)) == [
        ("new.png", "new.png")
    ]


def test_a_logo_is_nothing_that_was_said(box: Box) -> None:
    card = '<p>Bob</p><p>+49 30 1234567</p><p><a href="x">www.example.com</a></p><p><img src="cid:logo"></p>'
    assert received(box, mail("", html=f"<p>Fine.</p>{card}", logo=LOGO))[0][1] is None


def test_a_picture_that_comes_with_every_mail_is_shown_once(box: Box) -> None:
    for words in ("one", "two"):
        received(box, mail("", html=f'<p>{words}</p><p>Bob</p><img src="cid:logo">', logo=LOGO))
    assert [name for _, name in said(box)] == ["logo.png", None]


def test_seals_keys_and_mails_of_ours_are_no_files(box: Box) -> None:
    ours = f"Reply-To: {box.address('bob')}\r\n\r\nHi".encode()
    raw = mail("Hi", ("signature.asc", "application/pgp-signature", b"-----BEGIN"))
    raw = raw.replace(b"\r\n--", b"\r\n--", 1)
    assert received(box, raw) == [("Hi", None)]
    again = mail("Ho", ("ours.eml", "text/rfc822-headers", ours), ("winmail.dat", "application/ms-tnef", b"\x78\x9f"))
    assert received(box, again)[1:] == [("Ho", "winmail.dat")]


def test_files_that_are_too_many_are_named(box: Box) -> None:
    came = [(f"{i}.txt", "text/plain", b"%d" % i) for i in range(files.MOST + 2)]
    assert len(received(box, mail("All", *came))) == files.MOST
    assert column(box.cast.database, "SELECT elided FROM messages WHERE seq = 1") == ["[not kept: 20.txt, 21.txt]"]


def test_a_files_life_ends_with_its_message_and_its_conversation(box: Box) -> None:
    came = [(f"{i}.txt", "text/plain", b"x") for i in range(3)]
    received(box, mail("All", *came))
    ids = column(box.cast.database, "SELECT id FROM messages ORDER BY seq")
    with box.cast.database.transaction() as session:
        messages.delete(session, box.cast.key, ids[0])
    assert column(box.cast.database, "SELECT message_id FROM files ORDER BY name") == ids[1:]
    with box.cast.database.transaction() as session:
        conversations.delete(session, box.cast.key, clock.now())
    assert column(box.cast.database, "SELECT count(*) FROM files") == [0]


def test_a_link_is_of_one_file_and_ends(keyring: Keyring) -> None:
    now, links = clock.now(), Links(keyring, "https://x.example", 60)
    kept = {"fileId": NOBODY, "name": "a b/ü.pdf", "type": "application/pdf", "size": 4}
    shown = links.shown("my app", kept, now)
    assert shown is not None
    url = httpx.URL(shown["url"])
    assert shown == {"url": str(url), "size": 4}
    assert url.raw_path.startswith(b"/files/my%20app/" + NOBODY.encode() + b"/a%20b%2F%C3%BC.pdf?")
    expires, signature = int(url.params["expires"]), url.params["signature"]
    assert 60 <= expires - now.timestamp() <= 121

    def works(app: str = "my app", file: str = NOBODY, end: int = expires, by: str = signature, late: int = 0) -> bool:
        return files.is_signed(keyring, app, file, end, by, now + timedelta(seconds=late))

    assert works()
    assert works(late=59)
    wrongs: list[dict[str, Any]] = [
        {"app": "other"},
        {"file": "1" * 32},
        {"end": expires + 1},
        {"by": ""},
        {"by": "ü"},
        {"late": 180},
    ]
    for wrong in wrongs:
        assert not works(**wrong)
    rotated = Keyring((Key(b"new"), *keyring.keys))
    assert files.is_signed(rotated, "my app", NOBODY, expires, signature, now)
    assert links.shown("a", None, now) is None
    assert links.shown("a", {"url": "https://y.example/1", "size": 1}, now) == {"url": "https://y.example/1", "size": 1}


def test_a_file_is_got_by_its_link_alone(box: Box, api: str, settings: Settings) -> None:
    received(box, mail("Look", ('Plän "1".pdf', "application/pdf", b"%PDF"), ("x.html", "text/html", b"<script>")))
    with httpx.Client(headers={"Authorization": f"Bearer {box.cast.secret}"}) as http:
        found = http.get(f"{api}/v1/demo/conversations/hello/messages").json()["data"]
        last = http.get(f"{api}/v1/demo/conversations/hello").json()["lastMessage"]
        one = http.get(f"{api}/v1/demo/conversations/hello/messages/{last['id']}").json()
    assert last["attachment"] == one["attachment"] == found[0]["attachment"]
    page, pdf = (each["attachment"]["url"] for each in found)
    got = httpx.get(pdf)
    assert (got.status_code, got.content, got.headers["Content-Type"]) == (200, b"%PDF", "application/pdf")
    assert got.headers["Content-Disposition"] == (
        "attachment; filename=\"Pl_n _1_.pdf\"; filename*=UTF-8''Pl%C3%A4n%20_1_.pdf"
    )
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert got.headers["Cache-Control"].startswith("private")
    assert httpx.get(page).headers["Content-Type"] == "application/octet-stream"
    head = httpx.head(pdf)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", "4")
    refused = [
        httpx.get(each)
        for each in (
            pdf[:-1] + ("A" if pdf[-1] != "A" else "B"),
            pdf.replace("/demo/", "/other/"),
            pdf.replace("expires=1", "expires=2"),
            pdf.partition("?")[0],
            page.partition("?")[0] + "?" + pdf.partition("?")[2],
            _made(settings, NOBODY),
        )
    ]
    assert {each.status_code for each in refused} == {404}
    assert len({each.content for each in refused}) == 1


def _made(settings: Settings, file_id: str) -> str:
    """A link that is signed, to a file that is not there."""
    keyring = Keyring.from_setting(settings.require("secret_key"))
    kept = {"fileId": file_id, "name": "x", "size": 1}
    shown = Links(keyring, settings.base_url, 600).shown("demo", kept, clock.now())
    return shown["url"] if shown else ""


def test_a_notification_leads_to_the_file(box: Box) -> None:
    received(box, mail("Look", ("plan.pdf", "application/pdf", b"%PDF")))
    post, later = Post(box.cast, box.keyring), (clock.now() - START).total_seconds() + 1_000
    post.close(later)
    post.make(later)
    ((user, made),) = post.mails()
    assert user == "alice"
    assert f"/files/{box.cast.app_id}/" in text(made)


def test_an_address_of_ours_in_a_files_name_is_hidden(box: Box) -> None:
    secret = box.address("bob")
    name = b64encode(f"{secret}.pdf".encode()).decode()
    raw = mail("Look", ("NAME.pdf", "application/pdf", b"%PDF")).replace(
        b'"NAME.pdf"', f'"=?utf-8?b?{name}?="'.encode()
    )
    assert secret.partition("@")[0] not in str(received(box, raw))
    assert DOMAIN not in str(said(box))


# thumbnails


def photo(width: int = 1200, height: int = 800) -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(out, "JPEG")
    return out.getvalue()


def test_a_picture_has_a_thumbnail_in_the_mail_by_a_link_of_its_own(box: Box, api: str) -> None:
    received(box, mail("See", ("yard.jpg", "image/jpeg", photo()), ("plan.pdf", "application/pdf", b"%PDF")))
    with box.cast.database.transaction() as session:
        windows.close_windows(session, clock.now() + timedelta(days=1))
        sender = replace(SENDER, base_url=api)
        MailBuilder(session, box.keyring, sender, clock.now() + timedelta(days=1)).build()
    ((_, alices),) = Post(box.cast, box.keyring).mails()
    html: Any = alices.get_payload(1)
    shown = html.get_payload(decode=True).decode()
    ((link, width, height),) = re.findall(r'alt="yard.jpg" src="([^"]+)" width="(\d+)" height="(\d+)"', shown)
    assert (width, height) == ("420", "280")
    answer = httpx.get(unescape(link))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(BytesIO(answer.content)).size == (600, 400)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "yard.jpg" in text(alices)


def test_a_thumbnails_link_is_no_files_link_and_ends(box: Box, api: str) -> None:
    received(box, mail("See", ("yard.jpg", "image/jpeg", photo())))
    ((app_id, attachment),) = rows(box.cast.database, "SELECT app_id, attachment FROM messages")
    links, now = Links(box.keyring, api, 60), clock.now()
    file, small = (links.shown(app_id, attachment, now) or {})["url"], links.thumbnail(app_id, attachment, now)
    assert small
    assert httpx.get(small).status_code == 200
    of_file, of_small = urlsplit(file), urlsplit(small)
    old = links.thumbnail(app_id, attachment, now - timedelta(hours=3)) or ""
    wrong = [of_file._replace(query=of_small.query).geturl(), of_small._replace(query=of_file.query).geturl()]
    for url in [*wrong, old, small[:-3], small.replace("expires=1", "expires=9")]:
        assert httpx.get(url).status_code == 404
    assert links.thumbnail(app_id, {"url": "https://x.example/a.png", "size": 1}, now) is None


def test_a_broken_picture_is_a_file_without_a_thumbnail(box: Box) -> None:
    assert received(box, mail("See", ("yard.png", "image/png", PHOTO))) == [("See", "yard.png")]
    assert column(box.cast.database, "SELECT thumbnail FROM files") == [None]
