"""A rule for the code: whatever is named like a secret is compared in constant time, never by == or in."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("mailtalk", "api", "smtp_bridge", "worker", "cli", "console")
SECRET = ("token", "secret", "signature", "password", "digest", "hmac", "credential")
# Names that hold no secret, with the reason.
HARMLESS = {
    "tokenType": "a claim of a verified token",
    "secret_hash": "found by the database, by an index of hashes",
    "token_hash": "the same",
    "SIGNATURE": "a header's name",
    "DIGEST": "a kind of mail",
    "signature_version": "a number",
    "_SIGNATURE": "the line above a signature in a text",
}


def compared(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each comparison by == or != with something that is named like a secret."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            for side in (node.left, *node.comparators):
                name = named(side)
                if name not in HARMLESS and any(word in name.lower() for word in SECRET):
                    yield node.lineno, name


def named(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    if isinstance(node, ast.Call):
        return str(node.args[0].value) if _is_get(node) else named(node.func)
    return ""


def _is_get(node: ast.Call) -> bool:
    return named(node.func) == "get" and bool(node.args) and isinstance(node.args[0], ast.Constant)


def test_no_secret_is_compared_by_equality() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for line, name in compared(path.read_text("utf-8"))
    ]
    assert found == []


WRONG = ["token == given", "a != self.secret", "x['signature'] == y", "f(a) == row.password", "given.get('token') == t"]
RIGHT = ["compare_digest(token, given)", "kind == 'token'", "claims.get('tokenType') != 'app'"]


@pytest.mark.parametrize("wrong", WRONG)
def test_the_rule_finds_what_it_is_for(wrong: str) -> None:
    assert list(compared(wrong))


@pytest.mark.parametrize("right", RIGHT)
def test_the_rule_leaves_the_rest_alone(right: str) -> None:
    assert not list(compared(right))
