"""Redaction, and following one module's log."""

import pytest

from mistlocate.engines.logs import follow_module, plain_event, redact_event, redact_text, tell_followers

Seen = list[tuple[int, str]]


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Token abcdefghijklmnop",
        "api-key=abcdefghijklmnop",
        "{'X-API-Key': 'abcdefghijklmnop'}",
        "Bearer abcdefghijklmnop",
        "https://x/forward/download?jwt=abcdefghijklmnop&x=1",
        "token 'abcdefghijklmnop' refused",
    ],
)
def test_credentials_and_signed_links_do_not_survive(text: str) -> None:
    assert "abcdefghijklmnop" not in redact_text(text)
    assert "***" in redact_text(text)


@pytest.mark.parametrize("text", ["", "module crashed", "token refused", "the token of 3 modules", "x=1&y=2"])
def test_what_is_no_credential_stays(text: str) -> None:
    assert redact_text(text) == text


def test_every_text_of_an_entry_is_redacted_and_nothing_else_is_touched() -> None:
    event = {"event": "Bearer abcdefghijklmnop", "more": "jwt=abc", "count": 5, "none": None}
    assert redact_event(None, "info", event) == {"event": "Bearer ***", "more": "jwt=***", "count": 5, "none": None}


def test_a_follower_is_told_severity_and_text_of_its_module_only() -> None:
    seen: Seen = []
    unsubscribe = follow_module("m", lambda severity, text: seen.append((severity, text)))
    for name in ("debug", "info", "warning", "error", "critical"):
        tell_followers(None, name, {"event": "hello", "module": "m", "level": name, "n": 1})
    tell_followers(None, "error", {"event": "not mine", "module": "other"})
    tell_followers(None, "error", {"event": "nobody's"})
    unsubscribe()
    assert seen == [(severity, "hello n=1") for severity in (1, 2, 4, 5, 6)]


def test_entries_pass_through_as_they_are() -> None:
    event = {"event": "Bearer abcdefghijklmnop", "module": "m", "exc_info": None}
    unsubscribe = follow_module("m", lambda *_: None)
    assert tell_followers(None, "info", dict(event)) == event
    unsubscribe()


def test_what_a_follower_is_told_is_redacted_and_ends_with_the_exception() -> None:
    seen: Seen = []
    unsubscribe = follow_module("m", lambda severity, text: seen.append((severity, text)))
    try:
        raise RuntimeError("Token abcdefghijklmnop")
    except RuntimeError as error:
        for exc_info in (True, error):
            tell_followers(None, "error", {"event": "crashed", "module": "m", "exc_info": exc_info})
    unsubscribe()
    assert [severity for severity, _ in seen] == [5, 5]
    for _, text in seen:
        first, *_, last = text.splitlines()
        assert (first, last) == ("crashed", "RuntimeError: Token ***")


def test_several_may_follow_and_each_leaves_for_itself() -> None:
    first: Seen = []
    second: Seen = []
    leave_first = follow_module("m", lambda *told: first.append(told))
    leave_second = follow_module("m", lambda *told: second.append(told))
    tell_followers(None, "info", {"event": "1", "module": "m"})
    leave_first()
    leave_first()
    tell_followers(None, "info", {"event": "2", "module": "m"})
    leave_second()
    tell_followers(None, "info", {"event": "3", "module": "m"})
    assert (first, second) == ([(2, "1")], [(2, "1"), (2, "2")])


def test_who_left_does_not_take_a_later_follower_along() -> None:
    seen: Seen = []
    leave_first = follow_module("m", lambda *_: None)
    leave_first()
    leave_second = follow_module("m", lambda *told: seen.append(told))
    leave_first()
    tell_followers(None, "info", {"event": "1", "module": "m"})
    leave_second()
    assert seen == [(2, "1")]


def test_nobody_who_chooses_a_name_writes_a_line_of_the_log() -> None:
    event = {
        "event": "refused\nERROR all is lost",
        "detail": "a\x1b[2Jb\u202ec",
        "count": 5,
        "exception": "one\n\x1btwo",
    }
    assert plain_event(None, "info", event) == {
        "event": "refused\\x0aERROR all is lost", "detail": "a\\x1b[2Jb\\u202ec", "count": 5, "exception": "one\n\\x1btwo",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("via http://user:pa55@proxy:3128/", "via http://***@proxy:3128/"),
        ("key ml_abcdefghijklmnopqrstuvwxyz given", "key ml_*** given"),
        ("Cookie: sessionid-abcdef123", "Cookie: ***"),
        ("at https://api.mist.com/x", "at https://api.mist.com/x"),
    ],
)
def test_passwords_of_proxies_own_keys_and_cookies(text: str, left: str) -> None:
    assert redact_text(text) == left
