"""What becomes of the cloud's records in MistWebsocket, and the life of any driver."""

from mutants.mutant import Mutant, breaks

_W = "tests/drivers/mist_websocket"
_learning = breaks("drivers/mist_websocket/learning.py", "tests/drivers/mist_websocket/test_learning.py")
_wording = breaks("drivers/mist_websocket/wording.py", f"{_W}/test_wording.py")
_tracker = breaks("drivers/mist_websocket/tracker.py", f"{_W}/test_tracker.py")
_sync = breaks("drivers/mist_websocket/sync.py")
_enrich = breaks("drivers/mist_websocket/enrich.py")
_publish = breaks("drivers/mist_websocket/publish.py", f"{_W}/test_publish.py")
_store = breaks("drivers/mist_websocket/owner_store.py", f"{_W}/test_owner_store.py")
_session = breaks("drivers/mist_websocket/session.py")
_images = breaks("drivers/mist_websocket/images.py")
_keys = breaks("drivers/mist_websocket/keys.py")
_settings = breaks("drivers/mist_websocket/settings.py", f"{_W}/test_settings.py")
_report = breaks("drivers/mist_websocket/report.py")
_module = breaks("driver/module.py", "tests/driver/test_module.py")
_supervisor = breaks("driver/supervisor.py", "tests/driver/test_supervisor.py")
_command = breaks("driver/command.py", "tests/driver/test_command.py")
_base = breaks("driver/base.py", "tests/driver/test_base.py")
_manifest = breaks("driver/manifest.py", "tests/driver/test_manifest.py")

_SNAPSHOT, _MAPS, _SILENCE = (f"{_W}/test_sync.py::Test{name}" for name in ("Snapshot", "Maps", "Silence"))
_FAULTS = "tests/e2e/test_original_faults.py"

