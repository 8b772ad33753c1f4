"""What a shipped classifier was measured to do on texts it was not trained on: counts of scores, none of the texts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

BINS = 200
"""Scores are counted by this many equal parts of 0 to 1; the area under the ROC curve moves by less than 0.0005."""


class Measured(Struct, frozen=True, forbid_unknown_fields=True):
    """One set of labelled texts."""

    source: str
    labelled_by: str
    offensive: list[int]
    """How many such texts have a score in each bin, the lowest first."""
    other: list[int]
    part: str = ""
    """What kind of the other texts, when this set tells of one kind only; `offensive` is empty then."""

    def scores(self) -> NDArray[np.float64]:
        """The middles of the bins, as often as counted: first of the offensive texts, then of the others."""
        middles = (np.arange(BINS) + 0.5) / BINS
        return np.concatenate([np.repeat(middles, counts or [0] * BINS) for counts in (self.offensive, self.other)])

    def labels(self) -> NDArray[np.bool_]:
        return np.repeat([True, False], [sum(self.offensive), sum(self.other)])


class Card(Struct, frozen=True, forbid_unknown_fields=True):
    """The measurements of one classifier."""

    version: str
    """Of the classifier that was measured."""
    sets: tuple[Measured, ...]


def count(scores: ArrayLike) -> list[int]:
    """How many scores lie in each bin."""
    return [int(number) for number in np.histogram(scores, bins=BINS, range=(0, 1))[0]]


def read(name: str) -> Card:
    """The measurements of the named shipped classifier."""
    return msgspec.json.decode(Path(__file__).with_name(f"{name}.measured.json").read_bytes(), type=Card)
