"""Who is who, and who may be shown: identity, owners, search, visibility."""

from mutants.mutant import Mutant, breaks

_identity = breaks("location/identity.py", "tests/location/test_identity.py")
_macs = breaks("macs.py", "tests/test_macs.py")
_owners = breaks("location/ownership.py", "tests/location/test_ownership.py")
_evidence = breaks("location/evidence.py", "tests/location/test_evidence.py", "tests/location/test_ownership.py")
_changes = breaks(
    "location/owner_changes.py", "tests/location/test_owner_changes.py", "tests/location/test_ownership.py"
)
_search = breaks("location/search.py", "tests/location/test_search.py")
_visibility = breaks("location/visibility.py", "tests/location/test_visibility.py")
_answers = breaks("drivers/mist_websocket/answers.py")
_locations = breaks("drivers/mist_locations/driver.py")

_PEOPLE = "tests/drivers/mist_websocket/test_driver.py::TestPeople"
_LOCATIONS = "tests/drivers/mist_locations/test_driver.py"
_FAULTS = "tests/e2e/test_original_faults.py"

MUTANTS: list[Mutant] = [
    _identity("a MAC is compared in lower case", "text = text.strip().lower()\n    return _NOT_HEX", "return _NOT_HEX"),
    _macs("separators of a MAC mean nothing", 'r"[:.\\-\\s]"', 'r"[:\\s]"'),
    _macs("a MAC has exactly twelve digits", '){12}"', '){11,12}"'),
    _identity("a randomised MAC shows in its second digit", '"2367abef"', '"2367abe"'),
    _identity(
        "a realm outranks a Windows domain", "realm.strip() or domain.strip()", "domain.strip() or realm.strip()"
    ),
    _identity(
        "names are compared in lower case",
        "    text = text.strip().lower()\n    if not text.isascii()",
        "    if not text.isascii()",
    ),
    _identity(
        "identity keeps its domain",
        "Identity(name.strip(), intern(domain) if domain else None)",
        "Identity(name.strip(), None)",
    ),
    _identity("an outer identity names nobody", "name in _ANONYMOUS or whole_mac(name)", "whole_mac(name)"),
    _identity("a MAC as a name names nobody", "name in _ANONYMOUS or whole_mac(name)", "name in _ANONYMOUS"),
    _identity("domains of an alias are one", "Identity(name, self.aliases[domain])", "person"),
    _identity("chains of aliases are followed, rings are left", "and lower[domain] not in seen", "and False"),
    _identity("a name to be ignored is ignored with its domain, too", "text.startswith(self.ignored) or ", ""),
    _identity("a name to be ignored is ignored bare", " or split_name(text).name.startswith(self.ignored)", ""),
    _owners(
        "sources have their order",
        "outranked = known is not None and (known.source, known.at) > (source, at)",
        "outranked = False",
    ),
    _evidence("802.1X outranks a pre-shared key", "PSK = 3\n    DOT1X = 4", "PSK = 4\n    DOT1X = 3"),
    _evidence("a pin outranks the network", "PINNED = 5", "PINNED = 0"),
    _evidence("a guest's address is the weakest", "GUEST = 1\n    LOGIN = 2", "GUEST = 2\n    LOGIN = 1"),
    _owners("a name to be ignored teaches nothing", "teaches = owned.hidden or not owned.withheld", "teaches = True"),
    _owners("a withheld owner is never answered", "owned is None or owned.withheld or ", "owned is None or "),
    _owners(
        "a guest's address answers only where it is asked for",
        "(owned.source is Source.GUEST and not guests):\n            return None\n        if self.objections",
        "False:\n            return None\n        if self.objections",
    ),
    _owners("a query with a domain means this domain", "each.domain in (wanted.domain, None)", "True"),
    _owners("… or a name whose domain is not known", "in (wanted.domain, None)", "in (wanted.domain,)"),
    _owners(
        "a bare name that fits two people means nobody",
        "return Match((), ambiguous=True)",
        "return Match(tuple(known))",
    ),
    _owners("… and is said to be ambiguous", "ambiguous=True", "ambiguous=False"),
    _owners(
        "a MAC has at most one owner",
        "        self._disown(mac)\n        self._by_mac[mac] = owned",
        "        self._by_mac[mac] = owned",
    ),
    _owners(
        "of too many the one that is gone goes first",
        "source is not Source.GUEST, owned.at",
        "source is not Source.GUEST, owned.source",
    ),
    _owners("… and never what was just learned", "spared = mac if learned and", "spared = mac if False and"),
    _owners("… nor what others typed over", "owned.source is not Source.GUEST, owned.at", "True, owned.at"),
    _owners(
        "… and what was assigned by hand last",
        "owned.source is Source.PINNED, owned.source is not",
        "False, owned.source is not",
    ),
    _owners("a short retention forgets nobody who is there", "min(DAY, keep_for / 2)", "DAY"),
    _answers(
        "a login is of whoever has the address now",
        'max(found.get(client.ip, (since, "")), (told, client.mac))',
        "(told, client.mac)",
        "tests/drivers/mist_websocket/test_answers.py",
    ),
    _answers(
        "… and has been heard of",
        "if told >= since:",
        "if True:",
        "tests/drivers/mist_websocket/test_answers.py",
    ),
    _evidence("who was not confirmed for long yields", "at - known.at > YIELDS_AFTER", "False"),
    _evidence("… and nobody else", "at - known.at > YIELDS_AFTER", "True"),
    _evidence("… never to guests", " or source is Source.GUEST:", ":"),
    _evidence("… nor who opted out", " or known.hidden or ", " or "),
    _evidence("… nor what was assigned by hand", "if known.source is Source.PINNED or ", "if "),
    _owners("… also in the store", " or not yields(stored, learned.source, learned.at))", " or True)"),
    _owners("a person owns a bounded number of MACs", "while len(macs) > MACS_PER_PERSON", "while False"),
    _changes(
        "guests are never stored",
        "        if owned.source is not Source.GUEST:\n            if not self.macs",
        "        if True:\n            if not self.macs",
    ),
    _changes(
        "a guest takes a stored owner's fields away",
        "owned is None or not is_stored(owned):\n                user_macs",
        "owned is None:\n                user_macs",
    ),
    _owners("the list of a person is newest first", "key=lambda mac: -self._by_mac", "key=lambda mac: self._by_mac"),
    _owners("the stored list holds no guest's device", "if is_stored(self._by_mac[mac])]", "]"),
    _owners(
        "what was learned since the start outranks the store",
        "learned is None or _stands_against(owned, learned)",
        "True",
    ),
    _owners("where the stored hashes differ the original layout wins", "and stored.identity.name == name", ""),
    _owners("an unreadable entry costs no other", "except (KeyError, TypeError, ValueError):", "except KeyError:"),
    _changes(
        "what could not be written is due again",
        "(self.macs if whole_mac(field) else self.names).add(field)",
        "pass",
    ),
    _owners("a confirmation is stored again after a day", "if confirmed_anew(mac, before, at):", "if False:"),
    _owners("a confirmation counts from then on", "before, known.at = known.at, at", "before = known.at"),
    _owners("devices assigned together are confirmed each on its own", "replace(owned)", "owned"),
    _changes("… each at an hour of its own", "% 24 * HOUR", "% 1 * HOUR"),
    _evidence("a key sent to an address belongs to it", "return key.email if key.email", "return None if key.email"),
    _evidence(
        "a key for any number of devices owns nobody", 'shared = key.usage == "multi" and not', "shared = False and not"
    ),
    _owners(
        "new rules are applied to all names that are known",
        "self._ownership(owned.text, owned.source, owned.at) or owned",
        "owned",
    ),
    _search("a whole name comes first", "        return 0", "        return 4"),
    _search("the best comes first", "key=lambda hit: (hit.rank,", "key=lambda hit: (-hit.rank,"),
    _search("a search is bounded", "return hits[:limit]", "return hits"),
    _search("few hex digits mean no MAC", "_MAC_DIGITS = 4", "_MAC_DIGITS = 1"),
    _search("nothing finds nobody", "    if not wanted:\n        return []", ""),
    _visibility("a pseudonym is keyed", "hmac.new(self._key,", 'hmac.new(b"key",'),
    _visibility("… and another one every day", 'f"{day}/{mac}"', 'f"{mac}"'),
    _visibility(
        "… the same all day",
        "pseudonym = self._known.get(mac)",
        "self._key = secrets.token_bytes(32); pseudonym = None",
    ),
    _visibility("… and can be told from a real MAC", 'f"{digest[0]}2{digest[2:12]}"', "digest[:12]"),
    _visibility(
        "guests are shown as the site decides", "return guests if is_guest else Shown.SHOWN", "return Shown.SHOWN"
    ),
    _answers(
        "devices of somebody come newest first",
        "(False, -each.located_at)",
        "(False, each.located_at)",
        _PEOPLE,
    ),
    _answers(
        "guests are found only where they are asked for",
        "match = self._tracker.owners.match(username, guests=guests)",
        "match = self._tracker.owners.match(username, guests=True)",
        f"{_LOCATIONS}::TestExplain",
    ),
    _answers(
        "evidence names no guest where guests are not asked for",
        "owned = self._tracker.owners.owner_of(mac, guests=guests)",
        "owned = self._tracker.owners.owner_of(mac, guests=True)",
        f"{_LOCATIONS}::TestExplain",
    ),
    _answers(
        "where an anonymous guest went is not told",
        "[] if anonymous else",
        "[] if False else",
        f"{_LOCATIONS}::TestExplain",
    ),
    _locations(
        "either name may match",
        'names = names_given(email, username)\n        with self._named.ask("locate_user"',
        'names = names_given(email or username)\n        with self._named.ask("locate_user"',
        f"{_LOCATIONS}::TestLocatingSomebody",
    ),
    _locations(
        "guests' addresses are asked for only where guests are shown",
        '{"guests": True} if self.settings.guests is Shown.SHOWN else {}',
        '{"guests": True}',
        f"{_LOCATIONS}::TestGuests",
    ),
    _locations(
        "the owner's answer has exactly its three keys",
        '"assigned_to": owner, "mac_address": mac}',
        '"assigned_to": owner, "mac_address": mac, "type": 1}',
        f"{_LOCATIONS}::TestOwnership",
    ),
    _locations("a device of nobody is null", "if owner else None", "if True else None", f"{_LOCATIONS}::TestOwnership"),
]

