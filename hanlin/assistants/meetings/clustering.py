"""Which windows are of one voice: agglomerative clustering by average cosine distance, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

THRESHOLD = 0.35
"""Mean cosine distance up to which two groups are one voice. Measured on AMI by benchmarks/bench_meetings.py."""
TIGHT = 0.22
"""The same within one block: what is put together there is never taken apart."""
BLOCK = 600
"""Windows that are compared each with each (8 minutes of speech); of a longer recording, its blocks' groups are."""
MOST_VOICES = 20
LEAST_SHARE = 0.002
"""A group of a smaller share of all windows (7 s of an hour) is no voice but two at once: it goes to the nearest."""

Matrix = npt.NDArray[np.float32]
Sizes = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def clustered(vectors: Matrix, *, voices: int = 0, threshold: float = THRESHOLD) -> Labels:
    """A number from 0 for each vector (rows of length 1), in order of first appearance.

    `voices`: how many there are at most (a number kept to exactly tears long speakers apart where another says next to
    nothing); 0: as many as the threshold leaves, at most 20.
    """
    count = len(vectors)
    if count == 0:
        return np.zeros(0, np.int64)
    first = np.arange(count)
    if count > BLOCK:
        first = np.concatenate([_block(vectors[start : start + BLOCK], start) for start in range(0, count, BLOCK)])
    _, first = np.unique(first, return_inverse=True)
    sizes = np.bincount(first).astype(np.float64)
    sums = np.zeros((len(sizes), vectors.shape[1]))
    np.add.at(sums, first, vectors)
    groups = _Groups((sums / sizes[:, None]).astype(np.float32), sizes)
    groups.join(threshold)
    _settle(groups, voices or MOST_VOICES, LEAST_SHARE * count)
    return _numbered(groups.labels[first])


class _Groups:
    """Groups of windows, known by their means: the mean distance of two groups is one less their means' product, so
    that a join is a weighted mean (UPGMA).
    """

    def __init__(self, means: Matrix, sizes: Sizes) -> None:
        self.distance = (1 - means @ means.T).astype(np.float32)
        np.fill_diagonal(self.distance, np.inf)
        self.sizes = sizes.copy()
        self.labels = np.arange(len(means))

    @property
    def left(self) -> Labels:
        """The labels of the groups that are left."""
        return np.flatnonzero(self.sizes)

    def join(self, threshold: float) -> None:
        """Join the nearest two until none are nearer than the threshold."""
        while True:
            nearest = self.distance.min(axis=1)
            one = int(nearest.argmin())
            if nearest[one] > threshold:
                return
            self.put(int(self.distance[one].argmin()), one)

    def put(self, group: int, into: int) -> None:
        weights = self.sizes[[into, group]] / self.sizes[[into, group]].sum()
        mean = self.distance[into] * weights[0] + self.distance[group] * weights[1]
        mean[[into, group]] = np.inf
        self.distance[into], self.distance[:, into] = mean, mean
        self.distance[group], self.distance[:, group] = np.inf, np.inf
        self.sizes[into] += self.sizes[group]
        self.sizes[group] = 0
        self.labels[self.labels == group] = into

    def put_smallest(self) -> None:
        """Put the smallest group to the one it is nearest to."""
        smallest = int(self.left[self.sizes[self.left].argmin()])
        self.put(smallest, int(self.distance[smallest].argmin()))


def _settle(groups: _Groups, most: int, least_windows: float) -> None:
    """Groups that are too small, or too many, go to the nearest."""
    while len(left := groups.left) > 1 and (len(left) > most or groups.sizes[left].min() < least_windows):
        groups.put_smallest()


def _block(vectors: Matrix, start: int) -> Labels:
    """Groups of very like windows within one block, with labels of their own."""
    groups = _Groups(vectors, np.ones(len(vectors)))
    groups.join(TIGHT)
    return groups.labels + start


def _numbered(labels: Sequence[int] | Labels) -> Labels:
    """The same groups, numbered from 0 in the order in which they appear."""
    seen: dict[int, int] = {}
    return np.array([seen.setdefault(int(label), len(seen)) for label in labels], np.int64)
