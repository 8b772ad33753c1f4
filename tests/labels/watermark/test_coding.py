"""64 bits through noise, and nothing out of nothing."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.labels.watermark import coding
from hanlin.labels.watermark.coding import CODED_BITS, GENERATORS, decode, encode

PAYLOAD = 0x0123_4567_89AB_CDEF


@given(st.integers(0, 2**64 - 1))
def test_every_payload_comes_back(payload: int) -> None:
    assert decode(encode(payload)) == (payload, 1.0)


@pytest.mark.parametrize("payload", [-1, 2**64])
def test_what_is_no_64_bit_number_is_refused(payload: int) -> None:
    with pytest.raises(ValueError, match="payload"):
        encode(payload)


def test_the_wrong_number_of_coded_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="415"):
        decode(np.zeros(CODED_BITS - 1, np.float32))


@pytest.mark.parametrize("half", [slice(0, 2), slice(2, 4)])
def test_either_half_of_the_bits_is_enough(half: slice) -> None:
    """The first two generators, or the last two: the others may be lost."""
    kept = np.zeros((CODED_BITS // 4, 4), np.float32)
    kept[:, half] = encode(PAYLOAD).reshape(-1, 4)[:, half]
    assert decode(kept.reshape(-1)) == (PAYLOAD, 0.5)


def test_noise_as_strong_as_the_bits_is_borne() -> None:
    """At 0 dB per coded bit, 16 % of the signs are wrong; all of 50 words come back."""
    random = np.random.default_rng(1)
    received = [encode(PAYLOAD) + random.normal(size=CODED_BITS).astype(np.float32) for _ in range(50)]
    found = [decode(soft) for soft in received]
    assert {word and word[0] for word in found} == {PAYLOAD}
    assert 0.8 < np.mean([word[1] for word in found if word]) < 0.88


def test_the_scale_of_what_is_received_does_not_matter() -> None:
    assert decode(encode(PAYLOAD) * np.float32(1e-6)) == decode(encode(PAYLOAD) * np.float32(1e6)) == (PAYLOAD, 1.0)


def test_of_several_attempts_the_one_that_agrees_best_wins() -> None:
    damaged = encode(1)
    damaged[::21] *= -1
    rows = np.stack([np.zeros(CODED_BITS, np.float32), damaged, encode(2)])
    assert decode(rows) == (2, 1.0)
    assert decode(rows[:2]) == (1, 1 - 20 / CODED_BITS)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, np.nan, np.inf])
def test_what_says_nothing_decodes_to_nothing(value: float) -> None:
    assert decode(np.full(CODED_BITS, value, np.float32)) is None


def test_noise_decodes_to_nothing() -> None:
    noise = np.random.default_rng(2).normal(size=(2_000, CODED_BITS)).astype(np.float32)
    assert decode(noise) is None


def test_the_check_of_noise_is_right_as_often_as_chance_says() -> None:
    """What the claimed 2**-32 rests on: each four bits of the check agree once in sixteen, not more."""
    noise = np.random.default_rng(3).normal(size=(2_000, CODED_BITS)).astype(np.float32)
    words = np.packbits(coding._viterbi(noise), axis=1)
    checks = np.array([list(zlib.crc32(word[:8].tobytes()).to_bytes(4, "big")) for word in words])
    differing = words[:, 8:] ^ checks
    for nibble in (differing >> 4, differing & 15):
        assert np.allclose((nibble == 0).mean(0), 1 / 16, atol=4 * np.sqrt(1 / 16 / 2_000))


def test_the_free_distances_are_what_the_tables_say() -> None:
    """24 for the whole code and 12 for each half, found by the shortest way back to the zero state."""
    assert [_free_distance(g) for g in (GENERATORS, GENERATORS[:2], GENERATORS[2:])] == [24, 12, 12]


def _free_distance(generators: tuple[int, ...]) -> int:
    def weight(register: int) -> int:
        return sum((register & generator).bit_count() & 1 for generator in generators)

    memory = coding.MEMORY
    distance = {1 << (memory - 1): weight(1 << memory)}
    todo = list(distance)
    while todo:
        state = todo.pop(0)
        for register in () if state == 0 else (state, state | 1 << memory):
            reached, cost = register >> 1, distance[state] + weight(register)
            if cost < distance.get(reached, 1 << 30):
                distance[reached] = cost
                todo.append(reached)
    return distance[0]
