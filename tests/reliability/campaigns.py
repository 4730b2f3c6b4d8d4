"""All rows, by what they are about: each module of a topic has a list `ROWS`."""

from reliability import changes, disconnects, faults, limits, load, silence, store
from reliability.rows import Row

ROWS: list[Row] = [
    *faults.ROWS,
    *disconnects.ROWS,
    *silence.ROWS,
    *limits.ROWS,
    *changes.ROWS,
    *store.ROWS,
    *load.ROWS,
]
