"""Reply extraction beside its peers, in one run: `make bench-replies`. Prints the table that README shows."""

import json
import re
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
SCORE = BENCH.parents[1] / "shared/mails/score.py"
PEERS, OURS = str(BENCH / ".venv/bin/python"), sys.executable
ROWS = (
    ("**Mailtalk**", OURS, "bench.replies:plain", "bench.replies:html"),
    ("talon 1.4.4", PEERS, "extractors:talon", "extractors:talon_html"),
    ("quotequail 0.5.4", PEERS, "extractors:quail", "extractors:quail_html"),
    ("email-reply-parser 0.5.12", PEERS, "extractors:reply_parser", None),
    ("mail-parser-reply 1.36", PEERS, "extractors:mail_parser", None),
    ("unquotemail 1.0.11", PEERS, "extractors:unquote", "extractors:unquote_html"),
)
FIGURES = re.compile(r"^(plain|html): n=(\d+) exact=(\S+) f1=(\S+) loses=(\S+) leaks=(\S+)", re.MULTILINE)


def main() -> None:
    """Print the table, a row at a time, and how machines are told from people."""
    print("| | exact | F1 | loses | leaks | HTML only, exact | 1 MB, slowest | attacks over 1 s | worst t(2n)/t(n) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, python, plain, html in ROWS:
        found = figures(python, plain, html)
        cells = [*found["plain"][1:], found.get("html", ["", "-"])[1], *slopes(python, plain)]
        print(f"| {' | '.join([name, *cells])} |", flush=True)
    print("\nWho wrote it, person or machine:\n", flush=True)
    subprocess.run([OURS, str(BENCH / "machine.py")], check=True)  # noqa: S603  ours


def figures(python: str, plain: str, html: str | None) -> dict[str, list[str]]:
    """What score.py says of the open cases: n, exact, F1, loses, leaks, for text and for HTML."""
    said = run(python, str(SCORE), plain, *(["--html", html] if html else []))
    return {kind: [part.replace("%", " %") for part in rest] for kind, *rest in FIGURES.findall(said)}


def slopes(python: str, plain: str) -> list[str]:
    """The three cells of time."""
    found = json.loads(run(python, str(BENCH / "peers/slopes.py"), plain))
    slowest = "given up" if found["slowest"] is None else f"{found['slowest']:.2f} s"
    return [slowest, f"{found['slow']} of {found['of']}", "-" if found["slope"] is None else f"{found['slope']:.1f}"]


def run(python: str, *arguments: str) -> str:
    """What a program prints; ours runs where `bench` is a package, the peers' where extractors.py is."""
    place = BENCH.parent if python == OURS else BENCH / "peers"
    ended = subprocess.run([python, *arguments], cwd=place, check=True, capture_output=True, text=True)  # noqa: S603
    return ended.stdout


if __name__ == "__main__":
    main()
