"""A reply as a mail program makes it, handed to the bridge by SMTP."""

import email.policy
import smtplib
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr

from console.mail_views import MailView
from mailtalk.errors import Invalid, Unavailable
from mailtalk.settings.load import Settings

TIMEOUT = 10.0  # seconds
ANYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104  nothing is bound here


def compose(mail: MailView, text: str, now: datetime) -> EmailMessage:
    """Reply of the mail's reader: their words, and below them the mail as a quote."""
    reply = EmailMessage()
    reply["From"] = mail.header("to")
    reply["To"] = mail.header("reply-to")
    reply["Subject"] = _prefixed(mail.header("subject"))
    reply["Date"] = format_datetime(now)
    reply["Message-ID"] = make_msgid(domain=sender(mail).rpartition("@")[2])
    reply["In-Reply-To"] = mail.header("message-id")
    reply["References"] = f"{mail.header('references')} {mail.header('message-id')}".strip()
    quoted = "\n".join(f"> {line}".rstrip() for line in (mail.text or "").strip().splitlines())
    reply.set_content(f"{text.strip()}\n\nOn {mail.header('date')}, {mail.header('from')} wrote:\n{quoted}\n")
    return reply


def send(settings: Settings, reply: EmailMessage) -> Sequence[str]:
    """Speak SMTP to the bridge; returns the dialogue. Invalid with its answer if it refuses the mail."""
    to, by = parseaddr(str(reply["To"]))[1], parseaddr(str(reply["From"]))[1]
    raw = reply.as_bytes(policy=email.policy.SMTP)
    try:
        with smtplib.SMTP(*address(settings), local_hostname="localhost", timeout=TIMEOUT) as client:
            client.ehlo()
            steps = [("MAIL", client.mail(by)), ("RCPT", client.rcpt(to)), ("DATA", client.data(raw))]
    except smtplib.SMTPResponseException as error:
        raise Invalid([f"the bridge answered {error.smtp_code} {_text(error.smtp_error)}"]) from None
    except OSError as error:
        raise Unavailable(f"the bridge does not answer: {type(error).__name__}") from None
    refused = [(verb, code, answer) for verb, (code, answer) in steps if code >= 400]  # noqa: PLR2004  SMTP's refusals
    if refused:
        verb, code, answer = refused[0]
        raise Invalid([f"the bridge answered {verb} with {code} {_text(answer)}"])
    return [f"{verb}: {code} {_text(answer)}" for verb, (code, answer) in steps]


def address(settings: Settings) -> tuple[str, int]:
    """Host and port at which this machine reaches the bridge."""
    return ANYWHERE.get(settings.smtp_host, settings.smtp_host), settings.smtp_port


def sender(mail: MailView) -> str:
    """Address of the mail's reader."""
    return parseaddr(mail.header("to"))[1]


def _prefixed(subject: str) -> str:
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
