"""Forms of a mail's words: signed and encrypted mails, calendars, reactions and alternatives that nobody asked for."""

import json
from datetime import datetime

import pytest
from asn1crypto import cms  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from mailtalk.mail.parsing import calendars
from mailtalk.mail.parsing.parse import ParsedMail, parse
from mailtalk.mail.reader import wording

ENTITY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nYes, noon.\r\n"


def mail(content_type: str, body: str | bytes, head: str = "") -> ParsedMail:
    data = body if isinstance(body, bytes) else body.encode()
    return parse(f"From: bob@example.com\r\nSubject: Re\r\nContent-Type: {content_type}\r\n{head}\r\n".encode() + data)


def alternative(*parts: tuple[str, str]) -> ParsedMail:
    body = "".join(f"--b\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts)
    return mail("multipart/alternative; boundary=b", f"{body}--b--\r\n")


def ics(method: str, *lines: str, program: str = "-//Example//EN") -> str:
    event = ("BEGIN:VEVENT", "UID:1", "DTSTAMP:20261127T150400Z", *lines, "END:VEVENT")
    calendar = ("BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{program}", f"METHOD:{method}", *event, "END:VCALENDAR")
    return "\r\n".join(calendar) + "\r\n"


LUNCH = ("SUMMARY:Lunch", "DTSTART;TZID=Europe/Berlin:20261203T120000", "DTEND;TZID=Europe/Berlin:20261203T130000")


@pytest.fixture(scope="module")
def signed() -> bytes:
    """The entity in an opaque signature."""
    key, name = rsa.generate_private_key(65537, 2048), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bob")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime(2026, 1, 1)).not_valid_after(datetime(2036, 1, 1))  # noqa: DTZ001  UTC is meant
    certificate = builder.sign(key, hashes.SHA256())
    with_key = pkcs7.PKCS7SignatureBuilder().set_data(ENTITY).add_signer(certificate, key, hashes.SHA256())
    return with_key.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


@pytest.mark.parametrize(
    "content_type",
    [
        "application/pkcs7-mime; smime-type=signed-data",
        "application/x-pkcs7-mime; name=smime.p7m",
        'application/octet-stream; name="smime.p7m"',
    ],
)
def test_an_opaque_signature_is_read_like_any_mail(signed: bytes, content_type: str) -> None:
    got = mail(content_type, signed)
    assert (got.text, got.attachments, got.encrypted) == ("Yes, noon.\n", (), False)


def test_a_signed_document_stays_a_file(signed: bytes) -> None:
    document = cms.ContentInfo.load(signed)
    document["content"]["encap_content_info"]["content"] = b"%PDF-1.7"
    kind = 'application/pkcs7-mime; name="contract.pdf.p7m"'
    got = mail(kind, document.dump(force=True), 'Content-Disposition: attachment; filename="contract.pdf.p7m"\r\n')
    assert ([file.name for file in got.attachments], got.encrypted) == (["contract.pdf.p7m"], False)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (
            "multipart/encrypted; boundary=b",
            "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1",
        ),
        ("text/plain", "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n-----END PGP MESSAGE-----\r\n"),
        ("application/pkcs7-mime", cms.ContentInfo({"content_type": "enveloped_data"}).dump()),
    ],
)
def test_what_is_encrypted_is_known(content_type: str, body: str | bytes) -> None:
    assert mail(content_type, body).encrypted


def test_a_quoted_armour_is_no_encrypted_mail() -> None:
    assert not mail("text/plain", "Yes.\r\n\r\n> -----BEGIN PGP MESSAGE-----\r\n> hQEM\r\n").encrypted


@pytest.mark.parametrize(
    ("calendar", "line"),
    [
        (ics("REQUEST", *LUNCH, "LOCATION:Café"), "Invitation: Lunch, Thu 3 Dec 12:00–13:00 CET, Café"),
        (ics("REPLY", *LUNCH, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:b@x"), "Accepted: Lunch, Thu 3 Dec 12:00–13:00 CET"),
        (ics("REPLY", "SUMMARY:Lunch", "ATTENDEE;PARTSTAT=DECLINED:mailto:b@x.example"), "Declined: Lunch"),
        (ics("CANCEL", "SUMMARY:Fair", "DTSTART;VALUE=DATE:20270103", "DTEND;VALUE=DATE:20270105"),
         "Cancelled: Fair, Sun 3 Jan 2027 – Mon 4 Jan 2027"),
        (ics("REQUEST", "SUMMARY:Team", "SEQUENCE:1", "DTSTART:20261203T090000Z", "RRULE:FREQ=WEEKLY"),
         "Updated invitation: Team, Thu 3 Dec 09:00 UTC, repeating"),
        (ics("REQUEST", "SUMMARY:Lunch", "DTSTART:soon"), "Invitation: Lunch"),
    ],
)  # fmt: skip
def test_a_calendar_is_a_line_and_a_file(calendar: str, line: str) -> None:
    got = alternative(("text/plain", ""), ("text/calendar; charset=utf-8", calendar))
    assert got.invitation is not None
    assert wording.invitation(got.invitation, "en") == line
    assert [file.name for file in got.attachments] == ["invite.ics"]
    assert "VCALENDAR" not in (got.text or "")


@pytest.mark.parametrize("broken", ["", "METHOD:REQUEST", ics("REQUEST")[:60], "BEGIN:VEVENT\r\n" * 9, "\0METHOD"])
def test_a_broken_calendar_is_only_a_file(broken: str) -> None:
    assert calendars.read(broken.encode()) is None


def test_a_calendar_that_is_there_twice_is_one_file() -> None:
    calendar = ics("REQUEST", *LUNCH)
    inner = f"--i\r\nContent-Type: text/calendar\r\n\r\n{calendar}\r\n--i--"
    head = 'Content-Type: application/ics; name="lunch.ics"\r\nContent-Disposition: attachment; filename="lunch.ics"'
    body = f"--b\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n{inner}\r\n--b\r\n{head}\r\n\r\n{calendar}"
    got = mail("multipart/mixed; boundary=b", body)
    assert [file.name for file in got.attachments] == ["lunch.ics"]


@pytest.mark.parametrize("kind", ["text/enriched", "text/x-amp-html", "text/rtf", "text/watch-html", "application/rtf"])
def test_an_alternative_that_nobody_asked_for_is_no_file(kind: str) -> None:
    got = alternative(("text/plain", "Yes."), (kind, "<b>Yes.</b>"), ("text/html", "<p>Yes."))
    assert (got.text, got.attachments) == ("Yes.", ())


def test_an_unknown_alternative_alone_is_kept() -> None:
    assert len(alternative(("application/x-unknown", "Yes.")).attachments) == 1


def test_a_reaction_is_its_emoji_alone() -> None:
    reaction = json.dumps({"emoji": "👍🏽", "version": 1})
    kind = "text/vnd.google.email-reaction+json; charset=utf-8"
    for got in (mail(kind, reaction), alternative(("text/plain", "Bob reagiert mit 👍🏽"), (kind, reaction))):
        assert (got.text, got.html, got.attachments) == ("👍🏽", None, ())


@pytest.mark.parametrize("reaction", ["{", '{"emoji": "spam"}', '{"emoji": 1}', '["👍"]'])
def test_what_is_no_reaction_is_read_as_it_stands(reaction: str) -> None:
    kind = "text/vnd.google.email-reaction+json"
    assert alternative(("text/plain", "Yes."), (kind, reaction)).text == "Yes."
