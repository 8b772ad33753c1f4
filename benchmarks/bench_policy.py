"""Word lists at 100,000 terms, beside other engines: `python benchmarks/bench_policy.py --peers VENV`."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from daachorse import CharwiseDoubleArrayAhoCorasick
from machine import describe
from policy_peers import PEERS, rate, seconds
from policy_texts import dictionary, ordinary, pieces_of, sampled, streamed, terms_of, tricks
from report import number

from hanlin.policy.compiled import build
from hanlin.policy.file import Scores, WordList
from hanlin.policy.fold import fold
from hanlin.policy.lexicon import Lexicon
from hanlin.policy.pinyin import LEAST_SYLLABLES, syllables
from hanlin.policy.stream import LexiconWatcher

Figures = dict[str, float]
COLUMNS = {
    "build_seconds": "build, s",
    "load_seconds": "load, s",
    "mixed_mb_per_second": "comments, MB/s",
    "sampled_mb_per_second": "sampled Chinese, MB/s",
    "clean_mb_per_second": "without hits, MB/s",
    "piece_microseconds": "µs a piece",
    "held_characters": "held, characters",
}
PIECES = 20_000
SLICE = 500
HIDDEN = 1_000
ORDINARY_CHARACTERS = 3_000_000


def lists(terms: Iterable[str], *variants: Any, action: Any = "refuse") -> list[WordList]:
    return [WordList("terms", "A.1.h", "Measured.", tuple(terms), action=action, variants=variants)]


def ours(terms: list[str], texts: dict[str, str], pieces: list[str], *variants: Any) -> Figures:
    rules = lists(terms, *variants)
    with tempfile.TemporaryDirectory() as folder:
        figures = {"build_seconds": seconds(lambda: build(rules), 1)}
        Lexicon.load(rules, Scores(), Path(folder))
        figures["load_seconds"] = seconds(lambda: Lexicon.load(rules, Scores(), Path(folder)), 7)
        lexicon = Lexicon.load(rules, Scores(), Path(folder))
    for kind, text in texts.items():
        figures[f"{kind}_mb_per_second"] = rate(text, lexicon.judge)
    slices = [pieces[start : start + SLICE] for start in range(0, len(pieces), SLICE)]
    spent = sum(seconds(lambda few=few: watch(lexicon, few), 30) for few in slices)  # short, so that one run is quiet
    figures["piece_microseconds"] = spent / len(pieces) * 1e6
    figures["held_characters"] = sum(held(lexicon, pieces)) / len(pieces)
    return figures


def automaton_alone(terms: list[str], texts: dict[str, str]) -> Figures:
    """daachorse on the raw text: what folding, decoding, edges and exceptions are added to."""
    made: list[Any] = []
    figures = {"build_seconds": seconds(lambda: made.append(CharwiseDoubleArrayAhoCorasick(terms)), 1)}
    stored = made[0].serialize()
    figures["load_seconds"] = seconds(lambda: CharwiseDoubleArrayAhoCorasick.deserialize(stored))
    for kind, text in texts.items():
        figures[f"{kind}_mb_per_second"] = rate(text, made[0].find_overlapping)
    return figures


def watch(lexicon: Lexicon, pieces: list[str]) -> None:
    watcher = LexiconWatcher(lexicon)
    for piece in pieces:
        watcher.push(piece)


def held(lexicon: Lexicon, pieces: list[str]) -> list[int]:
    """How many characters wait after each piece."""
    watcher, waiting = LexiconWatcher(lexicon), []
    for piece in pieces:
        watcher.push(piece)
        waiting.append(len(watcher.held))
    return waiting


def clean(text: str, terms: list[str]) -> str:
    """The lines of a text in which no term stands: what goes through a server nearly always."""
    lexicon = Lexicon(lists(terms))
    return "\n".join(line for line in text.split("\n") if not lexicon.judge(line))


def of_peer(venv: Path, name: str, given: dict[str, Any]) -> Figures | None:
    script = Path(__file__).with_name("policy_peers.py")
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(given, file)
        file.flush()
        command = [str(venv / "bin" / "python"), str(script), name, file.name]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"{name} is left out, status {done.returncode}: {done.stderr.strip()[-200:]}")
        return None
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def table(rows: dict[str, Figures]) -> str:
    lines = [["", *COLUMNS.values()], ["---"] * (len(COLUMNS) + 1)]
    lines += [[name, *(number(row[key]) if key in row else "-" for key in COLUMNS)] for name, row in rows.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def recalls(terms: list[str], around: str, readings: dict[str, str]) -> str:
    """Of terms hidden in ordinary text by one trick, how many a list finds: as it is, and with its variant."""
    chance = random.Random(11)
    lines = ["| trick | bare words, % | folded, % | with the variant, % |", "| --- | --- | --- | --- |"]
    plain = Lexicon(lists(terms))
    for name, (variant, trick) in tricks(readings, chance).items():
        with_variant = Lexicon(lists(terms, variant)) if variant else None
        hidden = [(term, f"{around[place : place + 20]}，{trick(term)}。") for place, term in enumerate(terms, 100)]
        shares = [
            sum(term in text for term, text in hidden),
            *(found(lexicon, hidden) for lexicon in (plain, with_variant)),
        ]
        cells = ["-" if share is None else number(100 * share / len(terms)) for share in shares]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def found(lexicon: Lexicon | None, hidden: list[tuple[str, str]]) -> int | None:
    return None if lexicon is None else sum(bool(lexicon.judge(text)) for _, text in hidden)


def false_hits(terms: list[str], text: str, readings: dict[str, str]) -> str:
    """Every find in ordinary text, for the terms have no meaning: bare, folded, and with the variants."""
    bare = len(CharwiseDoubleArrayAhoCorasick(terms).find_overlapping(text))
    counts = {"bare words": bare}
    for variants in ((), ("split",), ("pinyin",), ("split", "pinyin")) if readings else ((), ("split",)):
        hits = Lexicon(lists(terms, *variants, action="mask")).judge(text)
        counts["folded" + "".join(f" + {variant}" for variant in variants)] = sum(len(hit.spans) for hit in hits)
    lines = [f"| on {len(text):,} characters | finds | above the bare words |", "| --- | --- | --- |"]
    lines += [f"| {name} | {count} | {100 * (count / max(bare, 1) - 1):+.1f} % |" for name, count in counts.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="environment with the other engines and jieba's dictionary")
    parser.add_argument("--terms", type=int, default=100_000)
    parser.add_argument("--megabytes", type=int, default=20, help="of sampled text")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for name, value in describe().items():
        print(f"{name}: {value}")
    chance = random.Random(1)
    mixed = ordinary()
    if not mixed:
        sys.exit("The shared test data is not there: nothing to measure on.")
    words = dictionary(options.peers)
    if words is None:
        print("jieba's dictionary is missing (name the peers' environment): words are pairs out of the text itself.")
        words = pieces_of(mixed)
    terms = terms_of(words, options.terms, chance)
    texts = {"mixed": mixed, "sampled": sampled(words, options.megabytes * 1_000_000, chance)}
    texts["clean"] = clean(mixed, terms)
    pieces = streamed(texts["clean"], chance)[:PIECES]
    characters = {kind: len(text) for kind, text in texts.items()}
    print(f"\n{len(terms)} terms; characters {characters}; {len(pieces)} pieces, {sum(map(len, pieces))} characters")
    rows = {"hanlin, folded and decoded": ours(terms, texts, pieces), "daachorse alone": automaton_alone(terms, texts)}
    readings = syllables() if find_spec("pypinyin") else {}
    if readings:
        rows["hanlin, 1,000 terms also by pinyin"] = ours(terms[:: len(terms) // 1000], texts, pieces, "pinyin")
    else:
        print("pypinyin is missing: nothing is measured by sound.")
    for name in PEERS if options.peers else ():
        if figures := of_peer(options.peers, name, {"terms": terms, "texts": texts, "pieces": pieces}):
            rows[name] = figures
    if not options.peers:
        print("Peers are left out: name their environment with --peers.")
    print("\n" + table(rows), flush=True)
    hidden = [
        term
        for term in terms
        if len(term) >= LEAST_SYLLABLES and all("\u4e00" <= c <= "\u9fa5" for c in term) and fold(term) == term
    ]
    print("\n" + recalls(chance.sample(hidden, HIDDEN), texts["clean"], readings), flush=True)
    ordinary_text = (mixed + texts["sampled"])[:ORDINARY_CHARACTERS]
    for some in (terms, hidden):  # as lists are, with ordinary words; and those alone that may be looked for by sound
        chosen = chance.sample(some, min(10_000, len(some)))
        print(f"\n{len(chosen)} terms\n" + false_hits(chosen, ordinary_text, readings), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
