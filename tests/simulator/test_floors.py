from mistlocate.simulator.campus import Campus
from mistlocate.simulator.floors import FloorMap, Site, Surveyor
from mistlocate.simulator.geometry import Point
from mistlocate.simulator.ids import Ids


def survey(campus: Campus) -> tuple[Surveyor, Site, list[FloorMap]]:
    surveyor = Surveyor(campus, Ids(campus.seed))
    site = surveyor.sites()[0]
    return surveyor, site, surveyor.maps(site)


def test_names_follow_buildings_and_storeys() -> None:
    _, _, maps = survey(Campus(maps=6))
    assert [one.name for one in maps] == [
        "HQ - Floor 1", "HQ - Floor 2", "HQ - Floor 3", "HQ - Floor 4", "Lab - Floor 1", "Yard",
    ]  # fmt: skip


def test_a_hundred_maps_have_a_hundred_names_and_ids() -> None:
    _, _, maps = survey(Campus(maps=100))
    assert len({one.name for one in maps}) == len({one.id for one in maps}) == 100


def test_one_map_has_no_ppm_and_some_belong_to_a_group() -> None:
    _, _, maps = survey(Campus(floors=3))
    assert [one.has_ppm for one in maps] == [True, False, True, True]
    assert [one.group for one in maps] == [None, ("HQ", 2), ("HQ", 3), None]


def test_pixels_and_metres_of_an_image_agree_in_both_directions() -> None:
    _, _, maps = survey(Campus(maps=25))
    for one in maps:
        assert abs(one.height / one.height_m - one.ppm) < 1e-9
        assert one.to_pixels(one.to_metres(100.0, 50.0)) == (100.0, 50.0)


def test_access_points_stand_on_their_map_and_one_is_out_of_order() -> None:
    _, _, maps = survey(Campus(floors=3))
    for one in maps:
        assert len(one.aps) >= 6
        assert all(ap.place and 0 < ap.place.x < one.width_m and 0 < ap.place.y < one.height_m for ap in one.aps)
    assert len(maps[1].listening) == len(maps[1].aps) - 1


def test_one_access_point_is_not_placed() -> None:
    surveyor, site, _ = survey(Campus())
    ap = surveyor.unplaced(site)
    assert (ap.map_id, ap.place) == (None, None)


def test_the_yard_has_corners_on_the_earth_as_far_apart_as_it_is_large() -> None:
    _, _, maps = survey(Campus(outdoor_sizes=False))
    (top, left), (bottom, right) = maps[-1].corners or ((0, 0), (0, 0))
    assert top > bottom
    assert left < right
    assert abs((top - bottom) * 111_320 - maps[-1].height_m) < 0.1
    assert not maps[-1].has_sizes


def test_the_annex_is_one_map_and_may_be_left_out() -> None:
    surveyor = Surveyor(Campus(), Ids(1))
    annex = surveyor.sites()[1]
    assert [one.name for one in surveyor.maps(annex)] == ["Annex - Floor 1"]
    assert len(Surveyor(Campus(annex=False), Ids(1)).sites()) == 1


def test_a_point_in_metres_is_pixels_of_the_image_as_it_is_now() -> None:
    _, _, maps = survey(Campus())
    maps[0].width *= 2
    assert maps[0].to_pixels(Point(36.0, 0.0)) == (1600.0, 0.0)
