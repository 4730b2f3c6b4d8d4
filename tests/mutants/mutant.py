"""A break of one rule."""

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
