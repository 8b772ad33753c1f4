"""The invisible mark of sounds: how audible, how lasting, how fast, on recordings and generated notes.

`python benchmarks/bench_sound_watermark.py [--data FOLDER] [--json FILE]`. Every sound of the folders `speech` and
`meeting` and of the video is marked (14 seconds of each), changed, and cut into pieces of 3 seconds, and each piece
is asked for its number. Codecs are FFmpeg's through PyAV; tempo is changed by its `atempo`.
"""

from __future__ import annotations

import argparse
import io
import json
import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe
from numpy.typing import NDArray

from hanlin.labels.watermark.sound import PatchworkWatermark

Samples = NDArray[np.float32]
Change = Callable[[Samples, int], tuple[Samples, int]]

SECONDS, PIECE_SECONDS, PIECES = 14, 3.0, 3
HEARD_DB = 50.0
"""Frames so far below the loudest count neither for the segmental ratio nor for the mask."""


def sounds(data: Path) -> Iterator[tuple[str, Samples, int]]:
    import soundfile

    for file in sorted([*(data / "speech").glob("*.*"), *(data / "meeting").glob("*.wav")]):
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        yield file.stem, samples[: SECONDS * rate], rate
    for file in sorted((data / "video").glob("*.mp4")):
        yield file.stem, *decoded(file, "stereo", 48000)
    for seed in (1, 2):
        yield f"notes {seed}", notes(44100, 12, seed), 44100


def notes(rate: int, seconds: float, seed: int) -> Samples:
    """Plucked notes with overtones in two voices and a drum: much more tonal than a recording."""
    drawn, at = np.random.default_rng(seed), np.arange(int(rate * seconds)) / rate
    sound = np.zeros(len(at))
    for number in range(int(seconds / 0.3)):
        begin = int(number * 0.3 * rate)
        after = at[: len(at) - begin]
        for lowest in (110, *(220,) * (number % 2)):
            decay, tone = drawn.uniform(0.25, 0.75), lowest * 2 ** (drawn.integers(0, 24) / 12)
            voice = np.exp(-after / decay) * np.minimum(1, after / 0.005)
            for overtone in range(1, 12):
                sound[begin:] += voice * np.sin(2 * np.pi * tone * overtone * after + overtone) / overtone**1.2
        if number % 2 == 0:
            sound[begin:] += 0.8 * drawn.standard_normal(len(after)) * np.exp(-after / 0.03)
    sound /= 1.2 * np.abs(sound).max()
    return np.stack([sound, 0.9 * np.roll(sound, 200)], axis=1).astype(np.float32)


def decoded(source: Any, layout: str, rate: int) -> tuple[Samples, int]:
    import av

    container: Any
    with av.open(source) as container:
        plain = av.AudioResampler("fltp", layout, rate)
        parts = [part.to_ndarray() for frame in container.decode(audio=0) for part in plain.resample(frame)]
        parts += [part.to_ndarray() for part in plain.resample(None)]
    return np.concatenate(parts, axis=1).T, rate


def framed(samples: Samples, rate: int) -> Any:
    import av

    layout = "stereo" if samples.shape[1] == 2 else "mono"
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "fltp", layout)
    frame.sample_rate, frame.pts = rate, 0
    return frame


def through_codec(codec: str, container: str, bits_per_second: int) -> Change:
    def change(samples: Samples, rate: int) -> tuple[Samples, int]:
        import av

        frame, file = framed(samples, rate), io.BytesIO()
        with av.open(file, "w", format=container) as written:
            coded_rate = 48000 if codec == "libopus" else rate
            stream: Any = written.add_stream(codec, rate=coded_rate, layout=frame.layout.name)
            stream.bit_rate = bits_per_second
            converter = av.AudioResampler(stream.codec_context.format.name, frame.layout.name, coded_rate)
            for part in [*converter.resample(frame), *converter.resample(None)]:
                written.mux(stream.encode(part))
            written.mux(stream.encode(None))
        file.seek(0)
        return decoded(file, frame.layout.name, rate)

    return change


