import pytest

from mistlocate.engines.embedded.api.errors import body_of, status_of
from mistlocate.errors import (
    BadArguments,
    CloudTrouble,
    CommandFailed,
    LevelTooLow,
    MistlocateError,
    ModuleUnavailable,
    NoSuchModule,
    Problem,
    SettingsError,
    UnknownCommand,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadArguments("x"), 400),
        (UnknownCommand("x"), 400),
        (SettingsError([Problem("a", "b")]), 400),
        (LevelTooLow("x"), 401),
        (NoSuchModule("x"), 404),
        (CommandFailed("x"), 500),
        (CloudTrouble("x"), 500),
        (MistlocateError("x"), 500),
        (ModuleUnavailable("x"), 503),
    ],
)
def test_each_error_has_its_status(error: MistlocateError, status: int) -> None:
    assert status_of(error) == status


def test_only_what_a_driver_raised_is_marked_as_such() -> None:
    assert body_of(CloudTrouble("HTTP 502", hint="wait")) == {
        "error": "CloudTrouble",
        "message": "module raised: HTTP 502",
        "hint": "wait",
    }
    assert body_of(NoSuchModule("no module")) == {"error": "NoSuchModule", "message": "no module"}
