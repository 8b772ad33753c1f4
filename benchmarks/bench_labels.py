"""What it costs to label, sign and check a file: `python benchmarks/bench_labels.py [--seconds 2] [--json FILE]`.

A row is a file and something done to it: add one in `works`. Wall time is the median; files/s are by CPU time of this
process, all threads, so that a busy machine changes them little. Programs of others run beside us: wall time only.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import machine
import msgspec
import numpy as np

from hanlin.labels.formats import table
from hanlin.labels.imprint import Imprint
from hanlin.labels.signature import credentials, security_data
from hanlin.labels.signature.authority import Authority
from hanlin.types import Label

LABEL = Label("1", "00119144030008867405X2100A1", "01" * 16, "", "00119144030008867405X2200A1", "01" * 16, "")
IMPRINT = Imprint(LABEL, system="qwen-image", version="2.5")
MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WebP": "image/webp",
    "MP4": "video/mp4",
    "MP3": "audio/mpeg",
    "PDF": "application/pdf",
}
Work = Callable[[], object]


def pictures() -> Iterator[tuple[str, bytes]]:
    """Noise over a gradient, so that they are as large as photographs of that size: the PNG has 2 MB."""
    from PIL import Image

    random = np.random.default_rng(0)
    gradient = np.add.outer(np.arange(1024), np.arange(1024))[..., None] // 16 + [0, 40, 80]
    picture = Image.fromarray((gradient + random.integers(0, 20, (1024, 1024, 3))).clip(0, 255).astype(np.uint8))
    for name, options in (("PNG", {}), ("JPEG", {"quality": 85}), ("WebP", {"quality": 80})):
        file = io.BytesIO()
        picture.save(file, name, **options)
        yield name, file.getvalue()


def films_and_sound() -> Iterator[tuple[str, bytes]]:
    """Ten seconds each."""
    import av
    import soundfile

    frames = np.random.default_rng(0).integers(0, 256, (25, 360, 640, 3), dtype=np.uint8)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(250):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frames[number % 25], format="rgb24")))
        output.mux(stream.encode(None))
    yield "MP4", file.getvalue()
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(0).normal(0, 0.1, 441_000), 44_100, format="MP3")
    yield "MP3", file.getvalue()


def paper() -> Iterator[tuple[str, bytes]]:
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file)
    for page in range(20):
        for line in range(50):
            canvas.drawString(60, 780 - 14 * line, f"Line {line} of page {page}")
        canvas.showPage()
    canvas.save()
    yield "PDF", file.getvalue()


def label(file: bytes) -> bytes:
    view = memoryview(file)
    return b"".join(table.find(view).write(view, IMPRINT))


def resave(file: bytes, name: str) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.open(io.BytesIO(file)).save(written, name)
    return written.getvalue()


def works(name: str, file: bytes, authority: Authority) -> Iterator[tuple[str, Work]]:
    media_type = MEDIA_TYPES[name]
    labelled = label(file)
    signed = credentials.sign(labelled, media_type, IMPRINT, authority)
    view = memoryview(signed)
    yield "hash (SHA-256)", lambda: hashlib.sha256(file).digest()
    yield "label", lambda: label(file)
    yield "sign", lambda: credentials.sign(labelled, media_type, IMPRINT, authority)
    yield "label and sign", lambda: credentials.sign(label(file), media_type, IMPRINT, authority)
    yield "read the label", lambda: table.find(view).read(view)
    yield "check the credential", lambda: credentials.read(signed, media_type, authority.trust_anchors)
    yield "look for a credential, none", lambda: credentials.read(file, media_type, authority.trust_anchors)
    if name in {"PNG", "JPEG", "WebP"}:
        yield "Pillow, open and save", lambda: resave(file, name)


def seals(authority: Authority) -> Iterator[tuple[str, Work]]:
    for kind, key in (("SM2", authority.sm2), ("Ed25519", authority.ed25519)):
        sealed = msgspec.structs.replace(LABEL, reserved_code1=security_data.seal(LABEL, key))
        yield f"{kind} seal", lambda key=key: security_data.seal(LABEL, key)
        yield f"{kind} check", lambda sealed=sealed: security_data.check(sealed, known=authority.public_keys)


@contextmanager
def exiftool(folder: Path, name: str, file: bytes) -> Iterator[list[tuple[str, Work]]]:
    """It writes another XMP property of the same size, for it knows no `TC260:AIGC`."""
    path = folder / f"file.{name.lower()}"
    path.write_bytes(file)
    arguments = [f"-XMP-dc:Description={msgspec.json.encode(LABEL).decode()}", "-overwrite_original", str(path)]
    opened = ["exiftool", "-stay_open", "True", "-@", "-"]
    with subprocess.Popen(opened, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        to, back = process.stdin, process.stdout

        def again() -> None:
            to.write("\n".join([*arguments, "-execute\n"]))
            to.flush()
            while back.readline().strip() != "{ready}":
                pass

        yield [
            (
                "exiftool, a process each",
                lambda: subprocess.run(["exiftool", *arguments], capture_output=True, check=True),
            ),
            ("exiftool -stay_open", again),
        ]
        to.write("-stay_open\nFalse\n")


def measure(work: Work, seconds: float) -> tuple[float, float, int]:
    """Median milliseconds, files a second of one core, n."""
    work()
    taken: list[float] = []
    begun, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - begun < seconds or len(taken) < 5:
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return median(taken), len(taken) / max(time.process_time() - cpu, 1e-9), len(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2, help="for each figure")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for name, value in machine.describe().items():
        print(f"{name}: {value}")
    print("\n| file | what | p50 ms | files/s per core | n |\n| --- | --- | --- | --- | --- |")
    figures: dict[str, dict[str, tuple[float, float, int]]] = {}

    def row(file: str, what: str, work: Work, *, others: bool = False) -> None:
        p50, rate, count = figures.setdefault(file, {})[what] = measure(work, options.seconds)
        print(f"| {file} | {what} | {p50:.3f} | {'-' if others else f'{rate:,.0f}'} | {count} |", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        authority = Authority.open(Path(folder) / "signing", "Example")
        for what, work in seals(authority):
            row("label", what, work)
        for name, file in (*pictures(), *films_and_sound(), *paper()):
            size = f"{name} {len(file) / 1e6:.2f} MB"
            for what, work in works(name, file, authority):
                row(size, what, work)
            if shutil.which("exiftool") and name in {"PNG", "JPEG", "WebP", "MP4", "PDF"}:
                with exiftool(Path(folder), name, file) as rows:
                    for what, work in rows:
                        row(size, what, work, others=True)
    png = next(rows for name, rows in figures.items() if name.startswith("PNG"))
    beyond = 1 / (1 / png["label and sign"][1] - 1 / png["hash (SHA-256)"][1])
    print(f"\nPNG, label and sign beyond hashing: {beyond:.0f} files/s per core, wanted ≥ 100.")
    print(f"PNG, label alone: {png['label'][0]:.3f} ms p50, wanted ≤ 1.")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
