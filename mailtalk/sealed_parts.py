"""Large content at rest: sealed in parts of equal size, each of which can be read and decrypted alone.

A part's associated data names its number and the number of parts, so that none can be moved, swapped or left out. One
part alone is sealed as any other data is.
"""

from mailtalk.keys import SEAL_BYTES, Keyring

PART = 131_072  # bytes of content in a part


def seal(keyring: Keyring, content: bytes, about: str) -> bytes:
    """Seal content of any size."""
    count = number_of(len(content), PART)
    parts = (content[number * PART : (number + 1) * PART] for number in range(count))
    return b"".join(keyring.seal(part, _about(about, number, count)) for number, part in enumerate(parts))


def unseal(keyring: Keyring, sealed: bytes, about: str, size: int, part: int) -> bytes:
    """Decrypt content of `size` bytes whose parts have `part` bytes. SealBroken."""
    spans = (span(number, size, part) for number in range(number_of(size, part)))
    pieces = (sealed[start : start + length] for start, length in spans)
    return b"".join(unseal_part(keyring, piece, about, number, size, part) for number, piece in enumerate(pieces))


def unseal_part(keyring: Keyring, sealed: bytes, about: str, number: int, size: int, part: int) -> bytes:  # noqa: PLR0913, PLR0917  a part is all of these
    """Decrypt one part. SealBroken."""
    return keyring.unseal(sealed, _about(about, number, number_of(size, part)))


def span(number: int, size: int, part: int) -> tuple[int, int]:
    """Start and length, in the sealed bytes, of a part of content of `size` bytes."""
    start = number * part
    return number * (part + SEAL_BYTES), min(part, size - start) + SEAL_BYTES


def number_of(size: int, part: int) -> int:
    """Number of parts; empty content has one."""
    return max(-(-size // part), 1)


def _about(about: str, number: int, count: int) -> str:
    return about if count == 1 else f"{about}/{number}/{count}"
