from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from mistlocate import jsontext
from mistlocate.engines.embedded import status
from mistlocate.engines.embedded.status import ModuleStatus, StatusBoard, StatusValue


def test_followers_get_the_present_value_and_every_later_one() -> None:
    board, seen = StatusBoard(), []
    board.set("m", "k", 1)
    unsubscribe = board.follow("m", "k", lambda news: seen.append(news.value))
    board.set("m", "k", 2)
    board.set("m", "k", None)
    unsubscribe()
    unsubscribe()
    board.set("m", "k", 3)
    assert seen == [1, 2, None]


def test_equal_values_are_no_news() -> None:
    board, seen = StatusBoard(), []
    board.follow("m", "k", lambda news: seen.append(news.value))
    for value in ([{"a": 1}], [{"a": 1}], [{"a": 2}], None, None):
        board.set("m", "k", value)
    assert seen == [[{"a": 1}], [{"a": 2}], None]


def test_an_unchanged_value_stays_the_same_object() -> None:
    board = StatusBoard()
    board.set("m", "k", [1])
    first = board.get("m", "k")
    board.set("m", "k", [1])
    assert board.get("m", "k") is first


def test_values_are_encoded_once() -> None:
    value = StatusValue({"x": 53.0, "text": "ä"})
    assert value.encoded == '{"x":53.0,"text":"ä"}'.encode()
    assert value.encoded is value.encoded


def test_modules_are_apart_and_can_be_cleared() -> None:
    board, seen = StatusBoard(), []
    one, two = ModuleStatus(board, "one"), ModuleStatus(board, "two")
    one.set("k", 1)
    two.set("k", 2)
    board.follow("one", "k", lambda news: seen.append(news.value))
    board.clear("one")
    assert (one.get("k"), one.keys(), two.get("k"), two.keys()) == (None, [], 2, ["k"])
    assert seen == [1, None]


def test_a_follower_may_leave_while_it_is_told() -> None:
    board, seen = StatusBoard(), []
    unsubscribes: list[Any] = []

    def once(news: StatusValue) -> None:
        seen.append(news.value)
        unsubscribes[0]()

    unsubscribes.append(board.follow("m", "k", once))
    board.follow("m", "k", lambda news: seen.append(-news.value))
    board.set("m", "k", 1)
    board.set("m", "k", 2)
    assert seen == [1, -1, -2]


def test_a_follower_that_fails_is_its_own_trouble() -> None:
    board, seen = StatusBoard(), []
    board.follow("m", "k", lambda news: news.value["no such key"])
    board.follow("m", "k", lambda news: seen.append(news.value))
    board.set("m", "k", {})
    assert seen == [{}]


def test_who_follows_no_more_leaves_nothing_behind() -> None:
    board = StatusBoard()
    for number in range(100):
        board.follow("m", f"k{number}", lambda _: None)()
    assert not board._followers


def test_a_value_is_encoded_once_and_ends_the_messages_of_all_followers(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = Counter[str]()

    def dumps(value: Any) -> bytes:
        encoded["times"] += 1
        return jsontext.dumps(value)

    monkeypatch.setattr(status, "jsontext", SimpleNamespace(dumps=dumps))
    news = StatusValue([1, "é"])
    assert news.encoded == '[1,"é"]'.encode()
    assert news.ending.endswith('[1,"é"]}'.encode())
    assert news.ending is news.ending
    assert encoded["times"] == 1
