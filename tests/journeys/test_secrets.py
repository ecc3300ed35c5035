import re
import stat
from collections.abc import Callable, Iterable, Iterator
from email.message import EmailMessage
from pathlib import Path
from time import time

import jwt
import pytest
from mailboxes import Mail, Relay
from people import Backend
from stack import GREETING, PATIENCE, Stack, until
from story import ANSWER, HELLO, LAST, QUESTION, Story, answer

KEPT = {"app_secret", "secret_key", "database_url", "redis_url", "postgres/password", "valkey/password"}
BURST = b"From: Bob <bob@example.com>\nContent-Type: multipart/mixed; boundary=\xff\n\n--\xff\n\x00\xfe burst pipe"
TEXTS = (QUESTION, ANSWER, "will you bring the blankets", LAST, "burst pipe", "A later message", "Carry on")


@pytest.mark.timeout(600)
def test_what_is_secret_is_in_no_log_and_nowhere_in_clear(up: Callable[..., Stack], relay: Relay) -> None:
    stack = up(relay_url=relay.url)
    story = Story(stack, relay)
    for step in story.tell():
        if step == "carol was mailed":
            hard_times(stack, relay, story)
    secrets = {*kept(stack.data).values(), *tokens(relay.mails())}
    assert len(secrets) > 15
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


def outage(stack: Stack, story: Story, mail: Mail) -> bool:
    """Take the database away while a known mail comes once more; a backend may outlive its server for a moment."""
    stack.kill_children("postgres")
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
    for mail in mails:
        yield from (address.partition("@")[0] for address in (mail.reply_to, mail.unsubscribe))


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
