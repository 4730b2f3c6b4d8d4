import itertools
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mistlocate.driver.command import Level
from mistlocate.engines.embedded.access import hash_key
from mistlocate.engines.embedded.config import Loaded, load, load_file, load_text, unreadable_files
from mistlocate.errors import SettingsError

SITE = "ea57dcee-516a-5fde-abca-aa9b6f371622"


def good() -> dict[str, Any]:
    return {
        "zones": [{"id": "zone-b", "name": "B"}, {"id": "zone-1", "name": "L1", "parent": "zone-b"}],
        "systems": [
            {
                "id": "sys-1",
                "zones": ["zone-b"],
                "modules": [
                    {"driver": "MistWebsocket", "settings": {"api_token": "sesame", "site_id": SITE}},
                    {
                        "driver": "MistLocations",
                        "settings": {"floorplan_mappings": {"m1": {"building": "zone-b", "level": "zone-1"}}},
                    },
                ],
            }
        ],
    }


def problems(raw: dict[str, Any], base: Path = Path()) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(raw, base)
    return [str(problem) for problem in raised.value.problems]


def text_problems(text: str) -> str:
    with pytest.raises(SettingsError) as raised:
        load_text(textwrap.dedent(text), Path())
    return str(raised.value)


class TestGood:
    def test_modules_get_names_and_ids(self) -> None:
        loaded = load(good(), Path())
        assert [(spec.slug, spec.id) for spec in loaded.modules] == [
            ("MistWebsocket_1", "mod-sys-1-MistWebsocket-1"),
            ("MistLocations_1", "mod-sys-1-MistLocations-1"),
        ]

    def test_loopback_is_the_default(self) -> None:
        assert load(good(), Path()).address == ("127.0.0.1", 8680)

    def test_paths_are_relative_to_the_file(self, tmp_path: Path) -> None:
        raw = good()
        raw["systems"][0]["modules"][0]["settings"] = {"api_token_file": "token", "site_id": SITE}
        loaded = load({**raw, "store": "data/x.db"}, tmp_path)
        assert loaded.store == tmp_path / "data" / "x.db"
        assert loaded.modules[0].settings["api_token_file"] == str(tmp_path / "token")

    def test_keys_have_levels(self) -> None:
        raw = {**good(), "listen": "0.0.0.0:80", "api_keys": [{"name": "a", "level": "support", "hash": hash_key("k")}]}
        assert load(raw, Path()).keys[0].level is Level.SUPPORT

    def test_the_environment_outranks_the_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MISTLOCATE_LISTEN", "127.0.0.1:9999")
        assert load({**good(), "listen": "127.0.0.1:1"}, Path()).address[1] == 9999

    def test_a_port_alone_is_an_address(self) -> None:
        assert load({**good(), "listen": 8681}, Path()).address == ("127.0.0.1", 8681)

    def test_the_environment_can_be_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MISTLOCATE_STORE", "/real.db")
        assert load(good(), Path("/x"), environment=False).store == Path("/x/mistlocate.db")

    def test_files_that_are_not_there_yet(self, tmp_path: Path) -> None:
        raw = good()
        raw["systems"][0]["modules"][0]["settings"] = {"api_token_file": "token", "site_id": SITE}
        loaded = load(raw, tmp_path)
        (found,) = unreadable_files(loaded)
        assert found.path == "systems[0].modules[0].settings.api_token_file"
        assert str(tmp_path / "token") in found.message
        (tmp_path / "token").write_text("sesame")
        assert unreadable_files(loaded) == []

    def test_no_secret_shows(self) -> None:
        assert "sesame" not in repr(load(good(), Path()))


class TestReferences:
    def referring(self, text: str) -> dict[str, Any]:
        raw = good()
        raw["systems"][0]["modules"][0]["settings"]["api_token"] = text
        return raw

    def token(self, loaded: Loaded) -> str:
        return str(loaded.modules[0].settings["api_token"])

    def test_environment_default_and_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_TOKEN", "from-env")
        (tmp_path / "t").write_text("from-file\n")
        assert self.token(load(self.referring("${MY_TOKEN}"), tmp_path)) == "from-env"
        assert self.token(load(self.referring("${NOT_SET:-fallback}"), tmp_path)) == "fallback"
        assert self.token(load(self.referring("${file:t}"), tmp_path)) == "from-file"
        assert self.token(load(self.referring("a$${b}"), tmp_path)) == "a${b}"

    def test_what_is_missing_is_named_with_its_place(self, tmp_path: Path) -> None:
        found = problems(self.referring("${NOT_SET_ANYWHERE}"), tmp_path)
        assert (
            found[0] == "systems[0].modules[0].settings.api_token: the environment variable NOT_SET_ANYWHERE is not set"
        )
        assert "cannot be read" in problems(self.referring("${file:missing}"), tmp_path)[0]

    @pytest.mark.parametrize("text", ["${NOT_SET_ANYWHERE}", "${file:missing}", "${file:a\0b}", "a\0b", "\ud800"])
    def test_one_mistake_is_one_problem(self, tmp_path: Path, text: str) -> None:
        (found,) = problems(self.referring(text), tmp_path)
        assert found.startswith("systems[0].modules[0].settings.api_token: ")


