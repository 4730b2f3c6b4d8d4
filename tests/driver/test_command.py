import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from mistlocate.driver.command import Level, command, command_of, commands_of
from mistlocate.errors import BadArguments, UnknownCommand


class Base:
    @command()
    async def first(self) -> None:
        """The first."""

    async def no_command(self) -> None:
        """Not to be called from outside."""


class Driver(Base):
    @command(Level.SUPPORT)
    async def locate(self, mac: str, count: int = 3, deep: bool = False) -> dict[str, Any]:
        """Find something.

        More about it.
        """
        return {}

    @command(Level.ADMINISTRATOR)
    async def assign(self, username: str, macs: list[str], domain: str | None = None) -> list[str]:
        """Assign things
        to people.
        """
        return []

    @command()
    async def bounded(self, limit: Annotated[int, Field(ge=1, le=100)] = 20) -> None:
        """Count."""


class TestDescription:
    def test_commands_in_order_those_of_the_base_first(self) -> None:
        assert list(commands_of(Driver)) == ["first", "locate", "assign", "bounded"]

    def test_level_and_description(self) -> None:
        assert (command_of(Driver, "locate").level, command_of(Driver, "locate").description) == (
            Level.SUPPORT,
            "Find something.",
        )
        assert command_of(Driver, "assign").description == "Assign things to people."

    def test_parameters_in_positional_order_with_schema_and_default(self) -> None:
        described = command_of(Driver, "assign")
        assert [each.name for each in described.parameters] == ["username", "macs", "domain"]
        assert described.arity == 2
        schemas = [each.schema for each in described.parameters]
        assert schemas[1] == {"type": "array", "items": {"type": "string"}}
        assert schemas[2]["default"] is None
        assert "default" not in schemas[0]

    def test_an_unknown_command_suggests_one(self) -> None:
        with pytest.raises(UnknownCommand, match="did you mean 'locate'"):
            command_of(Driver, "lokate")
        with pytest.raises(UnknownCommand, match="commands: first"):
            command_of(Driver, "zzz")
        with pytest.raises(UnknownCommand):
            command_of(Driver, "no_command")


class TestBinding:
    locate = command_of(Driver, "locate")
    assign = command_of(Driver, "assign")

    def test_by_position_and_by_name(self) -> None:
        expected = {"mac": "aa", "count": 5, "deep": False}
        assert self.locate.bind(["aa", 5]) == expected
        assert self.locate.bind({"count": 5, "mac": "aa"}) == expected
        assert command_of(Driver, "first").bind(None) == command_of(Driver, "first").bind([]) == {}

    def test_text_stays_text(self) -> None:
        assert self.locate.bind(["563412e45678"])["mac"] == "563412e45678"
        with pytest.raises(BadArguments, match="mac: Input should be a valid string"):
            self.locate.bind([563412])

    def test_null_is_a_value_where_the_type_allows_it(self) -> None:
        assert self.assign.bind(["alice", [], None])["domain"] is None
        with pytest.raises(BadArguments, match="count"):
            self.locate.bind(["aa", None])

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ([], "mac: is missing"),
            (["aa", 1, True, 4], "takes 3 arguments, 4 were given"),
            ({"mac": "aa", "cuont": 3}, "no argument 'cuont'; did you mean 'count'?"),
            (["aa", "many"], "count: Input should be a valid integer"),
            (["aa", float("nan")], "count"),
        ],
    )
    def test_what_does_not_fit(self, args: Any, message: str) -> None:
        with pytest.raises(BadArguments) as raised:
            self.locate.bind(args)
        assert message in str(raised.value)

    def test_every_problem_is_told_at_once(self) -> None:
        with pytest.raises(BadArguments) as raised:
            self.assign.bind({"macs": ["aa", 7, None], "domain": 5})
        assert [problem.path for problem in raised.value.problems] == ["username", "macs.1", "macs.2", "domain"]

    def test_no_argument_is_no_arguments(self) -> None:
        with pytest.raises(BadArguments, match="takes no arguments, 1 were given"):
            command_of(Driver, "first").bind([1])

    def test_engines_may_ignore_names_that_mean_nothing(self) -> None:
        assert self.locate.bind({"mac": "aa", "extra": 1}, ignore_unknown=True)["mac"] == "aa"

    @pytest.mark.parametrize("args", [[1], "text", 5, {"extra": 1}])
    def test_engines_may_ignore_whatever_comes_for_a_command_without_arguments(self, args: Any) -> None:
        assert command_of(Driver, "first").bind(args, ignore_unknown=True) == {}
        with pytest.raises(BadArguments):
            command_of(Driver, "first").bind(args)

    @pytest.mark.parametrize("args", ["aa", b"aa", 5, True])
    def test_what_is_neither_a_list_nor_an_object_is_no_arguments(self, args: Any) -> None:
        for ignore_unknown in (False, True):
            with pytest.raises(BadArguments, match="neither a list nor an object"):
                self.locate.bind(args, ignore_unknown=ignore_unknown)

    def test_bounds_hold(self) -> None:
        assert command_of(Driver, "bounded").bind([])["limit"] == 20
        with pytest.raises(BadArguments, match="limit"):
            command_of(Driver, "bounded").bind([101])

    @given(
        st.one_of(
            st.lists(st.from_type(type(None)) | st.integers() | st.text(max_size=5) | st.booleans(), max_size=5),
            st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4),
        )
    )
    def test_anything_is_bound_or_refused(self, args: Any) -> None:
        try:
            bound = self.assign.bind(args)
        except BadArguments:
            pass
        else:
            assert list(bound) == ["username", "macs", "domain"]
            json.dumps(bound)


def test_levels_include_each_other() -> None:
    assert Level.USER < Level.SUPPORT < Level.ADMINISTRATOR
    assert [Level.named(level.label) for level in Level] == list(Level)
    with pytest.raises(ValueError, match="use user, support, administrator or metrics"):
        Level.named("root")
