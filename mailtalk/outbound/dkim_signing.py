"""The postmark: what is put on a mail of ours when it is made, and so is equal in every retry."""

from dataclasses import dataclass
from uuid import UUID

from mailtalk.mail.composing import dkim
from mailtalk.settings.load import PREFIX, Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Postmark:
    """The header by which a relay drops repeats, and the keys that sign; none of both by default."""

    header: str | None = None
    signers: tuple[dkim.Signer, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Postmark":
        """What the settings name; SettingsError when a key cannot be used."""
        return cls(settings.idempotency_header, _signers(settings))

    def stamp(self, mail: bytes, delivery_id: UUID) -> bytes:
        """The mail as it is sent."""
        header = f"{self.header}: {delivery_id}\r\n".encode() if self.header else b""
        return dkim.sign(header + mail, self.signers)


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
