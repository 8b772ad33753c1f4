"""Whose voice is it: the GE2E network (Wan et al., 2018) as Resemblyzer trained it, in numpy.

40 mel bands every 10 ms, three LSTM layers of 256, a linear layer, ReLU, length 1. It hears 1.6 s at once; what is
longer is heard in overlapping parts, and the mean stands for all.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hanlin import sound
from hanlin.engines.torch_weights import Array, read_tensors

FFT_SAMPLES = 400
HOP_SAMPLES = 160
MELS = 40
FRAMES = 160
"""Heard at once: 1.6 s."""
STEP_FRAMES = 77
"""Between parts of a longer window: 1.3 parts a second."""
LAYERS = 3
UNITS = 256
LOUDNESS = 10 ** (-30 / 20)
"""Root mean square that softer sound is raised to: -30 dBFS."""
BATCH = 256


def embed(weights: str, path: str, windows: list[tuple[float, float]]) -> list[bytes]:
    """One vector of length 1 for each window of a sound file: 256 32-bit floats, little-endian."""
    parts: list[Array] = []
    counts = []
    for start, end in windows:
        heard = _parts(_mels(_raised(sound.read(path, start, end))))
        parts += heard
        counts.append(len(heard))
    vectors = _forward(_network(weights), parts)
    edges = np.cumsum([0, *counts])
    means = [vectors[edges[place] : edges[place + 1]].mean(axis=0) for place in range(len(counts))]
    return [(_unit(mean)).astype("<f4").tobytes() for mean in means]


def _unit(vector: Array) -> Array:
    length = np.linalg.norm(vector)
    if length < 1e-9:
        vector, length = np.ones_like(vector), np.float32(np.sqrt(len(vector)))
    return (vector / length).astype(np.float32)


def _raised(samples: Array) -> Array:
    loudness = float(np.sqrt(np.square(samples).mean())) if len(samples) else 0.0
    return samples * np.float32(LOUDNESS / loudness) if 0 < loudness < LOUDNESS else samples


def _parts(mels: Array) -> list[Array]:
    """Parts of FRAMES frames; the last one counts when three quarters of it are there, a short window is filled up."""
    starts = range(0, max(1, len(mels) - FRAMES // 4), STEP_FRAMES)
    kept = [start for start in starts if start == 0 or len(mels) - start >= FRAMES * 3 // 4]
    parts = []
    for start in kept:
        part = np.zeros((FRAMES, MELS), np.float32)
        piece = mels[start : start + FRAMES]
        part[: len(piece)] = piece
        parts.append(part)
    return parts


def _mels(samples: Array) -> Array:
    """Power in 40 mel bands, one row every 10 ms, each row's window of 25 ms centred on it."""
    padded = np.pad(samples, FFT_SAMPLES // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT_SAMPLES) / FFT_SAMPLES)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    return (power @ _filters().T).astype(np.float32)


@cache
def _filters() -> npt.NDArray[np.float64]:
    """Triangles of equal area between points equally apart in mels (Slaney, Auditory Toolbox, 1998)."""
    frequencies = np.fft.rfftfreq(FFT_SAMPLES, 1 / sound.SAMPLE_RATE)
    points = _hertz(np.linspace(0, float(_mel(sound.SAMPLE_RATE / 2)), MELS + 2))
    rising = (frequencies - points[:-2, None]) / np.diff(points)[:-1, None]
    falling = (points[2:, None] - frequencies) / np.diff(points)[1:, None]
    area: npt.NDArray[np.float64] = 2 / (points[2:] - points[:-2])
    return np.maximum(0, np.minimum(rising, falling)) * area[:, None]


def _mel(hertz: float) -> float:
    """Linear to 1 kHz, which is 15 mels, then logarithmic with 27 steps to 6.4 kHz."""
    return 15 + np.log(hertz / 1000) * 27 / np.log(6.4) if hertz >= 1000 else hertz * 3 / 200


def _hertz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mels >= 15, 1000 * np.exp((mels - 15) * np.log(6.4) / 27), mels * 200 / 3)


@cache
def _network(weights: str) -> dict[str, Array]:
    return read_tensors(Path(weights), "model_state")


def _forward(network: dict[str, Array], parts: list[Array]) -> Array:
    if not parts:
        return np.zeros((0, UNITS), np.float32)
    batches = [np.stack(parts[at : at + BATCH]) for at in range(0, len(parts), BATCH)]
    return np.concatenate([_hear(network, batch) for batch in batches])


def _hear(network: dict[str, Array], batch: Array) -> Array:
    for layer in range(LAYERS):
        batch = _lstm(network, layer, batch)
    raw = np.maximum(0, batch[:, -1] @ network["linear.weight"].T + network["linear.bias"])
    return np.stack([_unit(row) for row in raw])


def _lstm(network: dict[str, Array], layer: int, batch: Array) -> Array:
    """One layer over B parts of T frames; the gates lie as torch has them: input, forget, cell, output."""
    inner = network[f"lstm.weight_hh_l{layer}"].T
    bias = network[f"lstm.bias_ih_l{layer}"] + network[f"lstm.bias_hh_l{layer}"]
    given = batch @ network[f"lstm.weight_ih_l{layer}"].T + bias
    hidden = cell = np.zeros((len(batch), UNITS), np.float32)
    out = np.empty((*batch.shape[:2], UNITS), np.float32)
    for frame in range(batch.shape[1]):
        gates = given[:, frame] + hidden @ inner
        enter, forget, leave = (_sigmoid(gates[:, place * UNITS : (place + 1) * UNITS]) for place in (0, 1, 3))
        cell = forget * cell + enter * np.tanh(gates[:, 2 * UNITS : 3 * UNITS])
        hidden = leave * np.tanh(cell)
        out[:, frame] = hidden
    return out


def _sigmoid(values: Array) -> Array:
    result: Array = np.float32(0.5) * (1 + np.tanh(np.float32(0.5) * values))
    return result
