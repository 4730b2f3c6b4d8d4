"""What every engine owes its modules (`driver.context`), the same tests for each of them."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from support.contract import ENGINES, Failed, Rig
from support.waiting import until

Opened = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture(params=["embedded", pytest.param("placeos", marks=pytest.mark.needs("redis-server"))])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Opens an engine with modules of these settings."""
    return lambda *settings: ENGINES[request.param](tmp_path, *settings)


async def failure(rig: Rig, *call: Any, **where: Any) -> Failed:
    with pytest.raises(Failed) as raised:
        await rig.run(*call, **where)
    return raised.value


class TestCommands:
    async def test_arguments_by_position_and_their_defaults(self, opened: Opened) -> None:
        async with opened({}) as rig:
            assert await rig.run("echo", "a") == {"text": "a", "count": 1, "more": None}
            assert await rig.run("echo", "563412e45678", 2, {"x": [None]}) == {
                "text": "563412e45678", "count": 2, "more": {"x": [None]},
            }  # fmt: skip

    @pytest.mark.parametrize(
        ("call", "name"),
        [
            (["nothing"], "UnknownCommand"),
            (["echo"], "BadArguments"),
            (["echo", 7], "BadArguments"),
            (["echo", "a", 1, 2, 3], "BadArguments"),
            (["fail", "known"], "NotFound"),
            (["fail", "defect"], "CommandFailed"),
        ],
    )
    async def test_what_can_go_wrong(self, opened: Opened, call: list[Any], name: str) -> None:
        async with opened({}) as rig:
            error = await failure(rig, *call)
            assert error.name == name
            assert "secret" not in str(error)


class TestStorage:
    async def test_each_module_has_its_own(self, opened: Opened) -> None:
        async with opened({}, {}) as rig:
            assert await rig.run("remember", "a", "1") == {"a": "1"}
            assert await rig.run("remember", "b", "zwei ü") == {"a": "1", "b": "zwei ü"}
            assert await rig.run("remember", "a", None) == {"b": "zwei ü"}
            assert await rig.run("remember", "c", "3", slug="Probe_2") == {"c": "3"}

    async def test_it_survives_the_engine(self, opened: Opened) -> None:
        async with opened({}) as rig:
            await rig.run("remember", "a", "1")
            await rig.restart()
            assert await rig.run("remember", "b", "2") == {"a": "1", "b": "2"}


class TestAudit:
    async def test_records_are_the_modules_own_and_come_newest_first(self, opened: Opened) -> None:
        async with opened({}, {}) as rig:
            who = await rig.run("note", "search", "alice", 1_000.0)
            await rig.run("note", "explain", "bob ü", 2_000.0)
            await rig.run("note", "search", "carol", slug="Probe_2")
            assert await rig.run("notes") == [[who, "explain", "bob ü", "done"], [who, "search", "alice", "done"]]
            assert await rig.run("notes", 1_500.0) == [[who, "explain", "bob ü", "done"]]
            assert await rig.run("notes", 0.0, 1) == [[who, "explain", "bob ü", "done"]]

    async def test_they_survive_the_engine_and_can_be_renamed_and_forgotten(self, opened: Opened) -> None:
        async with opened({}) as rig:
            for at, about in ((1_000.0, "alice"), (2_000.0, "bob"), (3_000.0, "alice")):
                await rig.run("note", "search", about, at)
            await rig.restart()
            await rig.run("note", "search", "dave", 4_000.0)
            assert await rig.run("rename_notes", "alice", "somebody") == 2
            assert [each[2] for each in await rig.run("notes")] == ["dave", "somebody", "bob", "somebody"]
            await rig.run("forget_notes", 2_000.0)
            assert [each[2] for each in await rig.run("notes")] == ["dave", "somebody", "bob"]


class TestOtherModules:
    async def test_calls_and_statuses_by_name(self, opened: Opened) -> None:
        async with opened({}, {}) as rig:
            answer = await rig.run("ask", "Probe_2", "echo", ["hallo", 3])
            assert answer == {"text": "hallo", "count": 3, "more": None}
            assert await rig.run("ask", "Probe", "echo", ["me"]) == {"text": "me", "count": 1, "more": None}
            await rig.run("publish", "k", {"v": 1}, slug="Probe_2")
            await until(lambda: _is(rig.status("k", "Probe_2"), {"v": 1}))
            assert await rig.run("read", "Probe_2", "k") == {"v": 1}
            assert await rig.run("read", "Probe_9", "k") is None
            await rig.run("publish", "k2", [1], slug="Probe_2")
            await until(lambda: _is(rig.status("k2", "Probe_2"), [1]))
            assert await rig.run("read_together", "Probe_2", ["k2", "none", "k"]) == [[1], None, {"v": 1}]
            assert await rig.run("read_together", "Probe_2", ["k"]) == [{"v": 1}]
            assert await rig.run("read_together", "Probe_2", []) == []
            assert await rig.run("read_together", "Probe_9", ["k2", "k"]) == [None, None]

    @pytest.mark.parametrize(
        ("module", "command", "args", "name"),
        [
            ("Probe_9", "echo", [], "NoSuchModule"),
            ("Probe_2", "nothing", [], "UnknownCommand"),
            ("Probe_2", "echo", [7], "BadArguments"),
            ("Probe_2", "echo", ["a", 1, 2, 3], "BadArguments"),
            ("Probe_2", "fail", ["known"], "NotFound"),
            ("Probe_2", "fail", ["defect"], "CommandFailed"),
        ],
    )
    async def test_what_can_go_wrong_with_them(
        self, opened: Opened, module: str, command: str, args: list[Any], name: str
    ) -> None:
        async with opened({}, {}) as rig:
            assert (await failure(rig, "ask", module, command, args)).name == name

    async def test_one_that_was_stopped_is_not_there(self, opened: Opened) -> None:
        async with opened({}, {}) as rig:
            await rig.stop("Probe_2")
            assert (await failure(rig, "ask", "Probe_2", "echo", ["x"])).name == "ModuleUnavailable"

    async def test_what_modules_of_a_process_share(self, opened: Opened) -> None:
        async with opened({}, {}) as rig:
            one, two = [await rig.run("share", "key", slug=slug) for slug in ("Probe_1", "Probe_2")]
            assert one == two != await rig.run("share", "another")


