import io

import pytest
from PIL import Image

from mistlocate.simulator import Campus, World
from mistlocate.simulator.floors import FloorMap
from mistlocate.simulator.plans import png, thumbnail

MAPS = World(Campus(people=0, maps=6)).maps_of(World(Campus(people=0, maps=6)).site.id)


def drawn(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.fixture
def plan() -> FloorMap:
    return World(Campus(people=0)).maps_of(World(Campus(people=0)).site.id)[0]


def test_a_plan_is_a_png_of_the_size_that_the_map_says() -> None:
    for one in (MAPS[0], MAPS[4]):
        assert png(one).startswith(b"\x89PNG")
        assert drawn(png(one)).size == (one.width, one.height)


def test_a_plan_has_a_light_ground_and_dark_walls(plan: FloorMap) -> None:
    image = drawn(png(plan))
    assert min(image.getpixel((2, 2))) > 240
    wall = round(plan.layout.shell.left * plan.ppm)
    corner = image.getpixel((wall, round(plan.layout.shell.top * plan.ppm)))
    assert max(corner) < 120
    histogram = image.convert("L").histogram()
    assert sum(histogram[200:]) > 0.8 * plan.width * plan.height


def test_the_same_plan_gives_the_same_bytes_and_another_revision_others(plan: FloorMap) -> None:
    again = World(Campus(people=0)).maps_of(World(Campus(people=0)).site.id)[0]
    before = png(plan)
    assert before == png(again)
    again.revision += 1
    assert png(again) != before


def test_floors_look_different() -> None:
    assert png(MAPS[0]) != png(MAPS[1])


def test_a_thumbnail_is_small() -> None:
    image = drawn(thumbnail(MAPS[0]))
    assert max(image.size) == 240
