import math

import pytest

from mistlocate.location.floorplans import UNKNOWN_SIZE, UNSCALED_REACH_M, FloorMapping, Floorplans, MapInfo
from mistlocate.location.geometry import LatLng

CORNERS = {"top_left": LatLng(50.0, 8.0), "bottom_right": LatLng(49.0, 10.0)}


def mapping(level: str | None = "level-1", **more: object) -> FloorMapping:
    zones = {"building": "zone-b", "campus": "zone-c", **({"level": level} if level else {})}
    return FloorMapping(zones, **more)  # type: ignore[arg-type]


def image(map_id: str = "m1", width: float | None = 1600, height: float | None = 900, **more: object) -> MapInfo:
    return MapInfo(map_id, f"Map {map_id}", "image", width, height, 20.0, **more)  # type: ignore[arg-type]


def google(map_id: str = "g1", width: float | None = 1000, height: float | None = 500, **more: object) -> MapInfo:
    return MapInfo(map_id, "Yard", "google", width, height, **{**CORNERS, **more})  # type: ignore[arg-type]


class TestZones:
    def test_any_zone_of_a_mapping_matches_whatever_its_kind(self) -> None:
        plans = Floorplans({"m1": mapping("level-1"), "m2": mapping("level-2")})
        assert plans.maps_of("level-1") == ("m1",)
        assert plans.maps_of("zone-b") == ("m1", "m2")
        assert plans.maps_of("zone-c") == ("m1", "m2")

    def test_free_text_and_sizes_do_not(self) -> None:
        plans = Floorplans({"m1": mapping(level_name="zone-9", width=12345.0, height=1.0)})
        for text in ("zone-9", "12345", "12345.0", "m1", "building"):
            assert plans.maps_of(text) == ()

    def test_a_zone_named_twice_lists_its_map_once(self) -> None:
        assert Floorplans({"m1": FloorMapping({"building": "z", "level": "z"})}).maps_of("z") == ("m1",)


