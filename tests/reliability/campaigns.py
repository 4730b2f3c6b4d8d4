"""All rows, by what they are about: each module of a topic has a list `ROWS`."""

from reliability import disconnects, faults, fuzzing, hostile, limits, silence
from reliability.rows import Row

ROWS: list[Row] = [
    *faults.ROWS,
    *disconnects.ROWS,
    *silence.ROWS,
    *limits.ROWS,
    *fuzzing.ROWS,
    *hostile.ROWS,
]
