"""A sound's invisible mark outlives codecs, resampling, changes of speed and cuts; nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.labels.watermark import sound_coding
from hanlin.labels.watermark.protocol import Samples, SoundWatermark
from hanlin.labels.watermark.sound import PatchworkWatermark

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data"
PAYLOAD = 0xFEDC_BA98_7654_3210
RATE = 16000
MARK: SoundWatermark = PatchworkWatermark()


def rustle(seconds: float, rate: int = RATE, channels: int = 1, seed: int = 1) -> Samples:
    """Notes with overtones over a murmur: something of music and something of speech."""
    drawn = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    sound = drawn.standard_normal(len(time)) * 0.02 * (1.2 + np.sin(2 * np.pi * 3 * time))
    for start in np.arange(0, seconds, 0.3):
        sounding = slice(int(start * rate), int((start + 1) * rate))
        after = time[sounding] - start
        tone = 150 * 2 ** (drawn.integers(0, 24) / 12)
        for overtone in range(1, 9):
            sound[sounding] += np.exp(-after / 0.2) * np.sin(2 * np.pi * tone * overtone * after) / overtone / 12
    return np.stack([sound / (1 + channel) for channel in range(channels)], axis=1).astype(np.float32)


def resampled(samples: Samples, factor: float) -> Samples:
    """`factor` times as many samples, by the spectrum: what a change of rate does, or of speed."""
    count = int(len(samples) * factor)
    spectrum = np.fft.rfft(samples, axis=0)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count, axis=0) * factor).astype(np.float32)


def real_sounds() -> Iterator[tuple[str, Samples, int]]:
    import soundfile

    files = sorted([*(SHARED / "speech").glob("*.*"), *(SHARED / "meeting").glob("*.wav")])
    if not files:
        pytest.skip("no shared recordings beside the repository")
    for file in files:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        yield file.name, samples, rate


def snr_db(before: Samples, after: Samples) -> float:
    return float(10 * np.log10(np.sum(before**2) / np.sum((after - before) ** 2)))


def test_the_number_is_read_from_any_three_seconds() -> None:
    marked = MARK.embed(rustle(8), RATE, PAYLOAD)
    for start in (0.0, 1.13, 4.9):
        found = MARK.find(marked[int(start * RATE) : int((start + 3) * RATE)], RATE)
        assert found is not None
        assert (found.payload, found.technique) == (PAYLOAD, MARK.name)
        assert 0.75 < found.score <= 1


@pytest.mark.parametrize("factor", [0.5, 44100 / RATE, 3.0])
def test_a_change_of_rate_leaves_the_number(factor: float) -> None:
    marked = MARK.embed(rustle(4), RATE, PAYLOAD)
    found = MARK.find(resampled(marked, factor), round(RATE * factor))
    assert found is not None
    assert found.payload == PAYLOAD


@pytest.mark.parametrize("speed", [0.95, 1.05])
def test_played_faster_or_slower_the_number_is_read(speed: float) -> None:
    marked = MARK.embed(rustle(4), RATE, PAYLOAD)
    found = MARK.find(resampled(marked, 1 / speed), RATE)
    assert found is not None
    assert found.payload == PAYLOAD


def test_stereo_keeps_its_sides_and_carries_the_number_in_both() -> None:
    sound = rustle(4, 44100, channels=2)
    marked = MARK.embed(sound, 44100, PAYLOAD)
    assert np.allclose(marked[:, 0], marked[:, 1] * 2, atol=1e-6)
    for side in (marked, marked[:, :1], marked[:, 1:]):
        found = MARK.find(side, 44100)
        assert found is not None
        assert found.payload == PAYLOAD


def test_what_is_written_is_quiet_and_stays_in_its_bands() -> None:
    """Above 7 kHz and below 250 Hz nothing changes, and the rest by less than a seventh of the amplitude."""
    sound = rustle(4)
    marked = MARK.embed(sound, RATE, PAYLOAD)
    assert marked.shape == sound.shape
    assert marked.dtype == np.float32
    assert np.abs(marked).max() <= 1
    assert snr_db(sound, marked) > 14
    change = np.abs(np.fft.rfft(marked[:, 0] - sound[:, 0])) ** 2
    inside = slice(250 * 4, 7200 * 4)
    assert change[inside].sum() > 0.999 * change.sum()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32))
def test_the_code_is_read_with_a_fifth_of_its_signs_turned(payload: int, seed: int) -> None:
    signs = sound_coding.encode(payload)
    turned = np.random.default_rng(seed).permutation(len(signs))[: len(signs) // 5]
    signs[turned] *= -0.5
    assert sound_coding.decode(signs) == payload


@pytest.mark.parametrize("payload", [-1, 2**64])
def test_a_number_of_more_than_64_bits_is_refused(payload: int) -> None:
    with pytest.raises(ValueError, match="64"):
        MARK.embed(rustle(1), RATE, payload)


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros((0, 1), np.float32),
        lambda: np.zeros((1, 2), np.float32),
        lambda: np.zeros((RATE * 4, 1), np.float32),
        lambda: np.ones((RATE * 4, 1), np.float32),
        lambda: np.full((RATE, 1), np.nan, np.float32),
        lambda: np.full((RATE, 1), np.inf, np.float32),
        lambda: np.sign(rustle(4)),
    ],
    ids=["empty", "one sample", "silence", "constant", "not a number", "infinite", "clipped"],
)
def test_odd_sounds_are_taken_and_hold_nothing(make: Callable[[], Samples]) -> None:
    sound = make()
    assert MARK.find(sound, RATE) is None
    marked = MARK.embed(sound, RATE, PAYLOAD)
    assert marked.shape == sound.shape
    assert np.isfinite(marked).all() or not np.isfinite(sound).all()


@pytest.mark.parametrize("rate", [1, 4000, 7999])
def test_below_telephone_rate_nothing_is_written_or_found(rate: int) -> None:
    sound = rustle(1)
    assert np.array_equal(MARK.embed(sound, rate, PAYLOAD), sound)
    assert MARK.find(sound, rate) is None


@pytest.mark.slow
def test_unmarked_sounds_hold_no_number() -> None:
    """Noise, notes, and every shared recording in pieces of 6 seconds."""
    drawn = np.random.default_rng(7)
    for seed in range(6):
        assert MARK.find(rustle(4, seed=seed), RATE) is None
        assert MARK.find(drawn.standard_normal((RATE * 4, 1)).astype(np.float32) * 0.1, RATE) is None
    for name, samples, rate in real_sounds():
        assert MARK.find(samples, rate) is None, name


@pytest.mark.slow
def test_every_shared_recording_carries_its_number_through_codecs() -> None:
    """Real encoders: MP3 and AAC at 64 kbit/s, Opus at 32; recordings of 4 seconds and more."""
    pytest.importorskip("av")
    for name, samples, rate in real_sounds():
        if len(samples) < 4 * rate:
            continue
        marked = MARK.embed(samples[: 6 * rate], rate, PAYLOAD)
        for codec, container, bits in (
            ("libmp3lame", "mp3", 64000),
            ("aac", "adts", 64000),
            ("libopus", "ogg", 32000),
        ):
            heard, heard_rate = coded(marked, rate, codec, container, bits)
            found = MARK.find(heard, heard_rate)
            assert found is not None, (name, codec)
            assert found.payload == PAYLOAD


def coded(samples: Samples, rate: int, codec: str, container: str, bits_per_second: int) -> tuple[Samples, int]:
    import io

    import av

    layout = "stereo" if samples.shape[1] == 2 else "mono"
    file = io.BytesIO()
    with av.open(file, "w", format=container) as written:
        stream: Any = written.add_stream(codec, rate=48000 if codec == "libopus" else rate, layout=layout)
        stream.bit_rate = bits_per_second
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "fltp", layout)
        frame.sample_rate = rate
        converter = av.AudioResampler(stream.codec_context.format.name, layout, stream.rate)
        for part in [*converter.resample(frame), *converter.resample(None)]:
            written.mux(stream.encode(part))
        written.mux(stream.encode(None))
    file.seek(0)
    read: Any
    with av.open(file) as read:
        plain = av.AudioResampler("fltp", layout, rate)
        parts = [part.to_ndarray() for frame in read.decode(audio=0) for part in plain.resample(frame)]
    heard: Samples = np.concatenate(parts, axis=1).T.astype(np.float32)
    return heard, rate