class TestProblems:
    def test_all_of_them_at_once(self) -> None:
        raw = good()
        raw["listen"] = "0.0.0.0:8680"
        raw["zonez"] = []
        raw["zones"][1]["parent"] = "zone-x"
        raw["systems"][0]["zones"] = ["zone-y"]
        modules = raw["systems"][0]["modules"]
        modules[0]["settings"] |= {"publish_interval": 1000, "clowd": "eu"}
        modules[1]["settings"]["floorplan_mappings"]["m1"]["level"] = "zone-l"
        modules.append({"driver": "MistLocation"})
        found = "\n".join(problems(raw))
        for expected in (
            "zonez: no such key (did you mean 'zones'?)",
            "zones[1].parent: no zone 'zone-x'",
            "systems[0].zones[0]: no zone 'zone-y'",
            "systems[0].modules[0].settings.publish_interval",
            "systems[0].modules[0].settings.clowd: no such setting (did you mean 'cloud'?)",
            "systems[0].modules[1].settings.floorplan_mappings.m1.level: no zone 'zone-l'",
            "systems[0].modules[2].driver: no driver 'MistLocation' (did you mean 'MistLocations'?)",
            "listen: other machines could call without a key",
        ):
            assert expected in found

    @pytest.mark.parametrize("name", ["api_token", "site_id"])
    def test_placeholders_have_to_be_filled_in(self, name: str) -> None:
        raw = good()
        raw["systems"][0]["modules"][0]["settings"][name] = {"api_token": "token", "site_id": "site_id"}[name]
        assert problems(raw) == [
            f"systems[0].modules[0].settings.{name}: is still the placeholder (fill in your own value)"
        ]

    def test_a_module_that_needs_another_beside_it(self) -> None:
        raw = good()
        del raw["systems"][0]["modules"][0]
        assert problems(raw) == ["systems[0].modules: MistLocations_1 needs the module MistWebsocket_1 beside it"]

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("LISTEN", "x", "MISTLOCATE_LISTEN: expected HOST:PORT"),
            ("LOG_LEVEL", "loud", "MISTLOCATE_LOG_LEVEL: Input should be"),
        ],
    )
    def test_a_wrong_variable_is_named(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
    ) -> None:
        monkeypatch.setenv(f"MISTLOCATE_{name}", value)
        assert problems(good())[0].startswith(message)

    def test_other_variables_mean_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MISTLOCATE_ZONES", "x")
        assert len(load(good(), Path()).config.zones) == 2

    def test_a_module_at_an_impossible_address(self) -> None:
        raw = good()
        raw["systems"][0]["modules"][0]["uri"] = "http://127.0.0.1:99999"
        assert problems(raw) == ["systems[0].modules[0].uri: expected an address such as wss://HOST:PORT/PATH"]

    @pytest.mark.parametrize("mappings", [{"m1 => building": "zone-b"}, "m1 => {}", {"m1": "building => zone-b"}])
    def test_a_pasted_arrow_that_is_still_yaml(self, mappings: Any) -> None:
        raw = good()
        raw["systems"][0]["modules"][1]["settings"]["floorplan_mappings"] = mappings
        assert "write ':' instead of '=>'" in problems(raw)[0]

    def test_doubled_names(self) -> None:
        raw = good()
        raw["zones"].append({"id": "zone-b", "name": "again"})
        raw["systems"].append({"id": "sys-1"})
        found = problems(raw)
        assert "zones: 'zone-b' is there twice" in found
        assert "systems: 'sys-1' is there twice" in found

    def test_a_zone_in_itself(self) -> None:
        raw = good()
        raw["zones"][0]["parent"] = "zone-1"
        assert any("lies in itself" in each for each in problems(raw))

    @pytest.mark.parametrize("listen", ["", "x", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:99999"])
    def test_addresses(self, listen: str) -> None:
        assert "HOST:PORT" in problems({**good(), "listen": listen})[0]

    def test_a_key_that_is_no_hash_says_how_to_make_one(self) -> None:
        found = problems({**good(), "api_keys": [{"name": "a", "hash": "my-password"}]})
        assert "mistlocate key" in found[0]
        assert "my-password" not in found[0]

    @pytest.mark.parametrize(
        "raw",
        [
            {"systems": "x"},
            {"systems": [None]},
            {"systems": [{"id": "a", "modules": "x"}]},
            {"zones": 5},
            {"systems": [{"id": "a", "modules": [{"driver": []}]}]},
        ],
    )
    def test_shapes_that_make_no_sense(self, raw: dict[str, Any]) -> None:
        assert problems(raw)


class TestText:
    def test_a_pasted_hash_arrow(self) -> None:
        found = text_problems(
            """
            systems:
              - id: sys-1
                modules:
                  - driver: MistLocations
                    settings: { floorplan_mappings: { "m1" => { "building": "zone-b" } } }
            """
        )
        assert "write ':' instead of '=>'" in found
        assert "line 6" in found

    def test_tabs(self) -> None:
        assert "spaces, not with tabs" in text_problems("zones:\n\t- id: a\n")

    def test_the_same_key_twice(self) -> None:
        assert "'m1' is there twice" in text_problems("a:\n  m1: {x: 1}\n  m2: {}\n  m1: {x: 2}\n")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: &a\n  b: *a\n", "line 1, column 4: an alias stands for something that it is part of"),
            ("[" * 3000, "nested deeper than the 50 levels"),
            ("a: " + "[" * 60 + "]" * 60, "nested deeper than the 50 levels"),
            ("a: " + "9" * 5000, "line 1, column 4: 9999"),
            ("a: !!timestamp x", "cannot be read as a value"),
            ('a: "\\U99999999"', "not readable as YAML"),
            ("1: 2", "line 1, column 1: the key 1 is no text: a key must be text"),
            ("~: 2", "a key must be text"),
            ("? [a]\n: 2\n", "a key must be text"),
            ("systems: [{modules: [{settings: {1: 2}}]}]", "line 1, column 34: the key 1 is no text"),
        ],
    )
    def test_yaml_that_no_settings_can_be(self, text: str, message: str) -> None:
        with pytest.raises(SettingsError) as raised:
            load_text(text, Path())
        assert message in str(raised.value)
        assert len(raised.value.problems) == 1

    def test_aliases_do_not_multiply_without_bound(self) -> None:
        levels = "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in itertools.pairwise("abcdef"))
        assert "aliases written out" in text_problems(f"a: &a [x]\n{levels}zones: [*f, *f]\n")

    def test_dates_and_merged_mappings_are_what_they_look_like(self) -> None:
        text = "zones:\n  - &z {id: a, name: 2024-13-45}\n  - {<<: *z, id: b}\n"
        assert [zone.name for zone in load_text(text, Path()).config.zones] == ["2024-13-45"] * 2

    @pytest.mark.parametrize("text", ["", "- a\n", "7"])
    def test_not_a_mapping(self, text: str) -> None:
        assert "expected keys such as zones" in text_problems(text)

    def test_files(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="mistlocate init") as raised:
            load_file(tmp_path / "missing.yaml")
        assert raised.value.where == str(tmp_path / "missing.yaml")
        (tmp_path / "x.yaml").write_bytes(b"\xff\xfe")
        with pytest.raises(SettingsError, match="UTF-8"):
            load_file(tmp_path / "x.yaml")


@pytest.mark.parametrize("key", ["listen.x", "zones.0", ".", "a.b.c"])
def test_a_key_with_a_dot_is_a_problem_like_any_other(key: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such key"):
        load({key: "x"}, tmp_path)


@pytest.mark.parametrize("proxies", [["proxy.example.com"], ["10.0.0.1/8"], [""]])
def test_proxies_are_addresses(proxies: list[str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not an address or a network"):
        load({"trusted_proxies": proxies}, tmp_path)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (FileNotFoundError(2, "No such file or directory"), "mistlocate init"),
        (PermissionError(13, "Permission denied"), "allowed to read it"),
        (IsADirectoryError(21, "Is a directory"), "name a settings file"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "save it as UTF-8"),
    ],
)
def test_a_file_that_is_there_and_cannot_be_read_is_not_to_be_made(
    error: Exception, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr(Path, "read_text", fails)
    with pytest.raises(SettingsError, match=says):
        load_file(Path("settings.yaml"))
