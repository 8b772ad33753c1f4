"""Speech, embeddings and text recognition on one core: how fast, and how right beside faster-whisper as it comes.

    python benchmarks/bench_speech.py [WEIGHTS]

Needs whisper-base and resemblyzer in the weight store, and ../shared/data. Times are CPU seconds of this process, so
that other work on the machine counts little; the smallest of REPEATS is taken. Error rates are per character (Chinese,
after conversion to simplified characters) or per word, without punctuation.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import re
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import machine

from hanlin import sound
from hanlin.catalog import Store
from hanlin.engines import e5, ge2e, rapidocr
from hanlin.engines.whisper_child import Asked, _model, hear, plan
from hanlin.settings import Settings

T = TypeVar("T")
DATA = Path(__file__).parents[2] / "shared/data"
REPEATS = 2
CLIPS = (
    ("speech/zh_aishell_BAC009S0724W0121.wav", "广州市房地产中介协会分析"),
    ("speech/zh_firered_IT0011W0001.wav", "换一首歌"),
    ("speech/zh_funasr_asr_example.wav", "欢迎大家来体验达摩院推出的语音识别模型"),
    (
        "speech/en_jfk.flac",
        "and so my fellow americans ask not what your country can do for you ask what you can do for your country",
    ),
    ("speech/ms_malaya_rec1.wav", "helo nama saya husein saya tak suka mandi ketiak saya masam"),
)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    best, value = float("inf"), None
    for _ in range(REPEATS):
        start = time.process_time()
        value = work()
        best = min(best, time.process_time() - start)
    return best, value  # type: ignore[return-value]


def distance(said: list[str], wanted: list[str]) -> int:
    row = list(range(len(wanted) + 1))
    for place, one in enumerate(said, 1):
        previous, row[0] = row[0], place
        for other, want in enumerate(wanted, 1):
            previous, row[other] = row[other], min(row[other] + 1, row[other - 1] + 1, previous + (one != want))
    return row[-1]


def rate(said: str, wanted: str) -> float:
    from opencc import OpenCC

    plain = re.sub(r"[\W_]+", " ", OpenCC("t2s").convert(said).lower()).strip()
    chinese = re.search(r"[\u4e00-\u9fff]", wanted)
    parts = [list(re.sub(r"\s", "", text)) if chinese else text.split() for text in (plain, wanted)]
    return distance(*parts) / len(parts[1])


def ours(folder: str, source: Path, decoded: str) -> tuple[str, float]:
    """What Hanlin hears, and the seconds of sound; decoding, cutting, listening and telling voices apart."""
    _model(folder, 1).heard = None  # what an earlier repeat has encoded is encoded again
    found = sound.decode(str(source), decoded, sound.Limits())
    pieces, _ = plan(decoded, 0, 0)
    heard = [hear(Asked(folder, decoded), piece) for piece in pieces]
    return "".join(segment.text for one in heard for segment in one.segments), found.seconds


def voices(weights: str, decoded: str) -> int:
    windows = [
        (start + 0.8 * step, min(end, start + 0.8 * step + 1.6))
        for start, end in sound.speech(decoded)
        for step in range(max(1, int((end - start) / 0.8)))
    ]
    return len(ge2e.embed(weights, decoded, windows))


def theirs(model: Any, source: Path) -> str:
    segments, _ = model.transcribe(str(source), beam_size=5, temperature=0.0, word_timestamps=True, vad_filter=True)
    return "".join(segment.text for segment in segments)


def speech(store: Store, folder: Path) -> None:
    from faster_whisper import WhisperModel

    view, decoded = str(store.view("whisper-base")), str(folder / "decoded.wav")
    peer = WhisperModel(view, device="cpu", compute_type="int8", cpu_threads=1, num_workers=1)
    print("\n| clip | seconds | error | faster-whisper's | CPU-s | faster-whisper's |\n|---|---|---|---|---|---|")
    for name, wanted in CLIPS:
        spent, (said, seconds) = timed(partial(ours, view, DATA / name, decoded))
        other, heard = timed(partial(theirs, peer, DATA / name))
        errors = f"{rate(said, wanted):.3f} | {rate(heard, wanted):.3f}"
        print(f"| {Path(name).stem} | {seconds:.1f} | {errors} | {spent:.2f} | {other:.2f} |", flush=True)
    long = folder / "long.wav"
    join([*sorted((DATA / "meeting").glob("ami_*.wav")), DATA / "speech/en_jfk.flac"], long, folder)
    spent, (_, seconds) = timed(partial(ours, view, long, decoded))
    told, _ = timed(partial(voices, str(store.require("resemblyzer")), decoded))
    other, _ = timed(partial(theirs, peer, long))
    print(
        f"\nA meeting of {seconds:.0f} s, share of real time: words {spent / seconds:.3f}, voices {told / seconds:.3f},"
    )
    print(f"together {(spent + told) / seconds:.3f}; faster-whisper, words alone: {other / seconds:.3f}")


def join(sources: list[Path], target: Path, folder: Path) -> None:
    with sound.create(str(target)) as file:
        for source in sources:
            sound.decode(str(source), str(folder / "part.wav"), sound.Limits())
            file.writeframes((sound.read(str(folder / "part.wav")) * 32_767).astype("<i2").tobytes())


def others() -> None:
    short, long = ["今天下午三点开会，请带上季度报表。"] * 50, ["会议纪要与预算说明。" * 20] * 8
    e5.embed(short[:1])
    print("\n| work | a second |\n|---|---|")
    for name, texts in (("short sentences embedded", short), ("passages of 200 characters embedded", long)):
        spent, _ = timed(partial(e5.embed, texts))
        print(f"| {name} | {len(texts) / spent:.1f} |")
    print("\n| picture | CPU-s | lines |\n|---|---|---|")
    for path in sorted((DATA / "images").iterdir()):
        spent, found = timed(partial(rapidocr.recognise, str(path), 0.5))
        print(f"| {path.name} | {spent:.2f} | {len(found.lines)} |")


def main() -> None:
    print("\n".join(f"{key}: {value}" for key, value in machine.describe().items()))
    store = Store(Path(sys.argv[1]) if len(sys.argv) > 1 else Settings().weights_folder)
    with tempfile.TemporaryDirectory() as folder:
        speech(store, Path(folder))
    others()


if __name__ == "__main__":
    main()
