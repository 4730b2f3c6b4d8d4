import pytest

from mistlocate.simulator import gate
from mistlocate.simulator.answers import Answer, Refusal
from mistlocate.simulator.calls import TABLE, Call, Table


def test_paths_name_their_parts() -> None:
    table = Table()

    @table.row("GET", "/sites/{site_id}/stats/clients/{mac}")
    def one(call: Call) -> Answer:
        return Answer(None)

    handler, params = table.find("GET", "/api/v1/sites/s1/stats/clients/00005E005300")
    assert handler is one
    assert params == {"site_id": "s1", "mac": "00005E005300"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/self"),
        ("GET", "/self"),
        ("GET", "/api/v1/self/"),
        ("GET", "/api/v1/sites/x/stats/clients/00-00-5e-00-53-00"),
        ("GET", "/api/v1/sites/x/stats/clients/00005e00530"),
    ],
)
def test_what_is_not_in_the_table_is_not_found(method: str, path: str) -> None:
    assert gate.TABLE is TABLE
    with pytest.raises(Refusal) as refused:
        TABLE.find(method, path)
    assert refused.value.status == 404


def test_the_table_holds_all_calls_once() -> None:
    assert len(TABLE.paths) == len(set(TABLE.paths))
    assert "GET /api/v1/sites/{site_id}/stats/maps/{map_id}/clients" in TABLE.paths
