"""Rules that decide what is told of whom: ages, units, identity, records."""

from mutants.mutant import Mutant

MUTANTS: list[Mutant] = [
    Mutant(
        rule="a MAC is written in lower case",
        file="location/identity.py",
        old="    text = text.strip().lower()\n    return _NOT_HEX",
        new="    text = text.strip()\n    return _NOT_HEX",
        tests=("tests/location/test_identity.py",),
    ),
]
