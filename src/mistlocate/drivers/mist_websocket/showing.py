"""What of a site's clients is shown, and how: the records that statuses and answers are made of.

Whoever opted out is in none of them, here and so everywhere behind; see `location.visibility`.
"""

from collections.abc import Iterable
from typing import Any

from mistlocate.drivers.mist_websocket.wording import names_written
from mistlocate.location.client import Client, TimeFrom
from mistlocate.location.keyring import KeyRing
from mistlocate.location.observation import Position
from mistlocate.location.ownership import Owners
from mistlocate.location.roster import Roster
from mistlocate.location.visibility import Pseudonyms, Shown, coarse
from mistlocate.mist.cloud_clock import CloudClock

_PLACE_FIELDS = frozenset({"map_id", "x", "y", "x_m", "y_m", "num_locating_aps", "accuracy"})


class Showing:
    """What is known of clients and their owners, as it may be shown."""

    def __init__(self, cloud_clock: CloudClock, roster: Roster, owners: Owners) -> None:
        self.cloud_clock = cloud_clock
        self.roster = roster
        self.owners = owners
        self.opted_out = Shown.HIDDEN
        """How devices of people who opted out appear."""
        self.occupancy_only = False
        """Whether names are never kept, and all devices are anonymous."""
        self.pseudonyms = Pseudonyms()
        self.keys = KeyRing()

    def shown(self, client: Client) -> Shown:
        """How a client appears in lists. Whoever may turn out to have opted out is anonymous until that is known."""
        if self.owners.objections.hides_anyone:
            if self.owners.hides(client.mac):
                return self.opted_out
            if not self.owners.is_owned(client.mac) and self._owner_pending(client):
                return Shown.ANONYMOUS
        return Shown.ANONYMOUS if self.occupancy_only else Shown.SHOWN

    def is_in_doubt(self, client: Client) -> bool:
        """Whether a client may still turn out to be of somebody who opted out."""
        doubted = self.owners.objections.hides_anyone and not self.owners.is_owned(client.mac)
        return doubted and self._owner_pending(client)

    def _owner_pending(self, client: Client) -> bool:
        """Whether the next record, or the lists of keys, may still tell whose device it is."""
        return not client.known or (client.psk_id is not None and not self.keys.is_settled(client.psk_id))

    def may_know(self, mac: str, *names: str | None) -> bool:
        """Whether what a record says of a person, at a device of theirs, may be kept at all.

        Of who opted out it is, in memory: otherwise the device could not be told from those that may be shown.
        """
        if self.occupancy_only:
            return False
        objections, rules = self.owners.objections, self.owners.rules
        if not objections.not_learned or self._is_objector(*names):
            return True
        return all(objections.may_learn(mac, rules.identify(name)) for name in names)

    def refuses(self, mac: str, *names: str | None, psk_id: str | None = None) -> bool:
        """Whether a record that the cloud has of a device, with these names and this key, is not to be answered."""
        if self.occupancy_only or self.owners.hides(mac) or self._is_objector(*names, self.keys.owner(psk_id)):
            return True
        if not self.owners.objections.hides_anyone:
            return False
        return psk_id is not None and not self.keys.is_settled(psk_id) and not self.owners.is_owned(mac)

    def records(self, clients: Iterable[Client]) -> list[dict[str, Any]]:
        """Clients as lists show them: without those who are hidden, and those who are anonymous at the end."""
        if not self.occupancy_only and not self.owners.objections.hides_anyone:
            return [self.record(client) for client in clients]
        found: list[dict[str, Any]] = []
        anonymous: list[dict[str, Any]] = []
        for client in clients:
            shown = self.shown(client)
            if shown is Shown.SHOWN:
                found.append(self.record(client))
            elif shown is Shown.ANONYMOUS:
                anonymous.append(self._anonymous(client))
        anonymous.sort(key=lambda record: str(record["mac"]))
        return found + anonymous

    def _anonymous(self, client: Client) -> dict[str, Any]:
        record: dict[str, Any] = {"mac": self.pseudonyms.of(client.mac, self.cloud_clock.now()), "anonymous": True}
        if client.position is not None:
            record.update(_located(client.position))
        seen, seen_from = self._seen(client)
        # Who objects must not come back into a list that guests are not in; where all are counted, guests are, too.
        is_guest = False if self.occupancy_only else _guest(client)
        return {**record, "last_seen": coarse(seen), "last_seen_from": seen_from, "is_guest": is_guest}

    def record(self, client: Client) -> dict[str, Any]:
        """A client as published: by the cloud's field names, coordinates in pixels, `last_seen` in unix seconds.

        `last_seen` is the time of the position where there is one, and `last_seen_from` says where it comes from:
        the record itself (`source`) or our hearing of it (`arrival`). A whole record is as the cloud sent it, but for
        the needed fields, which are as we have read them: a number that came as text would else be none to others.
        """
        needed = self._needed(client)
        raw = client.raw
        if raw is None or self.names_objector(client):
            return needed
        if client.position is client.raw_position and needed["last_seen_from"] == "source":
            del needed["last_seen_from"]  # which goes without saying
        whole = {**raw, **needed}
        if len(whole) != len(raw):
            for key in needed.keys() - raw.keys():
                if needed[key] is None and key != "is_guest":
                    del whole[key]  # the cloud does not write what it does not know
        whole.pop("anonymous", None)  # that is for us to say
        if self.owners.rules.is_ignored(str(raw.get("username") or "")):
            whole.pop("username", None)
        # What the record says of a place was withdrawn (a deleted or replaced map), never was one, or is of another.
        if client.position is None:
            return {key: value for key, value in whole.items() if key not in _PLACE_FIELDS}
        if client.position is not client.raw_position:
            whole.pop("x_m", None)
            whole.pop("y_m", None)
        return whole

    def names_objector(self, client: Client) -> bool:
        """Whether a record names somebody who opted out, be it at a device that is known to be somebody else's."""
        return self.owners.objections.hides_anyone and self._is_objector(*names_of(client))

    def _is_objector(self, *names: str | None) -> bool:
        """Whether any of these is the name of somebody who opted out."""
        objections, rules = self.owners.objections, self.owners.rules
        if not objections.hides_anyone:
            return False
        people = (rules.identify(name) for name in names)
        return any(who is not None and objections.hides_person(who) for who in people)

    def _needed(self, client: Client) -> dict[str, Any]:
        where = {} if client.position is None else _located(client.position)
        seen, seen_from = self._seen(client)
        return {
            "mac": client.mac,
            **where,
            "last_seen": seen,
            "last_seen_from": seen_from,
            "is_guest": _guest(client),
            "manufacture": client.manufacturer,
            "os": client.os,
            "ssid": client.ssid,
        }

    def _seen(self, client: Client) -> tuple[int, TimeFrom]:
        """`last_seen` and where it comes from."""
        if client.position is not None:
            return int(client.located_at), client.located_from
        if client.seen_at is not None:
            return int(client.seen_at), "source"
        return int(self.cloud_clock.at(client.heard)), "arrival"

    def records_on(self, map_id: str) -> list[dict[str, Any]]:
        """The clients on a map, as published."""
        return self.records(self.roster.on_map(map_id))


def names_of(client: Client) -> tuple[str | None, ...]:
    """Every name that is kept of a client: of two that a guest gave one counts, and a whole record has both."""
    written = () if client.raw is None else names_written(client.raw)
    return (client.username, client.guest_email, *written)


def may_be_guest(client: Client) -> bool:
    """Whether a client is a guest's, or may turn out to be: so it is treated until a record of it is known."""
    return _guest(client) is not False


def _guest(client: Client) -> bool | None:
    """Whether a client is a guest's; None while no record of it is known.

    What a record said of that holds also where the next one is to say anew whose the device is (`known`).
    """
    return client.is_guest if client.is_guest or client.known or client.seen_at is not None else None


def forget_name(client: Client) -> None:
    """Keep of a client nothing that tells whose it is, or where it was before; its next record tells anew."""
    client.known = False
    client.username = client.guest_email = client.psk_id = client.ip = None
    client.raw = client.raw_position = None
    client.forget_moves()


def _located(position: Position) -> dict[str, Any]:
    return {
        "map_id": position.map_id,
        "x": position.x,
        "y": position.y,
        "num_locating_aps": position.locating_aps,
        "accuracy": position.accuracy,
    }
