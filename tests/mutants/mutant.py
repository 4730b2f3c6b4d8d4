"""A break of one rule."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """In `file` (below src/mistlocate) the text `old`, which stands there exactly once, becomes `new`.

    At least one of `tests` (arguments of pytest) must then fail. `rule` says which promise that breaks.
    """

    rule: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def breaks(file: str, *tests: str) -> Callable[..., Mutant]:
    """Makes mutants `(rule, old, new)` of one file; each may name narrower `tests` than those of the whole file."""

    def mutant(rule: str, old: str, new: str, *narrower: str) -> Mutant:
        return Mutant(rule, file, old, new, narrower or tests)

    return mutant
