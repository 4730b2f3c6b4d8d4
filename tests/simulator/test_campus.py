import pytest

from mistlocate.simulator import Campus


def test_maps_override_floors_and_count_the_yard() -> None:
    assert (Campus(floors=3).map_count, Campus(floors=3).image_count) == (4, 3)
    assert (Campus(floors=3, outdoor=False).map_count, Campus(maps=20).image_count) == (3, 19)


@pytest.mark.parametrize(
    "options",
    [
        {"people": -1},
        {"floors": -1},
        {"clients": -5},
        {"passers": -1},
        {"floors": 0, "outdoor": False},
        {"maps": 0},
        {"rate": 0},
        {"dwell": 0},
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must|cannot|needs"):
        Campus(**options)
