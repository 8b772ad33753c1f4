"""Made-up sound in the kinds of files people have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

RATE = 16_000
KINDS: tuple[tuple[str, str, str, int], ...] = (
    ("mp3", "mp3", "libmp3lame", 44_100),
    ("wav", "wav", "pcm_s16le", 16_000),
    ("m4a", "ipod", "aac", 44_100),
    ("wma", "asf", "wmav2", 44_100),
    ("aac", "adts", "aac", 44_100),
    ("ogg", "ogg", "flac", 44_100),
    ("opus", "ogg", "libopus", 48_000),
    ("flac", "flac", "flac", 16_000),
    ("aiff", "aiff", "pcm_s16be", 16_000),
    ("mp4", "mp4", "aac", 44_100),
    ("wmv", "asf", "wmav2", 44_100),
    ("flv", "flv", "aac", 44_100),
    ("rmvb", "rm", "ac3", 48_000),
    ("mov", "mov", "aac", 44_100),
    ("mkv", "matroska", "aac", 44_100),
    ("webm", "webm", "libopus", 48_000),
    ("avi", "avi", "mp3", 44_100),
    ("mpeg", "mpeg", "mp2", 44_100),
    ("dat", "mpegts", "mp2", 44_100),
    ("3gp", "3gp", "aac", 44_100),
)
"""Ending, FFmpeg's container and codec, samples a second."""


def tone(seconds: float, rate: int = RATE, hertz: float = 440, loudness: float = 0.5) -> npt.NDArray[np.float32]:
    times = np.arange(int(seconds * rate)) / rate
    made: npt.NDArray[np.float32] = (loudness * np.sin(2 * np.pi * hertz * times)).astype(np.float32)
    return made


def encode(
    path: Path, container: str, codec: str, rate: int, channels: list[npt.NDArray[np.float32]], start: float = 0
) -> Path:
    """A file whose sound begins at `start` seconds of its clock."""
    layout = "mono" if len(channels) == 1 else "stereo"
    output: Any = av.open(str(path), "w", format=container)
    stream = output.add_stream("libmp3lame" if codec == "mp3" else codec, rate=rate, layout=layout)
    stream.bit_rate = 128_000
    frame = av.AudioFrame.from_ndarray(np.stack(channels), format="fltp", layout=layout)
    frame.sample_rate = rate
    frame.pts = int(start * rate)
    output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
    output.close()
    return path
