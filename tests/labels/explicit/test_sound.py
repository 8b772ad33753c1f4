"""The rhythm is measured on the samples; files are read back by another decoder where one is there."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.errors import BadFile, Misconfigured
from hanlin.labels.explicit import sound

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
RATES = [8000, 16000, 22050, 44100, 48000, 96000, 192000]
UNIT = sound.UNIT_SECONDS


def speechlike(rate: int, seconds: float = 3, channels: int = 1) -> sound.Samples:
    """Noise that swells like syllables, with a gliding voice in it."""
    time = np.arange(round(rate * seconds)) / rate
    voice = np.sin(2 * np.pi * (140 * time + 20 * np.sin(3 * time))) + 0.5 * np.sin(2 * np.pi * 880 * time)
    breath = np.random.default_rng(3).normal(0, 0.4, len(time))
    mono = 0.1 * (voice + breath) * (1.2 + np.sin(2 * np.pi * 3.1 * time))
    return np.repeat(mono[:, np.newaxis], channels, axis=1).astype(np.float32)


def file_of(samples: sound.Samples, rate: int, kind: str, subtype: str | None = None, **tags: str) -> bytes:
    from soundfile import SoundFile

    target = io.BytesIO()
    name = {"opus": "OGG"}.get(kind, kind.upper())
    usual = {"opus": "OPUS", "ogg": "VORBIS"}.get(kind)
    with SoundFile(target, "w", rate, samples.shape[1], subtype or usual, format=name) as file:
        for tag, value in tags.items():
            setattr(file, tag, value)
        file.write(samples)
    return target.getvalue()


def opened(file: bytes) -> Any:
    from soundfile import SoundFile

    return SoundFile(io.BytesIO(file))


def samples_of(file: bytes, kind: str = "float32") -> Any:
    return opened(file).read(dtype=kind, always_2d=True)


def tones(mono: Any, rate: int) -> list[tuple[float, float]]:
    """Begin and length, in seconds, of all that is not silent."""
    there = np.abs(mono) > 1e-3
    there = np.convolve(there, np.ones(round(rate * 0.01)), "same") > 0  # a sine is zero now and then
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(int), [0]]))).reshape(-1, 2) / rate
    return [(float(start), float(end - start)) for start, end in edges]


@pytest.mark.parametrize("rate", RATES)
def test_the_rhythm_goes_short_long_short_short_at_every_rate(rate: int) -> None:
    """5.3 b: `·– ··`; 120 ms, three times that, and three units between the letters; 880 Hz at -12 dBFS."""
    silence = np.zeros((rate, 1), np.float32)
    label = sound.add(silence, rate)[: round(1.5 * rate), 0]
    begins, lengths = zip(*tones(label, rate), strict=True)
    assert lengths == pytest.approx([UNIT, 3 * UNIT, UNIT, UNIT], abs=0.015)
    assert begins == pytest.approx([0, 2 * UNIT, 8 * UNIT, 10 * UNIT], abs=0.015)
    assert np.abs(label).max() == pytest.approx(10 ** (-12 / 20), rel=0.01)
    spectrum = np.abs(np.fft.rfft(label))
    assert spectrum.argmax() * rate / len(label) == pytest.approx(880, abs=2)
    assert np.abs(np.diff(label)).max() < 2 * np.pi * 880 / rate * 0.26  # no step, so no click


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("at", ["start", "end", "both"])
def test_the_label_is_heard_where_it_was_put_and_the_content_is_whole(rate: int, at: Any) -> None:
    content = speechlike(rate, channels=2)
    labelled = sound.add(content, rate, at=at)
    extra = len(labelled) - len(content)
    offset = {"start": extra, "both": extra // 2, "end": 0}[at]
    assert np.array_equal(labelled[offset : offset + len(content)], content)
    assert not sound.heard(content, rate)
    assert sound.heard(labelled, rate)
    ends = [sound.heard(labelled[: 2 * rate], rate), sound.heard(labelled[-2 * rate :], rate)]
    assert ends == [at != "end", at != "start"]


@pytest.mark.parametrize("unit", [0.06, 0.1, 0.2])
@pytest.mark.parametrize("pitch", [440, 1000, 2000])
@pytest.mark.parametrize("letter_gap", [1, 3])
def test_rhythms_of_other_services_are_heard(unit: float, pitch: int, letter_gap: int) -> None:
    rate = 16000

    def tone(units: float) -> Any:
        return 0.2 * np.sin(2 * np.pi * pitch * np.arange(round(units * unit * rate)) / rate)

    rest = np.zeros(round(unit * rate))
    parts = [tone(1), rest, tone(3), *[rest] * letter_gap, tone(1), rest, tone(1), rest]
    label = np.concatenate(parts).astype(np.float32)
    assert sound.heard(np.concatenate([label[:, np.newaxis], speechlike(rate)]), rate)


def test_other_beats_are_not_heard_as_the_rhythm() -> None:
    rate = 16000
    time = np.arange(rate // 10) / rate
    beep, rest = np.sin(2 * np.pi * 880 * time), np.zeros(rate // 10)
    engaged = np.tile(np.concatenate([beep, rest]), 20)
    sos = np.concatenate([beep, rest, *[np.tile(beep, 3), rest] * 3, beep, rest])
    for other in (engaged, sos, np.tile(beep, 30), np.zeros(rate * 3), np.zeros(10), np.zeros(0)):
        assert not sound.heard(other.astype(np.float32)[:, np.newaxis], rate)


@pytest.mark.parametrize("folder", ["speech", "meeting"])
def test_people_talking_never_sound_like_the_rhythm(folder: str) -> None:
    """Every ten seconds of the recordings at hand, each also with the label before it."""
    import soundfile

    files = [path for path in (DATA / folder).glob("*") if path.suffix in (".wav", ".flac", ".mp3")]
    if not files:
        pytest.skip("the shared recordings are not here")
    for path in files:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        pieces = [samples[start : start + 10 * rate] for start in range(0, len(samples), 5 * rate)]
        assert [sound.heard(piece, rate) for piece in pieces] == [False] * len(pieces)
        assert sound.heard(sound.add(samples, rate), rate)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("wav", "PCM_U8"), ("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "PCM_32"), ("wav", "FLOAT"), ("wav", "DOUBLE"),
     ("wav", "ULAW"), ("flac", "PCM_16"), ("flac", "PCM_24")],
)  # fmt: skip
def test_lossless_files_keep_depth_and_every_sample(kind: str, subtype: str) -> None:
    file = file_of(speechlike(44100, channels=2), 44100, kind, subtype)
    labelled = sound.add_to(file, kind, at="both")
    before, after = samples_of(file, "float64"), samples_of(labelled, "float64")
    offset = (len(after) - len(before)) // 2
    assert opened(labelled).subtype == subtype
    assert np.array_equal(after[offset : offset + len(before)], before)
    assert sound.heard(after, 44100)


@pytest.mark.parametrize("kind", ["mp3", "ogg", "opus"])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_lossy_files_keep_kind_rate_and_sound(kind: str, rate: int) -> None:
    file = file_of(speechlike(rate, channels=2), rate, kind)
    labelled = sound.add_to(file, kind)
    before, after = samples_of(file), samples_of(labelled)
    assert (opened(labelled).subtype, opened(labelled).samplerate) == (opened(file).subtype, rate)
    assert sound.heard(after, rate)
    assert not sound.heard(before, rate)
    extra = round((11 + 3) * UNIT * rate)
    near = min(_error(before, after, extra + shift) for shift in range(-1200, 1201, 1))
    assert near <= 0.25


def _error(before: Any, after: Any, offset: int) -> float:
    """Energy of the difference, of the content's, in its middle second."""
    middle = slice(len(before) // 3, len(before) // 3 + 8000)
    first = before[middle, 0]
    second = after[middle.start + offset : middle.stop + offset, 0]
    return float(np.sum((first - second) ** 2) / np.sum(first**2))


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "opus", "mp3"])
def test_tags_are_carried_over(kind: str) -> None:
    labelled = opened(sound.add_to(file_of(speechlike(16000), 16000, kind, title="Song", artist="Somebody"), kind))
    assert (labelled.title, labelled.artist) == ("Song", "Somebody")


