"""What score.py calls: the product's reply extraction, and nothing else."""

from mailtalk.mail.reply import extract


def plain(text: str) -> str:
    """Return what the author of a plain text wrote."""
    return extract(text, None, keep_forwards=False).text


def html(html: str) -> str:
    """Return what the author of an HTML mail wrote."""
    return extract(None, html, keep_forwards=False).text
