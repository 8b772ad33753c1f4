"""Invisible marks of pictures, beside others: `python benchmarks/bench_watermark.py --peers VENV --unmarked 10000`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

# One core, before numpy starts its threads.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np
from machine import describe
from watermark_peers import PEERS
from watermark_pictures import CHANGES, Pixels, clouds, collage, cut, hard, made, measure, page, real, shapes, text

from hanlin.labels.watermark.picture import TileWatermark

Rows = list[dict[str, Any]]
OURS = "hanlin-tile-1"
PEER_PICTURES = 8
"""Every technique is measured on so many pictures, evenly taken from all that are not hard; ours on all besides."""


class Tile:
    def __init__(self) -> None:
        self._mark = TileWatermark()

    def embed(self, pixels: Pixels, payload: int) -> Pixels:
        return self._mark.embed(pixels, payload)

    def find(self, pixels: Pixels, original: tuple[int, ...]) -> int | None:
        del original
        found = self._mark.find(pixels)
        return found.payload if found else None


def of_peer(venv: Path, name: str, pictures: list[tuple[str, Pixels]]) -> Rows:
    script = Path(__file__).with_name("watermark_peers.py")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pictures.npz"
        np.savez(file, **dict(pictures))
        command = [str(venv / "bin" / "python"), str(script), name, str(file)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows: Rows = json.loads(done.stdout.splitlines()[-1])
    return rows


def table(columns: dict[str, Rows]) -> str:
    def line(words: str, value: Any) -> str:
        return f"| {words} | " + " | ".join(value(rows) for rows in columns.values()) + " |"

    lines = [
        "| | " + " | ".join(f"{name}, n = {len(rows)}" for name, rows in columns.items()) + " |",
        "| --- " * (len(columns) + 1) + "|",
        line("PSNR, dB: mean (lowest)", lambda rows: figures([row["psnr"] for row in rows], mean, min)),
        line("SSIM: mean (lowest)", lambda rows: figures([row["ssim"] for row in rows], mean, min, 3)),
        line("embed, ms per megapixel", lambda rows: per_megapixel(rows, "embed_ms")),
        line("find, ms per megapixel", lambda rows: per_megapixel(rows, "find_ms")),
        line("find, longest search", lambda rows: per_megapixel(rows, "find_longest_ms")),
    ]
    lines += [
        line(change, lambda rows, change=change: f"{100 * mean(change in row['found'] for row in rows):.0f} %")
        for change in CHANGES
    ]
    return "\n".join(lines)


def figures(values: list[float], middle: Any, end: Any, digits: int = 1) -> str:
    return f"{middle(values):.{digits}f} ({end(values):.{digits}f})"


def per_megapixel(rows: Rows, key: str) -> str:
    """Median over pictures of at least 0.75 megapixels: below, what does not grow with the picture prevails."""
    values = [row[key] / row["megapixels"] for row in rows if row["megapixels"] >= 0.75]
    return f"{median(values):.0f}" if values else "-"


def missed(rows: Rows) -> str:
    lost = [(row["name"], [change for change in CHANGES if change not in row["found"]]) for row in rows]
    return "\n".join(f"- {name}: {', '.join(changes)}" for name, changes in lost if changes)


def unmarked(count: int, pictures: list[Pixels], seed: int = 4) -> str:
    """Looks for marks in pieces of the pictures and in others made for it, some periodic; none carries one."""
    random, mark = np.random.default_rng(seed), TileWatermark()
    found, spent, megapixels = 0, 0.0, 0.0
    for number in range(count):
        pixels = changed(random, unmarked_one(random, number, pictures))
        began = time.process_time()
        found += mark.find(pixels) is not None
        spent += time.process_time() - began
        megapixels += pixels.shape[0] * pixels.shape[1] / 1e6
    each = 1000 * spent / max(count, 1)
    return (
        f"{found} marks found in {count} pictures that have none ({megapixels:.0f} megapixels, {each:.0f} ms a picture)"
    )


def unmarked_one(random: np.random.Generator, number: int, pictures: list[Pixels]) -> Pixels:
    height, width = (int(side) for side in random.integers(256, 420, 2))
    if number % 4 and pictures:
        whole = pictures[int(random.integers(len(pictures)))]
        rows, columns = min(height, whole.shape[0]), min(width, whole.shape[1])
        top, left = (int(random.integers(a - b + 1)) for a, b in zip(whole.shape, (rows, columns), strict=False))
        return np.ascontiguousarray(whole[top : top + rows, left : left + columns])
    if number % 20 == 0:
        period = int(random.integers(6, 120))
        one = clouds(random, period, period, 1)
        return np.ascontiguousarray(np.tile(one, (-(-height // period), -(-width // period), 1))[:height, :width])
    if number % 20 == 4:
        return clouds(random, height, width, random.uniform(0, 2))
    return (collage, shapes, text, page)[number // 4 % 4](random, height, width)


def changed(random: np.random.Generator, pixels: Pixels) -> Pixels:
    """One in three as it is, one cut, one after any of the changes."""
    which = int(random.integers(3))
    if which == 2:
        return list(CHANGES.values())[int(random.integers(len(CHANGES)))](pixels)
    return cut(pixels, random.uniform(0.02, 0.2)) if which else pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="environment with blind-watermark and invisible-watermark")
    parser.add_argument("--pictures", type=Path, nargs="*", default=[], help="folders of pictures to use besides")
    parser.add_argument("--unmarked", type=int, default=0, help="pictures without a mark to search for one")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for name, value in describe().items():
        print(f"{name}: {value}")
    ordinary = [*real(options.pictures), *made()]
    shared = ordinary[:: max(1, len(ordinary) // PEER_PICTURES)][:PEER_PICTURES]
    kinds = {"real": [p for p in ordinary if p[0].startswith("real")]}
    kinds |= {"made": [p for p in ordinary if p[0].startswith("made")], "hard": list(hard())}
    columns = {f"{OURS}, {kind}": measure(Tile(), pictures) for kind, pictures in kinds.items() if pictures}
    print("\n" + table(columns) + "\n\nNot found:\n" + "\n".join(missed(rows) for rows in columns.values()), flush=True)
    if options.peers:
        beside = {OURS: measure(Tile(), shared)}
        beside |= {name: of_peer(options.peers, name, shared) for name in PEERS}
        print("\n" + table(beside), flush=True)
        columns |= beside
    else:
        print("\nPeers are left out: name their environment with --peers.")
    if options.unmarked:
        print("\n" + unmarked(options.unmarked, [pixels for _, pixels in ordinary]))
    if options.json:
        options.json.write_text(json.dumps(columns))


if __name__ == "__main__":
    sys.exit(main())