def filtered(samples: Samples, rate: int, name: str, value: str) -> Samples:
    import av

    frame, graph = framed(samples, rate), av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="fltp", layout=frame.layout.name)
    plain, sink = graph.add("aformat", "sample_fmts=fltp"), graph.add("abuffersink")
    graph.link_nodes(source, graph.add(name, value), plain, sink).configure()
    source.push(frame)
    source.push(None)
    parts = []
    while True:
        try:
            parts.append(graph.pull().to_ndarray())
        except (BlockingIOError, EOFError):
            return np.concatenate(parts, axis=1).T


def speed(factor: float) -> Change:
    return lambda samples, rate: (filtered(samples, rate, "aresample", str(round(rate / factor))), rate)


def tempo(factor: float) -> Change:
    return lambda samples, rate: (filtered(samples, rate, "atempo", str(factor)), rate)


def pitch(factor: float) -> Change:
    return lambda samples, rate: tempo(1 / factor)(*speed(factor)(samples, rate))


CHANGES: dict[str, Change] = {
    "none": lambda samples, rate: (samples, rate),
    "MP3 64k": through_codec("libmp3lame", "mp3", 64000),
    "AAC 64k": through_codec("aac", "adts", 64000),
    "Opus 32k": through_codec("libopus", "ogg", 32000),
    "8 kHz": lambda samples, rate: (filtered(samples, rate, "aresample", "8000"), 8000),
    "speed +5 %": speed(1.05),
    "speed -5 %": speed(0.95),
    "tempo +5 %": tempo(1.05),
    "tempo -5 %": tempo(0.95),
    "pitch +5 %": pitch(1.05),
    "pitch -5 %": pitch(0.95),
}


def pieces(samples: Samples, rate: int) -> list[Samples]:
    starts = np.arange(0.37, len(samples) / rate - PIECE_SECONDS, PIECE_SECONDS)[:PIECES]
    return [samples[int(start * rate) : int((start + PIECE_SECONDS) * rate)] for start in starts]


def ratio_db(signal: NDArray[Any], noise: NDArray[Any]) -> NDArray[np.float64]:
    return 10 * np.log10(np.maximum(signal, 1e-14) / np.maximum(noise, 1e-14))


def segmental_db(sound: Samples, change: Samples, rate: int) -> float:
    """Mean over frames of 20 ms of the ratio of sound to change, each held to -10 to 35 dB."""
    size = rate // 50
    count = len(sound) // size * size
    signal, noise = ((part[:count, 0].reshape(-1, size) ** 2).sum(axis=1) for part in (sound, change))
    heard = signal > signal.max() * 10 ** (-HEARD_DB / 10)
    return float(np.clip(ratio_db(signal, noise)[heard], -10, 35).mean())


def noise_to_mask(sound: Samples, change: Samples, rate: int) -> tuple[float, float]:
    """Noise-to-mask ratio in dB over half-Bark bands, 300-7,000 Hz, and the share of bands and frames above the mask.

    The mask is that of MPEG-1's second model in outline: unpredictability from frame to frame decides between 18 dB
    (tones) and 6 dB (noise) below the spread power; the floor is -90 dB of full scale. An estimate, not a hearing test.
    """
    size = int(0.032 * rate)
    spectrum, noise = (windowed_spectra(part[:, 0], size) for part in (sound, change))
    hz = np.fft.rfftfreq(size, 1 / rate)
    bark = 26.81 * hz / (1960 + hz)
    band = ((bark - bark[0]) * 2).astype(int)
    member = (band[:, None] == np.arange(band.max() + 1)).astype(float)
    power, changed = np.abs(spectrum) ** 2 @ member, np.abs(noise) ** 2 @ member
    away = (np.arange(member.shape[1])[None] - np.arange(member.shape[1])[:, None]) / 2
    spread = 10 ** (np.where(away > 0, -10 * away, 25 * away) / 10)
    spread /= spread.sum(axis=0)
    chaos = (np.abs(spectrum) ** 2 * unpredictability(spectrum)) @ member @ spread / (power @ spread + 1e-14)
    tonal = np.clip(-0.299 - 0.43 * np.log(chaos + 1e-9), 0, 1)
    mask = np.maximum(power @ spread * 10 ** (-(18 * tonal + 6 * (1 - tonal)) / 10), 1e-9 * size)
    heard = power.sum(axis=1) > power.sum(axis=1).max() * 10 ** (-HEARD_DB / 10)
    inside = member[(hz > 300) & (hz < 7000)].any(axis=0)
    over = (changed / mask)[heard][:, inside]
    return float(10 * np.log10(over.mean())), float((over > 1).mean())


