"""The result of a benchmark: a table for people and one JSON line for machines."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

Row = tuple[object, ...]


@dataclass(frozen=True)
class Result:
    """One figure with its goal, and the table behind it. The first row of the table names its columns."""

    name: str
    value: float
    #: Such as "<= 2" or ">= 0.95".
    goal: str
    baseline: float
    table: Sequence[Row]
    #: Further conditions: condition → whether it holds.
    also: dict[str, bool] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the goal was met."""
        sign, limit = self.goal.split()
        met = self.value <= float(limit) if sign == "<=" else self.value >= float(limit)
        return met and math.isfinite(self.value) and all(self.also.values())


def print_result(result: Result) -> int:
    """Print the result; return the exit code."""
    rows = [[_text(cell) for cell in row] for row in result.table]
    widths = [max(len(row[n]) for row in rows if n < len(row)) for n in range(max(map(len, rows)))]
    for row in rows:
        first, *others = [
            cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in _numbered(row, widths)
        ]
        print("  ".join(["  " + first, *others]).rstrip())
    for words, met in result.also.items():
        print(f"  {words}: {'yes' if met else 'NO'}")
    line = {"name": result.name, "value": round(result.value, 4), "goal": result.goal}
    print(json.dumps({**line, "baseline": round(result.baseline, 4), "ok": result.ok}), flush=True)
    return 0 if result.ok else 1


def p(values: Sequence[float], percent: float) -> float:
    """Return a percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * percent / 100) - 1)]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def _numbered(row: list[str], widths: list[int]) -> list[tuple[int, tuple[str, int]]]:
    return list(enumerate(zip(row, widths, strict=False)))


def _text(cell: object) -> str:
    return f"{cell:,.3f}" if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else str(cell)
