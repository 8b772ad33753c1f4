"""How a canvas was scaled and turned after marking: the repeated tile makes the picture resemble itself, moved."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hanlin.labels.watermark.picture_canvas import Plane, box_mean
from hanlin.labels.watermark.picture_tile import (
    FINE,
    HIGHEST,
    LOWEST,
    TILE,
    Coefficients,
    Tile,
    coefficients,
    equalize,
    sync_map,
)

REACH = 256
"""Longest shift of the picture against itself that is looked at."""
LAGS = np.array([complex(x, y) for y in range(4) for x in range(-3, 4) if (y or x > 0) and x * x + y * y < 12])
FAR_LAGS = np.array([complex(x, y) for y in range(6) for x in range(-5, 6) if (y or x > 0) and x * x + y * y < 28])
"""Shifts by whole tiles, columns + i * rows, a half plane."""
SCALES = np.exp(0.006 * np.arange(-80, 124))
"""A cut makes what is left larger on the canvas; a frame around it, smaller."""
ANGLES = np.deg2rad(np.arange(-7.2, 7.21, 0.36))
NEAR = 0.004
"""Angle or logarithm of scale that counts as none."""
ENOUGH, LIKELY = 4.5, 3.0
"""Standard deviations of resemblance that make a candidate: anywhere, and where it is to be expected."""
SMOOTH_RADIUS = 3
PEAK_RADIUS = 4


class Place(NamedTuple):
    """One way the tiles may lie, and how much speaks for it."""

    score: float
    waves: Coefficients
    shift: tuple[int, int]


def places(tile: Tile, whitened: Plane) -> Iterator[Place]:
    """At most four likely scales and angles, each as estimated and then straightened."""
    for step in _likely(_resemblance(whitened)):
        matrix = _matrix(step)
        quarters = coefficients(tile, _fold_quarters(whitened, matrix), 1)
        yield best_place(tile, quarters.sum(1))
        straightened = matrix + _correction(tile, quarters[0], whitened.shape)
        yield best_place(tile, coefficients(tile, _fold_quarters(whitened, straightened).sum(0), 1))


def _matrix(step: complex) -> Plane:
    """Canvas (row, column) -> tile (row, column), for one tile being `step` along the canvas' columns."""
    inverse = 1 / step
    return np.array([[inverse.real, inverse.imag], [-inverse.imag, inverse.real]], np.float32)


