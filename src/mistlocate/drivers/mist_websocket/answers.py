"""What MistWebsocket answers about people and devices, and what it is told of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from mistlocate.drivers.mist_websocket.showing import may_be_guest
from mistlocate.drivers.mist_websocket.tracker import Tracker
from mistlocate.location.client import Client
from mistlocate.location.evidence import Match, Source
from mistlocate.location.identity import is_random_mac
from mistlocate.location.search import Person, search
from mistlocate.location.visibility import Shown
from mistlocate.macs import whole_mac

#: How long a device that is not seen is thought to have its address (seconds). Records come about once a minute;
#: an address that is given back may be somebody else's after some minutes, and their record takes a minute, too.
ADDRESS_HELD = 300.0


class Answers:
    """What one MistWebsocket answers of what its tracker knows, and what it is told."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def devices_of(self, username: str, *, guests: bool) -> list[Client]:
        """The devices of a person that are on the roster, the newest first."""
        return self._present(self.macs_of(username, guests=guests))

    def _present(self, macs: Iterable[str]) -> list[Client]:
        """The devices that are on the roster, the newest first."""
        found = self._tracker.roster.clients
        clients = [found[mac] for mac in macs if mac in found]
        return newest_first(clients) if len(clients) > 1 else clients

    def macs_of(self, username: str, *, guests: bool) -> list[str]:
        """Every MAC of a person, present or not; none if the name fits several people."""
        match = self._tracker.owners.match(username, guests=guests)
        return self._tracker.owners.macs_of(match.identities, guests=guests)

    def people(self, text: str, *, guests: bool, limit: int) -> list[dict[str, Any]]:
        """People by a part of name, address or MAC, best first: `{user, guest, macs, records}`.

        `records` are those of the devices that are on the roster, the newest first.
        """
        everyone = (Person(identity, macs) for identity, macs in self._tracker.owners.people(guests=guests))
        found = []
        for hit in search(everyone, text, limit):
            identity, macs = hit.person
            clients = self._present(macs)
            found.append(
                {
                    "user": str(identity),
                    "guest": all(self._tracker.owners.owner_of(mac) is None for mac in macs),
                    "macs": list(macs),
                    "records": [self._tracker.record(client) for client in clients],
                }
            )
        return found

    def evidence(self, who: str, *, guests: bool) -> dict[str, Any]:
        """What is known about a person or a device and where it comes from, for whoever has to explain an answer.

        `people` are the identities that a name means (all of them if it is `ambiguous`), `devices` the evidence of each
        MAC. Withheld owners are named as such and not by name; what guests typed, and where they went, only with
        `guests`.
        """
        mac = whole_mac(who)
        if mac is not None:
            found = [self._device(mac, guests=guests)]
            return {"kind": "device", "ambiguous": False, "people": [], "devices": found}
        match = self._tracker.owners.match(who, guests=guests)
        macs = self._tracker.owners.macs_of(match.identities, guests=guests)
        order = [client.mac for client in self._present(macs)]
        order += [each for each in macs if each not in order]
        return {
            "kind": "person",
            "ambiguous": match.ambiguous,
            "people": self._people(who, match, guests=guests),
            "devices": [self._device(each, guests=guests) for each in order],
        }

    def learn_logins(self, mappings: Iterable[Sequence[str | None]]) -> list[str]:
        """Learn owners from `[ip, user, domain, hostname]`; return the devices of ours at which a person was named."""
        at_address = self._at_addresses()
        learned = []
        for ip, user, domain, *_ in ([*mapping, None, None, None] for mapping in mappings):
            mac = at_address.get((ip or "").strip())
            if mac is None or not user:
                continue
            name = f"{user}@{domain}" if domain and "@" not in user and "\\" not in user else user
            if self._tracker.owners.learn(mac, name, Source.LOGIN, self._tracker.cloud_clock.now()):
                learned.append(mac)
        return learned

    def _at_addresses(self) -> dict[str, str]:
        """The MAC at each address: an address goes from one to the next, and whose record is the newest has it now."""
        clock = self._tracker.cloud_clock
        since = clock.now() - ADDRESS_HELD
        found: dict[str, tuple[float, str]] = {}
        for client in self._tracker.roster.clients.values():
            if client.ip:
                told = clock.at(client.heard) if client.seen_at is None else client.seen_at
                if told >= since:
                    found[client.ip] = max(found.get(client.ip, (since, "")), (told, client.mac))
        return {ip: mac for ip, (_, mac) in found.items()}

    def _people(self, who: str, match: Match, *, guests: bool) -> list[str]:
        if not match.ambiguous:
            return [str(identity) for identity in match.identities]
        wanted = self._tracker.owners.rules.identify(who)
        return sorted(
            str(each) for each, _ in self._tracker.owners.people(guests=guests) if wanted and each.name == wanted.name
        )

    def _device(self, mac: str, *, guests: bool) -> dict[str, Any]:
        client = self._tracker.roster.get(mac)
        if client is not None and self._tracker.shown(client) is not Shown.SHOWN:
            client = None  # as if it were not there, for whoever asks
        owned = self._tracker.owners.owner_of(mac, guests=guests)
        found: dict[str, Any] = {
            "mac": mac,
            "random_mac": is_random_mac(mac),
            "owner": None
            if owned is None
            else {"user": str(owned.identity), "source": owned.source.name.lower(), "confirmed": int(owned.at)},
            "present": client is not None,
        }
        if client is None:
            return found
        now = self._tracker.cloud_clock.now()
        rules = self._tracker.owners.rules
        anonymous = may_be_guest(client) and owned is None and not guests
        found["record"] = self._tracker.record(client)
        found["known"] = client.known
        found["heard_seconds_ago"] = round(now - self._tracker.cloud_clock.at(client.heard), 1)
        found["record_seconds_old"] = None if client.seen_at is None else round(now - client.seen_at, 1)
        found["position_seconds_old"] = None if client.position is None else round(now - client.located_at, 1)
        found["named_by_network"] = bool(client.username) and not client.keyed
        found["name_withheld"] = bool(client.username) and rules.is_ignored(client.username or "")
        found["pre_shared_key"] = None if client.psk_id is None else self._key(client.psk_id)
        found["moves"] = [] if anonymous else [move._asdict() for move in client.moves]
        return found

    def _key(self, psk_id: str) -> str:
        if psk_id not in self._tracker.keys:
            return "not in the lists of keys that the token may read"
        return "known"


def newest_first(clients: Iterable[Client]) -> list[Client]:
    """By the time at which the network saw them; those without a position come last, by when we heard of them."""
    return sorted(
        clients, key=lambda each: (False, -each.located_at) if each.position is not None else (True, -each.heard)
    )
