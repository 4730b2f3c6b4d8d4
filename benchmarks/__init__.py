"""How fast, against what, measured in the same run: `make bench` runs every row, `make bench-page` the page."""
