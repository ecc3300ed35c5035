"""Certificate for STARTTLS, reloadable while the process runs."""

import logging
import ssl
from pathlib import Path
from typing import NoReturn, Self

from mailtalk.settings.load import PREFIX, Settings, SettingsError

log = logging.getLogger(__name__)


class Certificate:
    """Certificate chain and private key; `context` is the TLS context of new handshakes."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self.context = self._read()

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Load the settings' certificate; None if none is set, SettingsError if it is unusable."""
        cert, key = settings.smtp_tls_cert, settings.smtp_tls_key
        if cert is None or key is None:
            return None
        try:
            return cls(cert, key)
        except OSError as error:  # ssl's errors too
            raise SettingsError(
                f"{PREFIX}SMTP_TLS_CERT = '{cert}', {PREFIX}SMTP_TLS_KEY = '{key}': {_problem(error)} "
                "(a certificate chain and its key, not encrypted, both PEM)"
            ) from None

    def renew(self) -> None:
        """Reload the files; an unusable certificate is logged, and the current one stays."""
        try:
            self.context = self._read()
        except OSError as error:
            log.error("the certificate stays as it was; the new one cannot be used: %s", _problem(error))  # noqa: TRY400
        else:
            log.info("the certificate was read again")

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._cert, self._key, password=_no_password)
        return context


def _no_password() -> NoReturn:
    raise ssl.SSLError("the key is encrypted")


def _problem(error: OSError) -> str:
    return error.strerror or str(error)
