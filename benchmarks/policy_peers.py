"""Other engines on the same terms and texts, in an environment of their own: `policy_peers.py NAME FILE.json`.

They match the raw text; none of them folds. Each says how long building and loading take, how fast whole texts are
searched, and what a piece of a stream costs where the engine keeps its state between pieces.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

Search = Callable[[str], int]
REPETITIONS = 5
PART_CHARACTERS = 200_000
"""Half of what a request may have."""


def seconds(work: Callable[[], Any], repetitions: int = REPETITIONS) -> float:
    """CPU time of the quickest of several runs."""
    best = float("inf")
    for _ in range(repetitions):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def rate(text: str, work: Callable[[str], Any]) -> float:
    """MB of UTF-8 a second. Each part is worked on several times; its quickest time counts, so few are disturbed."""
    parts = [text[start : start + PART_CHARACTERS] for start in range(0, len(text), PART_CHARACTERS)]
    return len(text.encode()) / 1e6 / sum(seconds(lambda part=part: work(part)) for part in parts)


class Rust:
    """ahocorasick-rs. It cannot be stored."""

    def __init__(self, terms: list[str]) -> None:
        from ahocorasick_rs import AhoCorasick

        self._automaton = AhoCorasick(terms)

    def count(self, text: str) -> int:
        return len(self._automaton.find_matches_as_indexes(text, overlapping=True))


class Python:
    """pyahocorasick. It keeps its state between pieces too, but these pieces end the process (`set`, 2.3.1)."""

    def __init__(self, terms: list[str]) -> None:
        import ahocorasick

        self._automaton = ahocorasick.Automaton()
        for term in terms:
            self._automaton.add_word(term, len(term))
        self._automaton.make_automaton()

    def count(self, text: str) -> int:
        return sum(1 for _ in self._automaton.iter(text))

    def store(self) -> Callable[[], Any]:
        stored = pickle.dumps(self._automaton)
        return lambda: pickle.loads(stored)


class Hyperscan:
    @staticmethod
    def mode() -> int:
        import hyperscan

        return int(hyperscan.HS_MODE_BLOCK)

    def __init__(self, terms: list[str]) -> None:
        import hyperscan

        self._database = hyperscan.Database(mode=self.mode())
        expressions = [term.encode() for term in terms]
        self._database.compile(expressions=expressions, ids=list(range(len(terms))), literal=True)
        self._found = 0

    def _on_match(self, *_: object) -> None:
        self._found += 1

    def count(self, text: str) -> int:
        self._found = 0
        self._database.scan(text.encode(), match_event_handler=self._on_match)
        return self._found

    def store(self) -> Callable[[], Any]:
        import hyperscan

        stored = hyperscan.dumpb(self._database)
        return lambda: hyperscan.loadb(stored, self.mode())


class HyperscanStream(Hyperscan):
    @staticmethod
    def mode() -> int:
        import hyperscan

        return int(hyperscan.HS_MODE_STREAM)

    def count(self, text: str) -> int:
        self._found = 0
        handler = self._on_match  # the binding keeps no reference
        with self._database.stream(match_event_handler=handler) as stream:
            stream.scan(text.encode())
        return self._found

    def stream(self, pieces: list[str]) -> None:
        handler = self._on_match
        with self._database.stream(match_event_handler=handler) as stream:
            for piece in pieces:
                stream.scan(piece.encode())


class Flashtext:
    """It finds whole words between ASCII letters, the longest first, so its hits are others."""

    def __init__(self, terms: list[str]) -> None:
        from flashtext import KeywordProcessor

        self._processor = KeywordProcessor(case_sensitive=True)
        for term in terms:
            self._processor.add_keyword(term)

    def count(self, text: str) -> int:
        return len(self._processor.extract_keywords(text))


PEERS: dict[str, Any] = {
    "ahocorasick-rs": Rust,
    "pyahocorasick": Python,
    "hyperscan": Hyperscan,
    "hyperscan, streaming": HyperscanStream,
    "flashtext": Flashtext,
}


def measure(name: str, terms: list[str], texts: dict[str, str], pieces: list[str]) -> dict[str, float]:
    """Build and load in seconds, MB/s for each text, hits in it, microseconds a piece."""
    made: list[Any] = []
    figures = {"build_seconds": seconds(lambda: made.append(PEERS[name](terms)), 1)}
    engine = made[0]
    if hasattr(engine, "store"):
        figures["load_seconds"] = seconds(engine.store())
    for kind, text in texts.items():
        figures[f"{kind}_hits"] = engine.count(text)
        figures[f"{kind}_mb_per_second"] = rate(text, engine.count)
    if hasattr(engine, "stream"):
        figures["piece_microseconds"] = seconds(lambda: engine.stream(pieces)) / len(pieces) * 1e6
    return figures


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        given = json.load(file)
    sys.stdout.write("\n" + json.dumps(measure(sys.argv[1], given["terms"], given["texts"], given["pieces"])))
