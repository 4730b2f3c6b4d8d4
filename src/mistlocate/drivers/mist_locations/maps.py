"""The maps that MistWebsocket tells of, and what is wrong with how they are mapped."""

from collections.abc import Iterable, Mapping
from typing import Any

from mistlocate.location.floorplans import Floorplans, MapInfo
from mistlocate.location.geometry import LatLng, pixels_per_metre


def map_problems(floorplans: Floorplans, oddities: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What keeps people from being found; empty if all is well. `oddities` are those of the mappings themselves."""
    found = floorplans.problems()
    problems = {
        "unmapped_maps": list(found.unmapped),
        "dangling_mappings": list(found.dangling),
        "unplaceable_maps": list(found.unplaceable),
        "maps_without_size": list(found.unsized),
        "levels_with_several_maps": {level: list(maps) for level, maps in found.shared_levels.items()},
        **(oddities or {}),
    }
    return {key: value for key, value in problems.items() if value}


def unmapped(floorplans: Floorplans, maps: Iterable[MapInfo]) -> list[dict[str, Any]]:
    """The maps that no mapping names: `{id, name, type}`."""
    wanted = set(floorplans.problems().unmapped)
    return [{"id": each.id, "name": each.name, "type": each.kind} for each in maps if each.id in wanted]


def map_info(summary: Mapping[str, Any]) -> MapInfo:
    """A map from the status `maps` of MistWebsocket."""
    width, height = summary.get("width"), summary.get("height")
    return MapInfo(
        id=str(summary["id"]),
        name=str(summary.get("name", "")),
        kind="google" if summary.get("type") == "google" else "image",
        width=width,
        height=height,
        ppm=pixels_per_metre(width, summary.get("width_m"), height, summary.get("height_m"), summary.get("ppm")),
        top_left=_corner(summary.get("latlng_tl")),
        bottom_right=_corner(summary.get("latlng_br")),
        modified=summary.get("modified_time"),
        has_image=summary.get("has_image") is True,
    )


def _corner(corner: Any) -> LatLng | None:
    return None if corner is None else LatLng(float(corner["lat"]), float(corner["lng"]))
