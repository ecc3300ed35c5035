"""Domain names by the public suffix list: the organisation that a name belongs to."""

from functools import cache
from importlib.resources import files
from typing import Any

SPECIAL = ("localhost", "test", "example", "invalid", "internal", "local", "onion", "alt")  # RFC 6761 and its like


def organisation(domain: str) -> str:
    """Organisational domain; unlisted suffixes follow the list's default rule, `*`."""
    return str(_suffixes().get_public_suffix(domain, strict=True) or ".".join(domain.split(".")[-2:]))


def is_apex(domain: str) -> bool:
    """True if a public domain is an organisation's whole one."""
    return domain.rpartition(".")[2] not in SPECIAL and organisation(domain) == domain


@cache
def _suffixes() -> Any:
    from authheaders import dmarc_lookup  # type: ignore[import-untyped]  # noqa: PLC0415  most starts need no list

    with (files("authheaders") / "public_suffix_list.txt").open(encoding="utf-8") as lines:
        return dmarc_lookup.PublicSuffixList(lines)
