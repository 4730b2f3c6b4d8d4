import pytest

from mistlocate.macs import whole_mac


@pytest.mark.parametrize(
    "text",
    [
        "00:00:5E:00:53:01",
        "0000.5e00.5301",
        "00005E005301",
        "0x00005e005301",
        " 00-00-5e-00-53-01 ",
        "00 00 5e 00 53 01",
    ],
)
def test_a_whole_mac(text: str) -> None:
    assert whole_mac(text) == "00005e005301"


@pytest.mark.parametrize(
    "text", ["", "1234a6789b", "alice@example.com", "00005e00530g", "00005e0053011", "00005e00530", "dead beef cafe x"]
)
def test_not_a_whole_mac(text: str) -> None:
    assert whole_mac(text) is None
