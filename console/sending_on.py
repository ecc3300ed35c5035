"""A captured mail sent on to a real address of one's own, by a relay that the operator names: to see it in a client."""

from email.utils import format_datetime, make_msgid
from urllib.parse import SplitResult, urlsplit

from email_validator import EmailNotValidError, validate_email
from sqlalchemy.orm import Session
from starlette.responses import Response

from console import letters
from console.letters import OUT
from console.logins import ConsoleRole
from console.requests import ConsoleRequest
from console.routing import page
from mailtalk import clock
from mailtalk.errors import Conflict, Invalid
from mailtalk.mail import address
from mailtalk.outbound.relay import Relays
from mailtalk.outbound.smtp_connection import SmtpEnvelope, Timeouts
from mailtalk.outbound.smtp_replies import SendResult
from mailtalk.vocabulary import Stage

TIMEOUTS = Timeouts(10, 10, 30, 30)  # seconds: somebody waits for the page


@page("POST", OUT + "/send-on", ConsoleRole.OPERATOR)
async def send_on(visit: ConsoleRequest) -> Response:
    """Send it on. Invalid with the relay's answer if it is not accepted."""
    to, relay = _address(visit.form.get("to", "")), _relay(visit.form.get("relay", ""))
    mail = await visit.services.transact(lambda session: _captured(session, visit, to, relay))
    result = await _sent(relay, SmtpEnvelope(to, to, visit.id("deliveryId")), _resent(mail, to))
    if result is None or result.stage is not Stage.SENT:
        raise Invalid({"relay": [address.hidden(result.text) if result else "the connection was closed"]})
    return visit.back_to(letters.path_of(visit), "sent-on")


def _captured(session: Session, visit: ConsoleRequest, to: str, relay: SplitResult) -> bytes:
    """Bytes of the mail, after the entry in the audit log, which has no password of the relay."""
    report = letters.report_of(session, visit)
    if report.stage is not Stage.CAPTURED:
        raise Conflict([f"it is {report.stage}: only a captured mail is sent on"])
    visit.record(session, "send a captured mail on", delivery=str(report.id), to=to, relay=_name(relay))
    return letters.source(session, visit, report.id)


async def _sent(relay: SplitResult, envelope: SmtpEnvelope, mail: bytes) -> SendResult | None:
    relays = Relays(relay.geturl(), TIMEOUTS, connections=1)
    try:
        return await relays.send(envelope, mail, _yes)
    finally:
        await relays.close()


async def _yes() -> bool:
    """Leave to complete DATA: nothing is recorded before, since a repeat harms nobody."""
    return True


def _resent(mail: bytes, to: str) -> bytes:
    """The mail below the header fields of one who sends it on (RFC 5322 3.6.6); its signature and Reply-To stay."""
    fields = (
        f"Resent-Date: {format_datetime(clock.now())}",
        f"Resent-From: <{to}>",
        f"Resent-To: <{to}>",
        f"Resent-Message-ID: {make_msgid(domain=to.rpartition('@')[2])}",
    )
    return "".join(f"{field}\r\n" for field in fields).encode() + mail


def _address(text: str) -> str:
    try:
        valid = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Invalid({"to": [str(error)]}) from None
    if valid.ascii_email is None:
        raise Invalid({"to": ["must be an address in ASCII"]})
    return valid.ascii_email


def _relay(text: str) -> SplitResult:
    """URL of one relay. Invalid unless it is smtp:// or smtps:// with a host."""
    try:
        url = urlsplit(text.strip())
        is_relay = url.scheme in {"smtp", "smtps"} and bool(url.hostname) and (url.port or 25) > 0
    except ValueError:
        is_relay = False
    if not is_relay or "," in text:
        raise Invalid({"relay": ["must be one URL: smtp://host:port or smtps://user:password@host"]})
    return url


def _name(relay: SplitResult) -> str:
    return relay.netloc.rpartition("@")[2]
