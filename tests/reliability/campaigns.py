"""All rows, by what they are about: each module of a topic has a list `ROWS`."""

from reliability import disconnects
from reliability.rows import Row

ROWS: list[Row] = [
    *disconnects.ROWS,
]
