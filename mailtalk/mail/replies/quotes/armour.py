"""PGP cleartext signatures (RFC 9580 7): removes the armour around signed text."""

import re

_HEAD = re.compile(r"^-----BEGIN PGP SIGNED MESSAGE-----[ \t]*\n(?:Hash: [^\n]{0,200}\n){0,9}[ \t]*\n?", re.MULTILINE)
_SIGNATURE, _END = "\n-----BEGIN PGP SIGNATURE-----", "\n-----END PGP SIGNATURE-----"
_DASHES = re.compile(r"^- (?=-)", re.MULTILINE)


def without(text: str) -> str:
    """Signed text without armour, with the text before and after it; expects LF line ends."""
    head = _HEAD.search(text)
    start = text.find(_SIGNATURE, head.end() - 1) if head else -1
    if head is None or start < 0:
        return text
    end = text.find(_END, start)
    behind = text[end + len(_END) :] if end >= 0 else ""
    return text[: head.start()] + _DASHES.sub("", text[head.end() : start]) + behind
