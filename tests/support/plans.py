"""Plans as the server carried them out, from its log (auto_explain): the scans of each statement."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_format": "json",
}
ENTRY = re.compile(r"LOG:  duration: ([\d.]+) ms  plan:\n(\t\{.*?\n\t\})", re.DOTALL)
CONDITIONS = ("Index Cond", "Recheck Cond", "Filter", "Join Filter", "Hash Cond", "Merge Cond", "TID Cond")
BEGIN, END = "<!-- plans -->\n", "<!-- end of plans -->"
HEAD = "| Statement | Finds its rows by | Pages of 8 kB | ms |\n|---|---|---|---|"


class Scan(NamedTuple):
    """Access to a table: by which index, if any, under which conditions, and the rows of all its loops."""

    table: str
    index: str
    conditions: str
    rows: int


@dataclass(frozen=True)
class CarriedOut:
    """A statement as it was carried out: its text, milliseconds, pages, and scans."""

    query: str
    milliseconds: float
    pages: int
    scans: tuple[Scan, ...]


def carried_out(log: str) -> list[CarriedOut]:
    """Each statement of a server's log, in order."""
    return [_statement(float(match[1]), json.loads(match[2])) for match in ENTRY.finditer(log)]


def write(page: Path, plans: Mapping[str, CarriedOut]) -> None:
    """Replace the table of plans in a page of the documentation."""
    before, _, rest = page.read_text().partition(BEGIN)
    lines = [f"| {name} | {_ways(plan)} | {plan.pages} | {plan.milliseconds:.1f} |" for name, plan in plans.items()]
    page.write_text(before + BEGIN + "\n".join([HEAD, *lines]) + "\n" + END + rest.partition(END)[2])


def _ways(plan: CarriedOut) -> str:
    """How it finds its rows: each table with its index."""
    ways = dict.fromkeys(f"`{scan.index or scan.table + ' in full'}`" for scan in plan.scans if scan.table)
    return ", ".join(ways) or "writes only"


def _statement(milliseconds: float, logged: dict[str, Any]) -> CarriedOut:
    plan = logged["Plan"]
    pages = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    query = " ".join(re.sub(r"--.*", "", logged["Query Text"]).split())
    return CarriedOut(query, milliseconds, pages, tuple(_scans(plan, "", "")))


def _scans(node: dict[str, Any], table: str, above: str) -> Iterator[Scan]:
    """The scans below a node; a bitmap's index stands below its table, and a join's condition above its sides."""
    kind, table = node["Node Type"], node.get("Relation Name", table)
    own = " AND ".join(str(node[name]) for name in CONDITIONS if name in node)
    if kind == "Bitmap Heap Scan" or "Join" in kind or kind == "Nested Loop":
        above = f"{own} AND {above}"
    elif "Scan" in kind and table:
        rows = round(node.get("Actual Rows", 0) * node.get("Actual Loops", 0))
        yield Scan(table, node.get("Index Name", ""), f"{own} AND {above}", rows)
    for child in node.get("Plans", ()):
        is_apart = child.get("Parent Relationship") in {"InitPlan", "SubPlan"}
        yield from _scans(child, table if "Bitmap" in kind else "", "" if is_apart else above)
