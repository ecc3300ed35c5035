"""What the product makes of a mail, in the words of mails/machine/expected.json.

.venv/bin/python bench/machine.py             the score on the open machine mails, and hard or soft of the bounces
.venv/bin/python bench/machine.py --hostile   how each hostile mail ends, and the time it takes
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

from mailtalk.mail import dsn, limits, parse, screen

MAILS = Path(__file__).resolve().parents[2] / "shared/mails"
WORDS = {screen.Verdict.PERSON: "message", screen.Verdict.COMPLAINT: "feedback-report"}
HUMAN = {"message", "not-bounce"}


def outcome(raw: bytes, mail_from: str) -> str:
    """A verdict's word, or `no-sender`, `empty`, or the reason of limits.TooMuch."""
    try:
        mail = parse.parse(raw)
    except limits.TooMuch as error:
        return error.reason
    screened = screen.screen(mail, mail_from=mail_from)
    if not mail.from_addresses and screened.reason in {"", "null-sender"}:
        return "no-sender"
    if screened.verdict is not screen.Verdict.PERSON:
        return WORDS.get(screened.verdict, screened.verdict.value)
    return "message" if (mail.text or mail.html or "").strip() or mail.attachments else "empty"


def envelope_sender(raw: bytes) -> str:
    """As the last hop noted it; a file without the note has its author for one."""
    mail = parse.parse(raw)
    noted = mail.header("return-path")
    return noted if noted is not None else next(iter(mail.from_addresses), "someone@example.com")


def score() -> None:
    """Print the misses, the rate of each word, and how often a bounce is rightly hard or soft."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    severity: Counter[str] = Counter()
    for case in json.loads((MAILS / "machine/expected.json").read_text()):
        raw, want = (MAILS / "machine" / case["file"]).read_bytes(), case["outcome"]
        got = outcome(raw, envelope_sender(raw))
        total[want] += 1
        right[want] += got == want or (got in HUMAN and want in HUMAN)
        if got != want and not (got in HUMAN and want in HUMAN):
            print(f"{case['file']}: {got}, not {want}")
        if want == "bounce" and case.get("reasons"):
            hard = any(failure.hard for failure in dsn.failures(parse.parse(raw)))
            severity[f"{case['severity']} taken for {'hard' if hard else 'soft'}"] += 1
    for word, count in total.most_common():
        print(f"{word}: {right[word]} of {count}")
    print(dict(severity))


def hostile() -> None:
    """Print how many mails end in which word, and the median, the 99th percentile and the slowest in milliseconds."""
    ends: Counter[str] = Counter()
    took: list[tuple[float, str]] = []
    for path in sorted((MAILS / "hostile").iterdir()):
        raw = path.read_bytes()
        start = time.perf_counter()
        ends[outcome(raw, "someone@example.com")] += 1
        took.append(((time.perf_counter() - start) * 1000, path.name))
    took.sort()
    print(dict(ends.most_common()))
    p50, p99 = took[len(took) // 2][0], took[len(took) * 99 // 100][0]
    print(f"n={len(took)} p50={p50:.2f}ms p99={p99:.2f}ms max={took[-1][0]:.2f}ms ({took[-1][1]})")


if __name__ == "__main__":
    hostile() if "--hostile" in sys.argv else score()
