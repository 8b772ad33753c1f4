"""A sound is found again after codecs, resampling and cuts; another sound is not taken for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hanlin.labels.fingerprint import sound

RATE = 16000
SPEECH = Path(__file__).parents[3] / ".." / "shared" / "data" / "speech"


def notes(seconds: float, seed: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    heard = drawn.standard_normal(len(time)) * 0.01
    for start in np.arange(0, seconds, 0.25):
        sounding = slice(int(start * RATE), int((start + 1) * RATE))
        after = time[sounding] - start
        tone = 150 * 2 ** (drawn.integers(0, 24) / 12)
        for overtone in range(1, 7):
            heard[sounding] += np.exp(-after / 0.2) * np.sin(2 * np.pi * tone * overtone * after) / overtone / 10
    return heard[:, None].astype(np.float32)


def halved(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same sound at half the rate."""
    count = len(samples) // 2
    return np.asarray(np.fft.irfft(np.fft.rfft(samples, axis=0)[: count // 2 + 1], count, axis=0) / 2, np.float32)


def as_loud(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    louder: NDArray[np.float32] = np.clip(samples * 3, -1, 1)
    return louder


def with_noise(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    noise = np.random.default_rng(5).standard_normal(samples.shape) * samples.std() * 0.1
    return np.asarray(samples + noise, np.float32)


@pytest.mark.parametrize(
    ("change", "rate"),
    [(halved, RATE // 2), (as_loud, RATE), (with_noise, RATE), (lambda heard: np.repeat(heard, 2, axis=1), RATE)],
    ids=["8 kHz", "three times as loud and clipped", "noise at -20 dB", "stereo"],
)
def test_a_changed_cut_is_found_at_its_place(
    change: Callable[[NDArray[np.float32]], NDArray[np.float32]], rate: int
) -> None:
    kept = sound.fingerprint(notes(20, 1), RATE)
    asked = sound.fingerprint(change(notes(20, 1)[int(7.01 * RATE) : int(12.01 * RATE)]), rate)
    share, place = sound.similarity(kept, asked)
    assert share > sound.SIMILAR
    assert abs(place * sound.HOP_SECONDS - 7.01) < 2 * sound.HOP_SECONDS
    assert set(sound.keys(kept)) & set(sound.probes(asked))


def test_the_order_of_the_two_only_turns_the_place() -> None:
    kept, asked = sound.fingerprint(notes(12, 1), RATE), sound.fingerprint(notes(12, 1)[4 * RATE :], RATE)
    share, place = sound.similarity(kept, asked)
    assert sound.similarity(asked, kept) == (share, -place)


def test_a_piece_of_five_seconds_in_another_sound_is_enough() -> None:
    mixed = np.concatenate([notes(10, 2), notes(20, 1)[5 * RATE : 11 * RATE], notes(10, 3)])
    share, _ = sound.similarity(sound.fingerprint(notes(20, 1), RATE), sound.fingerprint(mixed, RATE))
    assert share > sound.SIMILAR


def test_other_sounds_stay_below_the_threshold() -> None:
    drawn = np.random.default_rng(3)
    sounds = [notes(6, seed) for seed in range(12)]
    sounds += [drawn.standard_normal((6 * RATE, 1)).astype(np.float32) * 0.1 for _ in range(4)]
    prints = [sound.fingerprint(one, RATE) for one in sounds]
    for one, other in itertools.combinations(prints, 2):
        assert sound.similarity(one, other)[0] < sound.SIMILAR


def test_recordings_are_told_apart_and_found_at_telephone_rate() -> None:
    soundfile = pytest.importorskip("soundfile")
    files = sorted(SPEECH.glob("*.wav"))
    if not files:
        pytest.skip("no shared recordings beside the repository")
    heard = [soundfile.read(file, dtype="float32", always_2d=True) for file in files]
    long = [(samples, rate) for samples, rate in heard if len(samples) > 4 * rate]
    kept = [sound.fingerprint(samples, rate) for samples, rate in long]
    asked = [sound.fingerprint(halved(samples), rate // 2) for samples, rate in long]
    for one, other in itertools.product(range(len(long)), repeat=2):
        assert (sound.similarity(kept[one], asked[other])[0] >= sound.SIMILAR) == (one == other)


@pytest.mark.parametrize(
    "samples",
    [np.zeros((0, 1), np.float32), notes(3, 1), np.zeros((10 * RATE, 1), np.float32)],
    ids=["empty", "3 seconds", "silence"],
)
def test_too_little_has_no_key(samples: NDArray[np.float32]) -> None:
    words = sound.fingerprint(samples, RATE)
    assert sound.keys(words) == sound.probes(words) == []
    assert sound.similarity(words, words)[0] <= 0.5


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e38])
def test_what_is_no_sound_ends_without_an_error(value: float) -> None:
    samples = notes(6, 1)
    samples[RATE : 2 * RATE] = value
    assert sound.fingerprint(samples, RATE).dtype == np.uint32


def test_keys_and_probes_are_bounded_however_long_the_sound() -> None:
    words = np.random.default_rng(1).integers(1, 2**32, 60_000, dtype=np.uint32)
    assert len(sound.keys(words)) == sound.KEYS
    assert len(sound.probes(words)) <= sound.PROBES
    assert len(sound.probes(words[:160])) == 33 * 160
