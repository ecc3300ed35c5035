"""Mails that come in during the demo, handed to the bridge by SMTP, as people and machines would send them."""

import smtplib
from datetime import datetime
from email.message import EmailMessage
from email.utils import formatdate
from uuid import UUID

from cli.demo.world import DemoMail
from console import smtp_reply
from console.mail_views import MailView
from mailtalk.keys import Keyring
from mailtalk.mail.address import AddressScheme
from mailtalk.outbound import verp
from mailtalk.settings.load import Settings

STRANGER = "someone.else@elsewhere.example"
FILE = b"P1\n# a plug\n8 4\n00111100\n01011010\n01011010\n00111100\n"
REPORT = """\
From: Mail Delivery System <MAILER-DAEMON@mx.oldmail.example>
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: {date}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="report"

--report
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

<{address}>: host mx.oldmail.example said: 550 5.1.1 <{address}>: User unknown
--report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.oldmail.example

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <{address}>: User unknown
--report--
"""


def send(  # noqa: PLR0913, PLR0917  a mail and its answer
    settings: Settings, keyring: Keyring, delivery_id: UUID, mail: MailView, answer: DemoMail, now: datetime
) -> None:
    """Send one answer to a mail of ours."""
    if answer.kind == "bounce":
        scheme = AddressScheme(settings.reply_domain, settings.own_mailbox)
        _bounce(settings, scheme.address(verp.local_part(keyring, delivery_id)), smtp_reply.sender(mail))
    else:
        smtp_reply.send(settings, _dressed(smtp_reply.compose(mail, answer.text, now), answer))


def _dressed(message: EmailMessage, answer: DemoMail) -> EmailMessage:
    if answer.kind == "stranger":
        message.replace_header("From", STRANGER)
    if answer.kind == "vacation":
        message["Auto-Submitted"] = "auto-replied"
        message.replace_header("Subject", f"Out of office: {message['Subject']}")
        message.set_content(answer.text)
    if answer.kind == "file":
        message.add_attachment(FILE, "image", "x-portable-bitmap", filename="tomada.pbm")
    return message


def _bounce(settings: Settings, to: str, address: str) -> None:
    raw = REPORT.format(address=address, to=to, date=formatdate()).replace("\n", "\r\n").encode()
    with smtplib.SMTP(*smtp_reply.address(settings), local_hostname="localhost", timeout=smtp_reply.TIMEOUT) as client:
        client.sendmail("", [to], raw)
