"""Whom our connections trust. The machine's certificates are read once: reading them takes longer than a connection."""

import ssl
from functools import cache


@cache
def proven() -> ssl.SSLContext:
    """TLS, 1.2 and newer, to a server that proves its name; SSL_CERT_FILE names other certificates to trust."""
    return ssl.create_default_context()


@cache
def anybody() -> ssl.SSLContext:
    """TLS to whoever answers: it keeps out those who only listen."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
