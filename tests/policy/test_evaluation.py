"""Rates, intervals and curves against published values and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.policy.evaluation import auc, auc_interval, outcome, rate, roc, wilson

CASES = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=60).filter(
    lambda cases: len({label for _, label in cases}) == 2
)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(900, 1000, 0.880, 0.917), (285, 300, 0.919, 0.9695), (15, 300, 0.031, 0.081), (0, 10, 0.0, 0.278), (0, 0, 0, 1)],
)
def test_wilson_gives_the_published_intervals(count: int, of: int, low: float, high: float) -> None:
    """The first three are the borders of the legal samples of TC260-003; 0 of 10 is Newcombe's (1998) example."""
    assert wilson(count, of) == pytest.approx((low, high), abs=5e-4)


def test_a_rate_of_nothing_is_unknown() -> None:
    nothing = rate(0, 0)
    assert math.isnan(nothing.value)
    assert (nothing.low, nothing.high) == (0.0, 1.0)


@given(CASES)
def test_the_area_is_the_chance_that_a_positive_case_scores_higher(cases: list[tuple[int, bool]]) -> None:
    scores, labels = zip(*cases, strict=True)
    above = [score for score, label in cases if label]
    below = [score for score, label in cases if not label]
    wins = sum((a > b) + (a == b) / 2 for a in above for b in below)
    assert auc(scores, labels) == pytest.approx(wins / (len(above) * len(below)))


@given(CASES)
def test_the_curve_has_that_area_and_never_falls(cases: list[tuple[int, bool]]) -> None:
    scores, labels = zip(*cases, strict=True)
    curve = roc(scores, labels)
    assert np.trapezoid(curve.true_rates, curve.false_rates) == pytest.approx(auc(scores, labels))
    assert (np.diff(curve.true_rates) >= 0).all()
    assert (np.diff(curve.false_rates) >= 0).all()
    assert (np.diff(curve.thresholds) < 0).all()
    assert (curve.true_rates[0], curve.false_rates[0]) == (0, 0)
    assert (curve.true_rates[-1], curve.false_rates[-1]) == (1, 1)


@given(CASES)
def test_an_interval_holds_its_area(cases: list[tuple[int, bool]]) -> None:
    scores, labels = zip(*cases, strict=True)
    low, high = auc_interval(scores, labels)
    assert 0 <= low <= auc(scores, labels) <= high <= 1


def test_the_interval_covers_the_true_area_about_as_often_as_it_says() -> None:
    """Normal scores one standard deviation apart have an area of 0.7602; 95 % of samples' intervals hold it."""
    generator = np.random.default_rng(1)
    labels = np.repeat([True, False], [60, 90])
    covered = 0
    for _ in range(400):
        low, high = auc_interval(generator.normal(labels.astype(float)), labels)
        covered += low <= 0.7602 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_an_outcome_counts_each_kind_of_right_and_wrong() -> None:
    found = outcome([0.9, 0.8, 0.5, 0.4, 0.1], [True, False, True, True, False], 0.5)
    counted = [(one.count, one.of) for one in (found.accuracy, found.precision, found.recall, found.false_rate)]
    assert counted == [(3, 5), (2, 3), (2, 3), (1, 2)]


@pytest.mark.parametrize(
    ("scores", "labels"), [([1.0], [True]), ([1.0, 2.0], [True]), ([math.nan, 1.0], [True, False]), ([], [])]
)
def test_what_has_no_curve_is_refused(scores: list[float], labels: list[bool]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        roc(scores, labels)
