"""Letters: what their readers see, in their own language, and what never leaves to anybody else."""

import logging
import re
from typing import Any

import pytest
from support.cast import Cast
from support.outbox import DOMAIN, PACE, SENDER, START, Post, at, text
from support.sql import rows, subscribe

from mailtalk.conversations import apps, conversations, messages, users
from mailtalk.conversations.drafts import Draft
from mailtalk.errors import Invalid, NotFound
from mailtalk.keys import Keyring
from mailtalk.mail.replies.marker import MARKERS
from mailtalk.participation import links
from mailtalk.participation.rules import Request
from mailtalk.support import preview
from mailtalk.vocabulary import Access, Actor, ChangeKind, MessageType, Origin

EVENTS = "SELECT type, conversation_id, data FROM events WHERE type = 'notification.triggered' ORDER BY id"


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    cast.join("alice", "bob")
    return Post(cast, keyring)


def know(post: Post, user: str, **fields: Any) -> None:
    with post.cast.database.transaction() as session:
        users.put(session, post.cast.app_id, user, fields)


def dress(post: Post, **raw: Any) -> None:
    with post.cast.database.transaction() as session:
        apps.put_style(session, post.cast.app_id, raw)


def answer(post: Post, user: str, said: str, seconds: float, mail_id: str, **fields: Any) -> None:
    """A message that came by mail."""
    draft = Draft(MessageType.USER, said, Origin.EMAIL, user, mail_id=mail_id, **fields)
    with post.cast.database.transaction() as session:
        conversation = conversations.lock(session, post.cast.key)
        messages.post(session, at(seconds), PACE, conversation, [draft])


def test_each_reader_gets_their_own_language_and_time(post: Post) -> None:
    post.cast.join("carol", "dave")
    know(post, "bob", locale="de-AT", time_zone="Europe/Vienna")
    know(post, "carol", locale="ja", time_zone="Asia/Tokyo")
    know(post, "dave", locale="en-GB")
    post.say("alice", "hi")
    post.mailed()
    shown = {user: text(mail) for user, mail in post.mails()}
    assert "── Alice · 2. Jänner 2026 (MEZ) · 04:04 ──" in shown["bob"]
    assert "── Alice · 2026年1月2日 (JST) · 12:04 ──" in shown["carol"]
    assert "── Alice · 2 January 2026 (UTC) · 03:04 ──" in shown["dave"]
    assert all(any(line in MARKERS for line in said.split("\n")) for said in shown.values())
    assert post.mails()[0][1]["From"].startswith("=?utf-8?")  # "Alice über Demo"


def test_the_footer_is_the_readers_own(post: Post) -> None:
    post.cast.join("carol")
    dress(post, link="https://app.example/{conversationId}/{userId}")
    post.say("alice", "hi")
    post.mailed()
    mails = dict(post.mails())
    for user, other in (("bob", "carol"), ("carol", "bob")):
        with post.cast.database.transaction() as session:
            row = conversations.participant(session, post.cast.participant(user))
        mine = (links.settings(post.keyring, "https://mail.example", row), f"https://app.example/hello/{user}")
        whole = "".join(str(part.get_payload(decode=True)) for part in mails[user].walk() if not part.is_multipart())
        assert all(whole.count(url) >= 2 for url in mine)
        assert f"/{other}" not in whole
        assert mails[user]["List-Archive"] == f"<{mine[1]}>"
        unsubscribe = links.unsubscribe(post.keyring, "https://mail.example", row)
        assert mails[user]["List-Unsubscribe"].startswith(f"<{unsubscribe}>,\r\n <mailto:")


def test_no_address_of_anybody_else_is_in_any_mail(post: Post) -> None:
    post.cast.join("carol")
    know(post, "alice", name="alice@example.com")
    post.say("alice", "one")
    answer(post, "carol", "two", 10, "<1@carols-host.example>")
    post.mailed()
    for user, mail in post.mails():
        whole = mail.as_bytes() + b"".join(part.get_payload(decode=True) or b"" for part in mail.walk())
        assert set(re.findall(rb"(\w+)@example\.com", whole)) == {user.encode()}
        assert b"carols-host" not in whole or user == "carol"
        secrets = set(re.findall(rb"[a-z2-7]{30}@", whole))
        assert secrets == {
            mail["Reply-To"].encode()[:31],
            re.findall(rb"[a-z2-7]{30}@", mail["List-Unsubscribe"].encode())[0],
        }


def test_privacy_tells_nothing(post: Post) -> None:
    dress(post, privacy=True)
    post.say("alice", "so secret")
    post.say("alice", "a thing", 1)
    post.mailed()
    ((_, mail),) = post.mails()
    whole = mail.as_bytes() + b"".join(part.get_payload(decode=True) or b"" for part in mail.walk())
    assert b"You have 2 new messages." in whole
    assert mail["Subject"] == "New messages in Demo"
    assert mail["From"] == f"Demo\r\n <notify@{DOMAIN}>"
    assert not re.search(b"secret|Alice|Hello", whole)


