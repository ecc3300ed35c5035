"""What the product makes of a mail, in the words of mails/machine/expected.json; run it for the score.

.venv/bin/python bench/machine.py [FOLDER]
"""

import json
import sys
from collections import Counter
from pathlib import Path

from mailtalk.mail import limits, parse, screen

FOLDER = Path(__file__).resolve().parents[2] / "shared/mails/machine"
WORDS = {screen.Verdict.PERSON: "message", screen.Verdict.COMPLAINT: "feedback-report"}
HUMAN = {"message", "not-bounce"}


def outcome(raw: bytes, mail_from: str) -> str:
    """Say a verdict's word, or `no-sender`, `empty`, or what a limit says."""
    try:
        mail = parse.parse(raw)
    except limits.TooMuch as error:
        return error.reason
    verdict = screen.screen(mail, mail_from=mail_from).verdict
    if verdict is not screen.Verdict.PERSON:
        return WORDS.get(verdict, verdict.value)
    if not mail.from_addresses:
        return "no-sender"
    return "message" if (mail.text or mail.html or "").strip() or mail.attachments else "empty"


def envelope_sender(raw: bytes) -> str:
    """As the last hop noted it; a file without the note has its author for one."""
    mail = parse.parse(raw)
    noted = mail.header("return-path")
    return noted if noted is not None else next(iter(mail.from_addresses), "someone@example.com")


def main(folder: Path) -> None:
    """Print the misses and the rate of each word."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for case in json.loads((folder / "expected.json").read_text()):
        raw, want = (folder / case["file"]).read_bytes(), case["outcome"]
        got = outcome(raw, envelope_sender(raw))
        total[want] += 1
        if got == want or (got in HUMAN and want in HUMAN):
            right[want] += 1
        else:
            print(f"{case['file']}: {got}, not {want}")
    for word, count in total.most_common():
        print(f"{word}: {right[word]} of {count}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
