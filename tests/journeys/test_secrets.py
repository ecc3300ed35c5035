import re
import socket
import stat
from collections.abc import Callable, Iterable, Iterator
from email.message import EmailMessage
from pathlib import Path
from time import time
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
from support.clients import Backend
from support.mailboxes import Mail, Relay
from support.product import GREETING, PATIENCE, Stack, free_port, until
from support.story import ANSWER, HELLO, LAST, QUESTION, Story, answer

KEPT = {"app_secret", "secret_key", "database_url", "redis_url", "postgres/password", "valkey/password"}
BURST = b"From: Bob <bob@example.com>\nContent-Type: multipart/mixed; boundary=\xff\n\n--\xff\n\x00\xfe burst pipe"
FILE = "This file is a map of the observatory."
RELEASE = "/inbound/release/"
LINK = re.compile(r"/(?:settings|unsubscribe|inbound/release)/([\w-]{30,})")
SIGNATURE = re.compile(r"\bsignature=([\w-]{20,})")
TEXTS = (QUESTION, ANSWER, "will you bring the blankets", LAST, "burst pipe", "A later message", "Carry on")


@pytest.fixture
def ear() -> Iterator[socket.socket]:
    """Where a channel leads, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        yield server


@pytest.mark.timeout(600)
def test_what_is_secret_is_in_no_log_and_nowhere_in_clear(
    up: Callable[..., Stack], relay: Relay, ear: socket.socket
) -> None:
    stack = up(relay_url=relay.url, webhook_allow_private="true")
    story = Story(stack, relay)
    for step in story.tell():
        if step == "carol was mailed":
            told = deaf_ears(stack, story, ear)
            links = {*doors(stack, relay, story)}
            hard_times(stack, relay, story)
            until("the webhook fails", lambda: story.backend.get("/webhooks/main")["failingSince"])
            ear.accept()[0].close()  # the channel was told of something
    secrets = {*kept(stack.data).values(), *tokens(relay.mails()), *linked(relay.mails()), *links, *told}
    assert len(secrets) > 40
    assert not found(logs(stack), {*secrets, *TEXTS})
    assert_private(stack.data)
    assert stack.stop() == 0
    assert not found(logs(stack), {*secrets, *TEXTS})
    assert_in_files_of_their_own(stack.data, secrets)


def hard_times(stack: Stack, relay: Relay, story: Story) -> None:
    """Let all go wrong that may: each trouble is one of which programs like to tell in a log."""
    wrong_credentials(story.backend, stack.secret)
    wrong_bodies(story.backend)
    mail, elsewhere = story.mails("bob")[0], story.mails("bob", "Elsewhere 1")[0]
    assert story.post.recipient(mail.reply_to[1:]).startswith("550 ")
    assert story.post.recipient(f"{mail.reply_to}.example").startswith("550 ")
    story.post.deliver("bob@example.com", elsewhere.reply_to, BURST)
    story.post.deliver("", elsewhere.reply_to, bounce(elsewhere))
    story.post.deliver("bob@example.com", elsewhere.reply_to, listed(elsewhere))
    refuse(relay, story, mail)
    until("a 451 is told of", lambda: outage(stack, story, mail))


def deaf_ears(stack: Stack, story: Story, ear: socket.socket) -> set[str]:
    """Tell a webhook and a channel that do not answer; gives what is secret of them."""
    made = story.backend.ask("PUT", "/webhooks/main", {"url": f"http://127.0.0.1:{free_port()}/"}).json()
    channel = f"json://me:ch4nnelPassw0rd@127.0.0.1:{ear.getsockname()[1]}/ch4nnelPath"
    stack.command("channels", "set", "team", channel, "--app", "demo")
    return {made["secret"], made["secret"].removeprefix("whsec_"), "ch4nnelPassw0rd", "ch4nnelPath"}


def doors(stack: Stack, relay: Relay, story: Story) -> Iterator[str]:
    """Go through every link that works without a login; gives what is secret of them."""
    mail = story.mails("carol", "Elsewhere 1")[0]
    yield (token := visit(stack, mail, "settings", {"notify": "mentions"}))
    assert token == visit(stack, mail, "unsubscribe", {"List-Unsubscribe": "One-Click"})
    stack.command("app", "set", "demo", "--sender-policy", "match")
    stranger = answer(mail, "Let me in")
    stranger.replace_header("From", "mallory@example.com")
    story.post.deliver("mallory@example.com", mail.reply_to, stranger)
    asked = until("carol is asked", lambda: next((each for each in relay.mails() if RELEASE in text(each)), None))
    yield visit(stack, asked, "inbound/release", {})
    stack.command("app", "set", "demo", "--sender-policy", "capability")
    bob = story.mails("bob", "Elsewhere 1")[0]
    with_file = answer(bob, "See the map")
    with_file.add_attachment(FILE.encode(), "application", "octet-stream", filename="map.bin")
    story.post.deliver("bob@example.com", bob.reply_to, with_file)
    url = until("the file is there", lambda: file_of(story))
    yield SIGNATURE.findall(url)[0]
    file = f"{stack.url}{urlsplit(url).path}?{urlsplit(url).query}"
    assert httpx.get(file).text == FILE
    assert httpx.get(file[:-1]).status_code == 404
    yield FILE


def visit(stack: Stack, mail: Mail, page: str, form: dict[str, str]) -> str:
    """Follow a mail's link to a page, right and wrong; gives its token."""
    token = re.findall(rf"/{page}/([\w-]+)", text(mail))[0]
    assert httpx.get(f"{stack.url}/{page}/{token}").status_code == 200
    assert httpx.post(f"{stack.url}/{page}/{token}", data=form, timeout=PATIENCE).status_code in {200, 202, 303}
    assert httpx.post(f"{stack.url}/{page}/{token[:-4]}", data=form).status_code == 404
    return str(token)


