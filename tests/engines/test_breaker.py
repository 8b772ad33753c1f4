"""The breaker: it opens after five failures in a row, lets one try through after ten seconds, closes on success."""

from __future__ import annotations

import pytest

from hanlin.engines.breaker import Breaker
from hanlin.errors import NotServing


def test_four_failures_or_a_success_between_leave_it_closed() -> None:
    breaker = Breaker(lambda: 0.0)
    for failed in (True, True, True, True, False, True, True, True, True):
        breaker.record(failed=failed)
        breaker.admit()


def test_the_fifth_failure_opens_it_and_says_how_long() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(5):
        breaker.record(failed=True)
    now[0] = 4.0
    with pytest.raises(NotServing, match=r"it rests for 6 s\. Try again then\."):
        breaker.admit()


def test_after_ten_seconds_one_request_tries_and_its_failure_opens_it_again() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(5):
        breaker.record(failed=True)
    now[0] = 10.0
    breaker.admit()
    with pytest.raises(NotServing):
        breaker.admit()
    breaker.record(failed=True)
    now[0] = 19.9
    with pytest.raises(NotServing):
        breaker.admit()
    now[0] = 20.0
    breaker.admit()
    breaker.record(failed=False)
    breaker.admit()
    breaker.admit()
