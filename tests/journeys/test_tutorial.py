"""docs/tutorial.md: each command of the page runs, and prints what the page says."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.command_line import MAILTALK
from support.product import Stack
from support.waiting import until

PAGE = Path(__file__).parents[2] / "docs/tutorial.md"
# What differs from run to run: times, ids, secrets.
VARIABLE = [
    (r"\w{3}, \d\d? \w{3} \d{4} \d\d:\d\d:\d\d (GMT|\+0000)", "RFC-DATE"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "ISO-DATE"),
    (r"(\w+ \d\d?, \d{4}, )?\d\d?:\d\d\s[AP]M( UTC)?", "TIME"),
    (r"\w+ \d\d?, \d{4} \(UTC\)", "DAY"),
    (r"x-request-id: [0-9a-f]{32}", "x-request-id: HEX"),
    (r"msg_[\w-]{22}", "msg_ID"),
    (r"chg_\d+", "chg_ID"),
    (r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID"),
    (r"\d{13}", "MILLIS"),
    (r"(\$SECRET|[a-z2-7]{30})@", "SECRET@"),
    (r"(settings|unsubscribe)/\S+", r"\1/SECRET"),
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"─+", "─"),
    (r"[ \t]+", " "),
]


@pytest.mark.timeout(300)
def test_the_tutorial(up: Callable[..., Stack]) -> None:
    stack = up()
    known = ""  # definitions and variables of the page so far
    for command, printed in steps(PAGE.read_text("utf-8")):
        here = command.replace("127.0.0.1:8000", stack.url.removeprefix("http://")).replace("8025", str(stack.smtp[1]))
        here = here.replace(".venv/bin/mailtalk", str(MAILTALK)).replace(".mailtalk/", f"{stack.data}/")
        if re.match(r"[A-Za-z]+=|\w+\(\)", here):
            known += here + "\n"
            continue
        if not re.search(r" -X | -T ", here):  # it changes nothing: until it has happened
            with suppress(AssertionError):
                until(lambda script=known + here, printed=printed: same(run(stack, script)) == same(printed))
        assert same(run(stack, known + here)) == same(printed), command


def steps(page: str) -> Iterator[tuple[str, str]]:
    """The commands of the page, each with what it prints."""
    for kind, block in re.findall(r"```(sh|console)\n(.*?)```", page, re.DOTALL):
        if kind == "sh":
            yield from ((line, "") for line in block.splitlines())
            continue
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            yield parted(step)


def parted(step: str) -> tuple[str, str]:
    """A command, which may have a here-document, and what it prints."""
    first, _, rest = step.partition("\n")
    if end := re.search(r"<<'(\w+)'", first):
        document, _, rest = rest.partition(f"\n{end[1]}\n")
        return f"{first}\n{document}\n{end[1]}\n", rest
    return first, rest


def run(stack: Stack, script: str) -> str:
    done = subprocess.run(
        ["bash", "-c", script], cwd=stack.directory, env=stack.environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def same(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, name in VARIABLE:
        text = re.sub(pattern, name, text)
    return "\n".join(line.rstrip() for line in text.replace("\r", "").strip().splitlines())
