"""All rows, by what they are about: each module of a topic has a list `ROWS`."""

from reliability import people
from reliability.rows import Row

ROWS: list[Row] = [*people.ROWS]
