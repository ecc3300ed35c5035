"""SMTP envelope of a delivery."""

from mailtalk.keys import Keyring
from mailtalk.outbound import verp
from mailtalk.outbound.deliveries import ClaimedDelivery
from mailtalk.outbound.smtp_connection import SmtpEnvelope
from mailtalk.vocabulary import DeliveryKind


def envelope(keyring: Keyring, domain: str, delivery: ClaimedDelivery) -> SmtpEnvelope:
    """Envelope: bounces of a notification come back to us; a notice has a null sender (RFC 3834)."""
    sender = ""
    if delivery.kind in {DeliveryKind.NOTIFICATION, DeliveryKind.DIGEST}:
        sender = f"{verp.local_part(keyring, delivery.id)}@{domain}"
    return SmtpEnvelope(sender, delivery.address, str(delivery.id))
