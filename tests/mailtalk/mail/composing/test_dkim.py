"""DKIM: an independent verifier believes our signatures, and nothing that was changed."""

from base64 import b64encode

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from support import ed25519

from mailtalk.mail.composing.dkim import Signer, sign, signers

RSA = rsa.generate_private_key(65537, 2048)
ED = Ed25519PrivateKey.generate()
MAIL = (
    b"From: Alice via App <notify@example.com>\r\nTo: Bob\r\n <bob@example.com>\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Fri, 02 Jan 2026 03:04:05 +0000\r\nMessage-ID: <n.1@example.com>\r\nReferences: <a@b>\r\n <c@d>\r\n"
    b"Reply-To: <token@reply.example.com>\r\nList-Id: <x.example.com>\r\nList-Unsubscribe: <mailto:u@example.com>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
    b"hello  \t there \r\n.dot\r\n--b--\r\n\r\n\r\n"
)


def pem(key: rsa.RSAPrivateKey | Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public(name: bytes, timeout: int = 5) -> bytes:
    if name.startswith(b"r1."):
        spki = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b"v=DKIM1; k=rsa; p=" + b64encode(spki)
    raw = ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return b"v=DKIM1; k=ed25519; p=" + b64encode(raw)


BOTH = signers("example.com", "r1, e1", pem(RSA) + pem(ED))


@pytest.fixture(autouse=True, scope="module")
def _ed25519() -> None:
    if not hasattr(dkim, "nacl"):
        dkim.nacl = ed25519.nacl


def verdicts(mail: bytes) -> list[bool]:
    verifier = dkim.DKIM(mail)
    return [_believed(verifier, at) for at in range(2)]


def _believed(verifier: dkim.DKIM, at: int) -> bool:
    try:
        return verifier.verify(idx=at, dnsfunc=public)
    except dkim.ValidationError:  # the body's hash is another
        return False


def test_an_independent_verifier_believes_both_signatures() -> None:
    assert verdicts(sign(MAIL, BOTH)) == [True, True]


@pytest.mark.parametrize(
    "change",
    [
        (b"hello", b"hullo"),
        (b"Subject: ", b"Subject: Re: "),
        (b"One-Click", b"Two-Click"),
        (b"<token@", b"<other@"),
        (b"MIME-Version", b"From: eve@example.org\r\nMIME-Version"),
    ],
)
def test_what_was_changed_is_not_believed(change: tuple[bytes, bytes]) -> None:
    assert verdicts(sign(MAIL, BOTH).replace(*change)) == [False, False]


def test_blanks_that_relays_change_break_nothing() -> None:
    relayed = sign(MAIL, BOTH).replace(b"there \r\n", b"there\r\n").replace(b"To: Bob\r\n ", b"to:  Bob ")
    assert verdicts(relayed) == [True, True]


@given(st.lists(st.text(st.characters(codec="ascii"), max_size=80), max_size=8))
def test_any_body_is_signed_as_the_verifier_reads_it(lines: list[str]) -> None:
    body = "\r\n".join(line.replace("\r", "").replace("\n", "") for line in lines).encode()
    signed = sign(MAIL.partition(b"--b")[0] + body + b"\r\n", BOTH[1:])
    assert dkim.DKIM(signed).verify(dnsfunc=public)


def test_every_line_of_the_signature_is_short() -> None:
    fields = sign(MAIL, BOTH).removesuffix(MAIL)
    assert max(map(len, fields.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("selectors", "keys", "told"),
    [
        ("a,b", pem(RSA), "as many selectors as keys"),
        ("a", pem(RSA) + pem(ED), "as many selectors as keys"),
        ("a", "", "as many selectors as keys"),
        ("a", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----", "key of a is no private key"),
    ],
)
def test_keys_that_cannot_be_used_are_told_without_themselves(selectors: str, keys: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as error:
        signers("example.com", selectors, keys)
    assert "hunter2" not in str(error.value)


def test_a_signer_knows_its_place() -> None:
    assert [(each.domain, each.selector) for each in BOTH] == [("example.com", "r1"), ("example.com", "e1")]
    assert isinstance(BOTH[0], Signer)
