"""What leaves MistWebsocket and MistLocations of a person, and a few rules of waiting and telling."""

from mutants.mutant import Mutant, breaks

_showing = breaks("drivers/mist_websocket/showing.py", "tests/drivers/mist_websocket/test_showing.py")
_images = breaks("drivers/mist_websocket/images.py", "tests/drivers/mist_websocket/test_images.py")
_locations = breaks("drivers/mist_locations/driver.py", "tests/drivers/mist_locations/test_driver.py")
_stream = breaks("mist/stream.py", "tests/mist/test_stream.py")
_status = breaks("engines/placeos/status.py", "tests/engines/placeos/test_status.py")
_named = breaks("driver/named.py", "tests/engines/embedded/api/test_metrics.py")
_control = breaks("simulator/control.py", "tests/simulator/test_control.py")
_store = breaks("engines/embedded/store.py", "tests/engines/embedded/test_store.py")

MUTANTS: list[Mutant] = [
    # -- whole records -----------------------------------------------------------------------------
    _showing(
        "a whole record withholds a name to be ignored",
        'if self.owners.rules.is_ignored(str(raw.get("username") or "")):',
        "if False:",
        "tests/drivers/mist_websocket/test_tracker.py",
        "tests/drivers/mist_websocket/test_people.py",
    ),
    _showing(
        "a record that names somebody who objected is not shown whole",
        "if raw is None or self._names_objector(client):",
        "if raw is None:",
    ),
    _showing(
        "… also where a guest's address names them",
        "for name in (client.username, client.guest_email))",
        "for name in (client.guest_email,))",
    ),
    _showing(
        "a device whose key nobody has looked up is anonymous",
        "                return Shown.ANONYMOUS\n        return Shown.ANONYMOUS if",
        "                return Shown.SHOWN\n        return Shown.ANONYMOUS if",
    ),
    _showing(
        "who objected appears as the site decides",
        "                return self.opted_out\n",
        "                return Shown.SHOWN\n",
    ),
    _showing(
        "a place that was withdrawn is taken out of the whole record",
        "return {key: value for key, value in raw.items() if key not in _PLACE_FIELDS}",
        "return dict(raw)",
        "tests/drivers/mist_websocket/test_sync.py",
        "tests/drivers/mist_websocket/test_tracker.py",
    ),
    _showing(
        "anonymous devices stand in an order of their own",
        '        anonymous.sort(key=lambda record: str(record["mac"]))\n',
        "",
    ),
    _images(
        "no token is sent where a link leads to",
        "return await self._http.get(url, {}, at_most",
        "return await self._http.get(url, self._api._headers, at_most",
    ),
    # -- MistLocations -----------------------------------------------------------------------------
    _locations(
        "ages are told by the cloud's clock",
        "float(offset) if isinstance(offset, int | float) else 0.0",
        "0.0",
        "tests/reliability/test_rows.py::test_short_version_holds[cloud-clock]",
    ),
    # -- waiting and telling -----------------------------------------------------------------------
    _stream(
        "back-off begins anew after a success",
        "self._failures, self._refusals = 0, min(",
        "self._failures, self._refusals = self._failures, min(",
    ),
    _status(
        "a status that Redis may have lost is written again",
        "            except BaseException:\n                self.write_all_again()\n",
        "            except BaseException:\n",
    ),
    _store(
        "the SQLite library's statements are no log",
        'logging.getLogger("aiosqlite").addFilter(lambda record: record.levelno >= logging.WARNING)',
        "pass",
    ),
    _named("searches that were refused are counted", "        self._too_many += 1\n", ""),
    _named("… and those that could not be recorded", "            self._not_recorded += 1\n", ""),
    # -- the simulator -----------------------------------------------------------------------------
    _control("the simulator's controls refuse pages of other hosts", "return here and all(", "return here or all("),
    _control("… by the name that was looked up, too", 'here = name == "localhost" or', "here = True or"),
]
