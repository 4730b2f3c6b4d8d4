"""What leaves MistWebsocket and MistLocations of a person."""

from mutants.mutant import Mutant, breaks

_showing = breaks("drivers/mist_websocket/showing.py", "tests/drivers/mist_websocket/test_showing.py")
_images = breaks("drivers/mist_websocket/images.py", "tests/drivers/mist_websocket/test_images.py")
_locations = breaks("drivers/mist_locations/driver.py", "tests/drivers/mist_locations/test_driver.py")

_time = breaks("drivers/mist_locations/cloud_time.py", "tests/drivers/mist_locations/test_cloud_time.py")
_levels = breaks("drivers/mist_locations/levels.py", "tests/drivers/mist_locations/test_levels.py")
_explain = breaks("drivers/mist_locations/explain.py", "tests/drivers/mist_locations/test_explain.py")

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
        "if raw is None or self.names_objector(client):",
        "if raw is None:",
    ),
    _showing(
        "… also where a guest's address names them",
        "return (client.username, client.guest_email, *written)",
        "return (client.username,)",
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
        "return {key: value for key, value in whole.items() if key not in _PLACE_FIELDS}",
        "return whole",
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
    _showing(
        "what is read of a whole record is as it was understood",
        "whole = {**raw, **needed}",
        "whole = {**needed, **raw}",
        "tests/drivers/mist_websocket/test_tracker.py",
    ),
    _showing(
        "… and whether it is anonymous is for us to say",
        '        whole.pop("anonymous", None)  # that is for us to say\n',
        "",
        "tests/drivers/mist_websocket/test_tracker.py",
    ),
    _showing(
        "metres of another place are left out",
        '            whole.pop("x_m", None)\n',
        "            pass\n",
        "tests/drivers/mist_websocket/test_tracker.py",
    ),
    _showing(
        "whether a client is a guest's is not said before a record did",
        "return client.is_guest if client.is_guest or client.known or client.seen_at is not None else None",
        "return client.is_guest",
    ),
    _showing(
        "what a record said of that outlives the question whose the device is",
        "client.is_guest if client.is_guest or client.known or client.seen_at is not None else",
        "client.is_guest if client.is_guest or client.known else",
    ),
    _showing(
        "where a device was that may be a guest's is kept apart",
        "return _guest(client) is not False",
        "return bool(_guest(client))",
    ),
    # -- MistLocations -----------------------------------------------------------------------------
    _locations(
        "ages are told by the cloud's clock",
        "        return self._cloud_time.now()\n",
        "        return self.context.clock.wall()\n",
        "tests/reliability/test_rows.py::test_short_version_holds[cloud-clock]",
    ),
    _locations(
        "a cloud whose clock is set is asked what time it is at once",
        "self._cloud_time.changed()  #",
        "pass  #",
        "tests/reliability/test_rows.py::test_short_version_holds[cloud-clock]",
    ),
    _time(
        "an answer that took long says nothing about the time",
        " or received - sent > SLOW:",
        ":",
    ),
    _time(
        "this machine's clock may be set while the cloud's time is known",
        "self._anchor + self._clock.monotonic()\n",
        "self._clock.wall()\n",
    ),
    _time(
        "until it is known this machine's clock may be set, too",
        "self._anchor: float | None = None",
        "self._anchor: float | None = clock.wall() - clock.monotonic()",
    ),
    _time(
        "levels are looked at again when it turns out to be later",
        "            self._stepped()\n",
        "            pass\n",
    ),
    _levels(
        "of whom nobody says whether they are guests they are treated as such",
        'others if client.get("is_guest") is False else guest',
        'guest if client.get("is_guest") is True else others',
    ),
    _levels(
        "what is kept of a map does not depend on now",
        "seen = seen_at(client, EVER)",
        "seen = seen_at(client, now)",
    ),
    _levels(
        "times that lie ahead are no times",
        "if oldest <= seen <= newest",
        "if oldest <= seen",
    ),
    _levels(
        "anonymous devices do not age early",
        "last = seen + TIME_GRAIN - 1  #",
        "last = seen  #",
    ),
    _explain(
        "… and where they are is not explained",
        'record.get("is_guest") is not False, guests',
        'record.get("is_guest") is True, guests',
    ),
]
