"""One-line breaks of what is promised to the people being located."""

from mutants.mutant import Mutant

WEBSOCKET = "tests/drivers/mist_websocket/test_people.py"
LOCATIONS = "tests/drivers/mist_locations"
OBJECTIONS = "tests/location/test_objections.py"
NAMED = "tests/driver/test_named.py"
STORE = "tests/engines/embedded/test_store.py"
DRIVER = "drivers/mist_websocket"

MUTANTS: list[Mutant] = [
    Mutant(
        "an opt-out is in force at once", f"{DRIVER}/people.py",
        "        self._tracker.set_objections(register)\n", "",
        (f"{WEBSOCKET}::TestOptingOut::test_hidden_everywhere_and_back",),
    ),
    Mutant(
        "an opt-out is saved", f"{DRIVER}/people.py",
        "        self._in_force(register)\n        await self._save()\n",
        "        self._in_force(register)\n",
        (f"{WEBSOCKET}::TestOptingOut::test_it_stands_in_the_settings_as_hashes_and_an_older_copy_does_not_undo_it",),
    ),
    Mutant(
        "where nobody objected there is nothing to save", f"{DRIVER}/people.py",
        "elif given.objections or mine.objections:", "else:",
        (f"{WEBSOCKET}::TestOptingOut::test_where_nobody_objected_settings_change_and_nothing_is_saved",),
    ),
    Mutant(
        "… and what somebody lifted stays lifted", f"{DRIVER}/people.py",
        "elif given.objections or mine.objections:", "elif mine.objections:",
        (f"{WEBSOCKET}::TestOptingOut::test_where_nobody_objected_settings_change_and_nothing_is_saved",),
    ),
    Mutant(
        "an older copy of the settings undoes nothing", f"{DRIVER}/people.py",
        "if given.revision > mine.revision:", "if True:",
        (f"{WEBSOCKET}::TestOptingOut::test_it_stands_in_the_settings_as_hashes_and_an_older_copy_does_not_undo_it",),
    ),
    Mutant(
        "what could not be saved is saved later", f"{DRIVER}/driver.py",
        '        self.spawn(self._people.run(), "objections")\n', "",
        (f"{WEBSOCKET}::TestOptingOut::test_what_could_not_be_saved_is_in_force_and_saved_later",),
    ),
    Mutant(
        "objections are loaded before anything is answered", f"{DRIVER}/session.py",
        "        self.tracker.set_objections(Register.of(objections, self.tracker.owners.rules))\n", "",
        (f"{WEBSOCKET}::TestOptingOut::test_it_is_not_left_out_with_other_saved_settings_that_do_not_fit",),
    ),
    Mutant(
        "objections are never left out with settings that do not fit", "engines/embedded/host.py",
        "{**self.spec.settings, **lasting}", "self.spec.settings",
        (f"{WEBSOCKET}::TestOptingOut::test_it_is_not_left_out_with_other_saved_settings_that_do_not_fit",),
    ),
    Mutant(
        "who opted out is not answered by name", "location/ownership.py",
        "if owned is None or owned.withheld or owned.hidden or", "if owned is None or owned.withheld or",
        (f"{WEBSOCKET}::TestOptingOut::test_hidden_everywhere_and_back",),
    ),
    Mutant(
        "who opted out is not stored", "location/owner_changes.py",
        "return owned.source is not Source.GUEST and not owned.hidden", "return owned.source is not Source.GUEST",
        (f"{WEBSOCKET}::TestOptingOut::test_hidden_everywhere_and_back",),
    ),
    Mutant(
        "who opted out is explained like somebody unknown", f"{DRIVER}/answers.py",
        "    if client is not None and self._tracker.shown(client) is not Shown.SHOWN:", "    if False:",
        (f"{WEBSOCKET}::TestOptingOut::test_somebody_unknown_and_somebody_who_opted_out_are_explained_alike",),
    ),
    Mutant(
        "a device that may be theirs is anonymous until that is known", f"{DRIVER}/showing.py",
        "            if not self.owners.is_owned(client.mac) and self._owner_pending(client):", "            if False:",
        (f"{WEBSOCKET}::TestOptingOut::test_a_device_that_may_be_theirs_is_anonymous_until_that_is_known",),
    ),
    Mutant(
        "a device that turns out to be theirs goes at once", f"{DRIVER}/tracker.py",
        "            if watched and self.owners.hides(sighting.mac):", "            if False:",
        ("tests/drivers/mist_websocket/test_showing.py::TestObjections",),
    ),
    Mutant(
        "nobody who opted out is named at somebody else's device", f"{DRIVER}/showing.py",
        "if raw is None or self.names_objector(client):", "if raw is None:",
        ("tests/drivers/mist_websocket/test_showing.py::TestObjections",),
    ),
    Mutant(
        "whose key has not been looked up yet is anonymous", f"{DRIVER}/showing.py",
        "return not client.known or (client.psk_id is not None and not self.keys.is_settled(client.psk_id))",
        "return not client.known",
        ("tests/drivers/mist_websocket/test_showing.py::TestObjections",),
    ),
    Mutant(
        "keys of somebody who was erased are nobody's", f"{DRIVER}/learning.py",
        "or objections.may_learn(\"\", who)", "or True",
        ("tests/drivers/mist_websocket/test_showing.py::TestObjections",),
    ),
    Mutant(
        "an opt-out does not wait for Redis to bring statuses", "drivers/mist_locations/driver.py",
        "if not self._people.is_withheld(record", "if True or not self._people.is_withheld(record",
        ("tests/e2e/placeos/test_people.py::test_opting_out_while_redis_is_away",),
    ),
    Mutant(
        "the cloud's own answers leave them out", f"{DRIVER}/people.py",
        "        return self._cleaned(answer)\n", "        return answer\n",
        (f"{WEBSOCKET}::TestOptingOut::test_the_clouds_own_answers_leave_them_out",),
    ),
    Mutant(
        "objecting again lifts nothing", "location/objections.py",
        "                added = added._replace(who=tuple(dict.fromkeys(added.who + before.who)))\n", "",
        (f"{OBJECTIONS}::test_objecting_again_lifts_nothing_where_the_domains_are_two_by_now",),
    ),
    Mutant(
        "an export tells who asked MistWebsocket itself", "drivers/mist_locations/people.py",
        'both = [*asked, *found.get("asked_for", ())]', "both = asked",
        (f"{WEBSOCKET}::TestExporting::test_everything_that_is_kept_and_who_asked",),
    ),
    Mutant(
        "who was asked for is found as people type it", "location/objections.py",
        "words = _WORD.findall(name)\n    if len(words) < 2:", "words = [name]\n    if False:",
        (f"{OBJECTIONS}::test_where_somebody_was_asked_for_in_words_of_their_own",),
    ),
    Mutant(
        "… and an accent however it was composed", "location/objections.py",
        'text = unicodedata.normalize("NFC", text.lower())', "text = text.lower()",
        (f"{OBJECTIONS}::test_where_somebody_was_asked_for_in_words_of_their_own",),
    ),
    Mutant(
        "the cloud's record of a device leaves them out", f"{DRIVER}/people.py",
        "if tracker.refuses(mac, *names, psk_id=record.psk_id):", "if False:",
        (f"{WEBSOCKET}::TestOptingOut::test_a_device_alone_whoever_owns_it",),
    ),
    Mutant(
        "… whichever of the names that a guest typed is theirs", f"{DRIVER}/people.py",
        "if tracker.refuses(mac, *names, psk_id=record.psk_id):",
        "if tracker.refuses(mac, *names[1:], psk_id=record.psk_id):",
        (f"{WEBSOCKET}::TestErasing::test_nor_one_who_opted_out_by_the_other_name_that_a_guest_typed",),
    ),
    Mutant(
        "… and who was erased, in whatever field they are named", f"{DRIVER}/people.py",
        "if not tracker.may_know(mac, *names, tracker.keys.owner(record.psk_id)):",
        "if not tracker.may_know(mac, record.username):",
        (f"{WEBSOCKET}::TestErasing::test_the_clouds_record_names_no_guest_who_was_erased",),
    ),
    Mutant(
        "a name without a domain is covered where its domain is unknown", "location/objections.py",
        'known = self._hash("bare", identity.name) in covered.names', "known = False",
        (f"{OBJECTIONS}::test_whom_a_name_covers",),
    ),
    Mutant(
        "aliases of domains are covered", "location/objections.py",
        "        domains += sorted(", "        sorted(",
        (f"{OBJECTIONS}::test_domains_that_mean_the_same_people_then_and_now",),
    ),
    Mutant(
        "devices assigned by hand stay hidden", "location/objections.py",
        "hashed in self._hidden.who or hashed in self._hidden.pins", "hashed in self._hidden.who",
        (f"{OBJECTIONS}::test_a_device_is_hidden_whoever_owns_it_and_a_remembered_one_while_nobody_is_known_to",),
    ),
    Mutant(
        "who was erased is not learned from the next record", "location/ownership.py",
        "return not self.closed and (owned.hidden or self.objections.may_learn(mac, owned.identity))", "return not self.closed",
        (f"{WEBSOCKET}::TestErasing::test_nothing_is_left_and_nothing_is_learned_anew",),
    ),
    Mutant(
        "the record of somebody who was erased is not kept", f"{DRIVER}/tracker.py",
        "            keep = False\n", "",
        (f"{WEBSOCKET}::TestErasing::test_nothing_is_left_and_nothing_is_learned_anew",),
    ),
    Mutant(
        "audit records do not name who was erased", f"{DRIVER}/driver.py",
        'records = await self._named.rename(self._people.names(subject), "erased")', "records = 1",
        (f"{WEBSOCKET}::TestErasing::test_nothing_is_left_and_nothing_is_learned_anew",),
    ),
    Mutant(
        "what is deleted is overwritten", "engines/embedded/store.py",
        "PRAGMA secure_delete = ON", "PRAGMA secure_delete = OFF",
        (f"{STORE}::test_what_is_deleted_cannot_be_read_from_the_files_any_more",),
    ),
    Mutant(
        "the write-ahead log is emptied", "engines/embedded/store.py",
        "wal_checkpoint(TRUNCATE)", "wal_checkpoint(PASSIVE)",
        (f"{STORE}::test_what_is_deleted_cannot_be_read_from_the_files_any_more",),
    ),
    Mutant(
        "owners are forgotten after their time", f"{DRIVER}/session.py",
        "if tracker.owners.expire(", "if False and tracker.owners.expire(",
        (f"{WEBSOCKET}::TestForgetting::test_owners_who_are_not_seen_any_more",),
    ),
    Mutant(
        "devices assigned by hand that are there are kept", "location/ownership.py",
        "unconfirmed = owned.source in (Source.PINNED, Source.LOGIN) and mac in present", "unconfirmed = False",
        (f"{WEBSOCKET}::TestForgetting::test_owners_who_are_not_seen_any_more",),
    ),
    Mutant(
        "counting only keeps no name", f"{DRIVER}/showing.py",
        "        if self.occupancy_only:\n            return False\n", "",
        (f"{WEBSOCKET}::TestCountingOnly::test_no_name_is_kept_and_nobody_is_found",),
    ),
    Mutant(
        "counting only shows no MAC", f"{DRIVER}/showing.py",
        "return Shown.ANONYMOUS if self.occupancy_only else Shown.SHOWN", "return Shown.SHOWN",
        (f"{WEBSOCKET}::TestCountingOnly::test_no_name_is_kept_and_nobody_is_found",),
    ),
    Mutant(
        "small counts are not told", "drivers/mist_locations/driver.py",
        "if not below_minimum(len(records), self.settings.minimum_count):", "if True:",
        (f"{LOCATIONS}/test_driver.py::TestSmallCounts",),
    ),
    Mutant(
        "too few are not told from none", "drivers/mist_locations/live.py",
        "            if not devices and self._minimum():", "            if False:",
        (f"{LOCATIONS}/test_driver.py::TestSmallCounts",),
    ),
    Mutant(
        "anonymous devices stand in the order of their stand-ins", "drivers/mist_locations/levels.py",
        '        anonymous.sort(key=lambda each: str(each[1]["mac"]))\n', "",
        (f"{LOCATIONS}/test_levels.py",),
    ),
    Mutant(
        "times of anonymous devices are coarse", "drivers/mist_locations/records.py",
        "= anonymous_mac, coarse(seen)", "= anonymous_mac, int(seen)",
        (f"{LOCATIONS}/test_levels.py",),
    ),
    Mutant(
        "every search leaves a record", "driver/named.py",
        "            self._record(self.result)\n", "            pass\n",
        (f"{NAMED}::TestAsking::test_a_record_of_who_asked_for_whom_and_how_it_ended",),
    ),
    Mutant(
        "records wait for a store that is away", "driver/named.py",
        "                    self.trouble = error.message\n                    return False\n",
        "                    self.trouble = error.message\n                    del self._waiting[:]\n                    return False\n",
        (f"{NAMED}::TestTrail::test_a_store_that_was_away_gets_everything_afterwards",),
    ),
    Mutant(
        "nobody is looked up without a record", "driver/named.py",
        "if len(self.trail) >= WAITING_AT_MOST:", "if False:",
        (f"{NAMED}::TestAsking::test_nobody_is_looked_up_when_no_record_can_be_made",),
    ),
    Mutant(
        "searches are limited per caller", "driver/named.py",
        "        if counted:\n            self._limit(asker, command, about)\n", "",
        (f"{NAMED}::TestAsking::test_too_often_is_refused_with_a_time_and_recorded_once",),
    ),
    Mutant(
        "records are forgotten after their time", "driver/named.py",
        "await self._store.forget(self._clock.wall() - keep_for)", "await self._store.forget(0.0)",
        (f"{NAMED}::TestTrail::test_it_writes_in_batches_and_forgets_what_is_too_old",),
    ),
    Mutant(
        "it is recorded who asked, and not that some program did", "engines/embedded/api/common.py",
        "with asking(Asker(caller.id)):", 'with asking(Asker("engine")):',
        ("tests/engines/embedded/api/test_routes.py::test_searching_too_often_is_answered_with_a_time_to_wait",),
    ),
]  # fmt: skip
