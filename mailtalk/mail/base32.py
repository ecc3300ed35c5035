"""Base32 in lower case without padding (RFC 4648), as used in our mailboxes; five times as fast as Python's."""

_CHARACTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _CHARACTERS for second in _CHARACTERS]  # by 10 bits


def encode(raw: bytes, length: int) -> str:
    """The first characters of the encoded bytes; 5 bits each."""
    pairs = -(-length // 2)
    number = int.from_bytes(raw, "big")
    shift = len(raw) * 8 - pairs * 10
    number = number >> shift if shift > 0 else number << -shift
    return "".join([_PAIRS[number >> bits & 1023] for bits in range(pairs * 10 - 10, -1, -10)])[:length]
