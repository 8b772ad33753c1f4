"""The audible label (GB 45438-2025, 5.3): the rhythm short-long short-short, or a spoken sentence, before the content,
after it, or both; and hearing the rhythm in what others send.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hanlin.errors import BadFile, Misconfigured
from hanlin.labels.explicit.media import libav, media_errors, writing

if TYPE_CHECKING:
    from soundfile import SoundFile

Samples = NDArray[np.float32]
"""Shape (frames, channels), -1 to 1."""
Kind = Literal["rhythm", "speech"]
Place = Literal["start", "end", "both"]

UNIT_SECONDS = 0.12
"""The standard fixes no length; this is the one in use, 1.3 s for the whole."""
RHYTHM = ((1, 1), (3, 3), (1, 1), (1, 0))
"""Morse A and I, `·– ··`: tone and silence after it, in units; three of silence between the letters (5.3 b)."""
TONE_HZ = 880
LEVEL = 10 ** (-12 / 20)
"""-12 dBFS: clear, and no fright after a quiet passage."""
RAMP_SECONDS = 0.01
"""Of each tone's beginning and end, which would click otherwise."""
PAUSE_SECONDS = 0.36
"""Between label and content."""
SPOKEN_SECONDS = 15
"""Longest spoken label: some 30 characters at the standard's normal speed."""
CONTENT_SECONDS = 4 * 3600
BLOCK_FRAMES = 1 << 16
CHANGED_SECONDS = 60
HEARD_SECONDS = 10
_HOP_SECONDS, _WINDOW_SECONDS = 0.01, 0.025
_PITCH_HZ = (300, 3000)
_PURE = 0.8
"""Share of a frame's energy in one tone from which it counts as a tone; of speech few frames reach it."""
_UNIT_HOPS = (5, 30)
"""50 to 300 ms."""
_FORMATS = {"wav": ("WAV", "WAVEX", "RF64"), "flac": ("FLAC",), "ogg": ("OGG",), "opus": ("OGG",), "mp3": ("MP3",)}
"""Format -> libsndfile's names of it."""
_TAGS = ("title", "copyright", "artist", "comment", "date", "album", "license", "tracknumber", "genre")


def add(
    samples: Samples, rate: int, *, kind: Kind = "rhythm", at: Place = "start", spoken: bytes | None = None
) -> Samples:
    """Sound with the label before it, after it or both.

    `rate` is in Hz. `spoken` is a wave file saying a sentence with both elements at normal speed (5.3 a), of which the
    first channel is taken. Raises Misconfigured when `kind` is speech and there is none or it is too long.
    """
    before, after = _ends(rate, samples.shape[1], at, _rhythm(rate) if kind == "rhythm" else _speech(rate, spoken))
    return np.concatenate([before, samples, after])


