from mistlocate.location.identity import is_random_mac
from mistlocate.location.visibility import Pseudonyms, Shown, device_shown
from mistlocate.macs import whole_mac

MAC = "00005e005301"
NOON = 1_767_268_800.0
DAY = 86_400.0


def test_the_rule_for_guests_concerns_guests_only() -> None:
    for rule in Shown:
        assert device_shown(is_guest=True, guests=rule) is rule
        assert device_shown(is_guest=False, guests=rule) is Shown.SHOWN


class TestPseudonyms:
    def test_the_same_all_day_and_another_tomorrow(self) -> None:
        pseudonyms = Pseudonyms()
        today = pseudonyms.of(MAC, NOON)
        assert pseudonyms.of(MAC, NOON + 3600) == today
        assert pseudonyms.of(MAC, NOON + DAY) != today

    def test_it_has_the_form_of_a_mac_that_nobody_was_sold(self) -> None:
        pseudonyms = Pseudonyms()
        for day in range(50):
            pseudonym = pseudonyms.of(MAC, NOON + day * DAY)
            assert whole_mac(pseudonym) == pseudonym
            assert is_random_mac(pseudonym)
            assert pseudonym != MAC

    def test_without_the_key_it_cannot_be_computed(self) -> None:
        assert Pseudonyms(b"1" * 32).of(MAC, NOON) == Pseudonyms(b"1" * 32).of(MAC, NOON)
        assert Pseudonyms().of(MAC, NOON) != Pseudonyms().of(MAC, NOON)

    def test_devices_stay_apart(self) -> None:
        pseudonyms = Pseudonyms()
        macs = [f"00005e00{number:04x}" for number in range(2000)]
        assert len({pseudonyms.of(mac, NOON) for mac in macs}) == len(macs)
