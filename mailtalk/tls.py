"""TLS contexts of outgoing connections. Trusted certificates are read once: that takes longer than a connection."""

import ssl
from functools import cache


@cache
def verified() -> ssl.SSLContext:
    """TLS 1.2 or newer with certificate verification; SSL_CERT_FILE names other certificates to trust."""
    return ssl.create_default_context()


@cache
def opportunistic() -> ssl.SSLContext:
    """Opportunistic TLS: encrypts without verifying the certificate (against passive eavesdropping only)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
