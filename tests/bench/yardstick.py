"""Measuring side by side in one run, and a table of it. A figure is never asserted: machines differ."""

import time
from collections.abc import Sequence


class Table:
    """Rows of figures, the first of which is what the others are compared with."""

    def __init__(self, title: str, unit: str) -> None:
        self.title = title
        self.unit = unit
        self._rows: list[tuple[str, float, str]] = []

    def add(self, what: str, figure: float, remark: str = "") -> None:
        """A row; the ratio to the first row stands beside it."""
        self._rows.append((what, figure, remark))

    def show(self) -> None:
        """Print it."""
        width = max(len(what) for what, _, _ in self._rows)
        print(f"\n{self.title}")
        for what, figure, remark in self._rows:
            ratio = figure / self._rows[0][1]
            print(f"  {what:<{width}}  {figure:>12,.1f} {self.unit}  x{ratio:<8.2f} {remark}".rstrip())


class Stopwatch:
    """The seconds spent in a block."""

    def __enter__(self) -> "Stopwatch":
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began


def middle(figures: Sequence[float]) -> float:
    """The median, which one disturbance does not move."""
    return sorted(figures)[len(figures) // 2]
