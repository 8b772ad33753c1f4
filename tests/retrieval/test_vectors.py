"""The search by meaning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hanlin.errors import BadRequest, Conflict
from hanlin.retrieval.vectors import GROWTH_ROWS, VectorFile
from hanlin.types import Vectors


def unit(seed: int, count: int, dimensions: int = 16) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((count, dimensions)).astype("<f4")
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return Vectors(tuple(row.tobytes() for row in values), dimensions)


def test_the_nearest_of_the_owners_come_first(tmp_path: Path) -> None:
    file, vectors = VectorFile(tmp_path), unit(1, 40)
    rows = file.write(vectors)
    file.give(rows[:20], 5)
    file.give(rows[20:], -7)
    query = vectors.rows[30]
    scores = np.array([np.frombuffer(row, "<f4") for row in vectors.rows]) @ np.frombuffer(query, "<f4")
    assert file.nearest(np.array([5, -7]), query, 3)[0] == rows[30]
    assert list(file.nearest(np.array([5, -7]), query, 3)) == [rows[place] for place in np.argsort(-scores)[:3]]
    assert set(file.nearest(np.array([5]), query, 99)) == set(rows[:20])
    assert len(file.nearest(np.array([99]), query, 3)) == 0


def test_rows_outlive_the_process_and_those_of_nobody_are_overwritten(tmp_path: Path) -> None:
    vectors = unit(2, 3)
    rows = VectorFile(tmp_path).write(vectors)
    file = VectorFile(tmp_path)
    file.restore(rows[:1], np.array([5]))
    assert np.allclose(file.read(rows[:1])[0], np.frombuffer(vectors.rows[0], "<f4"), atol=0.01)
    assert not file.read(rows[1:]).any()


def test_released_rows_are_overwritten_and_used_again(tmp_path: Path) -> None:
    file = VectorFile(tmp_path)
    rows = file.write(unit(3, 10))
    file.give(rows, 5)
    file.release(rows[2:5])
    assert not file.read(rows[2:5]).any()
    assert list(file.write(unit(4, 3))) == list(rows[2:5])


def test_the_file_grows(tmp_path: Path) -> None:
    file = VectorFile(tmp_path)
    for seed in range(3):
        file.give(file.write(unit(seed, GROWTH_ROWS)), 5)
    wanted = unit(1, GROWTH_ROWS).rows[7]
    assert list(file.nearest(np.array([5]), wanted, 1)) == [GROWTH_ROWS + 7]


def test_other_dimensions_are_a_conflict_until_the_file_is_empty(tmp_path: Path) -> None:
    file = VectorFile(tmp_path)
    rows = file.write(unit(1, 2))
    file.give(rows, 5)
    with pytest.raises(Conflict, match="16 dimensions, got 8"):
        file.write(unit(1, 2, 8))
    assert len(file.nearest(np.array([5]), unit(1, 1, 8).rows[0], 1)) == 0
    file.release(rows)
    file.give(file.write(unit(1, 2, 8)), 5)
    assert len(file.nearest(np.array([5]), unit(1, 1, 8).rows[0], 1)) == 1


@pytest.mark.parametrize("row", [b"", bytes(60), np.full(16, np.nan, "<f4").tobytes()])
def test_a_vector_of_another_form_is_refused(tmp_path: Path, row: bytes) -> None:
    with pytest.raises(BadRequest):
        VectorFile(tmp_path).write(Vectors((row,), 16))