def test_a_readers_own_answer_by_mail_is_what_the_next_mail_goes_on_from(post: Post) -> None:
    post.say("alice", "one")
    post.mailed(500)
    answer(post, "bob", "two", 600, "<bobs.answer@mail.example>")
    post.say("alice", "three", 700)
    post.mailed(1500)
    (first, last) = (mail for user, mail in post.mails() if user == "bob")
    assert last["In-Reply-To"] == "<bobs.answer@mail.example>"
    assert last["References"].split() == [first["References"], first["Message-ID"], "<bobs.answer@mail.example>"]
    assert last["Subject"] == first["Subject"]
    assert last["Thread-Index"] == first["Thread-Index"]
    (alices,) = (mail for user, mail in post.mails() if user == "alice")
    assert "bobs.answer" not in alices.as_string()


def test_whom_a_mail_names_is_highlighted(post: Post) -> None:
    post.cast.join("carol")
    answer(post, "alice", "@Bob look", 0, "<1@x>", names={"bob": "bob"})
    post.mailed()
    shown = {user: str(mail.get_payload(1).get_payload(decode=True)) for user, mail in post.mails()}
    assert "mentions you" in shown["bob"]
    assert "mentions you" not in shown["carol"]
    assert re.search(r'class="mention"[^>]*>@Bob<', shown["carol"])


def test_a_file_and_a_place_are_shown(post: Post) -> None:
    file = {"url": "https://files.example/a%20b.pdf", "size": 1234}
    answer(post, "alice", "", 0, "<1@x>", attachment=file, location=[52.5, 13.4])
    post.mailed()
    mail = post.mails()[0][1]
    assert "geo:52.5,13.4\n\na b.pdf (1.2 kB): https://files.example/a%20b.pdf" in text(mail)
    answer(post, "alice", "plan.pdf", 1000, "<3@x>", attachment={"fileId": "ab" * 16, "name": "plan.pdf", "size": 5})
    post.mailed(2000)
    mail = post.mails()[-1][1]
    assert re.search(r"AM ──\n\nplan\.pdf \(5 B\): https://mail\.example/files/demo/\S+\n\n", text(mail))


def test_a_files_address_that_runs_something_is_no_link(post: Post) -> None:
    answer(post, "alice", "x", 1, "<2@x>", attachment={"url": "javascript:alert(1)", "size": 1})
    post.mailed()
    mail = post.mails()[0][1]
    assert "javascript" not in text(mail)
    assert "javascript" not in str(mail.get_payload(1).get_payload(decode=True))


def test_a_notification_is_told_also_of_who_has_no_address(post: Post) -> None:
    subscribe(post.cast.database)
    post.cast.join("carol", "dave")
    know(post, "carol", emails=None)
    post.cast.change("dave", Request(ChangeKind.UPDATE, Access.NONE))
    post.say("alice", "hi")
    assert post.mailed() == ["bob"]
    told = {row.data["recipient"]["id"]: row for row in rows(post.cast.database, EVENTS)}
    assert set(told) == {"bob", "carol"}
    data = told["carol"].data
    assert (data["sender"]["id"], data["conversation"]["id"], told["carol"].conversation_id) == (
        "alice",
        "hello",
        "hello",
    )
    assert [(message["text"], message["senderId"]) for message in data["messages"]] == [("hi", "alice")]
    assert data["notificationId"] != told["bob"].data["notificationId"]
    assert not re.search("[a-z2-7]{30}@", str(told))


