import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtalk.mail.parsing import limits, mime

SMALL = limits.Limits(
    header_block=300,
    all_headers=600,
    header=100,
    parts=5,
    depth=3,
    encoded_words=4,
    addresses=4,
)
HEADER = b"From: alice@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"


def reason(raw: bytes) -> str:
    try:
        limits.check(raw, SMALL)
        mime.read(raw, SMALL)
    except limits.LimitExceeded as error:
        return error.reason
    return ""


def nested(depth: int) -> bytes:
    level = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
    return b"".join(level % (n, n) for n in range(depth))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Subject: hi\r\n\r\nhello", ""),
        (b"", ""),
        (b"S: h\r\n\r\n" + b"hello\r\n" * 400_000, ""),
        (b"S: h\r\n\r\n" + b"a" * 1_000_000, ""),
        (b"S: h\r\n" * 60 + b"\r\n", "header-block-too-large"),
        (b"S: h\r\n" + b" more\r\n" * 20 + b"\r\n", "header-too-large"),
        (b"Subject: " + b"=?a?q?b?=\r\n " * 5 + b"\r\n\r\n", "too-many-encoded-words"),
        (b"To: " + b"a@b.c, " * 5 + b"\r\n\r\n", "too-many-addresses"),
        (b"To: " + b'"A, B" <a@b.c>,\r\n ' * 3 + b"\r\n\r\n", ""),
        (b"X-Not-Addresses: " + b"a@b.c, " * 5 + b"\r\n\r\n", ""),
        (HEADER + b"--b\r\n\r\nx\r\n" * 4, ""),
        (HEADER + b"--b\r\n\r\nx\r\n" * 5, "too-many-parts"),
        (HEADER + b"--b\r\nSubject: " + b"x\r\n " * 40, "header-too-large"),
        (HEADER + (b"--b\r\n" + b"S: h\r\n" * 40 + b"\r\nx\r\n") * 3, "headers-too-large"),
        (nested(3), ""),
        (nested(4), "too-deep"),
        (b"Content-Type: message/rfc822\r\n\r\n" * 9, ""),
    ],
)
def test_each_limit_has_its_word(raw: bytes, expected: str) -> None:
    assert reason(raw) == expected


def test_the_defaults_are_those_that_are_documented() -> None:
    documented = limits.Limits(100_000, 500_000, 16_000, 500, 30, 500, 500)
    assert documented == limits.DEFAULT


def test_parts_beyond_the_limit_are_not_read() -> None:
    raw = HEADER + b"--b\r\n\r\nx\r\n" * 100_000
    reader = mime._TreeBuilder(limits.DEFAULT)
    with pytest.raises(limits.LimitExceeded, match="too-many-parts"):
        reader.part(memoryview(raw), "text/plain", 0)
    assert reader.parts == limits.DEFAULT.parts + 1


@given(st.binary(max_size=400))
def test_the_scan_raises_nothing_else(raw: bytes) -> None:
    assert reason(raw) in {
        "",
        "header-block-too-large",
        "header-too-large",
    }
