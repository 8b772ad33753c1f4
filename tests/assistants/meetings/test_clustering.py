"""Windows of one voice get one number, however long the recording is."""

from __future__ import annotations

import numpy as np
import pytest

from hanlin.assistants.meetings.clustering import BLOCK, Matrix, clustered
from hanlin.assistants.meetings.cutting import PIECE_SECONDS, pieces, windows


def voices(labels: list[int], noise: float = 0.02) -> Matrix:
    """Vectors of 64 dimensions near a direction of each voice."""
    random = np.random.default_rng(5)
    directions = random.normal(size=(max(labels) + 1, 64))
    rows = directions[labels] / np.linalg.norm(directions[labels], axis=1)[:, None] + random.normal(
        0, noise, (len(labels), 64)
    )
    return np.asarray(rows / np.linalg.norm(rows, axis=1)[:, None], np.float32)


@pytest.mark.parametrize("turns", [[0, 0, 1, 1, 0, 2], [0], [0, 1], []])
def test_voices_are_numbered_in_the_order_in_which_they_speak(turns: list[int]) -> None:
    assert clustered(voices(turns)).tolist() if turns else clustered(np.zeros((0, 64), np.float32)).tolist() == turns
    if turns:
        assert clustered(voices(turns)).tolist() == turns


def test_a_number_of_voices_that_is_given_is_kept_to() -> None:
    rows = voices([0, 0, 1, 1, 2, 2])
    assert len(set(clustered(rows, voices=2).tolist())) == 2
    assert len(set(clustered(rows, voices=3).tolist())) == 3


def test_a_recording_of_many_blocks_keeps_its_voices_apart() -> None:
    labels = [n // 50 % 4 for n in range(BLOCK * 5 + 17)]
    assert clustered(voices(labels)).tolist() == labels


def test_pieces_are_cut_at_silences_and_hold_all_speech() -> None:
    speech = [(0.5, 90.0), (95.0, 178.0), (180.2, 181.0), (400.0, 410.0), (500.0, 1000.0)]
    cut = pieces(speech)
    assert [(piece.start_seconds, piece.end_seconds) for piece in cut][:3] == [
        (0.5, 178.0),
        (180.2, 181.0),
        (400.0, 410.0),
    ]
    assert all(piece.end_seconds - piece.start_seconds <= PIECE_SECONDS for piece in cut)
    assert sum(b - a for piece in cut for a, b in piece.speech) == pytest.approx(sum(b - a for a, b in speech))


def test_windows_cover_speech_and_nothing_else() -> None:
    found = windows([(0.0, 0.2), (1.0, 2.0), (3.0, 6.1)])
    assert found[0] == (1.0, 2.0)
    assert found[1] == (3.0, 4.6)
    assert found[-1][1] == pytest.approx(6.1)
    assert all(start >= 1.0 and end <= 6.1 for start, end in found)
