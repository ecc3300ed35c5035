"""CSS inlining: copies a template's <style> rules into its elements, once, when the template is loaded."""

import re
from collections.abc import Iterator
from hashlib import sha256

from css_inline import CSSInliner, InlineError

from mailtalk.mail.composing.sandbox import TemplateRefused

# Styles are never fetched, neither from the network nor from a file.
_INLINER = CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)
_PIECE = re.compile(
    r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<!--|-->|<(?:style|title)\b[^>]*>|</(?:style|title)\b|<(?=[A-Za-z/!])|>",
    re.DOTALL | re.IGNORECASE,
)
_WHOLE = {"<!--": "-->", "<style": "</style", "<title": "</title"}  # no elements between these


def inlined(source: str) -> str:
    """The template with inlined styles; Jinja code stays unchanged."""
    mark = f"jinja{sha256(source.encode()).hexdigest()[:8]}x"
    taken: list[str] = []
    hidden = "".join(_hidden(source, mark, taken))
    try:
        html = _INLINER.inline(hidden)
    except InlineError as error:
        raise TemplateRefused(f"its styles cannot be read: {error}") from None
    return re.sub(rf"<!--{mark}(\d+)x-->|{mark}(\d+)x", lambda m: taken[int(m[1] or m[2])], html)


def _hidden(source: str, mark: str, taken: list[str]) -> Iterator[str]:
    """Replace each piece of Jinja by a placeholder; between elements by a comment, which is valid inside tables too."""
    end, inside = 0, ""
    for match in _PIECE.finditer(source):
        yield source[end : match.start()]
        end, piece = match.end(), match[0]
        if piece.startswith("{"):
            taken.append(piece)
            word = f"{mark}{len(taken) - 1}x"
            yield word if inside or piece.startswith("{{") else f"<!--{word}-->"
        else:
            inside = _state(inside, piece)
            yield piece
    yield source[end:]


def _state(inside: str, piece: str) -> str:
    """The enclosing construct after a piece: a comment, style or title, "<" within a tag, "" between elements."""
    piece = piece.lower()
    if inside in _WHOLE:
        ended = piece.startswith(_WHOLE[inside])
        return inside if not ended else "" if piece == "-->" else "<"  # a closing tag still lacks its ">"
    if piece in {">", "-->"}:
        return ""
    return piece[:6] if piece.startswith(("<style", "<title")) else piece
