"""The peers, each as score.py calls it; runs in bench/.venv, which `make bench-replies` makes."""

import email_reply_parser
import inscriptis
import mailparser_reply
import quotequail
import unquotemail
from talon import quotations

LANGUAGES = ("en", "de", "fr", "it", "ja", "pl", "sv", "cs", "es", "nl", "da", "ko", "zh", "he")

quotations.register_xpath_extensions()


def talon(text: str) -> str:
    """Its answer to plain text."""
    return str(quotations.extract_from_plain(text))


def talon_html(html: str) -> str:
    """Its answer to HTML, as text."""
    return inscriptis.get_text(str(quotations.extract_from_html(html)))


def reply_parser(text: str) -> str:
    """What email-reply-parser answers."""
    return str(email_reply_parser.EmailReplyParser.parse_reply(text))


def mail_parser(text: str) -> str:
    """mail-parser-reply's newest reply without its signature, in all of its languages."""
    found = mailparser_reply.EmailReplyParser(languages=LANGUAGES).read(text).replies
    return found[0].body if found else ""


def mail_parser_latest(text: str) -> str:
    """mail-parser-reply's newest reply as its README asks for it."""
    return mailparser_reply.EmailReplyParser(languages=LANGUAGES).parse_reply(text) or ""


def quail(text: str) -> str:
    """What quotequail finds above a quote, else what it would show."""
    found = quotequail.unwrap(text)
    if found is not None:
        return str(found.get("text_top", ""))
    return "\n".join(piece for shown, piece in quotequail.quote(text) if shown)


def quail_html(html: str) -> str:
    """The same of HTML, as text."""
    found = quotequail.unwrap_html(html)
    if found is not None:
        return inscriptis.get_text(str(found.get("html_top", "")))
    return inscriptis.get_text("".join(piece for shown, piece in quotequail.quote_html(html) if shown))


def unquote(text: str) -> str:
    """The answer of unquotemail to plain text."""
    return str(unquotemail.Unquote(None, text).get_text() or "")


def unquote_html(html: str) -> str:
    """The answer of unquotemail to HTML, as text."""
    return inscriptis.get_text(str(unquotemail.Unquote(html, None).get_html() or ""))