def test_a_broken_template_loses_no_mail(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    broken = '{"templates": {"html": "{{ gone }}", "text": "{% if"}, "colour": "#0a7d5a"}'
    rows(post.cast.database, "UPDATE apps SET style = CAST(:style AS jsonb)", style=broken)
    post.say("alice", "hi")
    with caplog.at_level(logging.WARNING):
        assert post.mailed() == ["bob"]
    assert "hi" in text(post.mails()[0][1])
    assert "ours is used" in caplog.text


def test_a_style_is_kept_or_refused_whole(post: Post) -> None:
    dress(post, colour="#0a7d5a", texts={"en": {"reply": "Answer us!"}})
    with pytest.raises(Invalid):
        dress(post, colour="#ffffff", templates={"text": "{% if"})
    with post.cast.database.transaction() as session:
        assert apps.style(session, post.cast.app_id) == {"colour": "#0a7d5a", "texts": {"en": {"reply": "Answer us!"}}}
        with pytest.raises(NotFound):
            apps.style(session, "nobody")
    post.say("alice", "hi")
    post.mailed()
    assert "Answer us!" in text(post.mails()[0][1])


def test_a_preview_is_what_the_reader_would_see_and_issues_nothing(post: Post) -> None:
    post.say("bob", "mine")
    with post.cast.database.transaction() as session, pytest.raises(NotFound):
        preview.content(session, SENDER.links(post.keyring), START, post.cast.participant("bob"))
    post.say("alice", "hi <!!mention:bob|Bob>")
    know(post, "bob", locale="fr")
    with post.cast.database.transaction() as session:
        found = preview.content(session, SENDER.links(post.keyring), START, post.cast.participant("bob"))
    assert [line.text for line in found.lines] == ["hi <!!mention:bob|Bob>"]
    assert (found.language.code, found.reader_id, found.may_reply) == ("fr", "bob", True)
    assert rows(post.cast.database, "SELECT 1 FROM addresses UNION ALL SELECT 1 FROM deliveries") == []


# who reads the answer, and what is answered


def readers_of(post: Post) -> dict[str, str]:
    """The line of each reader."""
    shown = {user: text(mail) for user, mail in post.mails()}
    return {user: match[0] for user, said in shown.items() if (match := re.search(r"Your reply goes to .*", said))}


def test_a_mail_says_who_reads_the_answer_those_who_wrote_first(post: Post) -> None:
    post.cast.join("carol", "dave")
    post.say("dave", "hi")
    post.mailed()
    assert readers_of(post) == {
        "alice": "Your reply goes to Dave, Bob, and Carol.",
        "bob": "Your reply goes to Dave, Alice, and Carol.",
        "carol": "Your reply goes to Dave, Alice, and Bob.",
    }


def test_of_many_readers_two_are_named_and_the_others_counted(post: Post) -> None:
    post.cast.join("carol", "dave")
    with post.cast.database.transaction() as session:
        users.put(session, post.cast.app_id, "erin", {"name": "Erin"})
    post.cast.join("erin")
    post.say("carol", "hi")
    post.mailed()
    assert readers_of(post)["bob"] == "Your reply goes to Carol, Alice and 2 others."
    assert readers_of(post)["alice"] == "Your reply goes to Carol, Bob and 2 others."
    ((_, mail),) = [pair for pair in post.mails() if pair[0] == "bob"]
    assert "Carol, Alice and 2 others" in mail.get_payload(1).get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_readers_are_those_who_can_read_now(post: Post) -> None:
    post.cast.join("carol", access=Access.READ)
    post.cast.join("dave")
    muted = Request(ChangeKind.UPDATE, mute_until=at(10**9), by=Actor.PARTICIPANT)
    post.cast.change("carol", muted)  # reads in the app all the same
    post.say("alice", "hi")
    post.cast.leave("dave")
    post.mailed()
    assert readers_of(post) == {"bob": "Your reply goes to Alice and Carol."}
    post.cast.change("carol", Request(ChangeKind.UPDATE, Access.NONE))
    post.say("alice", "and again", 2000)
    post.mailed(4000)
    assert "Your reply goes to Alice." in text(post.mails()[-1][1])


def test_who_cannot_answer_is_told_of_no_readers(post: Post) -> None:
    post.cast.join("carol", access=Access.READ)
    post.say("alice", "hi")
    post.mailed()
    assert sorted(readers_of(post)) == ["bob"]


def test_hostile_names_are_text(post: Post) -> None:
    know(post, "alice", name="<script>alert(1)</script>\r\nBcc: x\u202e")
    post.say("alice", "hi")
    post.mailed()
    ((_, mail),) = post.mails()
    html = mail.get_payload(1).get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert "<script" not in html
    assert "\u202e" not in html
    assert "Bcc" not in mail
    assert readers_of(post)["bob"].startswith("Your reply goes to script alert(1) /script Bcc:")


def test_ones_own_message_is_shown_as_what_is_answered(post: Post) -> None:
    post.cast.join("carol")
    post.say("alice", "Can you send me\na **picture** of the door? <b>")
    post.mailed(500)
    post.say("bob", "Here it is.", 600)
    post.mailed(1500)
    shown = {user: mail for user, mail in post.mails() if mail["References"].count("<") > 1 or user == "alice"}
    said = "You wrote · 3:04 AM: Can you send me a **picture** of the door? <b>\n\n── Bob"
    assert said in text(shown["alice"])
    assert "You wrote" not in text(shown["carol"])
    html = shown["alice"].get_payload(1).get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert "You wrote · 3:04 AM<br>Can you send me a **picture** of the door? &lt;b&gt;" in html


def test_an_older_own_message_is_no_context_and_a_file_is_named(post: Post) -> None:
    file = {"fileId": "ab" * 16, "name": "plan.pdf", "size": 5}
    answer(post, "alice", "plan.pdf", -90_000, "<3@x>", attachment=file)
    post.say("bob", "Thanks")
    post.mailed(500)
    assert "You wrote · January 1, 2026 (UTC) · 2:04 AM: plan.pdf" in text(dict(post.mails())["alice"])
    post.say("bob", "I had a look", 600)
    post.mailed(1500)
    assert "You wrote" not in text([mail for user, mail in post.mails() if user == "alice"][-1])
