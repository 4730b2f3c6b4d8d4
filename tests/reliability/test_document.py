from pathlib import Path

import pytest

from reliability.document import BEGIN, END, render, write

REPORT = {
    "date": "2026-01-02T03:04:05+00:00", "scale": 0.5, "machine": "2 processors", "seconds": 120,
    "commit": "0123456789", "version": "abc", "again": [{"date": "2026-01-03T00:00:00+00:00", "seconds": 90, "rows": ["b"]}],
    "rows": [
        {"id": "a", "area": "Faults", "claim": "c|d", "version": "abc", "limit": "≤ 5 s", "value": "4 s", "holds": True, "seconds": 60.0},
        {"id": "b", "area": "People", "claim": "e", "version": "old", "commit": None, "date": "2026-01-02", "limit": "0", "value": "1\nmore", "holds": False, "seconds": 60.0},
    ],
}  # fmt: skip


def test_every_row_is_told_with_its_figure() -> None:
    text = render(REPORT)
    assert (
        "1 of 2 rows hold. Measured on 2026-01-02 (commit 0123456789) with `SCALE=0.5`, in one run of 2.0 min" in text
    )
    assert "Measured again on 2026-01-03, in 1.5 minutes more: `b`." in text
    assert "`b` is of another version: 2026-01-02 (content old)." in text
    assert "(content abc)" in render({**REPORT, "commit": None})
    assert "| `a` | c\\|d | ≤ 5 s | 4 s | yes |" in text
    assert "### People" in text
    assert "| `b` | e | 0 | 1 more | **no** |" in text


def test_it_replaces_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nof yesterday\n{END}\nafter\n", encoding="utf-8")
    write(REPORT, page)
    write(REPORT, page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "of yesterday" not in text
    assert text.count("`a`") == 1


def test_a_page_without_a_place_is_said_so(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="no place for figures"):
        write(REPORT, page)


def test_a_report_that_does_not_say_of_what_it_is_is_not_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="of which version"):
        write({key: value for key, value in REPORT.items() if key != "version"}, page)
    assert page.read_text(encoding="utf-8") == f"{BEGIN}\n{END}\n"
