"""The maps that MistWebsocket tells of."""

from mistlocate.drivers.mist_locations.maps import map_info, map_problems
from mistlocate.location.floorplans import FloorMapping, Floorplans
from mistlocate.location.geometry import LatLng


def test_a_map_as_a_status_tells_it() -> None:
    corner = {"lat": 52.5, "lng": 13.4}
    found = map_info(
        {
            "id": "m1",
            "name": "Ground",
            "type": "google",
            "width": 800,
            "height": 400,
            "width_m": 40.0,
            "latlng_tl": corner,
        }
    )
    assert (found.id, found.name, found.kind, found.width, found.ppm) == ("m1", "Ground", "google", 800, 20.0)
    assert (found.top_left, found.bottom_right, found.has_image) == (LatLng(52.5, 13.4), None, False)


def test_only_what_is_wrong_is_told() -> None:
    mappings = {"m1": FloorMapping({"level": "zone-1"}), "gone": FloorMapping({"level": "zone-2"})}
    maps = [map_info({"id": "m1", "width": 8, "height": 4}), map_info({"id": "m2", "width": 8, "height": 4})]
    assert map_problems(Floorplans(mappings, maps)) == {"unmapped_maps": ["m2"], "dangling_mappings": ["gone"]}
    assert map_problems(Floorplans({"m1": mappings["m1"]}, maps[:1])) == {}
