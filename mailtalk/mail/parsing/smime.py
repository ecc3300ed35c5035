"""S/MIME (RFC 8551): the MIME entity inside an opaque signature, readable without a key; and detection of encryption.

Signatures are not verified here: the sender is authenticated by domain (SPF, DKIM, ARC).
"""

import re
import zlib
from contextlib import suppress
from enum import Enum, auto

TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_ENTITY = re.compile(rb"\s{0,20}(?:content-[a-z-]{1,40}|mime-version|from|to|subject|date):", re.IGNORECASE)
_ENCRYPTED = frozenset({"enveloped_data", "authenticated_enveloped_data", "encrypted_data"})
_LARGEST = 25_000_000  # bytes of a decompressed entity


class Sealed(Enum):
    """Encrypted entity."""

    SEALED = auto()


def opened(content: bytes) -> bytes | Sealed | None:
    """MIME entity in a CMS structure (RFC 5652), SEALED if it is encrypted, None for anything else."""
    from asn1crypto import cms  # type: ignore[import-untyped]  # noqa: PLC0415  few mails need it

    with suppress(ValueError, TypeError, KeyError, zlib.error):
        info = cms.ContentInfo.load(content)
        kind = info["content_type"].native
        if kind in _ENCRYPTED:
            return Sealed.SEALED
        inner = info["content"]["encap_content_info"]["content"].native
        entity = zlib.decompressobj().decompress(inner, _LARGEST) if kind == "compressed_data" else inner
        return entity if isinstance(entity, bytes) and _ENTITY.match(entity) else None
    return None
