"""Colour palettes: an app's colour adapted to light and dark backgrounds (WCAG 2.2, contrast 4.5)."""

import re
from functools import lru_cache
from hashlib import sha256
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
CONTRAST = 4.5
BLACK: Rgb = (0, 0, 0)
LIGHT: Rgb = (255, 255, 255)
DARK: Rgb = (28, 32, 38)  # the card's in the dark


# Of initials: equal in brightness, so that none stands out.
HUES = ("#2f6fd0", "#0b7f76", "#7a4fc4", "#b0481f", "#2b7d32", "#b03577", "#5a6b1d", "#8a5a00")


def hue(person: str) -> dict[str, str]:
    """Palette of a person, always the same."""
    return palette(HUES[sha256(person.encode()).digest()[0] % len(HUES)])


@lru_cache(maxsize=256)
def palette(colour: str) -> dict[str, str]:
    """The colour, the text colour on it, its readable variants on light and dark, and pale tints of it."""
    own = _rgb(colour)
    tint, shade = _mixed(own, LIGHT, 0.88), _mixed(own, DARK, 0.75)
    return {
        "colour": colour,
        "on_colour": "#ffffff" if contrast(own, LIGHT) >= contrast(own, DARK) else _hex(DARK),
        "on_light": _hex(_readable(own, tint, BLACK)),
        "on_dark": _hex(_readable(own, shade, LIGHT)),
        "tint": _hex(tint),
        "shade": _hex(shade),
    }


def contrast(one: Rgb, other: Rgb) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _readable(colour: Rgb, paper: Rgb, towards: Rgb) -> Rgb:
    steps = (_mixed(colour, towards, share / 20) for share in range(21))
    return next((each for each in steps if contrast(each, paper) >= CONTRAST), towards)


def _mixed(colour: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def _luminance(colour: Rgb) -> float:
    shares = (value / 255 for value in colour)
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)  # noqa: PLR2004
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
