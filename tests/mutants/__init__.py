"""One-line breaks, each of which a test must catch: `make mutants`."""
