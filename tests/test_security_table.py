"""The attack table of docs/security.md: every row has tests, which exist, or a reason why it has none."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
ROWS = {
    int(number): tests for number, _, _, tests in ROW.findall((TESTS.parent / "docs/security.md").read_text("utf-8"))
}


@cache
def defined(path: str) -> set[str]:
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_attack_is_there() -> None:
    assert sorted(ROWS) == list(range(1, 48))


@pytest.mark.parametrize("number", sorted(ROWS))
def test_the_tests_of_a_row_exist(number: int) -> None:
    if ROWS[number].startswith("not: "):
        return
    named = re.findall(r"`([^`]+)::(test_\w+)`", ROWS[number])
    assert named
    assert [name for path, name in named if name not in defined(path)] == []
