"""Bar charts as SVG, made here: what arrived in front of what was done."""

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT, BASE = 240, 60, 50


def bars(arrived: Sequence[int], done: Sequence[int], title: str) -> Markup:
    """Chart of two series of equal length, with a text for those who do not see it."""
    most = max((*arrived, *done, 1))
    step = WIDTH / max(len(arrived), 1)
    shapes = [
        f'<rect class="bar{kind}" x="{step * i + shift:.1f}" y="{BASE - height:.1f}" '
        f'width="{step * 0.4:.1f}" height="{height:.1f}"/>'
        for kind, shift, series in ((" other", step * 0.1, arrived), ("", step * 0.5, done))
        for i, height in enumerate(BASE * value / most for value in series)
        if height
    ]
    return Markup(  # noqa: S704  numbers, and an escaped text
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'{"".join(shapes)}<line class="axis" x1="0" y1="{BASE}" x2="{WIDTH}" y2="{BASE}"/>'
        f'<text x="0" y="{HEIGHT - 1}">most: {most}</text></svg>'
    )
