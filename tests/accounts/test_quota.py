"""No more than the limits, ever; and never less than was settled."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.accounts import Limits, Quota, Window
from hanlin.accounts import quota as module
from hanlin.errors import TooMany
from hanlin.types import Actor, Role
from tests.accounts.conftest import Clock


def actor(key: str, workspace: str = "ws_1") -> Actor:
    return Actor("per_1", workspace, Role.MEMBER, frozenset(), key=key)


@dataclass
class World:
    """A quota on clocks that a test moves."""

    limits: dict[str, Limits] = field(default_factory=dict)
    seconds: Clock = field(default_factory=lambda: Clock(1000.0))
    date: Clock = field(default_factory=lambda: Clock(1_790_000_000.0))

    def quota(self, **bounds: int) -> Quota:
        return Quota(self.limits, monotonic=self.seconds, clock=self.date, **bounds)

    def move(self, seconds: float) -> None:
        self.seconds.now += seconds
        self.date.now += seconds


def refused(quota: Quota, who: Actor, tokens: int) -> TooMany:
    with pytest.raises(TooMany) as error:
        quota.reserve(who, tokens)
    return error.value


def test_requests_flow_in_at_the_keys_rate() -> None:
    world = World(limits={"key_b": Limits(requests_per_minute=2)})
    quota = world.quota(requests_per_minute=60)
    for _ in range(60):
        quota.reserve(actor("key_a"), 1)
    error = refused(quota, actor("key_a"), 1)
    assert (error.code, round(error.retry_after_seconds, 3)) == ("rate_limit_exceeded", 1)
    for _ in range(2):
        quota.reserve(actor("key_b"), 1)
    assert round(refused(quota, actor("key_b"), 1).retry_after_seconds, 3) == 30
    world.move(1.001)
    quota.reserve(actor("key_a"), 1)
    refused(quota, actor("key_b"), 1)


def test_a_session_has_its_own_rate() -> None:
    quota = World().quota(requests_per_minute=1)
    for name in ("ses_1", "ses_2"):
        quota.reserve(Actor("per_1", "ws_1", Role.MEMBER, frozenset(), session=name), 1)


def test_tokens_a_minute_are_the_workspaces_together() -> None:
    world = World()
    quota = world.quota(tokens_per_minute=1000)
    quota.reserve(actor("key_a"), 600)
    error = refused(quota, actor("key_b"), 600)
    assert (error.code, round(error.retry_after_seconds, 3)) == ("rate_limit_exceeded", 12)
    quota.reserve(actor("key_c", "ws_2"), 1000)
    assert "more than the 1000 a minute" in refused(quota, actor("key_c", "ws_2"), 1001).message
    world.move(12.001)
    quota.reserve(actor("key_b"), 600)


def test_tokens_a_day_end_at_midnight_utc_and_say_insufficient_quota() -> None:
    world = World(limits={"key_a": Limits(tokens_per_day=100)})
    quota = world.quota(tokens_per_day=1000)
    quota.settle(quota.reserve(actor("key_a"), 100), 100)
    error = refused(quota, actor("key_a"), 1)
    assert error.code == "insufficient_quota"
    assert error.retry_after_seconds == 86_400 - world.date.now % 86_400
    quota.settle(quota.reserve(actor("key_b"), 900), 900)
    assert "the workspace" in refused(quota, actor("key_b"), 1).message
    world.move(error.retry_after_seconds)
    quota.reserve(actor("key_a"), 100)


def test_an_answer_that_runs_over_midnight_gives_nothing_to_the_new_day() -> None:
    world = World()
    quota = world.quota(tokens_per_day=100)
    held = quota.reserve(actor("key_a"), 100)
    world.move(86_400)
    quota.reserve(actor("key_a"), 100)
    quota.settle(held, 0)
    assert refused(quota, actor("key_a"), 1).code == "insufficient_quota"


def test_a_key_can_have_its_own_tokens_a_minute() -> None:
    quota = World(limits={"key_a": Limits(tokens_per_minute=50)}).quota(tokens_per_minute=1000)
    quota.reserve(actor("key_a"), 40)
    assert "this key" in refused(quota, actor("key_a"), 11).message
    quota.reserve(actor("key_b"), 900)


def test_a_wall_clock_set_back_or_forward_changes_no_rate() -> None:
    world = World()
    quota = world.quota(requests_per_minute=1)
    quota.reserve(actor("key_a"), 1)
    for seconds in (-3600, 3600 * 24 * 365):
        world.date.now += seconds
        assert refused(quota, actor("key_a"), 1).code == "rate_limit_exceeded"


def test_answers_at_once_are_bounded_for_the_server() -> None:
    quota = World().quota(concurrent_generations=2)
    first = quota.reserve(actor("key_a"), 1)
    quota.reserve(actor("key_b", "ws_2"), 1)
    assert refused(quota, actor("key_c", "ws_3"), 1).code == "rate_limit_exceeded"
    quota.settle(first, 1)
    quota.settle(first, 1)
    quota.reserve(actor("key_c", "ws_3"), 1)
    refused(quota, actor("key_d", "ws_4"), 1)


def test_what_is_refused_takes_nothing() -> None:
    world = World(limits={"key_a": Limits(tokens_per_day=10)})
    quota = world.quota()
    before = quota.limits(actor("key_a"))
    refused(quota, actor("key_a"), 11)
    assert quota.limits(actor("key_a")) == before
    assert quota.running == 0


def test_unused_tokens_come_back_and_overuse_is_owed() -> None:
    world = World()
    quota = world.quota(tokens_per_minute=1000, requests_per_minute=10)
    held = quota.reserve(actor("key_a"), 900)
    assert quota.limits(actor("key_a")).tokens == Window(1000, 100, 54.0)
    quota.settle(held, 100)
    assert quota.limits(actor("key_a")).tokens.remaining == 900
    assert quota.limits(actor("key_a")).requests == Window(10, 9, 6.0)
    quota.settle(quota.reserve(actor("key_a"), 900), 1500)
    assert quota.limits(actor("key_a")).tokens.remaining == 0
    assert round(refused(quota, actor("key_a"), 1).retry_after_seconds, 2) == 36.06


def test_the_tighter_of_key_and_workspace_is_told() -> None:
    quota = World(limits={"key_a": Limits(tokens_per_minute=50)}).quota(tokens_per_minute=1000)
    assert quota.limits(actor("key_a")).tokens == Window(50, 50, 0.0)


def test_new_limits_hold_from_the_next_request() -> None:
    world = World()
    quota = world.quota()
    quota.reserve(actor("key_a"), 100)
    world.limits["key_a"] = Limits(tokens_per_day=150)
    assert refused(quota, actor("key_a"), 100).code == "insufficient_quota"


def test_use_before_the_start_counts() -> None:
    quota = World(limits={"key_a": Limits(tokens_per_day=100)}).quota(tokens_per_day=1000)
    quota.seed("key_a", 90)
    quota.seed("ws_1", 950)
    refused(quota, actor("key_a"), 20)
    refused(quota, actor("key_b"), 60)
    quota.reserve(actor("key_b"), 50)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUDGETS", 10)
    world = World()
    quota = world.quota()
    for number in range(100):
        quota.settle(quota.reserve(actor(f"key_{number}"), 10), 10)
        world.move(60)
    assert len(quota._budgets) <= 10


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(0, 2), st.integers(0, 120)),
        st.tuples(st.just("settle"), st.integers(0, 30), st.floats(0, 1)),
        st.tuples(st.just("wait"), st.floats(0, 90), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_never_more_than_the_limits_whatever_happens(steps: list[tuple[str, float, float]]) -> None:
    """Over any sequence: admitted <= bucket + inflow; running <= bound; the day's use <= the day's limit."""
    world = World(date=Clock(86_400.0 * 20_000))
    quota = world.quota(requests_per_minute=6, tokens_per_minute=100, tokens_per_day=300, concurrent_generations=4)
    start = world.seconds.now
    requests = [0, 0, 0]
    taken: list[list[float]] = []
    open_reservations: list[tuple[module.Reservation, int]] = []
    settled: list[module.Reservation] = []
    for step, first, second in steps:
        if step == "wait":
            world.move(first)
        elif step == "reserve":
            try:
                reservation = quota.reserve(actor(f"key_{int(first)}"), int(second))
            except TooMany:
                continue
            requests[int(first)] += 1
            taken.append([reservation.day, second])
            open_reservations.append((reservation, len(taken) - 1))
        elif open_reservations:
            reservation, index = open_reservations.pop(int(first) % len(open_reservations))
            used = int(second * reservation.tokens)
            quota.settle(reservation, used)
            taken[index][1] = used
            settled.append(reservation)
        for reservation in settled:
            quota.settle(reservation, 0)
        minutes = (world.seconds.now - start) / 60
        assert all(count <= 6 + 6 * minutes + 1e-6 for count in requests)
        assert sum(tokens for _, tokens in taken) <= 100 + 100 * minutes + 1e-6
        for day in {day for day, _ in taken}:
            assert sum(tokens for on, tokens in taken if on == day) <= 300
        assert quota.running == len(open_reservations) <= 4