def windowed_spectra(channel: NDArray[np.float32], size: int) -> NDArray[np.complex128]:
    rows = np.lib.stride_tricks.sliding_window_view(channel, size)[:: size // 2]
    return np.fft.rfft(rows * np.hanning(size + 1)[:size])


def unpredictability(spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
    size, angle = np.abs(spectrum), np.angle(spectrum)
    expected = np.zeros_like(spectrum)
    expected[2:] = (2 * size[1:-1] - size[:-2]) * np.exp(1j * (2 * angle[1:-1] - angle[:-2]))
    return np.abs(spectrum - expected) / (size + np.abs(expected) + 1e-12)


def measured(samples: Samples, rate: int) -> dict[str, Any]:
    """One sound: its audibility, times over its length, and how many pieces said the number after each change."""
    mark, payload, seconds = PatchworkWatermark(), secrets.randbits(64), len(samples) / rate
    begin = time.process_time()
    marked = mark.embed(samples, rate, payload)
    embedded = time.process_time() - begin
    change = marked - samples
    nmr, over = noise_to_mask(samples, change, rate)
    row: dict[str, Any] = {
        "snr": float(ratio_db(np.sum(samples**2), np.sum(change**2))),
        "segmental": segmental_db(samples, change, rate),
        "nmr": nmr,
        "over": over,
        "embed": embedded / seconds,
        "find": [],
        "read": {},
        "wrong": 0,
    }
    for name, made in CHANGES.items():
        row["read"][name] = [0, 0]
        changed, changed_rate = made(marked, rate)
        for piece in pieces(changed, changed_rate):
            begin = time.process_time()
            found = mark.find(piece, changed_rate)
            row["find"].append((time.process_time() - begin) / PIECE_SECONDS)
            row["read"][name][0] += found is not None and found.payload == payload
            row["read"][name][1] += 1
            row["wrong"] += found is not None and found.payload != payload
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    print("\n".join(f"{name}: {value}" for name, value in describe().items()))
    rows = {}
    print(f"{'sound':36} SNR   segmental  NMR   above mask  embed  find (CPU s per s)  pieces read")
    for name, samples, rate in sounds(asked.data):
        row = rows[name] = measured(samples, rate)
        read = [sum(each) for each in zip(*row["read"].values(), strict=True)]
        find = statistics.median(row["find"]) if row["find"] else float("nan")
        print(
            f"{name[:36]:36} {row['snr']:4.1f}  {row['segmental']:8.1f}  {row['nmr']:5.1f}  {row['over']:9.1%}"
            f"  {row['embed']:.3f}  {find:.3f}              {read[0]}/{read[1]}",
            flush=True,
        )
    for column in ("snr", "segmental", "nmr", "over", "embed"):
        values = [row[column] for row in rows.values()]
        print(f"{column:10} median {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})")
    for name in CHANGES:
        read, asked_pieces = (sum(row["read"][name][place] for row in rows.values()) for place in (0, 1))
        print(f"{name:12} {read}/{asked_pieces}")
    print(f"wrong numbers: {sum(row['wrong'] for row in rows.values())}")
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
