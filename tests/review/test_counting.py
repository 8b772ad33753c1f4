"""Counting, against a list of everything that happened."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hanlin.review.counting import Account

DAY_MS = 86_400_000
STEPS = st.lists(st.tuples(st.sampled_from(["refused", "passed", "answered"]), st.integers(1, DAY_MS)), max_size=40)


def row_of(past: list[tuple[str, int]]) -> int:
    """How many were refused since something else happened."""
    return next((number for number, (what, _) in enumerate(reversed(past)) if what != "refused"), len(past))


def day_of(past: list[tuple[str, int]], now: int) -> int:
    """How many were refused today since a sanction or case answered them."""
    answered = max((at for what, at in past if what == "answered"), default=0)
    return sum(what == "refused" and at > answered and at // DAY_MS == now // DAY_MS for what, at in past)


@given(STEPS)
def test_a_row_and_a_day_are_counted_as_by_hand(steps: list[tuple[str, int]]) -> None:
    account, now = Account(), 20_000 * DAY_MS
    past: list[tuple[str, int]] = []
    for number, (what, pause) in enumerate(steps):
        now += pause
        past.append((what, now))
        if what == "refused":
            account.attempts[str(number)] = now
        elif what == "passed":
            account.clean_ms = now
        else:
            account.spent_ms = now
            account.forget(0)
        assert len(account.row()) == row_of(past)
        assert len(account.day(now)) == day_of(past, now)
