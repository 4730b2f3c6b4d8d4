"""What an integrator does first: drafts, checks, the command line, and the executables started by hand."""

from mutants.mutant import Mutant, breaks

_draft = breaks("setup/draft.py", "tests/setup/test_draft.py")
_ids = breaks("setup/zone_ids.py", "tests/setup/test_zone_ids.py", "tests/setup/test_draft.py")
_called = ("tests/cli/test_as_called.py",)
_output = breaks("cli/output.py", *_called)
_setup = breaks("cli/setup.py", *_called)
_main = breaks("cli/__init__.py", *_called)
_run = breaks("cli/run.py", *_called)
_mappings = breaks("setup/mappings.py", "tests/setup/test_mappings.py")

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
        "map_problems(self._floorplans, self.settings.oddities())",
        "map_problems(self._floorplans)",
        ("tests/drivers/mist_locations/test_driver.py", "-k", "misspelt"),
    ),
    _main("what a terminal cannot show is no reason to fail", 'stream.reconfigure(errors="backslashreplace")', "pass"),
    _main("a hangup before the engine is up ends nothing", 'if sys.argv[1:2] == ["serve"] and', "if False and"),
    _main("a stream that was closed is no reason to fail", "        if getattr(sys, name) is None:", "        if False:"),
    _output("a log that is full ends nothing", "        with suppress(OSError):", "        with suppress():"),
    _output("JSON is JSON in every encoding", "else _ABOVE_ASCII.sub(_as_units, shown)", "else shown"),
    _output("errors are JSON where that is asked for", "    if _Wanted.json:\n", "    if False:\n"),
    _output("a command without --json is not asked for it", "    context.call_on_close(forget)\n", ""),
    _output("YAML can be pasted in every encoding", "yamltext.dumps(value, ascii_only=True)", "shown"),
    Mutant(
        "names of maps reach for no file", "yamltext.py", 'value.replace("${", "$${")', "value",
        ("tests/setup/test_init.py", "-k", "reach"),
    ),
    _setup("a draft to paste reaches for no file", "shown_yaml(yamltext.literal({**parts,", "shown_yaml(dict({**parts,"),
    _setup("a draft as JSON reaches for no file", '"draft": yamltext.literal({', '"draft": dict({'),
    _setup("Ctrl-C at a question is an interruption", "isinstance(aborted.__context__, KeyboardInterrupt)", "False"),
    _setup("answers may come by a pipe", "if sys.stdin is None or not sys.stdin.isatty():", "if False:"),
    _setup(
        "settings that may not be read are settings that cannot be used",
        "settings: Annotated[Path, typer.Argument(readable=False, ",
        "settings: Annotated[Path, typer.Argument(",
    ),
    _run("the port comes before the engine", "closing(listening(*loaded.address))", "suppress()"),
    _run(
        "a hangup while the settings are read is not lost",
        "async with until_ended(reread.set) as ended:",
        "async with until_ended(lambda: None) as ended:",
    ),
    Mutant(
        "a refusal leaves no folder",
        "setup/init.py",
        "        with TemporaryFile(dir=next(",
        "        path.parent.mkdir(parents=True, exist_ok=True)\n        with TemporaryFile(dir=next(",
        _called,
    ),
    Mutant(
        "misspelt names of arguments are no values",
        "cli/arguments.py",
        "if equals and name not in params and",
        "if False and",
        ("tests/cli/test_arguments.py",),
    ),
    Mutant(
        "what cannot change is compared with what the engine began with",
        "engines/embedded/engine.py",
        "getattr(self._began_with, name)",
        "getattr(self.loaded.config, name)",
        ("tests/engines/embedded/test_engine.py",),
    ),
    Mutant(
        "an executable without core says so",
        "engines/placeos/wire.py",
        "if not (stat.S_ISFIFO(given) or stat.S_ISSOCK(given)):",
        "if False:",
        ("tests/engines/placeos/test_serving.py", "-k", "cannot_be_core"),
    ),
]  # fmt: skip
