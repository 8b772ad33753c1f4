"""Failures make the next try wait."""

import pytest

from hanlin.accounts.throttle import REMEMBERED, Throttle, network
from hanlin.errors import TooMany
from tests.accounts.conftest import Clock


def wait_of(throttle: Throttle, subject: str) -> float:
    try:
        throttle.check(subject)
    except TooMany as error:
        return error.retry_after_seconds
    return 0


def test_the_wait_doubles_up_to_a_minute_and_is_forgotten_after_a_quiet_quarter_hour() -> None:
    clock = Clock()
    throttle = Throttle(free=2, clock=clock)
    waits = []
    for _ in range(10):
        throttle.fail("x")
        waits.append(wait_of(throttle, "x"))
    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    clock.now += 900
    throttle.fail("x")
    assert wait_of(throttle, "x") == 0


def test_success_forgets_and_forgiving_takes_back_one() -> None:
    throttle = Throttle(free=2, clock=Clock())
    for _ in range(3):
        throttle.fail("x")
    throttle.forgive("x")
    assert wait_of(throttle, "x") == 1
    throttle.succeed("x")
    throttle.forgive("x")
    assert wait_of(throttle, "x") == 0


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    throttle = Throttle(free=1, clock=Clock())
    for number in range(REMEMBERED + 1):
        throttle.fail(str(number))
    assert wait_of(throttle, "0") == 0
    assert wait_of(throttle, "1") == 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_many_addresses_of_one_holder_count_as_one(address: str, expected: str) -> None:
    assert network(address) == expected
