from pathlib import Path

import pytest

from mistlocate import yamltext
from mistlocate.engines.embedded.config import Loaded, load_file
from mistlocate.engines.embedded.exposure import exposed_files


def made(folder: Path, mode: int, **settings: str) -> Loaded:
    modules = [{"driver": "MistWebsocket", "settings": {"site_id": "site", **settings}}]
    path = folder / "settings.yaml"
    path.write_text(yamltext.dumps({"systems": [{"id": "sys", "modules": modules}]}))
    path.chmod(mode)
    return load_file(path)


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o400, 0), (0o644, 1), (0o640, 1), (0o604, 1)])
def test_a_settings_file_with_a_token(tmp_path: Path, mode: int, count: int) -> None:
    found = exposed_files(made(tmp_path, mode, api_token="sesame-sesame"))
    assert len(found) == count
    assert all(f"chmod 600 {tmp_path / 'settings.yaml'}" == each.hint for each in found)


def test_one_that_only_refers_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "sesame-sesame")
    assert exposed_files(made(tmp_path, 0o644, api_token="${THE_TOKEN}")) == []


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o644, 1)])
def test_a_file_that_settings_name(tmp_path: Path, mode: int, count: int) -> None:
    token = tmp_path / "token"
    token.write_text("sesame")
    token.chmod(mode)
    found = exposed_files(made(tmp_path, 0o644, api_token_file="token"))
    assert [each.path for each in found] == ["systems[0].modules[0].settings.api_token_file"] * count


def test_one_that_is_not_there_is_somebody_elses_trouble(tmp_path: Path) -> None:
    assert exposed_files(made(tmp_path, 0o644, api_token_file="nowhere")) == []
