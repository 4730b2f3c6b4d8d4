import json

import pytest

from mistlocate.engines.embedded.access import Refusal
from mistlocate.engines.embedded.api.errors import ErrorBody, body_of, refusal_response, status_of
from mistlocate.engines.embedded.engine import NoSuchSystem, NoSuchZone
from mistlocate.errors import (
    BadArguments,
    CloudTrouble,
    CommandFailed,
    LevelTooLow,
    MistlocateError,
    ModuleUnavailable,
    NoSuchModule,
    NotFound,
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
        (NoSuchSystem("x"), 404),
        (NoSuchZone("x"), 404),
        (CommandFailed("x"), 500),
        (CloudTrouble("x"), 500),
        (NotFound("x"), 500),
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


@pytest.mark.parametrize(("status", "name"), [(401, "Unauthorized"), (403, "Forbidden"), (413, "Content Too Large")])
def test_refusals_have_names(status: int, name: str) -> None:
    answer = refusal_response(Refusal(status, "why"), sys_id="sys")
    body = json.loads(bytes(answer.body))
    assert (answer.status_code, body) == (status, {"error": name, "message": "why", "sys_id": "sys"})
    assert ErrorBody.model_validate(body, strict=True)
