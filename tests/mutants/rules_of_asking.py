"""What is asked of the cloud, how often, and what is made of answers that do not come or are not the cloud's."""

from mutants.mutant import Mutant, breaks

_STREAM = "tests/mist/test_stream.py"
_W = "tests/drivers/mist_websocket"
_stream = breaks("mist/stream.py", f"{_STREAM}::TestOtherChannels", f"{_STREAM}::TestSilence")
_budget = breaks("mist/budget.py", "tests/mist/test_budget.py::TestFetches")
_unknown = breaks("drivers/mist_websocket/unknown.py", f"{_W}/test_unknown.py")
_enrich = breaks("drivers/mist_websocket/enrich.py", f"{_W}/test_enrich.py::TestUnknownClients")
_sync = breaks("drivers/mist_websocket/sync.py", f"{_W}/test_sync.py::TestDueMaps")
_report = breaks("drivers/mist_websocket/report.py", f"{_W}/test_sync.py::TestDueMaps")
_driver = breaks("drivers/mist_websocket/driver.py", f"{_W}/test_sync.py::TestDueMaps")
_rest = breaks("mist/rest.py", "tests/mist/test_rest.py")
_errors = breaks("mist/rest_errors.py", "tests/mist/test_rest_errors.py")
_paging = breaks("mist/paging.py", "tests/mist/test_paging.py")
_http = breaks("transport/http.py", "tests/transport/test_http.py::TestFailures")
_connection = breaks("drivers/mist_websocket/connection.py", f"{_W}/test_session.py::TestChanges")

MUTANTS: list[Mutant] = [
    # -- channels ----------------------------------------------------------------------------------
    _stream(
        "a channel that is not wanted any more degrades nothing",
        "        self._account()  # a channel that is not wanted any more is nobody's trouble\n",
        "",
    ),
    _stream("a slow line is asked once for each channel", "if not self.ledger.is_due(channel, now):", "if False:"),
    _stream(
        "… and an old line counts for no other", "            if link is not self._link:\n", "            if False:\n"
    ),
    _stream(
        "the line may break while channels are given back",
        "                    await link.send(frames.unsubscribe(channel))",
        "                    await self._link.send(frames.unsubscribe(channel))",
    ),
    _stream(
        "a new limit of silence holds at once",
        "            self.policy = replace(self.policy, silence=limit)\n            self._question.heard(self.policy)\n",
        "            self.policy = replace(self.policy, silence=limit)\n",
    ),
    _connection(
        "another interval holds at once",
        "            self.sync.maps_wanted.set()  #",
        "            pass  #",
        f"{_W}/test_session.py::TestChanges::test_intervals_and_limits_hold_at_once",
    ),
    _connection(
        "so does another limit of silence",
        "        self.stream.set_silence(settings.silence_limit)\n",
        "",
        f"{_W}/test_session.py::TestChanges::test_intervals_and_limits_hold_at_once",
    ),
    # -- unknown clients ---------------------------------------------------------------------------
    _budget(
        "unknown clients cost a bounded part of the budget in any minute",
        "return 0.0 if len(self._calls) < self.a_minute else",
        "return 0.0 if True else",
    ),
    _enrich("… lists count", "            self._sync.api.budget.fetches.spent(self._clock.monotonic())\n", ""),
    _enrich("… and single calls", "        self._sync.api.budget.fetches.spent(asked)\n", ""),
    _enrich(
        "a list for unknown clients is background work",
        "list_map(map_id, Purpose.BACKGROUND)",
        "list_map(map_id, Purpose.SNAPSHOT)",
    ),
    _enrich("a list is read once for all who wait", "self._unknown.listed(waited, wanted)", "pass"),
    _unknown(
        "many unknown clients are asked for as lists",
        "return found if len(fresh) > max(ONE_BY_ONE, len(found)) else []",
        "return []",
        f"{_W}/test_enrich.py::TestUnknownClients::test_many_unknown_clients_are_asked_for_as_lists",
    ),
    _unknown(
        "those who may be known come first",
        "return [*fresh, *(mac for mac in wanted if mac not in fresh)][:ONE_BY_ONE]",
        "return list(wanted)[:ONE_BY_ONE]",
    ),
    _unknown(
        "whom the cloud does not know is left alone",
        "[mac for mac in wanted if self._nobody.get(mac, now) > now]",
        "[]",
        f"{_W}/test_enrich.py::TestUnknownClients::test_a_client_that_the_cloud_does_not_know_is_left_alone",
    ),
    _unknown("… and is worth no list after that", " and mac not in self._nobody}", "}"),
    # -- maps that are due -------------------------------------------------------------------------
    _report("a changed map is stale until it is listed", "sync.due_maps if connection", "() if connection"),
    _sync("… and is listed soon", "        if any(map(self._is_due, self._tracker.maps)):\n", "        if False:\n"),
    _sync(
        "a list from before the change settles nothing",
        "        if self.due_maps.get(map_id, math.inf) > asked:\n",
        "        if map_id not in self.due_maps:\n",
    ),
    _sync(
        "maps that changed are due",
        "                self._note_due(self.take_maps(listing))\n",
        "                self.take_maps(listing)\n",
    ),
    _sync("places are never read with other sizes", "        if resized:", "        if False:"),
    _driver(
        "sync_clients lists everything",
        "refresh_maps(Purpose.COMMAND, everything=True)",
        "refresh_maps(Purpose.COMMAND)",
        f"{_W}/test_driver.py",
    ),
    # -- silence -----------------------------------------------------------------------------------
    _sync(
        "what a refused channel would tell contradicts no silence",
        "        if not answered or str(Channel(self.site_id)) in live:\n",
        "        if True:\n",
        f"{_W}/test_sync.py::TestSilence::test_what_no_granted_channel_could_have_told_contradicts_nothing",
    ),
    _sync(
        "… and what a granted one would tell does",
        "        return lambda record: record.map_id is not None and",
        "        return lambda record: False and",
        f"{_W}/test_sync.py::TestSilence::test_what_no_granted_channel_could_have_told_contradicts_nothing",
    ),
    _sync(
        "a connection on which nothing is answered is not excused",
        "        if not answered or str",
        "        if str",
        f"{_W}/test_sync.py::TestSilence::test_a_connection_on_which_nothing_is_answered_is_not_excused",
    ),
    # -- answers -----------------------------------------------------------------------------------
    _rest(
        "only what is the cloud's sets the clock",
        "                async with AsyncExitStack() as stack:\n",
        '                self.cloud_clock.observe(response.headers.get("date"), sent, received)\n'
        "                async with AsyncExitStack() as stack:\n",
    ),
    _rest(
        "… not an error's date",
        "        if response.status != 200:\n",
        '        self.cloud_clock.observe(response.headers.get("date"), *[self._clock.monotonic()] * 2)\n'
        "        if response.status != 200:\n",
    ),
    _errors("a date to wait for is read by the answer's own", "seconds = until - written", "seconds = RETRY_AFTER"),
    _rest(
        "a page that may be cut is asked for by query",
        "has_more(headers, 1) or may_be_cut(headers, answer)",
        "has_more(headers, 1)",
    ),
    _paging("a list that is no full page is whole", "and len(items) == DEFAULT_PAGE", ""),
    _http(
        "an answer that comes drop by drop ends",
        "asyncio.timeout(self._options.connect_timeout + WHOLE * self._options.read_timeout)",
        "asyncio.timeout(None)",
    ),
    _http("a slow answer is waited for", "WHOLE = 4", "WHOLE = 1"),
]
