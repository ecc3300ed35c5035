"""Thumbnails: small pictures of pictures, whatever somebody sends as one."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from mailtalk.mail.reader import thumbnails

RED = (200, 30, 30)


def encoded(kind: str, size: tuple[int, int], mode: str = "RGB", **options: object) -> bytes:
    out = BytesIO()
    Image.new(mode, size, RED if mode == "RGB" else None).save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(side: int) -> bytes:
    """A PNG of few bytes that decodes to as many pixels on each side."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000))
    return b"\x89PNG\r\n\x1a\n" + head + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", thumbnails.FORMATS)
def test_the_longer_side_has_600_pixels(kind: str) -> None:
    small = thumbnails.of(encoded(kind, (2000, 1000)))
    assert small is not None
    assert (small.content_type, small.width, small.height) == ("image/jpeg", 600, 300)
    shown = Image.open(BytesIO(small.content))
    assert (shown.format, shown.size) == ("JPEG", (600, 300))


def test_a_small_picture_stays_small() -> None:
    small = thumbnails.of(encoded("PNG", (40, 30)))
    assert small is not None
    assert (small.width, small.height) == (40, 30)


def test_transparency_is_kept() -> None:
    small = thumbnails.of(encoded("PNG", (900, 900), "RGBA"))
    assert small is not None
    assert small.content_type == "image/png"
    assert Image.open(BytesIO(small.content)).mode == "RGBA"


def test_a_phone_held_upright_gives_an_upright_picture_without_the_place_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    exif[0x010E] = "at home"
    small = thumbnails.of(encoded("JPEG", (1200, 600), exif=exif, comment=b"at home"))
    assert small is not None
    assert (small.width, small.height) == (300, 600)
    assert b"at home" not in small.content
    assert not dict(Image.open(BytesIO(small.content)).getexif())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"\x89PNG photo" * 400,
        encoded("PNG", (300, 300))[:200],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        encoded("BMP", (10, 10)),
        encoded("TIFF", (10, 10)),
        bomb(20_000),
        bomb(2**31 - 1),
    ],
)
def test_what_is_no_picture_of_ours_or_too_large_has_none(content: bytes) -> None:
    assert thumbnails.of(content) is None
