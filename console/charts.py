"""Bar charts of what arrived beside what was done, as the shapes of an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, BASE = 240, 60, 50


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One bar; `kind` is arrived or done."""

    kind: str
    x: float
    height: float
    width: float

    @property
    def y(self) -> float:
        """Its upper edge."""
        return BASE - self.height


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, the number that the highest stands for, and a text for those who do not see them."""

    bars: Sequence[ChartBar]
    most: int
    title: str


def draw(arrived: Sequence[int], done: Sequence[int], title: str) -> Chart:
    """Chart of two series of equal length."""
    most, step = max((*arrived, *done, 1)), WIDTH / max(len(arrived), 1)
    bars = [
        ChartBar(kind, step * (i + shift), BASE * value / most, step * 0.4)
        for kind, shift, series in (("arrived", 0.1, arrived), ("done", 0.5, done))
        for i, value in enumerate(series)
        if value
    ]
    return Chart(bars, most, title)
