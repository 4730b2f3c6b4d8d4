from typing import Any, ClassVar

import pytest
from pydantic import Field, SecretStr

from mistlocate.driver.base import Driver, DriverSettings, StatusInfo, parse_settings
from mistlocate.driver.command import Level
from mistlocate.errors import NotFound, SettingsError


class Settings(DriverSettings):
    token: SecretStr | None = None
    password: SecretStr = SecretStr("")
    interval: float = Field(3.0, ge=1)
    names: dict[str, int] = Field({})


class Example(Driver[Settings]):
    generic_name: ClassVar[str] = "Example"
    Settings = Settings
    statuses: ClassVar[dict[str, StatusInfo]] = {"state": StatusInfo(Level.USER, "how it is")}


def problems(raw: dict[str, Any], **options: bool) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        parse_settings(Example, raw, **{"unknown_is_error": True, **options})
    return [str(problem) for problem in raised.value.problems]


def test_valid_settings() -> None:
    parsed = parse_settings(Example, {"interval": 5, "token": "sesame"}, unknown_is_error=True)
    assert (parsed.settings.interval, parsed.ignored) == (5.0, ())


def test_every_problem_with_its_path() -> None:
    found = problems({"interval": 0, "names": {"a": "x"}, "intervall": 3})
    assert found[0] == "intervall: no such setting (did you mean 'interval'?)"
    assert found[1].startswith("interval: ")
    assert found[2].startswith("names.a: ")


def test_a_key_that_is_like_none_lists_those_there_are() -> None:
    assert problems({"zzz": 1}) == ["zzz: no such setting (known: token, password, interval, names)"]


def test_engines_that_merge_settings_list_what_they_ignore() -> None:
    parsed = parse_settings(Example, {"zone_setting": 1, "interval": 4}, unknown_is_error=False)
    assert parsed.ignored == ("zone_setting",)
    assert len(problems({"zone_setting": 1, "interval": 0}, unknown_is_error=False)) == 1


def test_problems_do_not_tell_values() -> None:
    assert "sesame" not in str(problems({"token": ["sesame"]}))


def test_secrets_are_known() -> None:
    assert Example.secret_settings() == {"token", "password"}


def test_statuses_have_levels_also_those_without_a_name() -> None:
    assert Example.status_info("state").level is Level.USER
    assert Example.status_info("anything").level is Level.SUPPORT


async def test_a_driver_without_assets_says_so() -> None:
    driver = Example(None, Settings(), None)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await driver.asset("anything")
    assert Example.asset_level is Level.USER
