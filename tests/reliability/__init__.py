"""What the software withstands, measured: `make reliability` runs every row in full, `make test` a short version."""