def test_the_spoken_label_is_the_operators_recording_at_the_files_rate() -> None:
    time = np.arange(24000) / 24000
    voice = (0.3 * np.sin(2 * np.pi * 500 * time)).astype(np.float32)[:, np.newaxis]
    spoken = file_of(voice, 24000, "wav")
    labelled = sound.add(np.zeros((8000, 2), np.float32), 8000, kind="speech", spoken=spoken)
    assert labelled.shape == (8000 + 8000 + round(0.36 * 8000), 2)
    expected = 0.3 * np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)
    assert np.abs(labelled[100:7900, 0] - expected[100:7900]).max() < 0.02


def test_a_spoken_label_without_a_recording_says_what_to_set() -> None:
    content = np.zeros((100, 1), np.float32)
    for spoken in (None, b"", b"RIFF"):
        with pytest.raises(Misconfigured, match="wave file"):
            sound.add(content, 8000, kind="speech", spoken=spoken)
    with pytest.raises(Misconfigured, match="longer than 15 s"):
        sound.add(content, 8000, kind="speech", spoken=file_of(np.zeros((16 * 8000, 1), np.float32), 8000, "wav"))


def test_what_is_no_such_sound_says_so() -> None:
    for file in (b"", b"RIFF", b"ID3" + bytes(100)):
        with pytest.raises(BadFile, match="cannot be decoded"):
            sound.add_to(file, "wav")
    with pytest.raises(BadFile, match="Expected mp3, got WAV"):
        sound.add_to(file_of(speechlike(8000), 8000, "wav"), "mp3")
    with pytest.raises(BadFile, match="aiff"):
        sound.add_to(b"", "aiff")


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "opus", "mp3"])
def test_a_damaged_file_gives_a_labelled_sound_or_a_clear_error(kind: str) -> None:
    whole = file_of(speechlike(16000, 0.5), 16000, kind)

    @given(st.integers(0, len(whole) - 1), st.integers(1, 255), st.booleans())
    @settings(deadline=None, max_examples=50)
    def damage(place: int, flip: int, cut: bool) -> None:
        broken = whole[:place] if cut else whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :]
        with contextlib.suppress(BadFile):
            assert sound.add_to(broken, kind)

    damage()


