"""What segments of TICO-19 become: `python benchmarks/bench_translation.py WEIGHTS [--n 200] [--only en-zh,…]`.

Each segment goes the whole way of `translate:file` without the policy: terms of TICO-19's glossary, checks, the second
wording. chrF is sacrebleu's, of all segments, flagged ones too. en-vi and en-th have no references: terms only.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import sacrebleu
from machine import describe

from hanlin.assistants.translate import term_files
from hanlin.assistants.translate.asking import Given, Wanted, translate
from hanlin.assistants.translate.records import Flag
from hanlin.assistants.translate.terminology import Matcher, lost
from hanlin.engines.llama_cpp import LlamaCppEngine
from hanlin.service import Calls, Request
from hanlin.types import Actor, Chunk, Generation, Model, Permission, Role, Route, Service, Skill

DATA = Path(__file__).parents[1] / ".." / "shared" / "data" / "translation"
GLOSSARIES = {"zh": "zh_CN", "id": "id_ID", "ms": "ms_MY", "vi": "vi_VN", "th": "th_TH"}
DIRECTIONS = ("en-zh", "en-id", "en-ms", "zh-en", "zh-id", "en-vi", "en-th")
ACTOR = Actor("per_1", "ws_1", Role.OWNER, frozenset(Permission), key="key_1")


def pairs(direction: str) -> list[tuple[str, str]]:
    """(source, reference); without references the sources of en-zh."""
    source, target = direction.split("-")
    for one, other in ((source, target), (target, source)):
        file = DATA / f"tico19_all.{one}-{other}.tmx.zip"
        if file.exists():
            found = list(_units(file))
            return found if one == source else [(b, a) for a, b in found]
    return [(text, "") for text, _ in _units(DATA / "tico19_all.en-zh.tmx.zip")]


def _units(file: Path) -> Iterator[tuple[str, str]]:
    from lxml import etree

    with zipfile.ZipFile(file) as archive:
        root = etree.fromstring(archive.read(archive.namelist()[0]), etree.XMLParser(huge_tree=True))
    for unit in root.iter("tu"):
        texts = ["".join(segment.itertext()).strip() for segment in unit.iter("seg")]
        if len(texts) == 2:
            yield texts[0], texts[1]


def glossary(direction: str) -> Matcher:
    source, target = direction.split("-")
    file = DATA / f"tico19_terms_f_en-{GLOSSARIES.get(target, '')}.csv"
    return Matcher(term_files.read(str(file), file.name, "en", target) if source == "en" and file.exists() else [])


async def measure(calls: Calls, direction: str, n: int) -> None:
    source, target = direction.split("-")
    matcher = glossary(direction)
    chosen = random.Random(19).sample(pairs(direction), n)
    wanted = Wanted(source, target, "model", matcher)
    given: list[Given] = []
    started = time.perf_counter()
    for text, _ in chosen:
        given.append(await translate(calls, ACTOR, text, wanted))
    seconds = (time.perf_counter() - started) / n
    references = [reference for _, reference in chosen]
    score = sacrebleu.corpus_chrf([one.target for one in given], [references]).score if references[0] else None
    flags = Counter(flag.value for one in given for flag in one.flags)
    terms = [(matcher.find(text), one) for (text, _), one in zip(chosen, given, strict=True)]
    broken = [one for found, one in terms if lost(found, one.target)]
    silent = [
        one for one in broken if Flag.GLOSSARY_BROKEN not in one.flags and not {"empty", "refused"} & {*one.flags}
    ]
    total = sum(len(found) for found, _ in terms)
    kept = total - sum(len(lost(found, one.target)) for found, one in terms)
    print(
        f"{direction}  n {n}  chrF {f'{score:.1f}' if score is not None else '-'}  flagged "
        f"{sum(bool(one.flags) for one in given) / n:.0%} {dict(flags)}  terms kept {kept}/{total}, "
        f"lost and not flagged {len(silent)}  {seconds:.1f} s a segment",
        flush=True,
    )


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=Path)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--only", default=",".join(DIRECTIONS))
    asked = parser.parse_args()
    model = Model(name="model", engine="llama_cpp")
    engine = LlamaCppEngine(asked.weights, threads=1, slots=1, context_tokens=8192, ready_seconds=300)
    await engine.start()

    async def serve(request: Request) -> AsyncIterator[Chunk]:
        job = Generation(request.id, model, request.chat, request.chat.max_completion_tokens or 512)
        async for chunk in engine.generate(job):
            yield chunk

    def routes(_: Actor, skill: Skill) -> Iterator[Route]:
        if skill is Skill.CHAT:
            yield Route(Service(name="model", models=("model",)), model)

    print(describe(), asked.weights.name[:8])
    calls = Calls(serve, routes)  # type: ignore[arg-type]
    for direction in asked.only.split(","):
        await measure(calls, direction, asked.n)
    await engine.stop()


if __name__ == "__main__":
    asyncio.run(main())
