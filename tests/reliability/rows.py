"""A row of the reliability table: what is promised, and how it is found out."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measured:
    """What a run found: whether the promise held, the figure as a person reads it, and the figures behind it."""

    holds: bool
    value: str
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """What a run is given: how much of the full campaign to do, and a folder of its own."""

    scale: float
    folder: Path

    def count(self, full: int, least: int = 1) -> int:
        """So many of something at this scale."""
        return max(least, math.ceil(full * self.scale))


@dataclass(frozen=True)
class Row:
    """One promise.

    `quick` is the scale at which the suite runs it; `alone` asks that nothing else runs beside it in a campaign,
    because it looks at times. A run that raises is a row that does not hold.
    """

    id: str
    area: str
    claim: str
    limit: str
    run: Callable[[Trial], Awaitable[Measured]]
    quick: float = 0.01
    alone: bool = False
    needs: str | None = None