def add_to(
    file: bytes,
    format_name: str,
    *,
    kind: Kind = "rhythm",
    at: Place | None = "start",
    spoken: bytes | None = None,
    then: Callable[[Samples, int], Samples] | None = None,
) -> bytes:
    """A sound file with the label, in the same kind, depth and sampling rate, with its usual tags.

    `format_name` is wav, flac, ogg, opus, mp3 or m4a. Lossless kinds keep every sample, others are encoded again at a
    higher rate. No label where `at` is None; `then` changes the content between its ends, a minute at a time (samples,
    rate), but in M4A. Raises BadFile for broken files and other kinds, Misconfigured as `add` does and when M4A lacks
    PyAV.
    """
    if format_name == "m4a":
        return _add_to_m4a(file, kind, at, spoken)
    if format_name not in _FORMATS:
        raise BadFile(
            f"An audible label can be put into {', '.join(_FORMATS)} and m4a, got {format_name!r}.",
            action="Save the sound as one of these.",
        )
    from soundfile import SoundFile, SoundFileError

    try:
        with SoundFile(io.BytesIO(file)) as source:
            if source.format not in _FORMATS[format_name]:
                raise BadFile(f"Expected {format_name}, got {source.format}.", action="Give the file its right name.")
            rate = source.samplerate
            label = _rhythm(rate) if kind == "rhythm" else _speech(rate, spoken)
            return _copied(source, len(file), _ends(rate, source.channels, at, label), then)
    except (SoundFileError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise BadFile(
            f"Expected a whole {format_name} sound, got one that cannot be decoded.",
            action="Open it in an audio program and save it again.",
        ) from error


def _rhythm(rate: int) -> Samples:
    parts = [part for tone, rest in RHYTHM for part in (_tone(rate, tone), np.zeros(round(rest * UNIT_SECONDS * rate)))]
    return np.concatenate(parts).astype(np.float32)


def _tone(rate: int, units: int) -> NDArray[np.float64]:
    count = round(units * UNIT_SECONDS * rate)
    time = np.arange(count) / rate
    edge = np.minimum(np.minimum(time, time[::-1]) / RAMP_SECONDS, 1)
    tone: NDArray[np.float64] = LEVEL * np.sin(2 * np.pi * TONE_HZ * time) * (1 - np.cos(np.pi * edge)) / 2
    return tone


def _speech(rate: int, spoken: bytes | None) -> Samples:
    from soundfile import SoundFile, SoundFileError

    action = f"Set a wave file of at most {SPOKEN_SECONDS} s saying, for example, 本音频由人工智能生成."
    try:
        with SoundFile(io.BytesIO(spoken or b"")) as source:
            voice = source.read(SPOKEN_SECONDS * source.samplerate + 1, "float32", always_2d=True)[:, 0]
            if len(voice) > SPOKEN_SECONDS * source.samplerate:
                raise Misconfigured(f"The spoken label is longer than {SPOKEN_SECONDS} s.", action=action)
            return resampled(voice, source.samplerate, rate)
    except (SoundFileError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise Misconfigured(
            "A spoken label needs a wave file, and there is none that can be read.", action=action
        ) from error


def resampled(voice: Samples, old_rate: int, rate: int) -> Samples:
    """One channel at another sampling rate, by its spectrum; for short sounds, which it takes as a whole."""
    if old_rate == rate or not len(voice):
        return voice
    count = round(len(voice) * rate / old_rate)
    spectrum = np.fft.rfft(voice)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * (count / len(voice))).astype(np.float32)


def _ends(rate: int, channels: int, at: Place | None, label: Samples) -> tuple[Samples, Samples]:
    """What comes before and after the content, each with its pause; nothing where no label is asked for."""
    pause, nothing = np.zeros(round(PAUSE_SECONDS * rate), np.float32), np.zeros((0, channels), np.float32)
    before, after = (
        np.repeat(np.concatenate(parts)[:, np.newaxis], channels, axis=1) for parts in ((label, pause), (pause, label))
    )
    return before if at in ("start", "both") else nothing, after if at in ("end", "both") else nothing


def _copied(
    source: SoundFile,
    size_bytes: int,
    ends: tuple[Samples, Samples],
    then: Callable[[Samples, int], Samples] | None,
) -> bytes:
    """The content block by block, so that memory does not grow with its length; integers stay the same integers."""
    from soundfile import SoundFile

    exact = source.subtype.startswith(("PCM", "ULAW", "ALAW"))
    kind = "float32" if then or not exact else "int32"
    kind = "float64" if source.subtype == "DOUBLE" and not then else kind
    step = BLOCK_FRAMES if then is None else CHANGED_SECONDS * source.samplerate
    target = io.BytesIO()
    with SoundFile(target, "w", source.samplerate, source.channels, source.subtype, source.endian, source.format,
                   **_compression(source, size_bytes)) as copy:  # fmt: skip
        for tag in _TAGS:
            if value := getattr(source, tag):
                setattr(copy, tag, value)
        copy.write(ends[0])
        frames = 0
        while len(block := source.read(step, kind, always_2d=True)):
            frames += len(block)
            if frames > CONTENT_SECONDS * source.samplerate:
                raise BadFile(f"A sound may last {CONTENT_SECONDS} s, got more.", action="Cut it into parts.")
            copy.write(block if then is None else then(block, source.samplerate))
        copy.write(ends[1])
    return target.getvalue()


def _compression(source: SoundFile, size_bytes: int) -> dict[str, Any]:
    """The level of libsndfile (0 best, 1 smallest) for some 1.3 times the old data rate, so that little is lost."""
    most = {
        "MPEG_LAYER_III": 320_000 if source.samplerate >= 32_000 else 160_000,
        "OPUS": 256_000 * source.channels,
        "VORBIS": 5 * source.samplerate * source.channels,
    }.get(source.subtype)
    if most is None:
        return {}
    rate = 8 * size_bytes * source.samplerate / max(source.frames, 1)
    level = min(max(1 - 1.3 * rate / most, 0.0), 0.9)
    return {"compression_level": level} | ({"bitrate_mode": "CONSTANT"} if source.format == "MP3" else {})


def _add_to_m4a(file: bytes, kind: Kind, at: Place | None, spoken: bytes | None) -> bytes:
    av = libav()
    target = io.BytesIO()
    with (
        media_errors("m4a"),
        av.open(io.BytesIO(file), format="mp4") as source,
        writing(target, "ipod", source.metadata) as copy,
    ):
        sound = source.streams.audio[0]
        rate, is_lossless = sound.rate, sound.codec_context.name == "alac"
        label = _rhythm(rate) if kind == "rhythm" else _speech(rate, spoken)
        stream = copy.add_stream("alac" if is_lossless else "aac", rate=rate, layout=sound.layout.name)
        stream.time_base = Fraction(1, rate)
        if not is_lossless:
            stream.bit_rate = max(96_000 * sound.channels, round(1.3 * (sound.bit_rate or 0)))
        clock = 0
        for frame in _frames(av, source, stream, _ends(rate, sound.channels, at, label)):
            frame.pts, frame.time_base = clock, stream.time_base
            clock += frame.samples
            if clock > CONTENT_SECONDS * rate:
                raise BadFile(f"A sound may last {CONTENT_SECONDS} s, got more.", action="Cut it into parts.")
            copy.mux(stream.encode(frame))
        copy.mux(stream.encode(None))
    return target.getvalue()


def _frames(av: Any, source: Any, stream: Any, ends: tuple[Samples, Samples]) -> Iterator[Any]:
    """Label and content as the encoder takes them, in the order they are played."""
    layout = stream.layout.name

    def of(label: Samples) -> Iterator[Any]:
        if len(label):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(label.T), format="fltp", layout=layout)
            frame.sample_rate = stream.rate
            yield frame

    for part in (of(ends[0]), source.decode(audio=0), of(ends[1])):
        resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=stream.rate)
        for frame in part:
            yield from resampler.resample(frame)