class TestPlacing:
    def test_pixels_stay_pixels_on_an_image_map(self) -> None:
        plan = Floorplans({"m1": mapping()}, [image()]).plans["m1"]
        assert plan.point(212.4, 0.0) == (212.4, 0.0)
        assert (plan.width, plan.height) == (1600, 900)
        assert plan.where(212.4, 0.0) is None

    def test_sizes_come_from_mist_before_the_mapping(self) -> None:
        plans = Floorplans({"m1": mapping(width=10.0, height=20.0)}, [image()]).plans
        assert (plans["m1"].width, plans["m1"].height) == (1600, 900)

    def test_sizes_come_from_the_mapping_where_mist_has_none(self) -> None:
        plans = Floorplans({"m1": mapping(width=10.0, height=20.0)}, [image(width=None, height=None)]).plans
        assert (plans["m1"].width, plans["m1"].height) == (10.0, 20.0)

    def test_sizes_nobody_knows_are_minus_one(self) -> None:
        plan = Floorplans({"m1": mapping()}, [image(width=None, height=None)]).plans["m1"]
        assert plan.point(5.0, 6.0) == (5.0, 6.0)
        assert (plan.width, plan.height) == (UNKNOWN_SIZE, UNKNOWN_SIZE)
        assert UNKNOWN_SIZE == -1, "that is what consumers know"

    def test_unlocated_stays_unlocated(self) -> None:
        assert Floorplans({"m1": mapping()}, [image()]).plans["m1"].point(None, None) is None

    @pytest.mark.parametrize(("x", "y", "kept"), [(-10.0, 905.0, True), (5000.0, 10.0, False), (10.0, -1000.0, False)])
    def test_a_little_outside_is_a_position_a_whole_map_away_is_none(self, x: float, y: float, kept: bool) -> None:
        point = Floorplans({"m1": mapping()}, [image()]).plans["m1"].point(x, y)
        assert point == ((x, y) if kept else None)

    def test_aligned_maps_answer_in_the_buildings_own_plan(self) -> None:
        align = (((0.0, 0.0), (0.5, 0.0)), ((1600.0, 0.0), (1.0, 0.0)), ((0.0, 900.0), (0.5, 1.0)))
        plan = Floorplans({"m1": mapping(align=align)}, [image()]).plans["m1"]
        assert plan.point(800.0, 450.0) == pytest.approx((0.75, 0.5))
        assert (plan.width, plan.height) == (1.0, 1.0)

    def test_an_aligned_map_takes_the_plans_own_size_from_the_mapping(self) -> None:
        align = (((0.0, 0.0), (0.0, 0.0)), ((1600.0, 0.0), (1.0, 0.0)), ((0.0, 900.0), (0.0, 1.0)))
        plan = Floorplans({"m1": mapping(align=align, width=200.0, height=100.0)}, [image()]).plans["m1"]
        assert plan.point(800.0, 450.0) == pytest.approx((100.0, 50.0))
        assert (plan.width, plan.height) == (200.0, 100.0)

    def test_degrees_are_those_of_the_mist_map_also_where_it_is_aligned(self) -> None:
        align = (((0.0, 0.0), (0.5, 0.0)), ((1000.0, 0.0), (1.0, 0.0)), ((0.0, 500.0), (0.5, 1.0)))
        plan = Floorplans({"g1": mapping(align=align)}, [google()]).plans["g1"]
        assert plan.point(500.0, 250.0) == pytest.approx((0.75, 0.5))
        assert plan.where(500.0, 250.0) == LatLng(49.5, 9.0)

    def test_a_google_map_with_sizes_and_corners_tells_degrees(self) -> None:
        plan = Floorplans({"g1": mapping()}, [google()]).plans["g1"]
        assert plan.where(500.0, 250.0) == LatLng(49.5, 9.0)
        assert plan.point(500.0, 250.0) == (500.0, 250.0)

    @pytest.mark.parametrize("lacks", [{"width": None}, {"height": None}, {"top_left": None}, {"bottom_right": None}])
    def test_a_google_map_that_lacks_any_of_them_is_unplaceable(self, lacks: dict[str, None]) -> None:
        plans = Floorplans({"g1": mapping()}, [google(**lacks)])
        assert plans.problems().unplaceable == ("g1",)
        assert plans.plans["g1"].point(500.0, 250.0) is None

    def test_the_mapping_can_give_a_google_map_its_sizes(self) -> None:
        plans = Floorplans({"g1": mapping(width=1000.0, height=500.0)}, [google(width=None, height=None)])
        assert plans.problems().unplaceable == ()
        assert plans.plans["g1"].where(500.0, 250.0) == LatLng(49.5, 9.0)

    def test_unknown_sizes_are_never_mixed_with_real_ones_on_a_level(self) -> None:
        plans = Floorplans(
            {"m1": mapping(), "m2": mapping(), "m3": mapping("level-2")},
            [image("m1"), image("m2", None, None), image("m3", None, None)],
        ).plans
        assert plans["m2"].point(5.0, 6.0) is None
        assert (plans["m2"].width, plans["m2"].height) == (1600, 900)
        assert plans["m3"].point(5.0, 6.0) == (5.0, 6.0)
        assert (plans["m3"].width, plans["m3"].height) == (UNKNOWN_SIZE, UNKNOWN_SIZE)

    def test_how_far_an_unlocated_client_can_be(self) -> None:
        plans = Floorplans({"m1": mapping(), "m2": mapping("level-2")}, [image()]).plans
        assert plans["m1"].reach_m() == pytest.approx(math.hypot(80, 45) / 2)
        assert plans["m2"].reach_m() == UNSCALED_REACH_M


class TestProblems:
    def test_unmapped_and_dangling(self) -> None:
        found = Floorplans({"m1": mapping(), "gone": mapping("level-9")}, [image("m1"), image("m2")]).problems()
        assert (found.unmapped, found.dangling) == (("m2",), ("gone",))
        assert bool(found)

    def test_nothing_is_missing_while_the_maps_are_not_known(self) -> None:
        found = Floorplans({"m1": mapping()}, None).problems()
        assert not found

    def test_two_maps_on_a_level_unless_both_are_aligned(self) -> None:
        align = (((0.0, 0.0), (0.0, 0.0)), ((1.0, 0.0), (1.0, 0.0)), ((0.0, 1.0), (0.0, 1.0)))
        maps = [image("m1"), image("m2")]
        assert Floorplans({"m1": mapping(), "m2": mapping(align=align)}, maps).problems().shared_levels == {
            "level-1": ("m1", "m2")
        }
        aligned = {"m1": mapping(align=align), "m2": mapping(align=align)}
        assert not Floorplans(aligned, maps).problems()

    def test_image_maps_without_size(self) -> None:
        assert Floorplans({"m1": mapping()}, [image(width=None)]).problems().unsized == ("m1",)

    def test_a_mapping_without_level_is_no_shared_level(self) -> None:
        plans = Floorplans({"m1": mapping(None), "m2": mapping(None)}, [image("m1"), image("m2")])
        assert not plans.problems()


def test_maps_nobody_mapped_have_no_plan() -> None:
    plans = Floorplans({}, [image()])
    assert plans.plan("m1") is None
    assert plans.plan(None) is None
