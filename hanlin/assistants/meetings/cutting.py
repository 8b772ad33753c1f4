"""A recording in pieces: what one call transcribes, and the windows by which voices are told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

Stretch = tuple[float, float]
"""Begin and end in seconds."""

PIECE_SECONDS = 180.0
"""What one call transcribes and a crash has done again. The engine cuts it further, to what its model hears at once."""
WINDOW_SECONDS, HOP_SECONDS = 1.6, 0.8
"""GE2E was trained on windows of 1.6 s; every second of speech is in two of them."""
SHORTEST_SECONDS = 0.4
"""Less speech says nothing of a voice."""


class Piece(Struct, frozen=True):
    start_seconds: float
    end_seconds: float
    speech: tuple[Stretch, ...]
    """The stretches in it where somebody speaks."""


def pieces(speech: Iterable[Stretch]) -> list[Piece]:
    """The stretches packed into pieces of at most PIECE_SECONDS, cut at silences where there are any."""
    packed: list[list[Stretch]] = []
    for start, end in _short(speech):
        held = packed[-1] if packed else []
        if held and end - held[0][0] <= PIECE_SECONDS:
            held.append((start, end))
        else:
            packed.append([(start, end)])
    return [Piece(held[0][0], held[-1][1], tuple(held)) for held in packed]


def windows(speech: Sequence[Stretch]) -> list[Stretch]:
    """The windows of a piece: inside its speech, the last of a stretch flush with its end, a short one as it is."""
    found: list[Stretch] = []
    for start, end in speech:
        length = end - start
        if length < SHORTEST_SECONDS:
            continue
        count = max(0, int((length - WINDOW_SECONDS) / HOP_SECONDS + 1e-6)) + 1
        begins = [start + number * HOP_SECONDS for number in range(count)]
        if begins[-1] + WINDOW_SECONDS < end - 0.1:
            begins.append(end - WINDOW_SECONDS)
        found += [(begin, min(begin + WINDOW_SECONDS, end)) for begin in begins]
    return found


def _short(speech: Iterable[Stretch]) -> Iterable[Stretch]:
    """Stretches longer than a piece in equal parts."""
    for start, end in speech:
        parts = int((end - start) / PIECE_SECONDS) + 1
        for number in range(parts):
            yield start + (end - start) * number / parts, start + (end - start) * (number + 1) / parts
