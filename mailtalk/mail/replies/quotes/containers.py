"""HTML elements that mail clients put around quotes and signatures."""

import re
from enum import StrEnum
from itertools import islice
from typing import Any, TypeAlias

from mailtalk.mail.replies.marker import QUOTE_CLASS
from mailtalk.mail.replies.quotes.line_kinds import Kind, kind_of

Element: TypeAlias = Any  # lxml has no types


class Region(StrEnum):
    """The role of an element."""

    BODY = "body"
    QUOTE = "quote"  # its content is quoted
    BELOW = "below"  # everything from here on is quoted
    HEADING = "heading"  # "On Monday Alice wrote:"
    SIGNATURE = "signature"


_QUOTES = frozenset(
    {
        "yahoo_quoted",
        "tutanota_quote",
        "zmail_extra",  # Zoho
        "gmx_quote",
        "front-blockquote",
        "ntes-mailmaster-quote",
        "freshdesk_quote",
        "missive_quote",
        "outreach-quote",
        "hs_reply",  # HubSpot
        "quotedReply",  # Zendesk
        "fernand_quote",
        QUOTE_CLASS,
    }
)
_QUOTE_IDS = frozenset(
    {
        "OLK_SRC_BODY_SECTION",  # Outlook for Mac
        "isReplyContent",  # QQ
        "QuotedMessage",
        "mail-editor-reference-message-container",  # Outlook on Android
        "messageReplySection",  # Spark
        "cm_replymail_content_wrap",  # Newton
        "reply_mail",
        "quote",  # GMX
    }
)
_AROUND = frozenset({"gmail_quote", "protonmail_quote"})  # also around answers between the quotes
_HEADINGS = frozenset({"gmail_attr", "moz-cite-prefix", "airmail_on", "reply-intro"})
_BELOW = frozenset(
    {
        "appendonsend",  # Outlook on the web and its apps
        "divRplyFwdMsg",
        "stopSpelling",
        "OutlookMessageHeader",
        "yahoo-quoted-begin",
        "zwchr",  # Zimbra
        "ms-outlook-mobile-body-separator-line",
    }
)
_SIGNATURES = frozenset(
    {
        "gmail_signature",
        "moz-signature",
        "protonmail_signature_block",
        "tutanota_signature",
        "bloop_sign",
        "k9mail-signature",
        "Signature",  # Outlook
        "ms-outlook-mobile-signature",
        "DAB4FAD8-2DD7-40BB-A1B8-4E2AA1F9FDF2",  # the advertisement of Avast and AVG
        "QQMailSignature",
        "composer_signature",  # Samsung
        "front-signature",
        "ntes-signature",  # NetEase
        "AppleMailSignature",
        "ymail_android_signature",
        "messageSignatureSection",
        "_rc_sig",
    }
)
_PREFIX = re.compile(r"m_-?\d{1,40}|x_|ecx|yiv\d{1,20}|ydp[0-9a-f]{1,20}")  # of Gmail, Outlook, Hotmail and Yahoo
_OUTLOOK_LINE = re.compile(
    r"border-top:\s?solid\s(?:#[0-9a-f]{6}|windowtext)\s1\.0pt;\s?padding:\s?3\.0pt\s0"  # Outlook, any version
    r"|padding-top:\s?5px;\s?border-top-color:\s?rgb\(229, 229, 229\)",  # Windows Mail
    re.IGNORECASE,
)
_PEEK = 12  # elements that are looked into to know a forward


def part_of(element: Element) -> Region:
    """The role of an element; the container of a forwarded mail is body."""
    if not element.attrib and element.tag != "blockquote":
        return Region.BODY
    names = f"{element.get('class', '')[:500]} {element.get('id') or element.get('name') or ''}"[:700].split()
    part = _by_name({_PREFIX.sub("", name, count=1) for name in names}, element)
    return Region.BODY if part in (Region.QUOTE, Region.HEADING) and _is_forward(element) else part


def _by_name(names: set[str], element: Element) -> Region:
    """The role by class and id; a blockquote is a quote unless it only indents."""
    if names & _BELOW or _draws_line(element):
        return Region.BELOW
    if names & (_QUOTES | _QUOTE_IDS) or (element.tag == "blockquote" and not _indents(names, element)):
        return Region.QUOTE
    if names & _HEADINGS:
        return Region.HEADING
    if names & _AROUND and element.find(".//blockquote") is None:
        return Region.QUOTE
    signs = names & _SIGNATURES or element.get("data-signatureblock")
    return Region.SIGNATURE if signs else Region.BODY


def _draws_line(element: Element) -> bool:
    """True for the separator lines of Outlook, Windows Mail, Zimbra and Zoho."""
    if element.tag == "hr":
        return bool(element.get("tabindex") == "-1" or element.get("data-marker") == "__DIVIDER__")
    return bool(_OUTLOOK_LINE.search(element.get("style", "")[:500])) or element.get("title") == "beforequote:::"


def _indents(names: set[str], element: Element) -> bool:
    """True for the blockquote of Gmail's indent button."""
    return not names and element.get("type") is None and "40px" in element.get("style", "")


def _is_forward(element: Element) -> bool:
    """True if the first words are "Forwarded message"."""
    words = (text.strip() for child in islice(element.iter(), _PEEK) for text in (child.text, child.tail) if text)
    first = next((text for text in words if text), "")
    return kind_of(first) == Kind.FORWARD
