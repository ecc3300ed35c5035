"""DKIM signing (RFC 6376, RFC 8463), relaxed/relaxed, with one RSA or Ed25519 key or both."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mailtalk.mail.composing.link_slots import Pieces

SIGNED = (
    *("from", "to", "subject", "date", "message-id", "in-reply-to", "references", "reply-to", "auto-submitted"),
    *("list-id", "list-unsubscribe", "list-unsubscribe-post", "list-archive", "mime-version", "content-type"),
    "content-transfer-encoding",
)
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.DOTALL)
_LEAST_RSA_BITS = 1024
_WIDTH = 72
_OWN = "dkim-signature"
_BLANKS = re.compile(rb"[ \t]+")


@dataclass(frozen=True)
class Signer:
    """A private key and the DNS name of its public key: `selector`._domainkey.`domain`."""

    domain: str
    selector: str
    key: RSAPrivateKey | Ed25519PrivateKey

    def sign(self, fields: Mapping[str, str], body_hash: bytes) -> bytes:
        """The DKIM-Signature field of a mail with these relaxed header fields, including its line end."""
        names = [name for name in SIGNED if name in fields]
        tags = (
            "v=1",
            f"a={'rsa' if isinstance(self.key, RSAPrivateKey) else 'ed25519'}-sha256",
            "c=relaxed/relaxed",
            f"d={self.domain}",
            f"s={self.selector}",
            "h=" + ":\r\n  ".join([*names, "from"]),  # once more than there are: a second From breaks the signature
            f"bh={b64encode(body_hash).decode()}",
            "b=",
        )
        unsigned = "DKIM-Signature: " + ";\r\n ".join(tags)
        signed = [*(f"{name}:{fields[name]}" for name in names), f"dkim-signature:{_fields(unsigned.encode())[_OWN]}"]
        signature = b64encode(self._signature("\r\n".join(signed).encode("utf-8", "surrogateescape"))).decode()
        pieces = [signature[at : at + _WIDTH] for at in range(0, len(signature), _WIDTH)]
        return (unsigned + "\r\n  ".join(pieces) + "\r\n").encode()

    def _signature(self, data: bytes) -> bytes:
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(data, PKCS1v15(), SHA256())
        return self.key.sign(sha256(data).digest())


def signers(domain: str, selectors: str, pem: str) -> list[Signer]:
    """One Signer for each key and selector, in order. Raises ValueError, without key material in its text."""
    names = [name.strip() for name in selectors.split(",")]
    return [Signer(domain, *_matched(name, block)) for name, block in zip_longest(names, _PEM.findall(pem))]


def sign(mail: bytes, keys: Sequence[Signer]) -> bytes:
    """Prepend one DKIM-Signature field for each key to a mail with CRLF line ends."""
    if not keys:
        return mail
    head, _, body = mail.partition(b"\r\n\r\n")
    return signatures(head, _relaxed_body(body), keys) + mail


def signatures(head: bytes, relaxed: bytes, keys: Sequence[Signer]) -> bytes:
    """One DKIM-Signature field for each key, for a header and a body in relaxed canonical form."""
    fields, body_hash = _fields(head), sha256(relaxed).digest()
    return b"".join([key.sign(fields, body_hash) for key in keys])


def relaxed(pieces: Pieces) -> Pieces:
    """Pieces of a body in relaxed form; each consists of whole lines, and links contain no blanks to be normalized."""
    return tuple(_relaxed_lines(piece) if isinstance(piece, bytes) else piece for piece in pieces)


def _matched(selector: str | None, block: str | None) -> tuple[str, RSAPrivateKey | Ed25519PrivateKey]:
    if not selector or not block:
        raise ValueError("there must be as many selectors as keys in PEM form")
    try:
        key = load_pem_private_key(block.encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError(f"the key of {selector} is no private key in PEM form") from None
    if isinstance(key, Ed25519PrivateKey) or (isinstance(key, RSAPrivateKey) and key.key_size >= _LEAST_RSA_BITS):
        return selector, key
    raise ValueError(f"the key of {selector} is neither Ed25519 nor RSA of at least {_LEAST_RSA_BITS} bits")


def _fields(head: bytes) -> dict[str, str]:
    """The header fields in relaxed canonical form (RFC 6376 3.4.2)."""
    unfolded = re.sub(r"\r\n(?=[ \t])", "", head.decode("utf-8", "surrogateescape"))
    pairs = (line.partition(":") for line in unfolded.split("\r\n"))
    return {name.strip().lower(): re.sub(r"[ \t]+", " ", value).strip(" ") for name, _, value in pairs}


def _relaxed_body(body: bytes) -> bytes:
    """The body in relaxed canonical form (RFC 6376 3.4.4)."""
    text = _relaxed_lines(body).rstrip(b" \r\n")
    return text + b"\r\n" if text else b""


def _relaxed_lines(lines: bytes) -> bytes:
    return _BLANKS.sub(b" ", lines).replace(b" \r\n", b"\r\n")
