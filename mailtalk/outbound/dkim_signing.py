"""DKIM signatures and the idempotency header, added once, when a mail is made, so that every retry is byte-equal."""

from dataclasses import dataclass
from uuid import UUID

from mailtalk.mail.composing import dkim
from mailtalk.settings.load import PREFIX, Settings, SettingsError


@dataclass(frozen=True, slots=True)
class MailSigner:
    """Name of the idempotency header and the DKIM keys; neither by default."""

    header: str | None = None
    signers: tuple[dkim.Signer, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "MailSigner":
        """Read the settings; SettingsError for an unusable key."""
        return cls(settings.idempotency_header, _signers(settings))

    def sign(self, mail: bytes, delivery_id: UUID) -> bytes:
        """The mail with the added headers in front."""
        return dkim.sign(self._header(delivery_id) + mail, self.signers)

    def added(self, head: bytes, relaxed: bytes, delivery_id: UUID) -> bytes:
        """Headers to put in front of a mail whose body is given in DKIM's relaxed form, computed once for many."""
        own = self._header(delivery_id)
        return (dkim.signatures(own + head, relaxed, self.signers) if self.signers else b"") + own

    def _header(self, delivery_id: UUID) -> bytes:
        return f"{self.header}: {delivery_id}\r\n".encode() if self.header else b""


def _signers(settings: Settings) -> tuple[dkim.Signer, ...]:
    given = (settings.dkim_domain, settings.dkim_selector, settings.dkim_key)
    if not any(given):
        return ()
    domain, selector, key = given
    if domain is None or selector is None or key is None:
        raise SettingsError(f"{PREFIX}DKIM_DOMAIN, {PREFIX}DKIM_SELECTOR and {PREFIX}DKIM_KEY belong together")
    try:
        return tuple(dkim.signers(domain, selector, key.get_secret_value()))
    except ValueError as error:
        raise SettingsError(f"{PREFIX}DKIM_KEY: {error}") from None
