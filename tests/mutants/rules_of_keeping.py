"""What has to outlast changes, restarts and mistakes: objections, and records of who asked for whom."""

from mutants.mutant import Mutant, breaks

_named = breaks("driver/named.py", "tests/driver/test_named.py")
_saving = breaks("engines/placeos/saving.py", "tests/engines/placeos/test_saving.py")
_E = "tests/engines/embedded"
_lasting = breaks("engines/embedded/lasting.py", f"{_E}/test_lasting.py")
_engine = breaks("engines/embedded/engine.py", f"{_E}/test_lasting.py")
_host = breaks("engines/embedded/host.py", f"{_E}/test_lasting.py")
_store = breaks("engines/embedded/store.py", f"{_E}/test_lasting.py", f"{_E}/test_saved.py")
_saved = breaks("engines/embedded/saved.py", f"{_E}/test_saved.py")
_check = breaks("setup/check.py", "tests/setup/test_check.py")
_CHECKED = "tests/cli/test_check_saved.py"
_overlaid = breaks("engines/embedded/overlaid.py", f"{_E}/test_overlaid.py")
_routes = breaks("engines/embedded/api/routes.py", f"{_E}/api/test_routes.py::TestSettings")
_page = breaks("engines/embedded/page/backoffice.js", "tests/e2e/page/test_settings_form.py")
_connections = breaks("engines/embedded/connections.py", f"{_E}/test_connections.py")
_cli = breaks("cli/setup.py", "tests/cli/test_keeping.py")

MUTANTS: list[Mutant] = [
    _named(
        "a name that is too long to be kept whole is not looked up",
        "if len(about) > ABOUT_AT_MOST:",
        "if False:",
    ),
    _named("a record has one spelling of a MAC", "whole_mac(about) or about", "about"),
    _named(
        "so many searches in any minute, and not as many again in the next second",
        "asked[0] + WINDOW <= now",
        "asked[0] + WINDOW / 2 <= now",
    ),
    _named("nothing is kept of who asks no more", "self._asked[first][-1] + WINDOW > now", "True"),
    _saving(
        "what core does not send back is not saved", "while not self._has(module_id, name, wanted):", "while False:"
    ),
    _saving("… nor what it sends back of another value", "bool(known[name] == value)", "True"),
    _saving(
        "what core has is not sent again, for nothing would follow",
        "        if self._has(module_id, name, wanted):\n            return\n",
        "",
    ),
    _engine(
        "a file that leaves objections behind is not taken",
        "        if problems := left_behind(everything, running):\n",
        "        if (problems := left_behind(everything, running)) and not running:\n",
    ),
    _engine(
        "… nor a site that is saved over the API",
        "if as_it_runs(host.spec, after).about != as_it_runs(host.spec, host.saved).about:",
        "if False:",
    ),
    _engine(
        "a module that gets another site takes them along, of both",
        "await self.store.save_settings(place[0], {}, (), [place])",
        "pass",
    ),
    _engine("over the API nobody changes what a module keeps", "        if not by_module:\n", "        if False:\n"),
    _engine(
        "a change of other settings needs no store",
        "if before != {",
        "if not before or before | {",
    ),
    _lasting("two modules that change places are noticed", "owner.about != module.about", "False"),
    _lasting("where nobody knows what it is about, it may be of any site", "return owner is None\n", "return False\n"),
    _lasting("a site that is given up stands in nobody's way", "return module.about in saved.about and (", "return ("),
    _lasting(
        "where nobody objects any more nothing is lost",
        "for each in able.values() if count and _is(",
        "for each in able.values() if _is(",
    ),
    _lasting(
        "an id that another driver has is no home",
        "return saved.name in module.spec.driver.lasting_settings",
        "return True",
    ),
    _host("objections are noted with their site", "about is not None]", "about is None]"),
    _store(
        "a damaged value is told",
        "        except ValueError:\n            raise StoreError",
        "        except KeyError:\n            raise StoreError",
    ),
    _store(
        "a store that was replaced knows what they are about",
        "(_SAVE, rows), (_ABOUT, list(self._about))",
        "(_SAVE, rows)",
    ),
    _saved(
        "nothing is dropped while an engine has the store",
        "            if not alone_with(connection):",
        "            if alone_with(connection) is None:",
    ),
    _saved("what is dropped cannot be read any more", "PRAGMA secure_delete = ON", "PRAGMA secure_delete = OFF"),
    _routes("objections and their key are not shown", "| host.driver.lasting_settings\n", "\n"),
    _page("objections are no field of the form", " && !kept.includes(name)", ""),
    _connections(
        "a handshake is refused with the headers of every answer",
        "response.headers.setdefault(name.decode(), value.decode())",
        "pass",
    ),
    _cli(
        "check says what the engine would not take",
        "lifted = left_behind(everything, as_they_run(loaded.modules, everything))",
        "lifted = []",
    ),
    _cli(
        "check looks at what was saved over the file",
        "overlaid(beside[0], everything) if beside else None",
        "overlaid(beside[0], []) if beside else None",
        _CHECKED,
    ),
    _cli(
        "… and says which settings these are",
        "report.findings[:0] = about_saved(pair.modules, unread, str(settings)).findings",
        "pass",
        _CHECKED,
    ),
    _overlaid(
        "what does not fit is left out with all that was saved",
        "if not (problems := _problems(spec, saved)):",
        "if (problems := _problems(spec, saved)) is not None:",
    ),
    _overlaid("… but what must last", "if not _problems(spec, lasting):", "if True:"),
    _check(
        "where names are never kept, check counts no owners",
        "        tracker.set_occupancy_only(True)\n",
        "        settings = settings.model_copy(update={'occupancy_only': False})\n",
    ),
    breaks("cli/auditing.py", "tests/cli/test_auditing.py")(
        "audit says that there are more records than it shows", "    if count > limit:\n", "    if False:\n"
    ),
    breaks("cli/calls.py", "tests/cli/test_locating.py")(
        "the command line, too, tells ages by the cloud's clock", "time.time() + found.ahead", "time.time()"
    ),
    breaks("cli/locating.py", "tests/cli/test_locating.py")(
        "where the cloud's clock is not told, the engine's stands in",
        "    except EngineError:\n        told = None\n",
        "    except ZeroDivisionError:\n        told = None\n",
    ),
    breaks("client/engine_client.py", "tests/client/test_engine_client.py")(
        "the engine's clock is told by its answers",
        '        self._engines.observe(response.headers.get("date"), sent, self._clock.monotonic())\n',
        "",
    ),
    _saved("a store of a newer program is not read", "            if version > VERSION:", "            if False:"),
]
