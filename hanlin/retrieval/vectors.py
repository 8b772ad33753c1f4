"""The search by meaning: vectors in one file, compared with the query's one by one. To 100,000 that takes 15 ms.

A vector is kept as 8-bit numbers and the scale that its largest needs; on CMRC 2018 that finds the same passages as
32-bit numbers do, in a quarter of the memory. Which rows are whose is not written here: the index of words knows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanlin.errors import BadRequest, Conflict
from hanlin.types import Vectors

FREE = 0
"""Owner of a row that holds nothing."""
GROWTH_ROWS = 1024
BLOCK_ROWS = 2048
"""Compared at once: as 32-bit numbers they stay in the processor's cache."""

Rows = NDArray[np.int64]


class VectorFile:
    """One writer at a time; readers may go on. A row belongs to a space, named by a number other than 0."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owners = np.zeros(0, np.int64)
        self._stored: NDArray[Any] = np.zeros(0, _row_type(0))
        for path in folder.glob("vectors-*"):
            self._map(int(path.name.removeprefix("vectors-")))

    @property
    def dimensions(self) -> int:
        """0 before the first vector."""
        return int(self._stored.dtype["values"].shape[0])

    def restore(self, rows: Rows, owners: Rows) -> None:
        """Say at start which rows are whose. All others are overwritten: a crash may have come before that."""
        known = rows < len(self._owners)
        self._owners[:] = FREE
        self._owners[rows[known]] = owners[known]
        left = np.flatnonzero((self._owners == FREE) & self._stored["values"].any(axis=1))
        self.release(left)

    def write(self, vectors: Vectors) -> Rows:
        """Put vectors into free rows and make them durable; they are found once they are `give`n."""
        values = _values(vectors)
        self._fit(vectors.dimensions, len(values))
        rows = np.flatnonzero(self._owners == FREE)[: len(values)]
        scales = np.abs(values).max(axis=1) / 127
        self._stored["scale"][rows] = scales
        self._stored["values"][rows] = np.rint(values / np.maximum(scales, 1e-12)[:, None])
        self._flush()
        return rows

    def give(self, rows: Rows, owner: int) -> None:
        self._owners[rows] = owner

    def release(self, rows: Rows) -> None:
        """Overwrite rows, durably: what is erased is not to be read in the file."""
        if len(rows):
            self._owners[rows] = FREE
            self._stored[rows] = np.zeros((), self._stored.dtype)
            self._flush()

    def read(self, rows: Rows) -> NDArray[np.float32]:
        """The vectors of rows, as near as 8 bits keep them."""
        stored = self._stored[rows]
        return np.asarray(stored["values"] * stored["scale"][:, None], np.float32)

    def nearest(self, owners: Rows, vector: bytes, limit: int) -> Rows:
        """Rows of these owners, nearest first. None for a vector of other dimensions: it is of another model."""
        if not self.dimensions or len(vector) != self.dimensions * 4:
            return np.zeros(0, np.int64)
        known, stored = self._owners, self._stored
        rows = np.flatnonzero(np.isin(known, owners))
        scores = _scores(stored, rows, np.frombuffer(vector, "<f4"))
        if len(rows) > limit:
            best = np.argpartition(scores, -limit)[-limit:]
            rows, scores = rows[best], scores[best]
        return rows[np.argsort(-scores, kind="stable")]

    def _fit(self, dimensions: int, count: int) -> None:
        """Make room for so many more."""
        free = int((self._owners == FREE).sum())
        if dimensions != self.dimensions:
            if free < len(self._owners):
                raise Conflict(
                    f"The index holds vectors of {self.dimensions} dimensions, got {dimensions}.",
                    action="Remove all sources and index them anew with the new embedding model.",
                    code="other_dimensions",
                )
            self._start(dimensions)
            free = 0
        if count > free:
            self._grow(len(self._owners) + max(count - free, GROWTH_ROWS, len(self._owners) // 4))

    def _start(self, dimensions: int) -> None:
        for path in self._folder.glob("vectors-*"):
            path.unlink()
        self._path(dimensions).touch()
        self._map(dimensions)

    def _grow(self, count: int) -> None:
        owners = np.zeros(count, np.int64)
        owners[: len(self._owners)] = self._owners
        os.truncate(self._path(self.dimensions), count * self._stored.dtype.itemsize)
        self._map(self.dimensions)
        self._owners = owners

    def _map(self, dimensions: int) -> None:
        path, kind = self._path(dimensions), _row_type(dimensions)
        count = path.stat().st_size // kind.itemsize
        self._stored = np.memmap(path, kind, "r+", shape=(count,)) if count else np.zeros(0, kind)
        self._owners = np.zeros(count, np.int64)

    def _path(self, dimensions: int) -> Path:
        return self._folder / f"vectors-{dimensions}"

    def _flush(self) -> None:
        if isinstance(self._stored, np.memmap):
            self._stored.flush()


def _row_type(dimensions: int) -> np.dtype[Any]:
    return np.dtype([("scale", "<f4"), ("values", "i1", (dimensions,))])


def _values(vectors: Vectors) -> NDArray[np.float32]:
    if not vectors.rows or any(len(row) != vectors.dimensions * 4 for row in vectors.rows):
        raise BadRequest(f"Vectors of {vectors.dimensions} 32-bit numbers each were expected.", code="bad_vectors")
    values = np.frombuffer(b"".join(vectors.rows), "<f4").reshape(len(vectors.rows), vectors.dimensions)
    if not np.isfinite(values).all():
        raise BadRequest("A vector holds something that is no finite number.", code="bad_vectors")
    return values


def _scores(stored: NDArray[Any], rows: Rows, query: NDArray[np.float32]) -> NDArray[np.float32]:
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = stored[rows[start : start + BLOCK_ROWS]]
        scores[start : start + len(block)] = (block["values"].astype(np.float32) @ query) * block["scale"]
    return scores
