"""What was saved at run time lies over the file, as far as it fits: as the host of a module does it."""

from pathlib import Path
from typing import Any

from mistlocate.engines.embedded.config import load
from mistlocate.engines.embedded.overlaid import Overlaid, overlaid
from mistlocate.engines.embedded.saved import Saved

FILE = {"api_token": "sesame", "site_id": "ea57dcee-516a-5fde-abca-aa9b6f371622", "forget_after": 60}
OBJECTIONS = {"key": "0" * 64, "revision": 1, "opted_out": []}


def laid(tmp_path: Path, of: str = "m", **saved: Any) -> Overlaid:
    modules = [{"driver": "MistWebsocket", "id": "m", "settings": FILE}]
    (spec,) = load({"systems": [{"id": "sys", "modules": modules}]}, tmp_path).modules
    return overlaid(spec, [Saved(of, name, value, frozenset()) for name, value in saved.items()])


def test_what_was_saved_outranks_the_file(tmp_path: Path) -> None:
    found = laid(tmp_path, forget_after=90, objections=OBJECTIONS)
    assert found.spec.settings == {**FILE, "forget_after": 90, "objections": OBJECTIONS}
    assert found.over == ("forget_after",), "what the module keeps itself is in no file"
    assert (found.left_out, found.damaged, found.runs) == ((), (), True)


def test_what_was_saved_for_others_does_not_count(tmp_path: Path) -> None:
    found = laid(tmp_path, of="other", forget_after=90)
    assert (found.spec.settings, found.over) == (FILE, ())


def test_what_does_not_fit_is_left_out_with_the_rest_but_not_what_must_last(tmp_path: Path) -> None:
    found = laid(tmp_path, forget_after=90, site_id="wanda?", objections=OBJECTIONS)
    assert found.spec.settings == {**FILE, "objections": OBJECTIONS}
    assert (found.over, found.left_out, found.runs) == ((), ("forget_after", "site_id"), True)
    assert [problem.path for problem in found.problems] == ["site_id"]
    assert "wanda" not in str(found.problems)


def test_where_what_must_last_does_not_fit_the_module_does_not_run(tmp_path: Path) -> None:
    found = laid(tmp_path, forget_after=90, objections="wanda")
    assert (found.spec.settings, found.runs) == (FILE, False)


def test_what_is_damaged_is_told_apart(tmp_path: Path) -> None:
    found = laid(tmp_path, forget_after=90, publish_interval=None)
    assert (found.over, found.damaged) == (("forget_after",), ("publish_interval",))
    assert found.spec.settings["forget_after"] == 90
