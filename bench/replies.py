"""What score.py calls: the product's reply extraction, and nothing else. Run alone it times 1 MB of hostile HTML."""

import sys
import time

from mailtalk.mail.replies.extract import extract

SIZE = 1_000_000
LIMIT = 1.0  # seconds of one processor
PAGES = {
    "div": "<div>",
    "br": "<br>",
    "less": "<",
    "blockquote": "<blockquote>a</blockquote>",
    "paragraph": "<p>a",
    "gmail": "<div class=gmail_quote>a</div>",
    "table": "<table><tr><td>",
    "cell": "<td>a",
    "comment": "<!-- -->a",
    "span": "<span>a</span>",
    "list": "<ul><li>a",
    "pre": "<pre>\n\n</pre>",
    "image": "<img alt='😀'>",
    "hidden": "<div style='display:none'>a</div>",
    "class": "<div class='" + "a " * 200 + "'>a</div>",
    "entity": "&amp;",
}


def plain(text: str) -> str:
    """Return what the author of a plain text wrote; the corpora count a forward below an answer as quoted."""
    return extract(text, None, keep_forwards=False).text


def html(html: str) -> str:
    """Return what the author of an HTML mail wrote."""
    return extract(None, html, keep_forwards=False).text


def seconds(page: str) -> float:
    """Time one extraction."""
    start = time.process_time()
    html(page)
    return time.process_time() - start


def main() -> int:
    """Print the slowest page and the worst growth; fail over the limit."""
    html("hello")
    times = {
        name: [seconds(piece * (size // len(piece))) for size in (SIZE // 2, SIZE)] for name, piece in PAGES.items()
    }
    for name, (half, whole) in sorted(times.items(), key=lambda item: item[1][1]):
        print(f"{name:12} {whole:.3f} s  t(2n)/t(n) {whole / half:.2f}")
    return int(max(whole for _, whole in times.values()) >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
