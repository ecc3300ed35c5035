"""The plots of docs/performance.md as SVG: a bar for ours and one for the peer, with the spread of the rounds."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs/images"
ROW, LEFT, WIDTH, RIGHT = 44, 170, 420, 150
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" \
font-family="system-ui, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="20" font-size="14" font-weight="600">{title}</text>
"""
LINE = """<text x="{left}" y="{text}" text-anchor="end">{name}</text>
<rect x="{x}" y="{y}" width="{ours:.1f}" height="12" rx="2" fill="#1f5fd6"/>
<text x="{ours_text:.1f}" y="{ours_y}">{ours_value}</text>
<rect x="{x}" y="{peer_y}" width="{peer:.1f}" height="12" rx="2" fill="#9aa4b2"/>
<text x="{peer_text:.1f}" y="{peer_text_y}" fill="#57606a">{peer_value}</text>
"""


def write(results: Path) -> None:
    """Draw what the results hold: throughput, and latency and other amounts of which less is better."""
    lines: dict[str, Any] = json.loads(results.read_text())["lines"]
    measured = {name: line for name, line in lines.items() if line["ours"]}
    FOLDER.mkdir(exist_ok=True)
    for name, title, better in (
        ("bench-throughput", "Things a second, ours (blue) and the peer's (grey), each line to its own scale", "more"),
        ("bench-latency", "Less is better: ours (blue), and the peer's or the goal (grey)", "less"),
    ):
        chosen = {key: line for key, line in measured.items() if line["better"] == better}
        (FOLDER / f"{name}.svg").write_text(_picture(title, chosen))


def _picture(title: str, lines: dict[str, Any]) -> str:
    height = 40 + ROW * len(lines)
    rows = [_row(name, line, 36 + ROW * index) for index, (name, line) in enumerate(lines.items())]
    head = HEAD.format(width=LEFT + WIDTH + RIGHT, height=height, title=escape(title))
    return head + "".join(rows) + "</svg>\n"


def _row(name: str, line: dict[str, Any], y: int) -> str:
    ours, peer = median(line["ours"]), median(line["peers"] or [line["goal"]])
    unit, most = WIDTH / max(ours, peer, 1e-9), LEFT + 10
    return LINE.format(
        left=LEFT,
        x=most,
        y=y,
        text=y + 18,
        name=escape(name),
        ours=ours * unit,
        peer=peer * unit,
        ours_text=most + ours * unit + 6,
        peer_text=most + peer * unit + 6,
        ours_y=y + 11,
        peer_y=y + 15,
        peer_text_y=y + 26,
        ours_value=_amount(line["ours"], line["unit"]),
        peer_value=_amount(line["peers"], line["unit"]) if line["peers"] else f"goal {line['goal']:g}{line['unit']}",
    )


def _amount(values: Sequence[float], unit: str) -> str:
    return escape(f"{median(values):,.4g}{unit}")