def heard(samples: Samples, rate: int) -> bool:
    """Whether the first or last seconds hold the rhythm, at whatever pitch and pace another service plays it."""
    mono = samples.mean(axis=1)
    reach = HEARD_SECONDS * rate
    parts = [mono] if len(mono) <= 2 * reach else [mono[:reach], mono[-reach:]]
    return any(_has_rhythm(part, rate) for part in parts)


def _has_rhythm(mono: Samples, rate: int) -> bool:
    energy = _spectrogram(mono, rate)
    if not len(energy):
        return False
    resolution = rate / round(_WINDOW_SECONDS * rate)
    low, high = (round(pitch / resolution) for pitch in _PITCH_HZ)
    tones = sliding_window_view(energy[:, low - 2 : high + 3], 5, axis=1).sum(axis=2)
    loud = tones.max(axis=1) > 1e-4 * tones.max()
    is_tone = loud & (tones.max(axis=1) > _PURE * energy.sum(axis=1))
    pitches, counts = np.unique(tones.argmax(axis=1)[is_tone], return_counts=True)
    common = pitches[np.argsort(counts)[::-1][:3]]
    return any(_beats(tones[:, pitch], is_tone) for pitch in common)


def _spectrogram(mono: Samples, rate: int) -> NDArray[np.float32]:
    """Energy by hop and frequency."""
    window, hop = round(_WINDOW_SECONDS * rate), round(_HOP_SECONDS * rate)
    if hop < 1 or len(mono) < window:
        return np.zeros((0, 0), np.float32)
    windows = sliding_window_view(mono, window)[::hop]
    spectrum = np.fft.rfft(windows * np.hanning(window).astype(np.float32))
    return (np.abs(spectrum) ** 2).astype(np.float32)


def _beats(tone: NDArray[np.float32], is_tone: NDArray[np.bool_]) -> bool:
    """Whether a tone's energy over time goes short-long short-short."""
    there = tone > 0.25 * np.median(tone[is_tone])  # half the amplitude: the window then lies half on the tone
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8))).reshape(-1, 2)
    lengths, gaps = edges[:, 1] - edges[:, 0], edges[1:, 0] - edges[:-1, 1]
    pure = [is_tone[start:end].mean() > _PURE for start, end in edges]
    return any(
        all(pure[first : first + 4]) and _is_rhythm(lengths[first : first + 4], gaps[first : first + 3])
        for first in range(len(edges) - 3)
    )


def _is_rhythm(lengths: NDArray[np.intp], gaps: NDArray[np.intp]) -> bool:
    short = lengths[[0, 2, 3]]
    unit = short.mean()
    return bool(
        _UNIT_HOPS[0] <= unit <= _UNIT_HOPS[1]
        and np.ptp(short) <= max(0.3 * unit, 2)
        and 2.2 <= lengths[1] / unit <= 4
        and (gaps[[0, 2]] >= 0.4 * unit).all()
        and (gaps[[0, 2]] <= 1.8 * unit).all()
        and 0.4 * unit <= gaps[1] <= 4.5 * unit
    )
