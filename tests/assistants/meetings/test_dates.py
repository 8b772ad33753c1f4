"""Days that are named in a meeting, counted from its own: Tuesday, 24 November 2026."""

from __future__ import annotations

from datetime import date

import pytest

from hanlin.assistants.meetings.dates import due

DAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("by tomorrow morning", "2026-11-25"),
        ("the day after tomorrow", "2026-11-26"),
        ("on Friday", "2026-11-27"),
        ("by Tuesday", "2026-12-01"),
        ("next Monday", "2026-11-30"),
        ("next week", "2026-12-01"),
        ("in two weeks", "2026-12-08"),
        ("within 3 days", "2026-11-27"),
        ("by the end of the week", "2026-11-27"),
        ("end of next month", "2026-12-31"),
        ("before December 5th", "2026-12-05"),
        ("the 3rd of January", "2027-01-03"),
        ("March 1, 2028", "2028-03-01"),
        ("2026-12-24", "2026-12-24"),
        ("end of the year", "2026-12-31"),
        ("明天下午", "2026-11-25"),
        ("后天", "2026-11-26"),
        ("大后天", "2026-11-27"),
        ("周五之前", "2026-11-27"),
        ("周一", "2026-11-30"),
        ("下周三", "2026-12-02"),
        ("下下周一", "2026-12-07"),
        ("这周日", "2026-11-29"),
        ("十二月五号", "2026-12-05"),
        ("12月25日", "2026-12-25"),
        ("2027年1月3日", "2027-01-03"),
        ("月底", "2026-11-30"),
        ("下个月底", "2026-12-31"),
        ("三天内", "2026-11-27"),
        ("两周后", "2026-12-08"),
        ("年底", "2026-12-31"),
    ],
)
def test_a_named_day_is_found(phrase: str, expected: str) -> None:
    assert due(phrase, DAY) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    "phrase", ["", "soon", "as soon as possible", "尽快", "2026-02-31", "13月40日", "may be", "9999-99-99"]
)
def test_what_names_no_day_is_none(phrase: str) -> None:
    assert due(phrase, DAY) is None
