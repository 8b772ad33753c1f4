"""How good a detector is, with intervals: rates, the ROC curve and the area under it."""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_Z95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""


class Rate(Struct, frozen=True):
    """A share of cases, with its 95 % Wilson interval; of no cases, NaN in the interval from 0 to 1."""

    count: int
    of: int
    value: float
    low: float
    high: float


def rate(count: int, of: int) -> Rate:
    return Rate(count, of, count / of if of else math.nan, *wilson(count, of))


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a binomial share (Wilson, JASA 22, 1927). 900 of 1,000: 0.880 to 0.917."""
    if not of:
        return 0.0, 1.0
    share = count / of
    squared = _Z95**2 / of
    middle = share + squared / 2
    half = _Z95 * math.sqrt(share * (1 - share) / of + squared / (4 * of))
    return max(0.0, (middle - half) / (1 + squared)), min(1.0, (middle + half) / (1 + squared))


class Outcome(Struct, frozen=True):
    """What is right and wrong at one threshold."""

    accuracy: Rate
    precision: Rate
    """Of what was found, what should be."""
    recall: Rate
    """Of what should be found, what was."""
    false_rate: Rate
    """Of what should not be found, what was."""


def outcome(scores: ArrayLike, labels: ArrayLike, threshold: float) -> Outcome:
    """Every rate of finding what scores at least the threshold. Raises ValueError as `roc` does."""
    values, truth = _checked(scores, labels)
    found = values >= threshold
    right, positive = int((found & truth).sum()), int(truth.sum())
    return Outcome(
        accuracy=rate(int((found == truth).sum()), len(values)),
        precision=rate(right, int(found.sum())),
        recall=rate(right, positive),
        false_rate=rate(int(found.sum()) - right, len(values) - positive),
    )


class Roc(Struct, frozen=True):
    """Points of the curve by falling threshold, from (0, 0) to (1, 1); a case is found from its threshold up."""

    thresholds: Floats
    true_rates: Floats
    false_rates: Floats


def roc(scores: ArrayLike, labels: ArrayLike) -> Roc:
    """The curve of scores against labels (true = should be found). Raises ValueError when either kind is missing."""
    values, truth = _checked(scores, labels)
    order = np.argsort(-values, kind="stable")
    values, truth = values[order], truth[order]
    # Equal scores are one point: no threshold tells them apart.
    ends = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    found, wrong = np.cumsum(truth)[ends], np.cumsum(~truth)[ends]
    return Roc(
        np.concatenate([[np.inf], values[ends]]),
        np.concatenate([[0.0], found / found[-1]]),
        np.concatenate([[0.0], wrong / wrong[-1]]),
    )


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """The chance that a case with the label has the higher score; a tie counts half (Mann and Whitney 1947)."""
    values, truth = _checked(scores, labels)
    positive = int(truth.sum())
    ranks = _midranks(values)[truth].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * (len(values) - positive)))


def auc_interval(scores: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """The 95 % interval of `auc` by DeLong's variance (Biometrics 44, 1988), on the logit: it stays within 0 to 1."""
    values, truth = _checked(scores, labels)
    area = auc(values, truth)
    if area in {0.0, 1.0}:
        return area, area
    above, below = values[truth], values[~truth]
    ranks = _midranks(values)
    of_above = (ranks[truth] - _midranks(above)) / len(below)
    of_below = 1 - (ranks[~truth] - _midranks(below)) / len(above)
    variance = _variance(of_above) / len(above) + _variance(of_below) / len(below)
    half = _Z95 * math.sqrt(variance) / (area * (1 - area))
    logit = math.log(area / (1 - area))
    return 1 / (1 + math.exp(half - logit)), 1 / (1 + math.exp(-half - logit))


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.bool_)
    if values.shape != truth.shape or values.ndim != 1:
        raise ValueError(f"Expected one label a score, got shapes {values.shape} and {truth.shape}.")
    if truth.all() or not truth.any():
        raise ValueError(f"Expected cases with and without the label, got {int(truth.sum())} with of {len(truth)}.")
    if not np.isfinite(values).all():
        raise ValueError("Expected finite scores.")
    return values, truth


def _midranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0