@pytest.fixture
def av() -> Any:
    if importlib.util.find_spec("av") is None:
        pytest.skip("PyAV is not installed")
    import av

    return av


def m4a_of(av: Any, samples: sound.Samples, rate: int, codec: str = "aac") -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="ipod") as file:
        file.metadata["title"] = "Song"
        stream = file.add_stream(codec, rate=rate, layout="stereo")
        resampler = av.AudioResampler(format=stream.format.name, layout="stereo", rate=rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout="stereo")
        frame.sample_rate = rate
        for piece in resampler.resample(frame):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return target.getvalue()


@pytest.mark.parametrize("codec", ["aac", "alac"])
@pytest.mark.parametrize("at", ["start", "end"])
def test_m4a_is_labelled_with_its_codec_rate_and_title_kept(av: Any, codec: str, at: Any) -> None:
    rate = 44100
    labelled = sound.add_to(m4a_of(av, speechlike(rate, channels=2), rate, codec), "m4a", at=at)
    with av.open(io.BytesIO(labelled)) as file:
        stream = file.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.channels) == (codec, rate, 2)
        assert file.metadata["title"] == "Song"
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=rate)
        pieces = [piece.to_ndarray() for frame in file.decode(stream) for piece in resampler.resample(frame)]
    samples = np.concatenate(pieces, axis=1).T
    assert len(samples) == pytest.approx(round((3 + 14 * UNIT) * rate), abs=4096)
    assert sound.heard(samples[: 2 * rate] if at == "start" else samples[-2 * rate :], rate)


def test_m4a_that_is_none_says_so(av: Any) -> None:
    for file in (b"", b"\0\0\0\x18ftypM4A ", m4a_of(av, speechlike(16000, channels=2), 16000)[:-600]):
        with pytest.raises(BadFile, match="m4a"):
            sound.add_to(file, "m4a")
