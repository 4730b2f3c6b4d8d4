import json

import pytest
import typer

from mistlocate.cli.output import DEBUG, MOST_PROBLEMS, Exit, code_of, escape, reported, shown_json
from mistlocate.errors import (
    BadArguments,
    CannotConnect,
    EngineError,
    EngineUnreachable,
    MistlocateError,
    Problem,
    SettingsError,
    StoreError,
    TokenRefused,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EngineUnreachable("x"), Exit.UNREACHABLE),
        (EngineError("x", status=404), Exit.NOT_FOUND),
        (EngineError("x", status=401), Exit.NOT_ALLOWED),
        (EngineError("x", status=403), Exit.NOT_ALLOWED),
        (EngineError("x", status=400), Exit.USAGE),
        (EngineError("x", status=500), Exit.FAILED),
        (EngineError("x"), Exit.FAILED),
        (BadArguments("x"), Exit.USAGE),
        (SettingsError([Problem("a", "b")]), Exit.SETTINGS),
        (TokenRefused("x"), Exit.CLOUD),
        (CannotConnect("x"), Exit.CLOUD),
        (StoreError("x"), Exit.FAILED),
        (MistlocateError("x"), Exit.FAILED),
    ],
)
def test_each_error_has_its_exit_code(error: MistlocateError, code: Exit, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(error) is code
    with pytest.raises(typer.Exit) as raised, reported():
        raise error
    assert raised.value.exit_code == code
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), Exit.INTERRUPTED), (BrokenPipeError(), Exit.DONE)])
def test_ends_that_are_no_errors(error: BaseException, code: Exit) -> None:
    with pytest.raises(typer.Exit) as raised, reported():
        raise error
    assert raised.value.exit_code == code


def test_messages_say_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), reported():
        raise EngineError("no module 'x'", hint="modules: a, b")
    with pytest.raises(typer.Exit), reported():
        raise SettingsError([Problem("zones[0].id", "is missing", "give one"), Problem("", "also this")])
    printed = capsys.readouterr().err
    for expected in ("no module 'x'", "modules: a, b", "zones[0].id: is missing (give one)", "also this"):
        assert expected in printed


def test_what_nobody_expected_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(typer.Exit) as raised, reported():
        raise ZeroDivisionError("by\nzero")
    assert raised.value.exit_code == Exit.FAILED
    printed = capsys.readouterr().err
    assert printed.startswith("unexpected error: ZeroDivisionError: by zero; please report it")
    assert printed.count("\n") == 1
    monkeypatch.setenv(DEBUG, "1")
    with pytest.raises(typer.Exit), reported():
        raise ZeroDivisionError
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("end", [typer.Exit(5), typer.BadParameter("x"), typer.Abort()])
def test_ends_that_are_decided_already(end: Exception) -> None:
    with pytest.raises(type(end)), reported():
        raise end


def test_settings_errors_name_the_file_and_end_somewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), reported():
        raise SettingsError([Problem("a", "b")] * (MOST_PROBLEMS + 7), where="x.yaml")
    printed = capsys.readouterr().err
    assert "x.yaml: these settings cannot be used" in printed
    assert "… and 7 more" in printed


def test_nothing_reaches_the_terminal_raw() -> None:
    assert escape("[red]\x1b[2J\x9b\n") == "\\[red]\\x1b[2J\\x9b\n"
    assert json.loads(shown_json('"\x9b"')) == "\x9b"
    assert "\x9b" not in shown_json('"\x9b"')


def test_names_that_turn_the_line_around_show_themselves() -> None:
    assert escape("ecila\u202e [red]x\u2066") == "ecila\\u202e \\[red]x\\u2066"
    assert json.loads(shown_json('"a\u202eb"')) == "a\u202eb"
    assert "\u202e" not in shown_json('"a\u202eb"')