MUTANTS: list[Mutant] = [
    # -- records → sightings -----------------------------------------------------------------------
    _tracker(
        "metres stand in for missing pixels by the scale",
        "(stats.x_m * scale, stats.y_m * scale)",
        "(stats.x_m, stats.y_m)",
    ),
    _tracker("half a position is none", "        if x is None or y is None:\n            x = y = None\n", ""),
    _tracker(
        "a record's own map outranks the channel's",
        "map_id = stats.map_id or channel_map",
        "map_id = channel_map or stats.map_id",
    ),
    _tracker("nobody comes back to a deleted map", "if map_id in self._deleted_maps:", "if False:"),
    _tracker("a record of another site is none of ours", "if frame.channel.site_id not in sites:", "if False:"),
    _tracker(
        "an unknown client is asked for once",
        "is UNKNOWN and sighting.mac not in self.wanted:",
        "is APPLIED and sighting.mac not in self.wanted:",
    ),
    _tracker("a full record makes fetching needless", "self.wanted.pop(sighting.mac, None)", "pass"),
    _tracker("owners are learned from lists", "self.learn(sighting, at, guests=outcome is not NOT_ADMITTED)", "pass"),
    _tracker("guests of yesterday leave no name", "guests=outcome is not NOT_ADMITTED", "guests=True"),
    _tracker(
        "what is superseded teaches no owner",
        "if outcome is not SUPERSEDED and outcome is not PLACED:",
        "if True:",
    ),
    _learning(
        "802.1X outranks the key",
        "if s.psk_id and not named:",
        "if s.psk_id:",
        "tests/drivers/mist_websocket/test_tracker.py",
        "tests/drivers/mist_websocket/test_learning.py",
    ),
    _learning(
        "… where a device got in by it", "named = not s.keyed and self.owners.learn(", "named = self.owners.learn("
    ),
    _learning("who opted out by a key's name stays hidden", "if self._is_objector(label):", "if False:"),
    _learning(
        "… and by its owner's, which has to be looked up",
        "(keys.is_settled(psk_id) or not owners.objections.hides_anyone)",
        "True",
    ),
    _learning(
        "a key that is nobody's takes its owner along",
        "nobodys = known.source is Source.PSK and owner is None",
        "nobodys = False",
    ),
    _learning("… but not who opted out", "known is not None and not known.hidden:", "known is not None:"),
    Mutant(
        "who opts out by a key's name is hidden at once",
        "drivers/mist_websocket/learning.py",
        "        if client.keyed and client.psk_id is not None:\n            self.learn",
        "        if False:\n            self.learn",
        ("tests/drivers/mist_websocket/test_learning.py",),
    ),
    _learning("an unknown key is asked for", "        keys.look_up(psk_id)\n", "        pass\n"),
    _wording(
        "a portal's login is what a guest typed",
        'if stats.is_guest and "EAP" not in',
        'if False and stats.is_guest and "EAP" not in',
    ),
    _tracker(
        "a guest who left is forgotten by name",
        "if owned is not None and owned.source is Source.GUEST:\n                self.owners.release(mac)",
        "pass",
    ),
    _tracker(
        "a name on a map counts only with who vouches for it",
        "            sighting = self._as_told(sighting, frame.stats)\n",
        "            pass\n",
    ),
    _tracker("a time that lies ahead holds up nothing", "if seen_at is not None and seen_at > now:", "if False:"),
    _tracker(
        "… and makes no answer newer than what came since it was asked for",
        "seen_at = now if asked is None else self.cloud_clock.at(asked)",
        "seen_at = now",
    ),
    _tracker("odd times are counted", 'self.counts["implausible_times"] += 1', "pass"),
    _tracker("rejects are counted", 'self.counts["rejected"] += 1', "pass"),
    _tracker("samples are bounded", "deque(maxlen=SAMPLES)", "deque()"),
    _wording(
        "what says nothing is nothing",
        '_NO_TEXT = frozenset({"", "Unknown", "unknown", "N/A"})',
        "_NO_TEXT = frozenset[str]()",
    ),
    # -- a site ------------------------------------------------------------------------------------
    _sync(
        "maps are listed once more after subscribing",
        "        if self._todo is None:\n            self.take_maps(await",
        "        if self._todo is None:\n            0 and self.take_maps(await",
        f"{_SNAPSHOT}::test_it_costs_two_lists_of_maps_and_one_list_a_map",
    ),
    _sync(
        "a list that is not for us costs its map only",
        "        except (AccessDenied, CloudTrouble, NotFound) as error:",
        "        except AssertionError as error:",
        f"{_SNAPSHOT}::test_a_list_that_is_not_for_this_token_costs_its_map_only",
    ),
    _sync(
        "what was fetched is not fetched again",
        "                    todo.append(map_id)\n                    raise",
        "                    todo.extend(self._tracker.maps)\n                    raise",
        f"{_SNAPSHOT}::test_what_was_listed_is_not_listed_again_after_a_pause",
    ),
    _sync(
        "silence is contradicted only by what is newer",
        "silent_since + min(CONTRADICTION, silent_for / 2)",
        "silent_since - 3600",
        f"{_SILENCE}::test_what_was_seen_about_when_it_fell_silent_contradicts_nothing",
    ),
    _sync(
        "… and is, by that",
        "return newest > silent_since + min(CONTRADICTION, silent_for / 2)",
        "return False",
        f"{_SILENCE}::test_a_stream_that_lost_its_voice_is_found_out_and_replaced",
    ),
    _sync(
        "a map with other coordinates drops its positions",
        "                    tracker.roster.drop_map(map_id, now)\n                    resized =",
        "                    resized =",
        f"{_MAPS}::test_a_map_with_other_coordinates_drops_its_positions_and_lists_its_clients_anew",
    ),
    _sync(
        "a deleted map takes its status along",
        "            if map_id not in maps:\n                tracker.roster.drop_map(map_id, now)\n                self._publisher.withdraw(map_id)",
        "            if map_id not in maps:\n                tracker.roster.drop_map(map_id, now)",
        f"{_MAPS}::test_so_does_one_that_nobody_was_on",
    ),
    _sync(
        "a map that cannot be read is not deleted",
        "        if listing.rejects:\n            maps =",
        "        if False:\n            maps =",
        f"{_MAPS}::test_a_map_that_cannot_be_read_is_not_taken_for_deleted",
    ),
    _sync(
        "a new map is subscribed",
        "                await self.stream.subscribe(self.wanted_channels())\n",
        "",
        f"{_MAPS}::test_a_new_map_is_noticed_without_anybody_on_it",
        f"{_MAPS}::test_a_new_map_is_noticed_when_a_record_names_it",
    ),
    _enrich(
        "unlocated clients are listed well after live",
        "UNLOCATED_AFTER = 60.0",
        "UNLOCATED_AFTER = 1.0",
        f"{_W}/test_enrich.py::TestUnlocatedClients",
    ),
    _enrich(
        "keys that nobody uses are not asked for",
        "        if not self._tracker.uses_keys():",
        "        if False:",
        f"{_W}/test_enrich.py::TestKeys::test_nobody_asks_for_keys_that_nobody_uses",
    ),
    _publish(
        "only maps that changed are written",
        "if self._tracker.roster.dirty.pop(map_id, None) is None:",
        "if self._tracker.roster.dirty.get(map_id) is None:",
    ),
    _publish(
        "who changes maps is never listed twice nor missing",
        "                self._make(map_id)\n                await",
        "                self._write(map_id)\n                await",
    ),
    _publish(
        "lists that go out together are made one by one",
        "                self._make(map_id)\n                await self._others_turn()\n",
        "                self._make(map_id)\n",
    ),
    _publish(
        "lists that somebody left while others were made are made again",
        "        for map_id in self._left():\n            self._make(map_id)\n        self._urgent",
        "        self._urgent",
    ),
    _publish(
        "a list of a site that was left is not written",
        "        self._made.clear()\n",
        "",
    ),
    _publish(
        "a list that somebody has left meanwhile waits for the one that they joined",
        "if self._tracker.roster.dirty.get(map_id) is False:",
        "if True:",
    ),
    _publish("removals are published at once", "            self._urgent.set()", "            pass"),
    _publish(
        "the interval is kept",
        "                next_due = self._clock.monotonic() + self._interval()",
        "                next_due = self._clock.monotonic()",
    ),
    _publish(
        "an emptied map keeps its empty list",
        "there = map_id in self._tracker.maps or self._tracker.roster.count_on_map(map_id)",
        "there = self._tracker.roster.count_on_map(map_id)",
    ),
    _publish("a deleted map's status goes", "            self._status.set(map_id, None)", "            pass"),
    _publish(
        "signed links are not published",
        'exclude={"url", "thumbnail_url", "org_id", "site_id"}',
        'exclude={"org_id", "site_id"}',
    ),
    _store(
        "nothing is written before the store was read",
        "            if not await self._load():\n                return",
        "            await self._load()",
    ),
    _store(
        "what cannot be written stays due",
        "            self._owners.give_back(user_macs)\n            self.trouble = error.message",
        "            self.trouble = error.message",
    ),
    _store(
        "… also where nobody knows what became of it",
        "            self._owners.give_back(user_macs)\n            raise",
        "            raise",
    ),
    _store("a change is written soon", "        owners.on_news(self._news.set)\n", ""),
    _store(
        "what could not be written is tried again",
        "                self._news.set()  # to be tried",
        "                pass  # to be tried",
    ),
    _store(
        "trouble with the store is said",
        "            self._owners.give_back(user_macs)\n            self.trouble = error.message",
        "            self._owners.give_back(user_macs)",
    ),
    _session(
        "a rotated token file is read without a restart",
        "            await self._watch_token_file()\n",
        "",
        f"{_W}/test_session.py::TestTokens::test_a_rotated_token_file_is_read_without_a_restart",
    ),
    _session(
        "a change that needs no connection breaks none",
        "        if changed & CONNECTION_SETTINGS:",
        "        if changed:",
        f"{_W}/test_session.py::TestChanges::test_what_needs_no_connection_does_not_break_it",
    ),
    _session(
        "another site forgets everybody",
        "        if forget:\n            self.tracker.clear()",
        "        if forget:\n            pass",
        f"{_W}/test_session.py::TestChanges::test_another_site_forgets_everybody_and_keeps_the_owners",
    ),
    _session(
        "a new connection ends the one before",
        "        await self._disconnect()\n        if forget",
        "        if forget",
        f"{_W}/test_session.py::TestTokens::test_there_is_never_more_than_one_connection",
        f"{_W}/test_session.py::TestChanges::test_many_changes_leave_nothing_behind",
    ),
    _session(
        "a refused channel is stale, and no other",
        '{"stale": stale, "stale_maps": maps}',
        '{"stale": stale, "stale_maps": []}',
        f"{_W}/test_session.py::TestTelling::test_a_refused_channel_concerns_its_floor_only",
    ),
    _session(
        "who is not heard of is forgotten",
        "                self.tracker.forget()\n",
        "",
        f"{_FAULTS}::test_who_left_is_forgotten",
    ),
    _images(
        "images are charged to the budget",
        "        self._api.spend(Purpose.BACKGROUND)\n",
        "",
        f"{_W}/test_images.py::TestBounds",
    ),
    _images(
        "links to other schemes are not asked",
        'if parts.scheme in schemes and parts.hostname and "@" not in parts.netloc:',
        "if True:",
        f"{_W}/test_images.py::TestWhatComes",
    ),
    _images(
        "a link that has expired is replaced",
        "if response.status in _EXPIRED:\n                response",
        "if False:\n                response",
        f"{_W}/test_images.py::TestImages",
    ),
    _images(
        "a replaced image is fetched anew",
        "kept is None or kept.modified != modified",
        "kept is None",
        f"{_W}/test_images.py::TestImages",
    ),
    _keys(
        "keys are those of the organisation and of the site",
        "if scope_id is None or scope in leave:",
        'if scope_id is None or scope in leave or scope == "sites":',
        f"{_W}/test_enrich.py::TestKeys::test_a_key_names_its_owner_whether_of_the_organisation_or_of_the_site",
    ),
    _keys(
        "a list of keys that may not be read is said",
        "found.problems[scope] = error.message",
        "pass",
        f"{_W}/test_enrich.py::TestKeys::test_keys_that_may_not_be_read_are_said_so",
    ),
    _settings("the token is given once", "if (self.api_token is None) == (self.api_token_file is None):", "if False:"),
    _settings("a token is one word", "if token is not None and not is_token(token.get_secret_value()):", "if False:"),
    _settings("two clouds are an error", "        if len(clouds) > 1:", "        if False:"),
    _settings("names to be ignored by default", '["host/"], description', "[], description"),
    _settings("needed fields only by default", '"needed", description', '"all", description'),
    _report(
        "a certificate that is not checked is a problem",
        'found["tls_not_verified"] = not connection.verifies_tls',
        "pass",
        f"{_W}/test_session.py",
        "tests/e2e/placeos/test_settings.py::test_certificates_are_checked_unless_the_settings_say_otherwise",
    ),
    _report(
        "refused channels are a problem",
        "if entry.state is Subscription.REFUSED\n        ]",
        "if False\n        ]",
        f"{_W}/test_session.py::TestTelling::test_a_refused_channel_concerns_its_floor_only",
    ),
    # -- any driver --------------------------------------------------------------------------------
    _module("hooks never overlap", "            await hook()", "            asyncio.create_task(hook())"),
    _module(
        "invalid settings keep those before",
        "            self.settings_problem = error\n            raise",
        "            self.settings_problem = error\n            return",
    ),
    _module(
        "what a run followed ends with it",
        "            self.context.end()\n",
        "",
        "tests/engines/test_contract.py::TestStatuses::test_a_run_that_ended_follows_nothing_any_more",
    ),
    _module(
        "a command waits for an update before it", "            await self._applied(self._applying)", "            pass"
    ),
    _module(
        "an update that hangs holds commands up once",
        "                self._applying = None\n                self.context",
        "                self.context",
    ),
    _module("equal settings are no update", "if parsed.settings == self._settings:", "if False:"),
    _module("a defect is told without its text", "{name} failed: {type(error).__name__}", "{name} failed: {error}"),
    _module("a command waits for a module that loads", "        if not self._loaded.is_set():", "        if False:"),
    _module(
        "unloading has an end",
        "            async with asyncio.timeout(UNLOAD_WITHIN):",
        "            if True:",
        "tests/driver/test_module.py",
        "tests/engines/embedded/test_engine.py",
    ),
    _supervisor("restarts come later and later", "delay = min(delay * 2, LONGEST_RESTART)", "delay = FIRST_RESTART"),
    _supervisor("… to a bound", "min(delay * 2, LONGEST_RESTART)", "delay * 2"),
    _supervisor(
        "who ran well for long starts soon again",
        "                delay = FIRST_RESTART\n            with",
        "                pass\n            with",
    ),
    _supervisor(
        "good settings end the pause", "            self._again.set()\n            return", "            return"
    ),
    _supervisor(
        "a second life waits for the end of the first",
        "        if before is not None:\n            await asyncio.wait([before])",
        "",
    ),
    _command(
        "text stays text",
        "_CONFIG = ConfigDict(allow_inf_nan=False)",
        "_CONFIG = ConfigDict(allow_inf_nan=False, coerce_numbers_to_str=True)",
    ),
    _command(
        "each level includes those below", "SUPPORT = 1\n    ADMINISTRATOR = 2", "SUPPORT = 2\n    ADMINISTRATOR = 1"
    ),
    _command(
        "every problem is told at once",
        '                problems.append(Problem(name, "is missing"))',
        '                raise BadArguments("missing")',
    ),
    _command(
        "arguments are a list or an object",
        "if not isinstance(args, (list, tuple)):",
        "if False:",
    ),
    _command(
        "PlaceOS does not look at what comes for a command without arguments",
        "if ignore_unknown and not self.parameters:",
        "if False:",
    ),
    _command("too many arguments are an error", "if len(args) > len(self.parameters):", "if False:"),
    _command("an unknown argument is an error", "if left and not ignore_unknown:", "if False:"),
    _base("an unknown setting is an error, with a suggestion", "    if unknown_is_error:\n", "    if False:\n"),
    _base(
        "secrets are known",
        "if SecretStr in (field.annotation, *get_args(field.annotation))",
        "if SecretStr is field.annotation",
        "tests/driver/test_base.py",
        "tests/engines/embedded/api/test_routes.py::TestSettings",
    ),
    _base(
        "a status without a description is not for everybody",
        'StatusInfo(Level.SUPPORT, "not described")',
        'StatusInfo(Level.USER, "not described")',
    ),
    _manifest("users' commands carry no level", "if names and level is not Level.USER}", "if names}"),
]
