"""All rows, by what they are about: each module of a topic has a list `ROWS`."""

from reliability import (
    changes,
    disconnects,
    faults,
    fuzzing,
    hostile,
    limits,
    load,
    people,
    room,
    silence,
    stopped,
    store,
)
from reliability.rows import Row

ROWS: list[Row] = [
    *faults.ROWS,
    *disconnects.ROWS,
    *silence.ROWS,
    *limits.ROWS,
    *changes.ROWS,
    *store.ROWS,
    *room.ROWS,
    *load.ROWS,
    *stopped.ROWS,
    *fuzzing.ROWS,
    *hostile.ROWS,
    *people.ROWS,
]
