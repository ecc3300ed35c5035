"""Links in HTML: keeps a target that the text does not show, and undoes the wrappers of security scanners."""

import re
from collections.abc import Callable, Mapping
from itertools import islice
from urllib.parse import parse_qs, unquote, urlsplit

from mailtalk.mail.replies.quotes.containers import Element

LONGEST = 2_000  # characters of a target that is shown
_WRAPPED = re.compile(r"https?://[^\s<>\"()\[\]]{1,4000}")
_TEXTS = 50  # pieces of text within one link that are looked at
_WIDTH = 500  # characters of a link's text that are compared
_SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?", re.IGNORECASE)
_ICON = 32  # pixels: a smaller picture is an icon of a signature
_PIXELS = re.compile(r"\d{1,4}")
_PROOFPOINT_V2 = re.compile(r"-([0-9A-F]{2})")
_PROOFPOINT_V3 = re.compile(r"/v3/__(.+?)__;")
# Hosts that wrap links, and the parameter that holds the target.
_PARAMETERS: Mapping[str, str] = {
    ".safelinks.protection.outlook.com": "url",
    ".linkprotect.cudasvc.com": "a",
    ".l.facebook.com": "u",
    ".urlsand.esvalabs.com": "u",
    ".protection.sophos.com": "u",
    ".deref-gmx.net": "redirectUrl",
    ".deref-web.de": "redirectUrl",
}


def target(element: Element) -> str | None:
    """Target of a link if its text does not show it: in parentheses, or alone if there is no text; else None."""
    href = _address(unwrapped("".join((element.get("href") or "").split())))
    if href is None or len(href) > LONGEST or _is_icon(element):
        return None
    text = " ".join("".join(islice(element.itertext(), _TEXTS))[:_WIDTH].split())
    if not text:
        return f" {href} " if element.find(".//img") is not None else None
    return None if _bare(href) in _bare(unwrapped(text)) else f" ({href})"


def _address(href: str) -> str | None:
    """Target in readable form: a URL, a mail address or a telephone number; None for all else."""
    scheme, _, rest = href.partition(":")
    if scheme.lower() in {"mailto", "tel"}:
        return unquote(rest.partition("?")[0]) or None
    return href if scheme.lower() in {"http", "https"} else None


def unwrapped_all(text: str) -> str:
    """Text with the wrappers of its links undone."""
    return _WRAPPED.sub(lambda found: unwrapped(found[0]), text) if "http" in text else text


def unwrapped(url: str) -> str:
    """Target of a link that a mail gateway or a mail service has wrapped; any other URL unchanged."""
    try:
        parts = urlsplit(url)
        host = f".{parts.hostname or ''}"
    except ValueError:
        return url
    reader = next((reader for suffix, reader in _READERS.items() if host.endswith(suffix)), None)
    inner = reader(url) if reader else None
    return inner if inner and inner.lower().startswith(("http://", "https://")) else url


def _bare(url: str) -> str:
    """Target in a form for comparison: without scheme, "www.", the last slash, blanks and case."""
    return _SCHEME.sub("", "".join(unquote(url).split())).rstrip("/").casefold()


def _is_icon(element: Element) -> bool:
    """True for a link around nothing but small pictures."""
    pictures = element.findall(".//img")
    sizes = [_PIXELS.match(picture.get("width") or picture.get("height") or "999") for picture in pictures]
    return bool(pictures) and all(size is not None and int(size[0]) <= _ICON for size in sizes)


def _by_parameter(name: str) -> Callable[[str], str | None]:
    def read(url: str) -> str | None:
        return next(iter(parse_qs(urlsplit(url).query).get(name, ())), None)

    return read


def _google(url: str) -> str | None:
    return _by_parameter("q")(url) if urlsplit(url).path == "/url" else None


def _proofpoint(url: str) -> str | None:
    """Proofpoint's URL Defense, version 3 (the target as it is) and version 2 (`-3A` for `%3A`, `_` for `/`)."""
    found = _PROOFPOINT_V3.search(url)
    if found:
        return re.sub(r"^(https?:/)(?=[^/])", r"\1/", found[1])
    coded = _by_parameter("u")(url) or ""
    return unquote(_PROOFPOINT_V2.sub(r"%\1", coded).replace("_", "/"))


_READERS: Mapping[str, Callable[[str], str | None]] = {
    ".google.com": _google,
    ".urldefense.com": _proofpoint,
    ".urldefense.proofpoint.com": _proofpoint,
} | {suffix: _by_parameter(name) for suffix, name in _PARAMETERS.items()}
