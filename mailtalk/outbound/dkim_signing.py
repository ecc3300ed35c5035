"""DKIM signatures and headers for the relay, added once, when a mail is made, so that every retry is byte-equal."""

from dataclasses import dataclass
from uuid import UUID

from mailtalk.mail.composing import dkim
from mailtalk.outbound import provider_metadata
from mailtalk.settings.load import PREFIX, Settings, SettingsError


@dataclass(frozen=True, slots=True)
class MailSigner:
    """Name of the idempotency header, DKIM keys, and metadata headers of the relay's provider; none by default."""

    header: str | None = None
    signers: tuple[dkim.Signer, ...] = ()
    metadata: tuple[str, ...] = ()  # header fields, `%s` is the delivery's id

    @classmethod
    def of(cls, settings: Settings) -> "MailSigner":
        """Read the settings; SettingsError for an unusable key."""
        relays = settings.relay_url.get_secret_value() if settings.relay_url else ""
        return cls(settings.idempotency_header, _signers(settings), provider_metadata.headers(relays))

    def sign(self, mail: bytes, delivery_id: UUID) -> bytes:
        """The mail with the added headers in front."""
        return dkim.sign(self._header(delivery_id) + mail, self.signers)

    def added(self, head: bytes, relaxed: bytes, delivery_id: UUID) -> bytes:
        """Headers to put in front of a mail whose body is given in DKIM's relaxed form, computed once for many."""
        own = self._header(delivery_id)
        return (dkim.signatures(own + head, relaxed, self.signers) if self.signers else b"") + own

    def _header(self, delivery_id: UUID) -> bytes:
        idempotency = (f"{self.header}: %s",) if self.header else ()
        fields = "".join(f"{field}\r\n" for field in (*idempotency, *self.metadata))
        return fields.replace("%s", str(delivery_id)).encode()


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
