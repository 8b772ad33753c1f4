"""What the policy room is measured on: terms, ordinary text, pieces of streams, and terms hidden from a word list."""

from __future__ import annotations

import csv
import itertools
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

from machine import ROOT

from hanlin.policy.fold import _LOOK_ALIKES
from hanlin.policy.split import PARTS

SHARED = ROOT.parent / "shared" / "data"
Words = tuple[list[str], list[int]]
"""Words and how often each was met."""
Trick = Callable[[str], str]


def ordinary() -> str:
    """Everything in the shared data that people wrote and that is text: comments, prompts, questions, a web page."""
    texts: list[str] = []
    for name in ("cold_train.csv", "cold_dev.csv", "jade_benchmark_easy_zh.csv"):
        if (path := SHARED / "policy" / name).exists():
            with path.open(encoding="utf-8-sig", newline="") as file:
                texts += [max(row, key=len) for row in csv.reader(file)]
    for path in (SHARED / "policy" / "cvalues_first332.jsonl", *sorted((SHARED / "evals").glob("*.jsonl"))):
        if path.exists():
            texts += [" ".join(map(str, json.loads(line).values())) for line in path.read_text("utf-8").splitlines()]
    for path in sorted((SHARED / "documents").glob("*.html")):
        texts.append(re.sub(r"<[^>]*>", "", path.read_text("utf-8")))
    return "\n\n".join(texts)


def dictionary(environment: Path | None) -> Words | None:
    """The words of jieba's dictionary, in the environment of the peers; None where it is not."""
    found = sorted(environment.glob("lib/python*/site-packages/jieba/dict.txt")) if environment else []
    if not found:
        return None
    rows = [line.split() for line in found[0].read_text("utf-8").splitlines()]
    return [row[0] for row in rows], [int(row[1]) for row in rows]


def pieces_of(text: str) -> Words:
    """In the place of a dictionary: every two Chinese characters that stand side by side, with their counts."""
    counts: dict[str, int] = {}
    for run in re.findall("[\u4e00-\u9fff]+", text):
        for start in range(len(run) - 1):
            pair = run[start : start + 2]
            counts[pair] = counts.get(pair, 0) + 1
    return list(counts), list(counts.values())


def terms_of(words: Words, count: int, chance: random.Random) -> list[str]:
    """Two words joined; 3 % are ordinary words."""
    terms: set[str] = set()
    while len(terms) < count * 97 // 100:
        terms.add(chance.choice(words[0]) + chance.choice(words[0]))
    while len(terms) < count:
        terms.add(chance.choice(words[0]))
    return sorted(terms)


def sampled(words: Words, size_bytes: int, chance: random.Random) -> str:
    """Chinese text of words drawn as often as they are met, with a mark after every twelve."""
    cumulative = list(itertools.accumulate(words[1]))
    texts: list[str] = []
    while size_bytes > 0:
        texts.append("".join(chance.choices(words[0], cum_weights=cumulative, k=12)) + chance.choice("，。；\n"))
        size_bytes -= len(texts[-1].encode())
    return "".join(texts)


def streamed(text: str, chance: random.Random) -> list[str]:
    """A text as models send it: a word of English with the space before it, one to five Chinese characters."""
    return [
        part
        for run in re.findall(r" ?[A-Za-z]+|[\u4e00-\u9fff]+|[^A-Za-z\u4e00-\u9fff]", text)
        for part in (_cut(run, chance) if run[0] >= "\u4e00" else [run])
    ]


def _cut(run: str, chance: random.Random) -> list[str]:
    parts = []
    while run:
        length = chance.randint(1, 5)
        parts.append(run[:length])
        run = run[length:]
    return parts


def tricks(readings: dict[str, str], chance: random.Random) -> dict[str, tuple[str, Trick]]:
    """By name: the variant that a list must ask for (or nothing), and what is done to a term."""
    by_sight = {name: ("", trick) for name, trick in _by_sight(chance).items()}
    by_sight["split characters"] = ("split", _each(lambda c: PARTS.get(c, c)))
    return by_sight | {
        name: ("pinyin", trick) for name, trick in (_by_sound(readings, chance) if readings else {}).items()
    }


def _by_sight(chance: random.Random) -> dict[str, Trick]:
    looks = {word[0]: word[1:] for word in _LOOK_ALIKES.split()}
    traditional = _traditional()

    def between(*fillers: str) -> Trick:
        return lambda term: "".join(c + chance.choice(fillers) for c in term[:-1]) + term[-1]

    def old(term: str) -> str:
        return "".join(traditional.get(c, c) for c in term)

    return {
        "raw": str,
        "capitals, full width": _each(lambda c: chr(ord(c.upper()) + 0xFEE0) if "!" <= c <= "~" else c),
        "traditional": old,
        "zero width, bidi, variation selectors": between("\u200b", "\u200d", "\u202e", "\ufe0f", "\u2060"),
        "combining marks": _each(lambda c: c + chance.choice("\u0301\u0336\u20dd")),
        "symbols, spaces, line ends": between("*", " ", "\n", "。", "-", "|"),
        "emoji": between("😀", "🔥", "👍🏽"),
        "look-alikes": _each(lambda c: chance.choice(looks.get(c, c))),
        "escapes": _each(lambda c: f"\\u{ord(c):04x}"),
        "traditional, zero width and symbols": lambda term: between("\u200b*", "\u2060 ", "😀")(old(term)),
    }


def _by_sound(readings: dict[str, str], chance: random.Random) -> dict[str, Trick]:
    homophones: dict[str, list[str]] = {}
    for character, reading in readings.items():
        if "\u4e00" <= character <= "\u9fa5":
            homophones.setdefault(reading, []).append(character)

    def one(change: Callable[[str], str]) -> Trick:
        def changed(term: str) -> str:
            place = chance.randrange(len(term))
            return term[:place] + change(term[place]) + term[place + 1 :]

        return changed

    def alike(character: str) -> str:
        return chance.choice(homophones.get(readings.get(character, ""), [character]))

    def spelt(character: str) -> str:
        return readings.get(character, character)

    return {
        "one homophone": one(alike),
        "all homophones": _each(alike),
        "one character as pinyin": one(spelt),
        "all pinyin": _each(spelt),
        "all pinyin, spaces": lambda term: " ".join(map(spelt, term)),
    }


def _each(change: Callable[[str], str]) -> Trick:
    return lambda term: "".join(map(change, term))


def _traditional() -> dict[str, str]:
    lines = (ROOT / "hanlin" / "policy" / "simplified.txt").read_text("utf-8").splitlines()
    return {pair[1]: pair[0] for line in lines if not line.startswith("#") for pair in line.split()}
