"""Finding personal data: MB a second over whole texts, microseconds a chunk and characters held over streams.

    python benchmarks/bench_personal.py [file of text ...]

Without files: the remarks of COLD from the shared samples, and this repository's documents for English.
"""

from __future__ import annotations

import csv
import random
import re
import sys
import time
import typing
from collections.abc import Callable
from functools import partial
from pathlib import Path

from machine import ROOT, describe

from hanlin.policy.file import PersonalKind, PersonalRule
from hanlin.policy.personal import PersonalData

SAMPLES = ROOT.parent / "shared" / "data" / "policy"
STREAM_CHARACTERS = 200_000
REPEATS = 3
ALL: tuple[PersonalKind, ...] = typing.get_args(PersonalKind)
USUAL: tuple[PersonalKind, ...] = (
    "id_card", "residence_permit", "credit_code", "bank_card", "mobile", "landline", "passport", "plate", "email",
)  # fmt: skip
SETS: dict[str, tuple[PersonalKind, ...]] = {"usual": USUAL, "all": ALL} | {kind: (kind,) for kind in ALL}


def texts() -> dict[str, str]:
    if files := sys.argv[1:]:
        return {file: Path(file).read_text(encoding="utf-8") for file in files}
    found = {"English": "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))}
    if (SAMPLES / "cold_train.csv").exists():
        with (SAMPLES / "cold_train.csv").open(encoding="utf-8") as lines:
            found["Chinese"] = "\n".join(row["TEXT"] for row in csv.DictReader(lines))
    return found


def least_seconds(act: Callable[[], object]) -> float:
    """Of processor time."""
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        act()
        taken.append(time.process_time() - began)
    return min(taken)


def pieces(text: str) -> list[str]:
    """As a model writes: words with the blank before them; runs of Chinese in one to four characters."""
    draw = random.Random(1)
    cut: list[str] = []
    for word in re.findall(r"\s?[^\s]+|\s", text):
        place = 0
        while place < len(word):
            length = len(word) if word.isascii() else draw.choice((1, 2, 2, 3, 4))
            cut.append(word[place : place + length])
            place += length
    return cut


def watch(rule: PersonalData, cut: list[str]) -> float:
    """Mean characters held after a chunk."""
    watcher, held = rule.watch(), 0
    for piece in cut:
        watcher.push(piece)
        held += len(watcher.held)
    return held / len(cut)


def main() -> None:
    for name, value in describe().items():
        print(f"{name}: {value}")
    for name, text in texts().items():
        size, cut = len(text.encode()), pieces(text[:STREAM_CHARACTERS])
        print(f"\n{name}: {size / 1e6:.1f} MB whole, {len(cut)} chunks; n {REPEATS}, least")
        print(f"{'kinds':18} {'MB/s':>7} {'findings':>9} {'µs/chunk':>9} {'held':>6}")
        for kinds, chosen in SETS.items():
            rule = PersonalData(PersonalRule("bench", chosen))
            findings = sum(len(hit.spans) for hit in rule.judge(text))
            rate = size / 1e6 / least_seconds(partial(rule.judge, text))
            chunk = least_seconds(partial(watch, rule, cut)) / len(cut) * 1e6
            print(f"{kinds:18} {rate:7.1f} {findings:9} {chunk:9.2f} {watch(rule, cut):6.2f}")


if __name__ == "__main__":
    main()
