"""Who is where, and how old that is: three clocks, two ages, order, records, plans."""

from mutants.mutant import Mutant, breaks

_observation = breaks("location/observation.py", "tests/location/test_observation.py")
_roster = breaks("location/roster.py", "tests/location/test_roster.py")
_records = breaks("drivers/mist_locations/records.py", "tests/drivers/mist_locations/test_records.py")
_levels = breaks("drivers/mist_locations/levels.py", "tests/drivers/mist_locations/test_levels.py")
_live = breaks("drivers/mist_locations/live.py", "tests/drivers/mist_locations/test_live.py")
_explain = breaks("drivers/mist_locations/explain.py", "tests/drivers/mist_locations/test_explain.py")
_plans = breaks("location/floorplans.py", "tests/location/test_floorplans.py")
_geometry = breaks("location/geometry.py", "tests/location/test_geometry.py")
_mappings = breaks("drivers/mist_locations/settings.py", "tests/drivers/mist_locations/test_settings.py")
_locations = breaks("drivers/mist_locations/driver.py")

_LOCATIONS = "tests/drivers/mist_locations/test_driver.py"

MUTANTS: list[Mutant] = [
    # -- three clocks ------------------------------------------------------------------------------
    _observation("milliseconds are scaled", "value /= 1000.0", "pass"),
    _observation("a time in the future is none", " or value > now + FUTURE_TOLERANCE", ""),
    _observation("no time is none", "if value <= 0 or", "if"),
    _roster("a record's own time decides what is newer", "return s.seen_at < client.seen_at", "return False"),
    _roster(
        "a list row of the same time is no news",
        "return s.seen_at <= client.seen_at",
        "return s.seen_at < client.seen_at",
    ),
    _roster(
        "a snapshot never overwrites what came since it was asked for",
        "return s.asked is not None and client.heard >= s.asked",
        "return False",
    ),
    _roster("a position that came after the question stays", "client.located_heard >= s.asked:", "False:"),
    _roster("an older position never replaces a newer one", "return at >= client.located_at", "return True"),
    _roster("a list never moves anybody back", "return at > client.located_at", "return True"),
    _roster(
        "a list row without a time gives no place",
        "return s.origin is FETCH and client.position is None",
        "return True",
    ),
    _roster(
        "arrival stands in for a missing time, and says so",
        'client.located_at, client.located_from = s.heard_at, "arrival"',
        'client.located_at, client.located_from = s.heard_at, "source"',
    ),
    _roster(
        "a position has its record's own time",
        'client.located_at, client.located_from = s.seen_at, "source"',
        'client.located_at, client.located_from = s.heard_at, "source"',
    ),
    # -- two ages ----------------------------------------------------------------------------------
    _roster(
        "a list row counts as heard when the network saw it",
        "return s.heard - max(0.0, s.heard_at - s.seen_at)",
        "return s.heard",
    ),
    _roster(
        "an old list row is not admitted",
        "s.origin is SNAPSHOT and s.heard - heard > self.forget_after:",
        "False:",
    ),
    _roster(
        "a record that was asked for is always admitted",
        "s.origin is SNAPSHOT and s.heard - heard > self.forget_after",
        "s.seen_at is not None and s.heard_at - s.seen_at > self.forget_after",
    ),
    _roster("who is not heard of is forgotten", "if client.heard < limit]", "if False]"),
    _roster("… by the time since it was heard of", "limit = now - self.forget_after", "limit = now - 1.0"),
    _roster(
        "a place that is not confirmed is given up",
        "for client in [client for client in clients.values() if client.located_heard < limit]:",
        "for client in ():",
    ),
    # -- merging -----------------------------------------------------------------------------------
    _roster("0 is a position", "if position.x is None and", "if not position.x and"),
    _roster("coordinates outlast a record without", "if position.x is None and self._says_less(", "if False and ("),
    _roster("… for a while", "return at - client.located_at <= COORDINATES_KEPT", "return True"),
    _roster(
        "a place without coordinates is confirmed, too", "before is None or before.x is None or", "before is None or"
    ),
    _roster("a client is on one map only", "left.pop(client.mac, None)", "pass"),
    _roster(
        "a map that somebody left is due at once",
        "self.dirty[before.map_id] = self.urgent = True",
        "self.dirty[before.map_id] = False",
    ),
    _roster(
        "both maps of a move are due together",
        "self.dirty[after.map_id] = before is not None or",
        "self.dirty[after.map_id] = False or",
    ),
    _roster(
        "an unchanged map is not due",
        "        else:\n            self.dirty.setdefault(position.map_id, False)",
        "        for each in self._by_map: self.dirty.setdefault(each, False)",
    ),
    _roster(
        "what is known of a client is not overwritten by a position",
        "        if not client.known:\n            client.raw = s.raw",
        "        if True:\n            client.raw = s.raw",
    ),
    _roster(
        "a position of an unknown client places it at once",
        "return APPLIED if client.known else UNKNOWN",
        "return APPLIED",
    ),
    _roster(
        "an older record may still know the newer place",
        "        if placed:\n            self._place",
        "        if placed and not superseded:\n            self._place",
    ),
    _roster("a deleted map is left by all", "self._by_map.pop(map_id, None)\n        return len(clients)", "return 0"),
    _roster(
        "a row that tells only a place is no whole record",
        "client.take(s) if whole else client.take_part(s)",
        "client.take(s)",
    ),
    _roster("… and makes nobody known", "        if not client.known:\n            return UNKNOWN\n", ""),
    Mutant(
        "… nor is it kept as one",
        "location/client.py",
        "elif self.raw is not None or not self.known:",
        "else:",
        ("tests/location/test_client.py",),
    ),
    _roster("a map that all have left takes no memory", "            if not left:\n", "            if False:\n"),
    _roster("every sighting is counted", "self.counts[outcome] += 1", "pass"),
    Mutant(
        "the first map is told",
        "location/client.py",
        "moves.insert(0, Move(",
        "print(Move(",
        ("tests/location/test_client.py",),
    ),
    Mutant("moves are bounded", "location/client.py", "[-3 * MOVES_KEPT :]", "", ("tests/location/test_client.py",)),
    # -- records -----------------------------------------------------------------------------------
    _records(
        "x and y are always there",
        'record["variance"] = plan.reach_m()',
        'record["variance"], _, _ = plan.reach_m(), record.pop("x"), record.pop("y")',
    ),
    _records("sizes are two things", "float(plan.height)", "float(plan.width)"),
    _records(
        "variance is a number without a position, too",
        'record["variance"] = plan.reach_m()',
        'record["variance"] = None',
    ),
    _records("no access points are no division by zero", "max(1.0, _number", "max(0.0, _number"),
    _records("last_seen is a whole number", "int(seen)", "seen"),
    _records("whose time it is is said", 'get("last_seen_from", "source")', '"source"'),
    _records("degrees where the map is geo-referenced", 'record["lat"], record["lon"] = where', "pass"),
    _records(
        "an anonymous device has no system",
        "anonymous_mac, coarse(seen)\n",
        'anonymous_mac, coarse(seen)\n        record["os"] = get("os")\n',
    ),
    _records(
        "… no network",
        "anonymous_mac, coarse(seen)\n",
        'anonymous_mac, coarse(seen)\n        record["ssid"] = get("ssid")\n',
    ),
    _records(
        "… no maker",
        "anonymous_mac, coarse(seen)\n",
        'anonymous_mac, coarse(seen)\n        record["manufacturer"] = get("manufacture")\n',
    ),
    _records("… and not its own MAC", "= anonymous_mac, coarse(seen)", '= client["mac"], coarse(seen)'),
    _records(
        "no key that front ends overwrite", '        "stale": None,\n', '        "stale": None,\n        "map_id": 1,\n'
    ),
    _records("NaN is no coordinate", "return value if value - value == 0.0 else None", "return value"),
    _levels("old positions are left out", "if oldest <= seen <= newest", "if seen <= newest"),
    _levels("… also where all are", "if oldest <= known.earliest and known", "if known"),
    _levels("times that lie ahead are looked for", "known.earliest and known.latest <= newest:", "known.earliest:"),
    _levels("hidden guests are left out", "seen is None or shown is hidden", "seen is None"),
    _levels(
        "… and tomorrow another one",
        "(known.stale, known.guests, known.day) != (stale, guests, day)",
        "(known.stale, known.guests) != (stale, guests)",
    ),
    _levels(
        "what cannot be vouched for is marked",
        "(known.stale, known.guests, known.day) != (stale, guests, day)",
        "(known.guests, known.day) != (guests, day)",
    ),
    _levels("an unchanged list is computed once", "or known.clients is not clients", "or True"),
    _levels(
        "one bad item hides no other",
        'client.get("mac") if isinstance(client, dict) else None',
        'client.get("mac")',
    ),
    _live(
        "a level that is mapped no longer goes",
        "self._withdraw(zone)\n",
        "pass\n",
        "tests/drivers/mist_locations/test_live.py::TestChanges",
    ),
    _live(
        "devices grow too old without any news",
        "            if self._clock.monotonic() >= look_again:",
        "            if False:",
        "tests/drivers/mist_locations/test_live.py::TestTiming",
        "tests/drivers/mist_locations/test_live.py::TestOn",
    ),
    _live(
        "levels are published not too often",
        "await self._clock.sleep(PAUSE)",
        "await self._clock.sleep(0.0)",
        "tests/drivers/mist_locations/test_live.py::TestTiming",
    ),
    _live(
        "a zone named like another status does not overwrite it",
        "            if zone not in self._taken:\n                self._status.set(zone, devices)",
        "            if True:\n                self._status.set(zone, devices)",
        "tests/drivers/mist_locations/test_live.py::TestTiming",
    ),
    _explain("a name that fits several people is said to", 'if evidence["ambiguous"]:\n', "if False:\n"),
    _explain("the device seen last wins", "max(shown, key", "min(shown, key"),
    _explain("too old is an obstacle", "if age > rules.max_age:", "if False:"),
    _locations(
        "the maps of a zone are read at one moment",
        "await self._mist.statuses(maps)",
        "[await self._mist.status(map_id) for map_id in maps]",
        f"{_LOCATIONS}::TestZones::test_the_maps_of_a_zone_are_read_at_one_moment",
    ),
    _locations(
        "answers go by the age of the source",
        "seen is None or now - seen > max_age",
        "seen is None",
        f"{_LOCATIONS}::TestLocatingSomebody",
    ),
    _locations(
        "nobody who vouches is no vouching",
        'self._freshness.get("stale", True)',
        'self._freshness.get("stale", False)',
        f"{_LOCATIONS}::TestLocatingSomebody",
    ),
    _locations(
        "somebody's devices come newest first",
        "found.sort(key=lambda each: -each[0])",
        "found.sort(key=lambda each: each[0])",
        f"{_LOCATIONS}::TestLocatingSomebody",
    ),
    _locations(
        "another kind of location is none of ours",
        'if location not in (None, "", WIRELESS):',
        "if False:",
        f"{_LOCATIONS}::TestZones",
    ),
]

