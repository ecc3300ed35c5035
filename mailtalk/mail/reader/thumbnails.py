"""Thumbnails of pictures, made in the reader process: pixels are counted before any is decoded; metadata is dropped."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

from mailtalk.mail.parsing.parse import Thumbnail

if TYPE_CHECKING:
    from PIL import Image

SIDE = 600  # pixels, of the longer side
PORTRAIT = 160  # pixels, of a person's square picture
PIXELS = 50_000_000  # of a picture that is decoded: what phones take
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
QUALITY = 80


def of(content: bytes, *, is_portrait: bool = False) -> Thumbnail | None:
    """Thumbnail of a picture, whole or as a square; None for other content, a broken picture, and too many pixels."""
    from PIL import Image, ImageOps  # noqa: PLC0415  most mails have no picture, and a process starts often

    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > PIXELS:
                return None
            picture.draft("RGB", (SIDE, SIDE))  # a JPEG is decoded at a fraction of its size
            picture.thumbnail((SIDE, SIDE))
            upright = ImageOps.exif_transpose(picture)
            if is_portrait:
                upright = ImageOps.fit(upright, (PORTRAIT, PORTRAIT))
            is_transparent = upright.has_transparency_data
            return _encoded(upright.convert("RGBA" if is_transparent else "RGB"), is_transparent=is_transparent)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  decoders raise many kinds of errors for broken pictures
        return None


def _encoded(picture: "Image.Image", *, is_transparent: bool) -> Thumbnail:
    kind, options = ("png", dict[str, Any]()) if is_transparent else ("jpeg", {"quality": QUALITY})
    out = BytesIO()
    picture.info.clear()
    picture.save(out, kind, optimize=True, **options)
    return Thumbnail(f"image/{kind}", out.getvalue(), picture.width, picture.height)