def _resemblance(whitened: Plane) -> Plane:
    """Autocorrelation for shifts up to REACH, zero shift in the middle; the spectrum is levelled in the mark's band."""
    shape = [-(-(side * 3 // 2) // 32) * 32 for side in whitened.shape]
    power = np.square(np.abs(np.fft.rfft2(whitened, shape)))
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None])
    band = (frequency > LOWEST / TILE / 2) & (frequency < HIGHEST / TILE * 1.05)
    level = np.minimum(power / (box_mean(power, SMOOTH_RADIUS) + np.float32(1e-3)), 6) * band
    correlation = np.fft.irfft2(level, shape).astype(np.float32)
    correlation[0, 0] = 0
    return _window(correlation)


def _window(correlation: Plane) -> Plane:
    window = np.zeros((2 * REACH + 1, 2 * REACH + 1), np.float32)
    rows, columns = (min(REACH, side // 2 - 1) for side in correlation.shape)
    rolled = np.roll(correlation, (rows, columns), (0, 1))[: 2 * rows + 1, : 2 * columns + 1]
    window[REACH - rows : REACH + rows + 1, REACH - columns : REACH + columns + 1] = rolled
    return window


@cache
def _steps() -> NDArray[np.complex128]:
    return TILE * np.outer(SCALES, np.exp(1j * ANGLES))


@cache
def _table() -> NDArray[np.int32]:
    """(scales, angles, lags) -> the cell of the window where that tile's shift falls."""
    return _cells(_steps()[..., None] * LAGS)


def _cells(shifts: NDArray[np.complex128]) -> NDArray[np.int32]:
    rows, columns = np.rint(shifts.imag), np.rint(shifts.real)
    inside = (np.abs(rows) <= REACH) & (np.abs(columns) <= REACH)
    return np.where(inside, (rows + REACH) * (2 * REACH + 1) + columns + REACH, 0).astype(np.int32)


def _likely(resemblance: Plane) -> list[complex]:
    """Steps from tile to tile at which the picture resembles itself clearly.

    The commonest changes have their own candidates: a cut that turns nothing, a turn that scales nothing.
    """
    scores = resemblance.ravel()[_table()].sum(2)
    deviation = float(scores.std()) + 1e-12
    found: list[complex] = []
    taken = np.zeros(scores.shape, np.bool_)
    for region, enough in _regions():
        inside = np.where(region & ~taken, scores, -np.inf)
        row, column = np.unravel_index(int(np.argmax(inside)), scores.shape)
        if inside[row, column] > enough * deviation:
            found.append(_sharpened(resemblance, complex(_steps()[row, column]))[1])
            taken[max(0, row - 3) : row + 4, max(0, column - 3) : column + 4] = True
    return found


@cache
def _regions() -> list[tuple[NDArray[np.bool_], float]]:
    """Where among scales and angles to look, and how many standard deviations are enough."""
    cut = np.broadcast_to(np.abs(ANGLES) < NEAR, _steps().shape)
    turn = np.broadcast_to((np.abs(np.log(SCALES)) < NEAR)[:, None], _steps().shape)
    everywhere = np.ones(cut.shape, np.bool_)
    return [(everywhere, ENOUGH), (everywhere, ENOUGH), (cut, LIKELY), (turn, LIKELY)]


def _sharpened(resemblance: Plane, step: complex) -> tuple[float, complex]:
    """The best step near one, by farther shifts and between the cells."""
    near = step * np.exp(np.linspace(-0.006, 0.006, 9)[:, None] + 1j * np.linspace(-0.006, 0.006, 9)[None])
    shifts = near[..., None] * FAR_LAGS
    rows, columns = np.floor(shifts.imag), np.floor(shifts.real)
    inside = (np.abs(rows) < REACH) & (np.abs(columns) < REACH)
    down, right = shifts.imag - rows, shifts.real - columns
    r, c = (np.where(inside, x, 0).astype(np.intp) + REACH for x in (rows, columns))
    upper = (1 - right) * resemblance[r, c] + right * resemblance[r, c + 1]
    lower = (1 - right) * resemblance[r + 1, c] + right * resemblance[r + 1, c + 1]
    scores = (inside * ((1 - down) * upper + down * lower)).sum(2)
    best = int(np.argmax(scores))
    return float(scores.flat[best]), complex(near.flat[best])


def _fold_quarters(whitened: Plane, matrix: Plane) -> Plane:
    """(4, FINE, FINE): the tiles of each quarter of the canvas added up, laid straight by `matrix`."""
    height, width = whitened.shape
    rows = (np.arange(height, dtype=np.float32) - height / 2)[:, None]
    columns = (np.arange(width, dtype=np.float32) - width / 2)[None]
    cell = ((rows >= 0) * 2 + (columns >= 0)).astype(np.intp)
    for a, b in matrix * FINE:
        # FINE is a power of two, so `&` is the remainder, for negative numbers too.
        cell *= FINE
        cell += np.floor(a * rows + b * columns).astype(np.intp) & (FINE - 1)
    return np.bincount(cell.ravel(), whitened.ravel(), 4 * FINE**2).reshape(4, FINE, FINE).astype(np.float32)


def best_place(tile: Tile, waves: Coefficients) -> Place:
    """(turns, waves) -> the turn and shift on which the sync waves agree most."""
    level = equalize(tile, waves)
    maps = sync_map(tile, level)
    band, turn, row, column = np.unravel_index(int(np.argmax(maps)), maps.shape)
    return Place(float(maps[band, turn, row, column]), level[turn], (int(row), int(column)))


def _spread(maps: Plane) -> Plane:
    """Each cell the highest within PEAK_RADIUS (4), going around the edges: windows of 2, 4, 8, then 9."""
    for axis in (-2, -1):
        for by in (1, 2, 4):
            maps = np.maximum(maps, np.roll(maps, by, axis))
        maps = np.maximum(maps, np.roll(maps, 1, axis))
        maps = np.roll(maps, -PEAK_RADIUS, axis)
    return maps


def _peak_near(quarter: Plane, row: int, column: int) -> tuple[float, float]:
    """Offset of the highest cell near one, in tiles."""
    around = np.arange(-PEAK_RADIUS, PEAK_RADIUS + 1)
    near = quarter[np.ix_((row + around) % FINE, (column + around) % FINE)]
    r, c = np.unravel_index(int(np.argmax(near)), near.shape)
    return float(around[r]) / FINE, float(around[c]) / FINE


def _correction(tile: Tile, quarters: Coefficients, shape: tuple[int, ...]) -> Plane:
    """(4, waves) -> change of the matrix: each quarter says where it has the tile, least squares join them."""
    maps = sync_map(tile, equalize(tile, quarters))
    spread = _spread(maps).sum(1)
    band, row, column = np.unravel_index(int(np.argmax(spread)), spread.shape)
    moved = np.array([_peak_near(quarter, int(row), int(column)) for quarter in maps[band]])
    moved -= moved.mean(0)
    centres = np.array([(y * shape[0] / 4, x * shape[1] / 4) for y in (-1, 1) for x in (-1, 1)])
    change: Plane = -np.linalg.lstsq(centres, moved, rcond=None)[0].T.astype(np.float32)
    return change