_driver = breaks("drivers/mist_websocket/driver.py")
MUTANTS += [
    _driver(
        "the owner is answered by the bare name",
        "owned.identity.name\n",
        "str(owned.identity)\n",
        f"{_LOCATIONS}::TestOwnership",
        _PEOPLE,
    ),
    Mutant(
        "a single record withholds a name to be ignored",
        "drivers/mist_websocket/people.py",
        'left_out = frozenset({"username"})',
        "pass",
        ("tests/drivers/mist_websocket/test_driver.py::TestTheSite::test_ignored_names_are_withheld_here_too",),
    ),
    _driver(
        "what is no MAC pins nothing",
        "    mac = whole_mac(text)\n    if mac is None:",
        "    mac = text\n    if mac is None:",
        "tests/drivers/mist_websocket/test_driver.py::TestPins",
    ),
    _driver(
        "clients are for support",
        "    @command(Level.SUPPORT)\n    async def clients",
        "    @command()\n    async def clients",
        "tests/drivers/mist_websocket/test_driver.py::test_levels",
    ),
    _driver(
        "who may ask is decided",
        "    @command(Level.ADMINISTRATOR)\n    async def get_request",
        "    @command()\n    async def get_request",
        "tests/drivers/mist_websocket/test_driver.py::test_levels",
    ),
    _driver(
        "lists of clients are no status for everybody",
        'StatusInfo(Level.SUPPORT, "MAP_ID',
        'StatusInfo(Level.USER, "MAP_ID',
        "tests/drivers/mist_websocket/test_driver.py::test_levels",
        f"{_FAULTS}::test_who_may_ask_is_decided",
    ),
]