MUTANTS += [
    # -- plans -------------------------------------------------------------------------------------
    _roster("what comes after a bare frame is newer", "ARRIVAL_LATER = 3.0", "ARRIVAL_LATER = 0.0"),
    _roster(
        "… of the stream, not of a list",
        'if s.asked is None and s.seen_at is not None and client.located_from == "arrival":',
        'if s.seen_at is not None and client.located_from == "arrival":',
    ),
    _plans("an unknown size is -1", "UNKNOWN_SIZE = -1.0", "UNKNOWN_SIZE = 0.0"),
    _plans(
        "a mapping is found by every zone of it",
        "for zone in dict.fromkeys(mapping.zones.values())",
        "for zone in [mapping.level or '']",
    ),
    _plans(
        "positions far outside are none",
        "if not (-width <= x <= 2 * width and -height <= y <= 2 * height):",
        "if False:",
    ),
    _plans(
        "sizes of one level are never mixed with -1",
        "        self._keep_sizes_apart()\n        self._by_zone",
        "        self._by_zone",
    ),
    _plans(
        "an image map needs no corners",
        'if known.kind == "image":\n        return True',
        "if False:\n        return True",
    ),
    _plans(
        "a google map without corners cannot be placed",
        "corners = known.top_left is not None and known.bottom_right is not None",
        "corners = True",
    ),
    _plans("… nor one without sizes", "(corners and _pixels(known, mapping) is not None)", "corners"),
    _plans("height stands in for no width", "return known.width, known.height", "return known.width, known.width"),
    _plans(
        "a map that nobody mapped is said",
        "unmapped=tuple(map_id for map_id in maps if map_id not in self.mappings)",
        "unmapped=()",
    ),
    _plans("a mapping of no map is said", "tuple(each for each in self.mappings if each not in maps)", "()"),
    _plans("several unaligned maps on a level are said", "if len(ids) > 1 and not all(", "if len(ids) > 1 and all("),
    _plans(
        "degrees come from pixels of the map, not of the plan",
        "x / self.pixels[0], y / self.pixels[1]",
        "x / self.width, y / self.height",
    ),
    _geometry(
        "y points down",
        "top_left.lat + down * (bottom_right.lat - top_left.lat)",
        "top_left.lat - down * (bottom_right.lat - top_left.lat)",
    ),
    _geometry(
        "the short way round the meridian",
        "(bottom_right.lng - top_left.lng + 180.0) % 360.0 - 180.0",
        "bottom_right.lng - top_left.lng",
    ),
    _geometry(
        "three points on a line are no alignment",
        "        if abs(cross) <= 1e-9",
        "        if False and abs(cross) <= 1e-9",
    ),
    _geometry(
        "sizes outrank a stale scale",
        "    for pixels, metres in ((width, width_m), (height, height_m)):",
        "    for pixels, metres in ():",
    ),
    _geometry("an S2 cell has level 21", "level: int = 21", "level: int = 20"),
    _mappings(
        "free text is no zone", '"level": self.level, **', '"level": self.level, "level_name": self.level_name, **'
    ),
    _mappings("another notation is recognised", 'value.lstrip().startswith("=>")', "False"),
    _mappings("a mapping names a zone", "if not self.zones() and not is_lenient(info):", "if False:"),
    _mappings(
        "what is no zone id hides no mapping where others wrote the settings",
        "return value if is_lenient(info) and not isinstance(value, str) else read(value)",
        "return read(value)",
    ),
    _mappings("width and height come together", "if (self.width is None) != (self.height is None):", "if False:"),
    _mappings("guests are anonymous by default", "Shown.ANONYMOUS,", "Shown.SHOWN,"),
    _plans(
        "a size or a name of a level is no zone",
        "in dict.fromkeys(mapping.zones.values())",
        "in dict.fromkeys((*mapping.zones.values(), str(mapping.level_name), str(mapping.width)))",
    ),
]
