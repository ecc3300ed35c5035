"""SMTP envelope of a delivery."""

from mailtalk.keys import Keyring
from mailtalk.mail.address import AddressScheme
from mailtalk.outbound import verp
from mailtalk.outbound.deliveries import ClaimedDelivery
from mailtalk.outbound.smtp_connection import SmtpEnvelope
from mailtalk.vocabulary import DeliveryKind


def envelope(keyring: Keyring, scheme: AddressScheme, delivery: ClaimedDelivery) -> SmtpEnvelope:
    """Envelope: bounces of a notification come back to us; a notice has a null sender (RFC 3834)."""
    sender = ""
    if delivery.kind in {DeliveryKind.NOTIFICATION, DeliveryKind.DIGEST}:
        sender = scheme.address(verp.local_part(keyring, delivery.id))
    return SmtpEnvelope(sender, delivery.address, str(delivery.id))
