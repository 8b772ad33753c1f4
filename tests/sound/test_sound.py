"""Sound of any kind becomes one kind, within limits, and nothing but the file itself is ever opened."""

from __future__ import annotations

import io
import wave
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hanlin.errors import BadFile
from hanlin.sound import Limits, clip, create, decode, peaks, read, seconds, speech
from tests.sound.recordings import KINDS, RATE, encode, tone

Samples = npt.NDArray[np.float32]
SHARED = Path(__file__).parents[3] / "shared/data"


def shared(name: str) -> str:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is absent")
    return str(path)


def frequency(samples: Samples) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples))


@pytest.fixture
def target(tmp_path: Path) -> str:
    return str(tmp_path / "decoded.wav")


def write(path: str, *parts: Samples) -> str:
    with create(path) as file:
        file.writeframes((np.concatenate(parts) * 32_767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(("ending", "container", "codec", "rate"), KINDS, ids=[kind[0] for kind in KINDS])
def test_every_kind_of_the_table_is_decoded(
    ending: str, container: str, codec: str, rate: int, tmp_path: Path, target: str
) -> None:
    source = encode(tmp_path / f"sound.{ending}", container, codec, rate, [tone(2, rate)])

    found = decode(str(source), target, Limits())

    assert found.seconds == pytest.approx(2, abs=0.15)
    assert (found.sample_rate, found.channels, found.video) == (rate, 1, False)
    assert frequency(read(target, 0.5, 1.5)) == pytest.approx(440, abs=2)
    assert seconds(target) == pytest.approx(found.seconds)


def test_one_channel_can_be_kept_apart(tmp_path: Path, target: str) -> None:
    source = encode(tmp_path / "two.flac", "flac", "flac", RATE, [tone(1, hertz=300), tone(1, hertz=900)])
    heard = []
    for channel in (0, 1):
        assert decode(str(source), target, Limits(), channel).channels == 2
        heard.append(frequency(read(target)))
    assert heard == [pytest.approx(300, abs=2), pytest.approx(900, abs=2)]
    with pytest.raises(BadFile, match="2 channels"):
        decode(str(source), target, Limits(), 2)


def test_sound_that_begins_late_keeps_its_time(tmp_path: Path, target: str) -> None:
    source = encode(tmp_path / "late.mkv", "matroska", "flac", RATE, [tone(1)], start=2)
    found = decode(str(source), target, Limits())
    silent, loud = read(target, 0, found.seconds - 1.1), read(target, found.seconds - 0.9)
    assert float(np.abs(loud).max()) > 0.4
    assert len(silent) == 0 or float(np.abs(silent).max()) < 0.01


def test_limits_of_time_and_size_are_kept(tmp_path: Path, target: str) -> None:
    source = str(encode(tmp_path / "long.mp3", "mp3", "libmp3lame", 44_100, [tone(5, 44_100)]))
    with pytest.raises(BadFile) as long:
        decode(source, target, Limits(seconds=3))
    with pytest.raises(BadFile) as large:
        decode(source, target, Limits(size_bytes=1000))
    assert (long.value.code, large.value.code) == ("sound_too_long", "sound_too_large")


PLAYLISTS = {
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile 'secret.wav'\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "text": b"just words\n" * 50,
    "empty": b"",
    "subtitles": b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_what_names_other_files_or_is_no_sound_is_refused(kind: str, tmp_path: Path, target: str) -> None:
    source = tmp_path / f"{kind}.mp3"
    source.write_bytes(PLAYLISTS[kind])
    encode(tmp_path / "secret.wav", "wav", "pcm_s16le", RATE, [tone(1)])
    with pytest.raises(BadFile, match="no sound or video of a kind") as refused:
        decode(str(source), target, Limits())
    assert refused.value.code == "unknown_sound"


def test_a_cut_off_file_gives_what_is_there(tmp_path: Path, target: str) -> None:
    source = encode(tmp_path / "whole.ogg", "ogg", "libopus", 48_000, [tone(4, 48_000)])
    cut = tmp_path / "cut.ogg"
    cut.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    assert 1 < decode(str(cut), target, Limits()).seconds < 3


def test_noise_instead_of_packets_never_breaks_the_decoder(tmp_path: Path, target: str) -> None:
    source = encode(tmp_path / "whole.mp3", "mp3", "libmp3lame", 44_100, [tone(3, 44_100)])
    whole = bytearray(source.read_bytes())
    noise = np.random.default_rng(5)
    for _ in range(30):
        broken = bytearray(whole)
        for place in noise.integers(0, len(whole), 400):
            broken[place] = int(noise.integers(0, 256))
        source.write_bytes(broken)
        with suppress(BadFile):
            assert decode(str(source), target, Limits(seconds=60)).seconds < 60


def test_a_file_without_sound_says_so(target: str) -> None:
    video = shared("video/big_buck_bunny_small.mp4")
    found = decode(video, target, Limits())
    assert (found.video, found.channels, found.codec) == (True, 6, "aac")
    picture = shared("images/rapidocr_en.jpg")
    with pytest.raises(BadFile):
        decode(picture, target, Limits())


def test_a_clip_is_a_wav_file_of_the_stretch(target: str) -> None:
    write(target, tone(1, hertz=300), tone(1, hertz=900))
    with wave.open(io.BytesIO(clip(target, 1, 1.5)), "rb") as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels()) == (8000, RATE, 1)
        samples = np.frombuffer(file.readframes(8000), "<i2").astype(np.float32)
    assert frequency(samples) == pytest.approx(900, abs=2)
    assert len(read(target, 5, 6)) == 0
    assert len(read(target, 1.5)) == 8000


def test_peaks_show_where_it_is_loud(target: str) -> None:
    write(target, tone(1, loudness=0.1), tone(1, loudness=1.0), np.zeros(RATE, np.float32))
    assert peaks(target, 3) == [pytest.approx(25, abs=1), pytest.approx(254, abs=1), 0]
    assert len(peaks(target, 1000)) == 1000
    assert len(peaks(write(target, np.zeros(10, np.float32)), 50)) == 50


def test_another_form_of_wav_is_refused(tmp_path: Path) -> None:
    other = encode(tmp_path / "cd.wav", "wav", "pcm_s16le", 44_100, [tone(1, 44_100)])
    with pytest.raises(BadFile, match="44100 samples a second"):
        read(str(other))
    (tmp_path / "text.wav").write_bytes(b"no sound at all")
    with pytest.raises(BadFile, match="not a WAV"):
        seconds(str(tmp_path / "text.wav"))


def test_speech_is_found_between_silences(target: str, tmp_path: Path) -> None:
    decode(shared("speech/zh_funasr_asr_example.wav"), target, Limits())
    spoken = read(target)
    pause = np.zeros(2 * RATE, np.float32)
    both = write(str(tmp_path / "both.wav"), pause, spoken, pause, spoken, pause)

    first, second = speech(both)

    length = len(spoken) / RATE
    assert 2 < first[0] < 3.2
    assert first[1] < 2 + length + 0.3
    assert 4 + length < second[0] < second[1] < 4 + 2 * length + 0.3
    (alone,) = speech(both, start_seconds=3 + length)
    assert list(alone) == pytest.approx(list(second), abs=0.1)
    assert speech(write(str(tmp_path / "silent.wav"), pause)) == []
