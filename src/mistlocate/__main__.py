"""`python -m mistlocate` is the command."""

from mistlocate.cli import main

main()
