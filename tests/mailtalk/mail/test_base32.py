"""Base32 as the standard library has it, in lower case and without padding."""

from base64 import b32encode

from hypothesis import given
from hypothesis import strategies as st

from mailtalk.mail import base32


@given(st.binary(min_size=1, max_size=40))
def test_it_is_the_standard_encoding(raw: bytes) -> None:
    expected = b32encode(raw).decode().lower().rstrip("=")
    assert base32.encode(raw, len(expected)) == expected
    assert base32.encode(raw, 1) == expected[:1]
