"""Mails as their senders' servers sign them, with keys that the zone publishes."""

from base64 import b64encode
from functools import cache

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HEADERS = [b"From", b"Subject", b"To"]


@cache
def key(name: str) -> tuple[bytes, bytes]:
    """A private key in PEM, and its record."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  made quickly, and thrown away
    private = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = made.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, b"v=DKIM1; k=rsa; p=" + b64encode(public)


def signed(mail: bytes, domain: str, *, length: bool = False, headers: list[bytes] | None = None) -> bytes:
    private, _ = key(domain)
    return dkim.sign(mail, b"s1", domain.encode(), private, include_headers=headers or HEADERS, length=length) + mail


def sealed(mail: bytes, domain: str, result: str) -> bytes:
    """The mail with an ARC set of this domain, which saw this result."""
    noted = f"Authentication-Results: {domain}; {result}\r\n".encode() + mail
    private, _ = key(domain)
    lines = dkim.arc_sign(noted, b"s1", domain.encode(), private, domain.encode(), include_headers=HEADERS)
    return b"".join(lines) + noted
