"""The reference says what the code says: settings, endpoints, error codes, events. A mismatch prints what is right."""

from __future__ import annotations

import re

import pytest

from hanlin.audit import Event
from hanlin.cli import main
from hanlin.cli.config import help_texts
from hanlin.settings import Settings
from tests.reference import ROOT, api_table, application, error_codes, first_column, settings_table


def page(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_the_table_of_settings_is_that_of_the_code() -> None:
    rows = [line for line in page("settings.md").splitlines() if line.startswith("|")]
    assert rows == settings_table()


def test_every_setting_says_what_it_is() -> None:
    for name, text in help_texts().items():
        assert re.match(r"[A-Z0-9a-z].{10,}\.\Z", text), name


def test_every_setting_is_used() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "hanlin").rglob("*.py"))
    for name in Settings.__struct_fields__:
        assert re.search(rf"\b(settings|self)\.{name}\b", code), name


def test_hanlin_config_prints_every_setting_and_where_it_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("HANLIN_PORT", "8123")
    monkeypatch.setenv("HANLIN_MASTER_KEY", "0123456789abcdef" * 4)
    assert main(["config"]) == 0
    printed = capsys.readouterr().out
    for name, text in help_texts().items():
        assert f"\n{name} = " in f"\n{printed}"
        assert text in printed
    assert "port = 8123   # from HANLIN_PORT" in printed
    assert 'language = "en"   # from default' in printed
    assert "0123456789abcdef" not in printed


def test_the_table_of_endpoints_is_that_of_the_code() -> None:
    rows = [line for line in page("api.md").splitlines() if re.match(r"\| `[A-Z]+ /api/", line)]
    assert rows == api_table(application())[2:]


def test_every_error_code_is_explained_with_its_status() -> None:
    told = {code: row.split("|")[2].strip() for code, row in first_column("errors.md").items()}
    assert told == {code: ", ".join(map(str, sorted(statuses))) for code, statuses in error_codes().items()}


def test_every_event_of_the_record_is_explained() -> None:
    assert set(first_column("events.md")) == {event.value for event in Event}
