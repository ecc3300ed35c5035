"""Amazon SNS as a test plays it: signed posts of one topic, and the certificate of the signing key."""

import json
from base64 import b64encode
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

TOPIC = "arn:aws:sns:us-east-1:1:mail"
PEM = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"
SUBSCRIBE = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"


def sns(key: rsa.RSAPrivateKey, message: str, **more: str) -> bytes:
    """What SNS posts, signed as it documents it."""
    sent = {"Type": "Notification", "MessageId": "1", "TopicArn": TOPIC, "Message": message, "Timestamp": "2026-05-02"}
    sent |= more
    signed = "".join(f"{name}\n{sent[name]}\n" for name in sorted(sent)).encode()
    signature = b64encode(key.sign(signed, PKCS1v15(), SHA256())).decode()
    return json.dumps(sent | {"SignatureVersion": "2", "Signature": signature, "SigningCertURL": PEM}).encode()


def certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
