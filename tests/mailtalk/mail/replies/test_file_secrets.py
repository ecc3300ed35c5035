"""Files carry no secret of ours to others: texts are kept without it, what cannot be read is withheld."""

import quopri
import zipfile
from base64 import b64encode, encodebytes
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtalk.mail.parsing.parse import MailAttachment
from mailtalk.mail.replies.file_secrets import FileSecrets

DOMAIN = "reply.example.test"
TOKEN = "k3v7q2xw4m6np5rtz7ya2bcdefgh3j"
ADDRESS = f"{TOKEN}@{DOMAIN}".encode()
FOLDED = b"\r\n ".join((ADDRESS[:20], ADDRESS[20:40], ADDRESS[40:]))
LINK = b"https://talk.example/settings/" + b"A" * 43


def cleaned(content: bytes, content_type: str = "application/octet-stream") -> MailAttachment:
    return FileSecrets(DOMAIN).cleaned(MailAttachment("file", content_type, content, None, inline=False))


def archive(content: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", content)
    return file.getvalue()


@pytest.mark.parametrize("page", ["settings", "unsubscribe", "inbound/release"])
@pytest.mark.parametrize("before", range(76))
def test_a_link_is_found_wherever_a_line_is_folded(page: str, before: int) -> None:
    """Quoted-printable breaks lines within words; the link stands at each place of a line."""
    text = f"größer {'x' * before} https://talk.example/{page}/{'A' * 43}\n".encode()
    shown = quopri.decodestring(cleaned(quopri.encodestring(text), "message/rfc822").content)
    assert b"A" * 20 not in shown
    assert shown.endswith(f"/{page}/...\n".encode())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"to=<" + ADDRESS + b"> status=deferred", b"to=<...> status=deferred"),
        (b"ATTENDEE:mailto:" + FOLDED, b"ATTENDEE:mailto:..."),
        (b'{"to": "' + ADDRESS.upper() + b'"}', b'{"to": "..."}'),
        (b"a,mailto%3A" + ADDRESS.replace(b"@", b"%40"), b"a,mailto%3A..."),
        (b"see " + LINK + b", or\r\n", b"see https://talk.example/settings/..., or\r\n"),
        (b"ask bob@reply.example.test, see /settings/mine", b"ask bob@reply.example.test, see /settings/mine"),
        (f"<n.{'ab12' * 8}@{DOMAIN}>".encode(), f"<n.{'ab12' * 8}@{DOMAIN}>".encode()),
    ],
)
def test_a_text_of_any_type_is_kept_with_its_secrets_replaced(content: bytes, expected: bytes) -> None:
    file = cleaned(content)
    assert (file.content, file.withheld) == (expected, False)


def test_an_attached_mail_hides_no_secret_in_its_transfer_encodings() -> None:
    inner = b"Hello " * 20 + ADDRESS + " wrote: größer".encode() * 5
    for encoded in (quopri.encodestring(inner), encodebytes(inner)):
        file = cleaned(b"From: a@b.example\r\n\r\n" + encoded, "message/rfc822")
        shown = quopri.decodestring(file.content) + b"".join(file.content.split()[-1:])
        assert file.content.startswith(b"From: a@b.example\r\n\r\n")
        assert TOKEN.encode() not in shown
        assert b64encode(ADDRESS)[4:-4] not in file.content.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\0 " + ADDRESS,
        b"\0\1" + b64encode(b"x" + ADDRESS + b"y" * 9),
        b"\0" + f"to {TOKEN}@{DOMAIN}".encode("utf-16-le"),
        archive(b"hello" * 99 + b" " + ADDRESS),
        archive(LINK),
    ],
)
def test_what_is_no_text_and_holds_a_secret_is_withheld(content: bytes) -> None:
    file = cleaned(content)
    assert (file.content, file.withheld) == (b"", True)


@pytest.mark.parametrize("content", [b"\0\1\2", archive(b"hello"), b"PK broken \0", b"\x89PNG\r\n\x1a\n\0"])
def test_other_files_stay_as_they_are(content: bytes) -> None:
    assert cleaned(content).content == content


@given(before=st.binary(max_size=60), after=st.binary(max_size=60))
def test_no_address_survives_whatever_is_around_it(before: bytes, after: bytes) -> None:
    assert ADDRESS not in cleaned(before + b"<" + ADDRESS + after).content
