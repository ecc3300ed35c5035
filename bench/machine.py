"""What the product makes of a mail, in the words of mails/machine/expected.json.

.venv/bin/python bench/machine.py             the score on the open machine mails, and hard or soft of the bounces
.venv/bin/python bench/machine.py --hostile   how each hostile mail ends, and the time it takes
.venv/bin/python bench/machine.py --process   the same, read in the process that the worker has for it
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from mailtalk.mail.parsing import limits, parse
from mailtalk.mail.reader.reading import Unreadable
from mailtalk.mail.screening import classify, dsn
from worker.parser_pool import Parser, ParserPool

MAILS = Path(__file__).resolve().parents[2] / "shared/mails"
WORDS = {classify.Verdict.PERSON: "message", classify.Verdict.COMPLAINT: "feedback-report"}
HUMAN = {"message", "not-bounce"}
ENVELOPE = "someone@example.com"


def outcome(raw: bytes, mail_from: str) -> str:
    """A verdict's word, or `no-sender`, `empty`, or the reason of limits.LimitExceeded."""
    try:
        mail = parse.parse(raw)
    except limits.LimitExceeded as error:
        return error.reason
    screened = classify.classify(mail, mail_from=mail_from)
    if not mail.from_addresses and screened.reason in {"", "null-sender"}:
        return "no-sender"
    if screened.verdict is not classify.Verdict.PERSON:
        return WORDS.get(screened.verdict, screened.verdict.value)
    return "message" if (mail.text or mail.html or "").strip() or mail.attachments else "empty"


def envelope_sender(raw: bytes) -> str:
    """As the last hop noted it; a file without the note has its author for one."""
    mail = parse.parse(raw)
    noted = mail.header("return-path")
    return noted if noted is not None else next(iter(mail.from_addresses), ENVELOPE)


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


def ending(reader: Parser, raw: bytes) -> str:
    """As the worker reads a mail, both questions: a verdict's word, or why there is none."""
    try:
        found = reader.read(raw, ENVELOPE, "reply.example")
        reader.words(None)
    except limits.LimitExceeded as error:
        return error.reason
    except Unreadable as error:
        return f"parser: {error.reason}"
    return WORDS.get(found.verdict, found.verdict.value)


def in_process() -> None:
    """The hostile mails through one process, that is started before the first."""
    with closing(ParserPool()) as readers, readers.take() as reader:
        first = reader.child
        hostile(lambda raw: ending(reader, raw))
        print("no process ended" if reader.child is first else "a process ended")


def hostile(end: Callable[[bytes], str]) -> None:
    """Print how many mails end in which word, and the median, the 99th percentile and the slowest in milliseconds."""
    ends: Counter[str] = Counter()
    took: list[tuple[float, str]] = []
    for path in sorted((MAILS / "hostile").iterdir()):
        raw = path.read_bytes()
        start = time.perf_counter()
        ends[end(raw)] += 1
        took.append(((time.perf_counter() - start) * 1000, path.name))
    took.sort()
    print(dict(ends.most_common()))
    p50, p99 = took[len(took) // 2][0], took[len(took) * 99 // 100][0]
    print(f"n={len(took)} p50={p50:.2f}ms p99={p99:.2f}ms max={took[-1][0]:.2f}ms ({took[-1][1]})")


if __name__ == "__main__":
    if "--process" in sys.argv:
        in_process()
    elif "--hostile" in sys.argv:
        hostile(lambda raw: outcome(raw, ENVELOPE))
    else:
        score()
