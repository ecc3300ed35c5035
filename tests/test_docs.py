"""What the documents say of the code is so."""

import re
import tomllib
from collections import Counter
from enum import StrEnum
from pathlib import Path

from mailtalk import vocabulary

ROOT = Path(__file__).parent.parent


def test_every_library_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {re.split(r"[\[>=<]", each)[0] for each in wanted}
    rows = (ROOT / "docs/decisions/libraries.md").read_text(encoding="utf-8")
    told = {
        name.strip().removesuffix("[redis]").removesuffix("[binary]")
        for row in re.findall(r"^\| ([^|]+) \|", rows, re.MULTILINE)
        for name in row.split(",")
    }
    told |= {f"pytest{name}" for name in told if name.startswith("-")}
    assert names - told == set()


def test_the_values_page_has_every_value_of_the_vocabulary() -> None:
    page = (ROOT / "docs/values.md").read_text(encoding="utf-8")
    enums = [each for each in vars(vocabulary).values() if isinstance(each, type) and issubclass(each, StrEnum)]
    words = {str(value) for each in enums if each is not StrEnum for value in each}
    assert {word for word in words if f"`{word}`" not in page} == set()


def test_links_lead_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text(encoding="utf-8")):
            made = target.removeprefix("../").startswith("reference/")  # when the site is built, strictly
            assert made or (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_module_of_the_tests_support_is_listed() -> None:
    page = (ROOT / "tests/README.md").read_text(encoding="utf-8")
    modules = {path.name for path in (ROOT / "tests/support").glob("*.py")}
    assert {name for name in modules if f"(support/{name})" not in page} == set()


def test_the_name_of_a_test_file_is_unique() -> None:
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
