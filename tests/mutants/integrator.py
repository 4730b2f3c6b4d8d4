"""What an integrator does first: drafts, checks, the command line, and the executables started by hand."""

from mutants.mutant import Mutant, breaks

_draft = breaks("setup/draft.py", "tests/setup/test_draft.py")
_ids = breaks("setup/zone_ids.py", "tests/setup/test_draft.py")
_mappings = breaks("setup/mappings.py", "tests/setup/test_check.py")

MUTANTS: list[Mutant] = [
    _ids(
        "different names never share a zone",
        "        if bases[key] in taken:\n            late.append(key)\n",
        "        if bases[key] in ids.values():\n            ids[key] = bases[key]\n"
        "        elif bases[key] in taken:\n            late.append(key)\n",
    ),
    _ids("a level below the ground is told from one above", '" plus " if sign[1] == "+" else " minus "', '" "'),
    _ids("letters with accents are read as letters", 'unicodedata.normalize("NFKD", name)', "name"),
    _ids("ids are of a length that settings take", "return text[:length].rstrip", "return text.rstrip"),
    _ids("the order of the maps does not change their zones", "for key in sorted(bases, key=", "for key in (lambda all, key: all)(list(bases), key="),
    _ids("zones that are there keep their ids from other names", "taken = {zone.id for zone in known}", "taken: set[str] = set()"),
    _ids("a level that is there is used again", "        if (buildings[building], level) in called\n", "        if False\n"),
    _ids("a building that is there is used again", "if same(zone.name) in names and (", "if False and ("),
    _ids("names are the same however they are composed", 'unicodedata.normalize("NFC", name)', "name"),
    _mappings("levels that names tell apart are noted", "if all(first.is_same(other) for other in others):", "if True:"),
    _mappings("buildings that names tell apart are noted", "if same(called) in names and others:", "if False:"),
    _mappings("a building called otherwise is meant so", "if same(called) in names and others:", "if others:"),
    _mappings("misspelt keys of mappings are noted", "mapping.unusual_keys().items()", "()"),
    _mappings("mappings without a building are noted", 'for kind in ("building", "level"):', 'for kind in ("level",):'),
    Mutant(
        "misspelt keys of mappings are in the status",
        "drivers/mist_locations/driver.py",
        "map_problems(self._floorplans, unusual)",
        "map_problems(self._floorplans)",
        ("tests/drivers/mist_locations/test_driver.py", "-k", "misspelt"),
    ),
]  # fmt: skip
