"""64 bits into the signs that a sound carries: a tail-biting convolutional code, decoded softly.

The check bits are few because a wrong number is also refused by its score (`SURE` in sound).
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PAYLOAD_BITS = 64
CHECK_BITS = 12
MESSAGE_BITS = PAYLOAD_BITS + CHECK_BITS
MEMORY = 10
GENERATORS = (0o2327, 0o2353, 0o2671, 0o3175)
"""Rate 1/4, memory 10, free distance 29 (K. Larsen, IEEE Trans. Inf. Theory 19 (1973) 371)."""
CODE_BITS = MESSAGE_BITS * len(GENERATORS)
_STATES = 1 << MEMORY


def _outputs() -> NDArray[np.intp]:
    """What the encoder says (four bits as a number) by register of MEMORY + 1 bits, the newest lowest."""
    registers = np.arange(2 * _STATES)
    said = np.zeros(2 * _STATES, np.intp)
    for generator in GENERATORS:
        ones = sum((registers & generator) >> bit & 1 for bit in range(MEMORY + 1))
        said = said << 1 | np.asarray(ones) & 1
    return said


_OUTPUTS = _outputs()
_WORDS = 1.0 - 2.0 * (np.arange(16)[:, None] >> np.arange(3, -1, -1) & 1)
"""The four signs of each of the 16 things the encoder can say."""


def encode(payload: int) -> Floats:
    """CODE_BITS signs, 1 or -1, for a number of 64 bits (ValueError outside)."""
    if not 0 <= payload < 1 << PAYLOAD_BITS:
        raise ValueError(f"A payload is 0 to 2**{PAYLOAD_BITS} - 1, not {payload}.")
    message = payload << CHECK_BITS | _check(payload)
    bits = [message >> place & 1 for place in range(MESSAGE_BITS - 1, -1, -1)]
    register, said = 0, []
    for bit in bits[-MEMORY:] + bits:
        register = (register << 1 | bit) & (2 * _STATES - 1)
        said.append(_WORDS[_OUTPUTS[register]])
    return np.concatenate(said[MEMORY:])


def decode(soft: Floats) -> int | None:
    """The number that fits CODE_BITS soft signs best, or None when its check bits do not hold."""
    bits = _most_likely(soft.reshape(MESSAGE_BITS, len(GENERATORS)))
    message = int("".join(map(str, bits)), 2)
    payload = message >> CHECK_BITS
    return payload if message & (1 << CHECK_BITS) - 1 == _check(payload) else None


def _check(payload: int) -> int:
    return zlib.crc32(payload.to_bytes(8, "big")) >> 32 - CHECK_BITS


def _most_likely(soft: Floats) -> NDArray[np.intp]:
    """Viterbi's path twice round the circle; of the second round, where the unknown start is forgotten, the bits."""
    older = np.arange(_STATES) >> 1
    branches = _OUTPUTS[np.stack([np.arange(_STATES), np.arange(_STATES) | _STATES])]
    gains = soft @ _WORDS.T
    metric = np.zeros(_STATES)
    choices = np.empty((2 * len(soft) + 4 * MEMORY, _STATES), bool)
    for step in range(len(choices)):
        gain = gains[step % len(soft)]
        low = metric[older] + gain[branches[0]]
        high = metric[older | _STATES >> 1] + gain[branches[1]]
        choices[step] = high > low
        metric = np.maximum(low, high)
    return _trace(choices, int(metric.argmax()), len(soft))


def _trace(choices: NDArray[np.bool_], state: int, length: int) -> NDArray[np.intp]:
    path = np.empty(len(choices), np.intp)
    for step in range(len(choices) - 1, -1, -1):
        path[step] = state & 1
        state = state >> 1 | int(choices[step, state]) << MEMORY - 1
    middle = path[2 * MEMORY + length // 2 : 2 * MEMORY + length // 2 + length]
    return np.roll(middle, 2 * MEMORY + length // 2)
