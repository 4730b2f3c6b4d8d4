"""Objections, erasing and assignments in every order: what must not bring somebody back into view."""

from mutants.mutant import Mutant, breaks

_W = "tests/drivers/mist_websocket"
_COMBINED = f"{_W}/test_people_combined.py"
_ring = breaks("location/keyring.py", "tests/location/test_keyring.py")
_owners = breaks("location/ownership.py", _COMBINED)
_register = breaks("location/objections.py", _COMBINED)
_showing = breaks("drivers/mist_websocket/showing.py", f"{_W}/test_showing.py")
_tracker = breaks("drivers/mist_websocket/tracker.py", f"{_W}/test_showing.py")
_people = breaks("drivers/mist_websocket/people.py", _COMBINED)
_enrich = breaks("drivers/mist_websocket/enrich.py", f"{_W}/test_enrich.py::TestKeys")

_wording = breaks("drivers/mist_websocket/wording.py", f"{_W}/test_showing.py")

MUTANTS: list[Mutant] = [
    _wording(
        "a row of a list may tell less than a whole record",
        "if stats.is_guest is not None and stats.ssid is not None and stats.key_mgmt is not None:",
        "if True:",
    ),
    _wording(
        "… and a name in it only with who vouches for it",
        "    if stats.is_guest is not None and stats.key_mgmt is not None:\n        if",
        "    if True:\n        if",
    ),
    _wording(
        "… and null makes no employee of a guest",
        "if stats.is_guest is None:",
        "if False:",
        f"{_W}/test_wording.py",
    ),
    _wording(
        "… and nothing personal where somebody is not to be learned", "        told -= PERSONAL\n", "        pass\n"
    ),
    _enrich(
        "lists that tell places only are not read again and again",
        "if self._unknown.site_is_cheaper(wanted, now) and await",
        "if False and await",
        "tests/e2e/test_slim_rows.py",
    ),
    _owners("who was erased can opt out", "(owned.hidden or self.objections.may_learn", "(self.objections.may_learn"),
    _showing(
        "… and what their records say is known for it",
        "if not objections.not_learned or self._is_objector(*names):",
        "if not objections.not_learned:",
        _COMBINED,
    ),
    breaks("location/objections.py", "tests/location/test_objections.py")(
        "an account is not another one's words in another order",
        "[\\s,]+{_said(words[:at])}",
        "[\\W_]+{_said(words[:at])}",
    ),
    breaks("drivers/mist_websocket/showing.py", f"{_W}/test_showing.py")(
        "of a guest who gave two names both are looked at",
        "return (client.username, client.guest_email, *written)",
        "return (client.username, client.guest_email)",
    ),
    breaks("drivers/mist_websocket/tracker.py", f"{_W}/test_showing.py")(
        "… also before they are kept",
        "self.may_know(stats.mac, username, typed, stats.username, ",
        "self.may_know(stats.mac, username, typed, ",
    ),
    breaks("drivers/mist_websocket/learning.py", f"{_W}/test_showing.py")(
        "… and for whom their keys were made", "or objections.hides_person(who) or objections", "or objections"
    ),
    _people(
        "an export does not say where a device is that may be of who opted out",
        "elif tracker.is_in_doubt(client):",
        "elif False:",
    ),
    _tracker(
        "what a guest typed goes with the device, also of who opted out",
        "owned = self.owners.of_device(mac)  # of who opted out, too",
        "owned = self.owners.owner_of(mac, guests=True)",
        f"{_W}/test_people.py::TestForgetting",
    ),
    _tracker(
        "who was erased is erased under domains that turn out to be the same",
        "        self.owners.set_rules(rules)\n        self._objections_changed()\n",
        "        self.owners.set_rules(rules)\n",
        f"{_COMBINED}::TestOtherNamesForTheSame",
    ),
    breaks("drivers/mist_websocket/learning.py", f"{_W}/test_people.py::TestOptingOut")(
        "who opts out is hidden at once, also under a name that is ignored",
        "        elif self._is_objector(client.username):\n            self.owners.learn(",
        "        elif False:\n            self.owners.learn(",
    ),
    breaks("drivers/mist_websocket/learning.py", f"{_W}/test_people.py::TestOptingOut")(
        "… and so are guests",
        "elif client.is_guest and self._is_objector(client.guest_email):",
        "elif False:",
    ),
    _tracker(
        "who was erased and opts out is hidden at once",
        "if unlearned_too and client.known and not client.says_who:",
        "if False:",
        f"{_COMBINED}::TestErasedAndOptedOut",
    ),
    _tracker(
        "the key of a device that is not to be learned is looked up as long as it may be of who opted out",
        "if psk_id is not None and not self._may_be_objectors(psk_id):",
        "if True:",
        f"{_COMBINED}::TestErasedAndOptedOut",
    ),
    _tracker(
        "a device whose owner was forgotten is anonymous at once, for it may be of who opted out",
        "            if self.owners.objections.hides_anyone:\n                self.roster.mark_all(urgent=True)  # it may",
        "            if False:\n                self.roster.mark_all(urgent=True)  # it may",
        f"{_COMBINED}::TestAssignments",
    ),
    _showing(
        "a guest who opts out is not seen where guests are hidden",
        "is_guest = False if self.occupancy_only else _guest(client)",
        "is_guest = None if not self.occupancy_only and _guest(client) is None else False",
        f"{_W}/test_people.py::TestOptingOut",
    ),
    _people(
        "who opted out and is erased stays hidden",
        "        register = self._remembering(macs)\n        for mac",
        "        register = self._register\n        for mac",
    ),
    _owners(
        "every device of who opted out is known",
        "while len(macs) > MACS_PER_PERSON and not owned.hidden:",
        "while len(macs) > MACS_PER_PERSON:",
    ),
    _people(
        "devices assigned afterwards are remembered",
        "self._remembering(macs).remember_no_more(others)",
        "self._register.remember_no_more(others)",
    ),
    _people("… unless they are assigned to somebody else", ".remember_no_more(others)", ""),
    _register("objecting again forgets no device", "            if before not in kept:\n", "            if False:\n"),
    _showing("whose name was forgotten is unknown again", "    client.known = False\n", ""),
    _tracker("… also who was released by hand", "        client.known = False\n", ""),
    _tracker(
        "names that were not kept are learned anew",
        "        for client in self.roster.clients.values():\n            forget_name(client)\n        self.roster.mark_all(urgent=True)\n\n    def release",
        "        if occupancy_only:\n            for client in self.roster.clients.values():\n                forget_name(client)\n        self.roster.mark_all(urgent=True)\n\n    def release",
    ),
    _ring(
        "a key that lists do not name is settled only if they say so",
        "self._nobodys = (self._nobodys | set(nobodys))",
        "self._nobodys = (self._nobodys | self.unknown)",
    ),
    _ring(
        "a settled key is not looked up again and again",
        "        if not self.is_settled(psk_id):\n            self",
        "        if True:\n            self",
    ),
    _ring(
        "nobody's keys are looked up again when somebody objects",
        "        self.unknown |= self._nobodys\n        self._nobodys.clear()\n",
        "        pass\n",
    ),
    _enrich("lists that could not be read say nothing", "in_doubt if complete else ()", "in_doubt"),
    _enrich(
        "… nor do they of keys that were used meanwhile",
        "in_doubt if complete",
        "self._tracker.keys.in_doubt() if complete",
    ),
    _showing(
        "whose key is in doubt is not answered from the cloud",
        "and not self.keys.is_settled(psk_id) and not self.owners.is_owned(mac)",
        "and False",
    ),
    _people(
        "a MAC of another spelling is the same",
        "mac is not None and self._tracker.owners.hides(mac)",
        "self._tracker.owners.hides(text)",
    ),
    _people("names in lists are names", "each if isinstance(each, list) else [each]", "[each]"),
    _people(
        "an export has no whole record of somebody else",
        "{} if tracker.names_objector(client) else client.raw or {}",
        "client.raw or {}",
    ),
    _people(
        "… nor their name",
        "        if tracker.names_objector(client) and not tracker.owners.hides(mac):\n",
        "        if False:\n",
    ),
    breaks("location/identity.py", _COMBINED)(
        "accents are composed", '        text = unicodedata.normalize("NFC", text)\n', "        pass\n"
    ),
    breaks("drivers/mist_locations/people.py", "tests/drivers/mist_locations/test_people.py")(
        "who changed their mind speaks for nobody else",
        "            self._withheld.pop(mac, None)\n",
        "            self._withheld.clear()\n",
    ),
    breaks("drivers/mist_locations/explain.py", "tests/drivers/mist_locations/test_explain.py")(
        "where a guest is that is kept apart is not explained", " and not _is_kept_apart(device, rules):", ":"
    ),
]