def file_of(story: Story) -> str | None:
    messages = story.backend.get("/conversations/elsewhere-1/messages")["data"]
    return next((each["attachment"]["url"] for each in messages if each.get("attachment")), None)


def outage(stack: Stack, story: Story, mail: Mail) -> bool:
    """Take the database away while a known mail comes once more; a backend may outlive its server for a moment."""
    stack.kill_children("postgres")
    for token in linked([mail]):
        httpx.get(f"{stack.url}/settings/{token}", timeout=PATIENCE)
    story.post.deliver("bob@example.com", mail.reply_to, answer(mail, ANSWER))
    return "does not answer" in stack.err


def wrong_credentials(backend: Backend, secret: str) -> None:
    claims = {"tokenType": "app", "iss": "demo", "exp": time() + PATIENCE}
    forged = jwt.encode(claims, secret[::-1], "HS256")
    for wrong in (secret[:-1], forged, f"{secret}.{secret}.{secret}"):
        assert backend.ask("GET", HELLO, secret=wrong).status_code == 401
    assert backend.ask("GET", HELLO, secret=f"{secret}\x01").status_code == 400
    expired = jwt.encode({**claims, "exp": 1}, secret, "HS256")
    assert backend.ask("GET", HELLO, secret=expired).status_code == 401


def wrong_bodies(backend: Backend) -> None:
    for body in ({"text": QUESTION}, [{"type": "UserMessage", "sender": "nobody", "text": QUESTION}], [QUESTION]):
        assert backend.ask("POST", f"{HELLO}/messages", body).status_code in {400, 404}


def refuse(relay: Relay, story: Story, mail: Mail) -> None:
    """Have the relay refuse two recipients, with all it knows in its answer."""
    relay.refusals["dave@example.com"] = f"451 4.2.0 Later: you said {QUESTION}"
    relay.refusals["erin@example.com"] = f"550 5.1.1 Never: you said {QUESTION}, Reply-To {mail.reply_to}"
    place = "/conversations/refused"
    story.backend.put(place, {"subject": "Refused", "participants": ["alice", "dave", "erin"]})
    story.backend.post(f"{place}/messages", [{"type": "UserMessage", "sender": "alice", "text": "Carry on"}])
    until("the relay refused both", lambda: len(set(relay.refused)) == 2)
    relay.refusals.clear()


def bounce(mail: Mail) -> EmailMessage:
    """Write a mailer's report about our mail, which it quotes whole."""
    report = EmailMessage()
    report["From"], report["To"], report["Subject"] = "MAILER-DAEMON@example.com", mail.reply_to, "Undeliverable"
    report["Auto-Submitted"] = "auto-replied"
    report.set_content(f"Not delivered:\n\n{mail.raw.decode()}")
    return report


def listed(mail: Mail) -> EmailMessage:
    """Write a mail of a list, whose name tells a secret and what was said."""
    written = EmailMessage()
    written["From"], written["To"], written["Subject"] = "bob@example.com", mail.reply_to, "Re: Hello"
    written["List-Id"] = f"{QUESTION} <{mail.reply_to}>"
    written.set_content("A digest")
    return written


def kept(data: Path) -> dict[str, str]:
    """Give the secrets that stand in files of their own, the password of a URL alone."""
    contents = {name: (data / name).read_text().strip() for name in KEPT}
    return {name: re.sub(r".*:([^:@]+)@.*", r"\1", text) for name, text in contents.items()}


def tokens(mails: Iterable[Mail]) -> Iterator[str]:
    """Give the local parts of all inbound addresses."""
    for mail in (each for each in mails if each.header("List-Unsubscribe")):
        yield from (address.partition("@")[0] for address in (mail.reply_to, mail.unsubscribe))


def linked(mails: Iterable[Mail]) -> set[str]:
    """Give what works in all links without a login."""
    return {token for mail in mails for pattern in (LINK, SIGNATURE) for token in pattern.findall(text(mail))}


def text(mail: Mail) -> str:
    """Give all that can be read in a mail."""
    parts = [part.get_content() for part in mail.message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*map(str, mail.message.values()), *parts])


def logs(stack: Stack) -> dict[str, str]:
    """Give all that anybody wrote; the greeting tells the app's secret, by design."""
    servers = {str(path): path.read_text(errors="replace") for path in stack.data.rglob("log")}
    assert len(servers) == 2
    assert GREETING.search(stack.out)
    return {**servers, "out": GREETING.sub("", stack.out), "err": stack.err}


def found(written: dict[str, str], secrets: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, secret) for name, text in written.items() for secret in secrets if secret in text]


def assert_private(data: Path) -> None:
    for path in data.rglob("*"):
        mode = path.lstat().st_mode
        assert not mode & 0o066, path
        assert stat.S_ISDIR(mode) or not mode & 0o011, path
    assert {stat.S_IMODE((data / name).stat().st_mode) for name in KEPT} == {0o600}


def assert_in_files_of_their_own(data: Path, secrets: Iterable[str]) -> None:
    """Look through all that is on the disk, the tables and their log included."""
    wanted = [secret.encode() for secret in secrets]
    own = {data / name for name in (*KEPT, "valkey/valkey.conf")}
    for path in (each for each in data.rglob("*") if each.is_file() and each not in own):
        content = path.read_bytes()
        assert not [secret for secret in wanted if secret in content], path
