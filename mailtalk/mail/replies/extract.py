"""What a person wrote in an answer, and what was cut from it. Pure: no input or output, bounded work."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailtalk.mail.replies.quotes import line_codes as alphabet
from mailtalk.mail.replies.quotes import rules
from mailtalk.mail.replies.quotes.html import lines_of, shown
from mailtalk.mail.replies.quotes.line_kinds import DEPTH, QUOTE_MARK, Kind
from mailtalk.mail.replies.quotes.own_mail import OwnAddress, SentText, lead_in
from mailtalk.mail.replies.quotes.page import EMPTY_QUOTE

_CONFIDENCE = {
    "marker": 1.0,
    "own-address": 0.98,
    "sent-text": 0.95,
    "container": 0.95,
    "classifier": 0.9,
    "signature": 0.8,
    "whole": 0.6,
    "forward": 0.6,
}
_UNSURE = 0.3  # what is kept stands below a quote's begin, and may be our own mail
_FROM_HTML = frozenset({"marker", "own-address", "sent-text", "container"})


@dataclass(frozen=True, slots=True)
class Reply:
    """The person's words, the rest for "show trimmed", which evidence cut it, and how sure we are (0 to 1).

    `files` are the attachments that are the person's too, by their place in the mail.
    """

    text: str
    elided: str
    method: str
    confidence: float
    files: tuple[int, ...] = ()


def extract(
    text: str | None, html: str | None, *, reply_domain: str = "", sent: str | None = None, keep_forwards: bool = True
) -> Reply:
    """Part the person's words from the quote; `sent` is the text of the mail that is answered, as we sent it."""
    own = OwnAddress(reply_domain)
    reader = _ReplyCutter(own, SentText.of(sent), keep_forwards)
    plain = reader.read(alphabet.split(text)) if text and text.strip() else None
    if html and (plain is None or plain.method in ("whole", "signature")):
        lines, contained = lines_of(html)
        plain = _better(plain, reader.read(lines, contained=contained, is_page=True))
    reply = plain or Reply("", "", "whole", _CONFIDENCE["whole"])
    return replace(reply, text=own.scrub(reply.text), elided=own.scrub(reply.elided))


def _better(plain: Reply | None, marked: Reply) -> Reply:
    """Take the HTML part where the text part has no trace of the quote that HTML shows below the same words."""
    if plain is None:
        return marked
    same = _squeeze(plain.text).startswith(_squeeze(marked.text))
    return marked if same and marked.text and marked.method in _FROM_HTML else plain


def _squeeze(text: str) -> str:
    return "".join(text.split())


@dataclass(frozen=True, slots=True)
class _ReplyCutter:
    """Everything known about one answer besides its lines."""

    own: OwnAddress
    sent: SentText
    keep_forwards: bool

    def read(self, lines: list[str], *, contained: bool = False, is_page: bool = False) -> Reply:
        """Give letters to the lines, let the rules cut, and name what cut."""
        first = self.own.mark(alphabet.read(lines), lines)
        letters, covered = self.sent.mark(first, lines)
        letters = lead_in(letters, lines, _own_words(lines, first, letters))
        loose = contained or letters != first or Kind.MARKER in letters
        forwards = self.keep_forwards and not self._names_us(lines, first, letters)
        kept = rules.part(letters, lines, keep_forwards=forwards, loose=loose, covered=covered)
        method = self._method(lines, first, letters, kept, contained=contained)
        unsure = method == "marker" and not covered and Kind.GONE in kept[: _first_kept(kept)]
        pairs = list(zip(_unindented(lines, letters, kept) if is_page else shown(lines), kept, strict=True))
        text = "\n".join(_kept(pairs)).strip()
        elided = "\n".join(line for line, letter in pairs if letter == Kind.GONE).strip("\n")
        return Reply(text, elided, method, _UNSURE if unsure and text else _CONFIDENCE[method])

    def _names_us(self, lines: list[str], first: str, letters: str) -> bool:
        """Tell whether what is quoted or forwarded is our own mail."""
        return letters != first or Kind.MARKER in letters or any(self.own.within(line) for line in lines[:DEPTH])

    def _method(self, lines: list[str], first: str, letters: str, kept: str, *, contained: bool) -> str:
        """Name the strongest evidence among what was cut."""
        cut = [index for index, letter in enumerate(kept) if letter == Kind.GONE and letters[index] != Kind.EMPTY]
        kinds = {letters[index] for index in cut}
        if not cut:
            return "forward" if Kind.FORWARD in kept else "whole"
        if Kind.MARKER in kinds:
            return "container" if contained and not _names_marker(lines, letters, cut) else "marker"
        if any(letters[index] in "ah" and self.own.within(lines[index]) for index in cut):
            return "own-address"
        if any(letters[index] != first[index] for index in cut):
            return "sent-text"
        if kinds <= set("dsrlgt") and letters[cut[0]] in "dsrlgt":
            return "signature"
        return "container" if contained else "classifier"


def _unindented(lines: list[str], letters: str, kept: str) -> Iterator[str]:
    """Give a page's lines as they are read; what the person has put into a quote's element is only indented."""
    for line, letter, stays in zip(shown(lines), letters, kept, strict=True):
        yield line.removeprefix(EMPTY_QUOTE) if letter == Kind.QUOTE and stays == Kind.TEXT else line


def _kept(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """Give the lines that stay, with one blank line where something was cut."""
    cut, blank = False, True
    for line, letter in pairs:
        if letter == Kind.GONE:
            cut = True
        elif letter != Kind.EMPTY or not (cut and blank):
            yield line
            cut, blank = cut and letter == Kind.EMPTY, letter == Kind.EMPTY


def _own_words(lines: list[str], first: str, letters: str) -> int:
    """Find where our own mail begins: our marker, or the first line that was made a quote."""
    own = (index for index, letter in enumerate(letters) if letter != first[index] or letter == Kind.MARKER)
    return next((index for index in own if not lines[index].startswith(QUOTE_MARK)), 0)


def _first_kept(kept: str) -> int:
    """Find the first line with words that stays."""
    return next((index for index, letter in enumerate(kept) if letter not in "-e"), 0)


def _names_marker(lines: list[str], letters: str, cut: list[int]) -> bool:
    """Tell our marker's words from the mark of an HTML container."""
    return any(letters[index] == Kind.MARKER and not lines[index].startswith(QUOTE_MARK) for index in cut)
