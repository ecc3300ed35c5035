"""Types of settings, with error messages that say what to write instead."""

from base64 import b64decode
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import AfterValidator, Field, SecretStr

MIN_SECRET = 32
MIN_PASSWORD = 12


def scheme(*allowed: str) -> AfterValidator:
    """Validator: one URL, or several separated by commas, each complete and with one of these schemes."""

    def check(url: SecretStr | str | None) -> SecretStr | str | None:
        text = url.get_secret_value() if isinstance(url, SecretStr) else url
        if text is not None and not all(_is_url(part.strip(), allowed) for part in text.split(",")):
            raise ValueError(f"must be a URL of the form {' or '.join(f'{name}://…' for name in allowed)}")
        return url

    return AfterValidator(check)


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        is_port_valid = parts.port is None or parts.port > 0
    except ValueError:  # its text may hold the URL, and so a password
        return False
    return is_port_valid and parts.scheme in schemes and bool(parts.hostname or parts.path.strip("/"))


def _long(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and any(len(key.strip()) < MIN_SECRET for key in secret.get_secret_value().split(",")):
        raise ValueError(f"shorter than {MIN_SECRET} characters; make one with: openssl rand -hex 32")
    return secret


def _is_password(password: SecretStr | None) -> SecretStr | None:
    if password is not None and len(password.get_secret_value()) < MIN_PASSWORD:
        raise ValueError(f"shorter than {MIN_PASSWORD} characters")
    return password


def _ecdsa(key: str | None) -> str | None:
    try:
        public = None if key is None else load_der_public_key(b64decode(key, validate=True))
    except ValueError:
        raise ValueError("is not a public key in Base64") from None
    if public is not None and not isinstance(public, EllipticCurvePublicKey):
        raise ValueError("is not a public key for ECDSA")
    return key


Secret = Annotated[SecretStr | None, AfterValidator(_long)]
Password = Annotated[SecretStr | None, AfterValidator(_is_password)]
Host = Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z0-9.:%_-]+$")]  # a name, or an address of either kind
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Domain = Annotated[str, Field(max_length=253, pattern=r"^([a-z0-9][a-z0-9-]{0,62}\.)*[a-z0-9][a-z0-9-]{0,62}$")]
Mailbox = Annotated[str, Field(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}$")]
AppId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Domains = Annotated[str | None, Field(max_length=10_000, pattern=r"^[A-Za-z0-9., -]+$")]  # by comma
Rate = Annotated[int, Field(ge=0, le=100_000_000)]
Mailboxes = Annotated[
    str | None, Field(max_length=10_000, pattern=r"^[^,\s]*@[A-Za-z0-9.-]+(?:\s*,\s*[^,\s]*@[A-Za-z0-9.-]+)*$")
]
PublicKey = Annotated[str | None, AfterValidator(_ecdsa)]  # for ECDSA: DER in Base64
Topic = Annotated[str | None, Field(max_length=300, pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d+:[\w-]+$")]  # of SNS
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Bytes = Annotated[int, Field(ge=1_000, le=1_000_000_000)]


def _networks(text: str) -> str:
    for network in text.split(","):
        ip_network(network.strip())
    return text


def _private(text: str | None) -> str | None:
    return text if text is None or text in {"true", "false"} else _networks(text)


Networks = Annotated[str, AfterValidator(_networks)]  # CIDR, by comma
Private = Annotated[str, AfterValidator(_private)]
