import pytest

from mistlocate.setup.zone_ids import LONGEST, Zone, same, slug, zone_ids


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Level -1", "level-minus-1"),
        ("-1", "minus-1"),
        ("\u22121", "minus-1"),
        ("Level +1", "level-plus-1"),
        ("B-1", "b-1"),
        ("Straße Ø", "strasse-o"),
        ("Übergeschoß", "ubergeschoss"),
        ("二階", ""),
    ],
)
def test_ids_can_be_read(name: str, written: str) -> None:
    assert slug(name) == written


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [("HQ", " hq ", True), ("Caf\u00e9", "cafe\u0301", True), ("Cafe", "Caf\u00e9", False), ("-1", "1", False)],
)
def test_names_that_are_the_same(one: str, other: str, equal: bool) -> None:
    assert (same(one) == same(other)) is equal


def test_the_name_that_reads_as_the_id_has_it() -> None:
    _, levels = zone_ids([("HQ", "Level -1"), ("HQ", "Level minus 1")])
    assert levels["hq", "level minus 1"] == "zone-hq-level-minus-1"
    assert levels["hq", "level -1"] == "zone-hq-level-minus-1-2"


def test_long_names_keep_room_for_the_level_and_the_number() -> None:
    buildings, levels = zone_ids([("x" * 90, "y" * 90), ("x" * 90, "y" * 91), ("x" * 91, "y")])
    assert len(set(buildings.values())) == 2
    assert sorted(len(each) for each in levels.values())[1:] == [LONGEST, LONGEST]
    assert len(set(levels.values())) == 3


def test_a_level_of_another_building_is_no_building() -> None:
    there = [Zone("zone-hq", "HQ"), Zone("zone-lab", "Lab", "zone-hq")]
    buildings, _ = zone_ids([("Lab", "1")], there)
    assert buildings == {"lab": "zone-lab-2"}


def test_numbers_follow_the_names() -> None:
    names = [chr(0x1F3E0 + number) for number in range(8)]
    _, levels = zone_ids([("HQ", name) for name in reversed(names)])
    numbered = ["zone-hq-level", *(f"zone-hq-level-{number}" for number in range(2, 9))]
    assert [levels["hq", name] for name in names] == numbered
