"""Reply extraction: separates the author's text from quotes and signatures. Pure, with bounded work."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailtalk.mail.replies.quotes import line_codes, rules
from mailtalk.mail.replies.quotes.author import Author
from mailtalk.mail.replies.quotes.html import lines_of, shown
from mailtalk.mail.replies.quotes.line_kinds import DEPTH, QUOTE_MARK, Kind
from mailtalk.mail.replies.quotes.links import unwrapped_all
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
_UNSURE = 0.3  # the kept text is below the start of a quote, and may be our own mail
_SIGNATURES = frozenset("dsrlgt")  # the codes of a signature
_FROM_HTML = frozenset({"marker", "own-address", "sent-text", "container"})


@dataclass(frozen=True, slots=True)
class Reply:
    """Author's text, elided rest, evidence (`method`) and confidence (0 to 1).

    `files` are the attachments that also belong to the person, by index.
    """

    text: str
    elided: str
    method: str
    confidence: float
    files: tuple[int, ...] = ()


def extract(  # noqa: PLR0913  a mail's two bodies, and what is known of it
    text: str | None,
    html: str | None,
    *,
    reply_domain: str = "",
    sent: str | None = None,
    author: str = "",
    keep_forwards: bool = True,
) -> Reply:
    """Extract the reply from a mail's text and HTML.

    `sent` is the text of the mail that it answers, `author` the decoded From header, for the name in signatures. Public
    corpora count forwarded mails as quotes: measuring with them needs `keep_forwards=False`.
    """
    evidence = _Context(OwnAddress(reply_domain), SentText.of(sent), Author.of(author), keep_forwards)
    plain = _Analysis.of(line_codes.split(text), evidence).reply() if text and text.strip() else None
    if html and (plain is None or plain.method in ("whole", "signature")):
        lines, contained = lines_of(html)
        plain = _better(plain, _Analysis.of(lines, evidence, contained=contained, is_page=True).reply())
    own = evidence.own
    reply = plain or Reply("", "", "whole", _CONFIDENCE["whole"])
    return replace(reply, text=own.scrub(unwrapped_all(reply.text)), elided=own.scrub(reply.elided))


def _better(plain: Reply | None, marked: Reply) -> Reply:
    """Prefer HTML if it shows a quote below the same words where the plain text shows none."""
    if plain is None:
        return marked
    same = _squeeze(plain.text).startswith(_squeeze(marked.text))
    return marked if same and marked.text and marked.method in _FROM_HTML else plain


def _squeeze(text: str) -> str:
    return "".join(text.split())


@dataclass(frozen=True, slots=True)
class _Context:
    """Context of a reply besides its lines."""

    own: OwnAddress
    sent: SentText
    author: Author
    keep_forwards: bool


@dataclass(frozen=True, slots=True)
class _Analysis:
    """The codes of a text's lines: by the lines alone, with our own mail marked, and after the rules have cut."""

    lines: list[str]
    own: OwnAddress
    generic: str
    marked: str
    final: str
    covered: bool  # nearly all of our mail was found
    contained: bool  # a client's quote container was found in the HTML
    is_page: bool

    @classmethod
    def of(cls, lines: list[str], evidence: _Context, *, contained: bool = False, is_page: bool = False) -> "_Analysis":
        """Analyse the lines of a text, or of an HTML page."""
        own = evidence.own
        generic = own.mark(line_codes.read(lines), lines)
        marked, covered = evidence.sent.mark(generic, lines)
        marked = lead_in(marked, lines, _own_mail_start(lines, generic, marked))
        ours = marked != generic or Kind.MARKER in marked
        forwards = evidence.keep_forwards and not ours and not any(own.within(line) for line in lines[:DEPTH])
        known = rules.Knowledge(
            evidence.author,
            keep_forwards=forwards,
            whole_forwards=is_page and not ours,
            loose=contained or ours,
            covered=covered,
        )
        final = rules.part(marked, lines, known)
        return cls(lines, own, generic, marked, final, covered, contained, is_page)

    def reply(self) -> Reply:
        """Lines that stay, and those that were cut."""
        shown_lines = _unindented(self.lines, self.marked, self.final) if self.is_page else shown(self.lines)
        pairs = list(zip(shown_lines, self.final, strict=True))
        text = "\n".join(_kept(pairs)).strip()
        elided = "\n".join(line for line, letter in pairs if letter == Kind.GONE).strip("\n")
        method = self._method()
        return Reply(text, elided, method, _UNSURE if text and self._is_unsure(method) else _CONFIDENCE[method])

    def _is_unsure(self, method: str) -> bool:
        return method == "marker" and not self.covered and Kind.GONE in self.final[: _first_kept(self.final)]

    def _method(self) -> str:
        """The strongest evidence among the lines that were cut."""
        cut = [at for at, letter in enumerate(self.final) if letter == Kind.GONE and self.marked[at] != Kind.EMPTY]
        if not cut:
            return "forward" if Kind.FORWARD in self.final else "whole"
        return self._own_evidence(cut) or self._generic_evidence(cut)

    def _own_evidence(self, cut: list[int]) -> str | None:
        """The evidence from our own mail: its marker, a secret address, or its text."""
        if any(self.marked[at] == Kind.MARKER for at in cut):
            in_words = _names_marker(self.lines, self.marked, cut)
            return "container" if self.contained and not in_words else "marker"
        if any(self.marked[at] in "ah" and self.own.within(self.lines[at]) for at in cut):
            return "own-address"
        return "sent-text" if any(self.marked[at] != self.generic[at] for at in cut) else None

    def _generic_evidence(self, cut: list[int]) -> str:
        """The evidence that any mail may show."""
        if {self.marked[at] for at in cut} <= _SIGNATURES and self.marked[cut[0]] in _SIGNATURES:
            return "signature"
        return "container" if self.contained else "classifier"


def _unindented(lines: list[str], letters: str, kept: str) -> Iterator[str]:
    """Strip our quote prefix from lines that the author wrote inside a quote element."""
    for line, letter, stays in zip(shown(lines), letters, kept, strict=True):
        yield line.removeprefix(EMPTY_QUOTE) if letter == Kind.QUOTE and stays == Kind.TEXT else line


def _kept(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """Remaining lines, with one blank line in place of each cut."""
    cut, blank = False, True
    for line, letter in pairs:
        if letter == Kind.GONE:
            cut = True
        elif letter != Kind.EMPTY or not (cut and blank):
            yield line
            cut, blank = cut and letter == Kind.EMPTY, letter == Kind.EMPTY


def _own_mail_start(lines: list[str], first: str, letters: str) -> int:
    """The first line of our own mail: the marker, or the first line recognized as sent by us."""
    own = (index for index, letter in enumerate(letters) if letter != first[index] or letter == Kind.MARKER)
    return next((index for index in own if not lines[index].startswith(QUOTE_MARK)), 0)


def _first_kept(kept: str) -> int:
    """The first non-blank line that stays."""
    return next((index for index, letter in enumerate(kept) if letter not in "-e"), 0)


def _names_marker(lines: list[str], letters: str, cut: list[int]) -> bool:
    """True if the marker's text itself was cut, not only the mark of an HTML container."""
    return any(letters[index] == Kind.MARKER and not lines[index].startswith(QUOTE_MARK) for index in cut)