class TestStatuses:
    async def test_set_and_cleared(self, opened: Opened) -> None:
        async with opened({}) as rig:
            await rig.run("publish", "k", [1, {"ü": None}])
            await until(lambda: _is(rig.status("k"), [1, {"ü": None}]))
            await rig.run("publish", "k", None)
            await until(lambda: _is(rig.status("k"), None))

    async def test_followed_by_another_module(self, opened: Opened) -> None:
        async with opened({}, {}) as rig:
            await rig.run("publish", "k", 1, slug="Probe_2")
            await rig.run("follow", "Probe_2", "k")
            await until(lambda: _is(rig.run("what_was_heard"), [1]))
            heard: list[Any] = [1]
            for value in (2, 2, [3], None):
                await rig.run("publish", "k", value, slug="Probe_2")
                heard += [value] if value != heard[-1] else []
                expected = list(heard)
                await until(lambda expected=expected: _is(rig.run("what_was_heard"), expected))

    async def test_of_a_module_that_comes_later_and_goes_again(self, opened: Opened) -> None:
        async with opened({}) as rig:
            await rig.run("follow", "Probe_2", "k")
            await rig.change({}, {})
            await rig.run("publish", "k", "here", slug="Probe_2")
            await until(lambda: _is(rig.run("what_was_heard"), ["here"]))
            await rig.change({})
            await until(lambda: _is(rig.run("what_was_heard"), ["here", None]))

    @pytest.mark.parametrize("ending", ["crash", "stop"])
    async def test_a_run_that_ended_follows_nothing_any_more(self, opened: Opened, ending: str) -> None:
        async with opened({}, {}) as rig:
            await rig.run("follow_for_good", "Probe_1", "k", slug="Probe_2")
            await rig.run("publish", "k", "before")
            await until(lambda: _is(rig.run("what_was_ever_heard"), ["before"]))
            if ending == "crash":
                await until(await _crash(rig, "Probe_2"))
            else:
                await rig.change({})
            await rig.run("follow", "Probe_1", "k")
            await until(lambda: _is(rig.run("what_was_heard"), ["before"]))
            await rig.run("publish", "k", "after")
            # Those who followed first are told first.
            await until(lambda: _is(rig.run("what_was_heard"), ["before", "after"]))
            assert await rig.run("what_was_ever_heard") == ["before"]

    async def test_connected(self, opened: Opened) -> None:
        async with opened({}) as rig:
            assert await rig.status("connected") is None
            for connected in (True, False):
                await rig.run("connect", connected)
                await until(lambda connected=connected: _is(rig.status("connected"), connected))


class TestSettings:
    async def test_changed_in_place(self, opened: Opened) -> None:
        async with opened({"value": 1}) as rig:
            loads = (await until(lambda: rig.status("open")))["loads"]
            await rig.change({"value": 5})
            await until(lambda: _is(rig.status("open"), {"loads": loads, "value": 5}))

    async def test_a_command_behind_a_change_runs_with_it(self, opened: Opened) -> None:
        async with opened({"value": 1}) as rig:
            await rig.change({"value": 5})
            assert await rig.run("given") == 5

    async def test_saved_by_the_driver(self, opened: Opened) -> None:
        async with opened({"value": 1}) as rig:
            await rig.run("save", "value", 7)

            async def taken() -> bool:
                return bool((await until(lambda: rig.status("open")))["value"] == 7)

            await until(taken)


class TestCrashes:
    async def test_a_module_that_crashes_is_started_again_and_takes_no_other_down(self, opened: Opened) -> None:
        async with opened({}, {}) as rig:
            await rig.run("publish", "k", "before")
            await until(lambda: _is(rig.status("k"), "before"))
            back = await _crash(rig)
            assert await rig.run("echo", "still here", slug="Probe_2")
            await until(back)
            assert await rig.status("k") is None, "a new instance starts with a clean board"
            assert await rig.run("echo", "again")


async def _crash(rig: Rig, slug: str = "Probe_1") -> Callable[[], Awaitable[bool]]:
    """Have a module crash; what is returned tells whether it runs again."""
    loads = (await until(lambda: rig.status("open", slug)))["loads"]
    await rig.run("crash", slug=slug)

    async def back() -> bool:
        return bool(((await rig.status("open", slug)) or {}).get("loads", 0) > loads)

    return back


async def _is(found: Any, expected: Any) -> bool:
    return bool(await found == expected)
