"""Players seek by asking for bytes."""

from __future__ import annotations

import pytest

from hanlin.assistants.meetings.ranges import PART_BYTES, byte_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", (0, 1000)),
        ("bytes=0-99", (0, 100)),
        ("bytes=900-", (900, 1000)),
        ("bytes=-100", (900, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=500-9999", (500, 1000)),
        ("bytes=1000-", None),
        ("bytes=5-4", None),
        ("bytes=0-1,5-6", (0, 1000)),
        ("bytes=-", (0, 1000)),
        ("lines=1-2", (0, 1000)),
    ],
)
def test_a_range_is_what_is_asked_for_inside_the_file(header: str, expected: tuple[int, int] | None) -> None:
    assert byte_range(header, 1000) == expected


def test_an_open_range_gives_a_part() -> None:
    assert byte_range("bytes=10-", 10**9) == (10, 10 + PART_BYTES)
