"""Why a person or a device is shown where it is, or is not shown. Pure: evidence and rules in, an explanation out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mistlocate.drivers.mist_locations.records import location_record, seen_at
from mistlocate.location.client import MOVES_KEPT
from mistlocate.location.floorplans import Floorplans, Plan
from mistlocate.location.visibility import Shown, device_shown


@dataclass(frozen=True, slots=True)
class Rules:
    """What an answer depends on besides the evidence. Times in unix seconds, ages in seconds."""

    floorplans: Floorplans
    guests: Shown
    max_age: float
    now: float
    stale: bool
    stale_maps: frozenset[str]
    stream: tuple[str, str]
    """State and reason."""


def explain(who: str, evidence: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """The explanation for a name or a MAC, from what `MistWebsocket.evidence` answers.

    `{who, kind, shown, because: [sentence…], people, devices: [{mac, shown, because, owner, …, location}], won,
    moves, rules, stream}`; `won` is the MAC that an answer names first, `moves` are the last map changes.
    """
    devices = [_device(each, rules) for each in evidence["devices"]]
    shown = [each for each in devices if each["shown"]]
    won = max(shown, key=lambda each: each["location"]["last_seen"], default=None)
    return {
        "who": who,
        "kind": evidence["kind"],
        "shown": won is not None and not evidence["ambiguous"],
        "because": _because(evidence, devices, won),
        "people": evidence["people"],
        "won": None if won is None else won["mac"],
        "devices": devices,
        "moves": _moves(evidence, rules),
        "rules": {"max_location_age_minutes": rules.max_age / 60.0, "guests": rules.guests.value},
        "stream": {"state": rules.stream[0], "reason": rules.stream[1]},
    }


def _because(evidence: Mapping[str, Any], devices: list[dict[str, Any]], won: Mapping[str, Any] | None) -> list[str]:
    if evidence["ambiguous"]:
        people = ", ".join(evidence["people"])
        return [f"the name fits several people ({people}): ask with the domain"]
    if not devices:
        return ["no device is known to belong to anybody of this name"]
    if won is None:
        return [
            "none of the devices can be shown: " + "; ".join(f"{each['mac']} {each['because'][0]}" for each in devices)
        ]
    others = sum(each["shown"] for each in devices) - 1
    text = f"{won['mac']} was seen last" if others else f"{won['mac']} is the only device that can be shown"
    return [text, *won["because"]]


def _device(device: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    found = {key: value for key, value in device.items() if key not in ("record", "moves")}
    record = device.get("record")
    plan = None if record is None else rules.floorplans.plan(record.get("map_id"))
    obstacle = _obstacle(device, plan, rules)
    found["shown"] = obstacle is None
    found["because"] = [obstacle] if obstacle else []
    found["mapping"] = None
    found["location"] = None
    if record is not None and plan is not None and not _is_kept_apart(device, rules):
        mapping = plan.mapping
        found["mapping"] = {**mapping.zones, "level_name": mapping.level_name, "aligned": mapping.align is not None}
        seen = seen_at(record, rules.now)
        if obstacle is None and seen is not None:
            stale = rules.stale or record.get("map_id") in rules.stale_maps
            found["location"] = location_record(record, plan, seen, stale=stale)
            found["because"] = _remarks(device, record, plan, seen, stale, rules)
    return found


def _obstacle(device: Mapping[str, Any], plan: Plan | None, rules: Rules) -> str | None:
    """The first rule that keeps a device out of answers, as the end of a sentence; None if it is shown."""
    record = device.get("record")
    if record is None:
        return "was not heard of within the forgetting time"
    if _is_kept_apart(device, rules):
        doubtful = record.get("is_guest") is not True
        whose = "may be a guest's, for its record is not known yet" if doubtful else "belongs to a guest"
        return f"{whose}, and guests are {rules.guests.value} here"
    if record.get("map_id") is None:
        return "is on no map: the network does not locate it"
    if plan is None:
        return f"is on map {record['map_id']}, which floorplan_mappings does not name"
    seen = seen_at(record, rules.now)
    if seen is None:
        return "has no time at which it was seen"
    age = rules.now - seen
    if age > rules.max_age:
        return f"was seen {age / 60:.1f} minutes ago, which is more than max_location_age ({rules.max_age / 60:g})"
    return None


def _is_kept_apart(device: Mapping[str, Any], rules: Rules) -> bool:
    """Whether a device is a guest's of whom nobody is told where they are, or may be one's."""
    owner, record = device.get("owner"), device.get("record") or {}
    by_network = owner is not None and owner["source"] != "guest"
    return (
        not by_network
        and device_shown(is_guest=record.get("is_guest") is not False, guests=rules.guests) is not Shown.SHOWN
    )


def _remarks(
    device: Mapping[str, Any], record: Mapping[str, Any], plan: Plan, seen: float, stale: bool, rules: Rules
) -> list[str]:
    remarks = [f"it was seen {max(0.0, rules.now - seen):.0f} s ago"]
    if record.get("last_seen_from") == "arrival":
        remarks.append("the position came without a time of its own: its arrival stands in")
    if not plan.placeable:
        remarks.append("the map cannot be placed: the level is answered without coordinates")
    elif record.get("x") is None:
        remarks.append("the network knows the map and not the place on it")
    if device.get("name_withheld"):
        remarks.append("the network's name for the device is withheld (ignore_usernames)")
    if stale:
        remarks.append("the stream does not deliver at present, so this may have changed")
    return remarks


def _moves(evidence: Mapping[str, Any], rules: Rules) -> list[dict[str, Any]]:
    """The last changes of map of all these devices, the newest first, with the names of levels where mapped."""

    def level(map_id: str | None) -> str | None:
        plan = rules.floorplans.plan(map_id)
        return None if plan is None else plan.mapping.level_name or plan.mapping.level

    found = [(device["mac"], move) for device in evidence["devices"] for move in device.get("moves", ())]
    found.sort(key=lambda each: each[1]["at"])
    return [
        {
            "mac": mac,
            "at": int(move["at"]),
            "from_map": move["from_map"],
            "from_level": level(move["from_map"]),
            "to_map": move["to_map"],
            "to_level": level(move["to_map"]),
        }
        for mac, move in reversed(found[-MOVES_KEPT:])
    ]
