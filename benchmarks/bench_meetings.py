"""Meetings on real sound: are voices told apart, what does a transcript cost, how soon does a live caption come?

    python benchmarks/bench_meetings.py --whisper FOLDER --voices FILE [--repeat N]

`--whisper` is a folder with faster-whisper's weights, `--voices` the file of GE2E's. One thread.

Confusion: four clips of the AMI corpus, 30 seconds each with two to four people who talk over one another. No collar,
overlap counted; the share of the reference's speech that is given to the wrong one of the best-matched voices. Missed
speech stands apart: it is mostly overlap, of which one voice at a time cannot have more than one.

Cost: processor seconds of the server and its children for each second of sound, from the upload to the transcript
(decoding, speech, transcription, voices, writing, index), the loading of the models in it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import resource
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from machine import ROOT, describe

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(ROOT))

import numpy as np
import numpy.typing as npt

from hanlin.accounts import Quota, granted
from hanlin.accounts.tables import people, workspaces
from hanlin.assistants.meetings import Consent, Meetings, NewRecording, State, cutting
from hanlin.assistants.meetings.clustering import clustered
from hanlin.assistants.meetings.speaking import Timeline
from hanlin.audit import Log
from hanlin.engines.ge2e import embed
from hanlin.engines.voices import VoicesEngine
from hanlin.engines.whisper import WhisperEngine
from hanlin.files import Files
from hanlin.jobs import Jobs
from hanlin.labels import Labeller
from hanlin.policy import Policies
from hanlin.retrieval import Index
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.service import Calls, Pipeline, Running, serve
from hanlin.sound import Limits, decode, speech
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, Chunk, Generation, Model, Role, Route, Service, Skill

DATA = ROOT.parent / "shared" / "data"
CLIPS = ("trn04", "trn05", "trn06", "trn07")
FRAMES = 3000
"""Hundredths of a second in a clip."""
OWNER = Actor("per_" + "1" * 32, "ws_" + "1" * 32, Role.OWNER, granted(Role.OWNER, administrator=False))
ROUTES = {
    Skill.TRANSCRIPTION: Route(Service("whisper", ("whisper",)), Model("whisper", "whisper", Skill.TRANSCRIPTION)),
    Skill.VOICES: Route(Service("voices", ("voices",)), Model("voices", "voices", Skill.VOICES)),
}
YES = Consent(confirmed=True)
Marks = npt.NDArray[np.bool_]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whisper", required=True, type=Path)
    parser.add_argument("--voices", required=True, type=Path)
    parser.add_argument("--repeat", type=int, default=4, help="how often the four clips are put in a row for the cost")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        figures = {"confusion": confusion(Path(place), chosen.voices)}
        print(json.dumps(figures, indent=2), flush=True)
        figures["cost"] = await cost(Path(place), chosen)
        figures["live"] = await live(Path(place), chosen)
    print(json.dumps(describe() | figures, indent=2))


def confusion(folder: Path, weights: Path) -> dict[str, object]:
    """Shares of the reference's speech, over all clips; with the number of speakers found out, and given."""
    found: dict[str, object] = {}
    reference = turns()
    for given in (False, True):
        sums = np.zeros(4)
        for clip in CLIPS:
            people = sorted({who for _, _, who in reference[clip]})
            marks = [frames([turn for turn in reference[clip] if turn[2] == who]) for who in people]
            sums += scored(np.stack(marks), heard(folder, clip, weights, len(people) if given else 0))
        total, missed, invented, wrong = sums
        shares = {"confusion": wrong / total, "missed": missed / total, "false": invented / total}
        found["number given" if given else "number found out"] = {
            word: round(share, 3) for word, share in shares.items()
        }
    return found


def turns() -> dict[str, list[tuple[float, float, str]]]:
    read: dict[str, list[tuple[float, float, str]]] = {}
    for line in (DATA / "meeting" / "ami_debug.train.rttm").read_text("utf-8").splitlines():
        fields = line.split()
        start, length = float(fields[3]), float(fields[4])
        read.setdefault(fields[1], []).append((start, start + length, fields[7]))
    return read


def frames(stretches: list[tuple[float, float, str]]) -> Marks:
    marks = np.zeros(FRAMES, bool)
    for start, end, _ in stretches:
        marks[round(start * 100) : round(end * 100)] = True
    return marks


def heard(folder: Path, clip: str, weights: Path, voices: int) -> Marks:
    """What the room makes of a clip: a row of marks for each voice."""
    path = str(folder / f"{clip}.wav")
    decode(str(DATA / "meeting" / f"ami_{clip}.wav"), path, Limits())
    found = speech(path)
    windows = cutting.windows(found)
    vectors = np.stack([np.frombuffer(row, "<f4") for row in embed(str(weights), path, windows)])
    timeline = Timeline(windows, clustered(vectors, voices=voices), FRAMES / 100)
    said = np.full(FRAMES, -1)
    for start, end in found:
        for frame in range(int(start * 100), min(FRAMES, int(end * 100))):
            said[frame] = timeline.voice(frame / 100, frame / 100)
    return np.stack([said == voice for voice in sorted(set(said[said >= 0]))])


def scored(reference: Marks, found: Marks) -> npt.NDArray[np.float64]:
    """Frames of speech, missed, invented, and given to the wrong voice under the best matching of voices."""
    both = reference.astype(int) @ found.T.astype(int)
    size = max(both.shape)
    square = np.zeros((size, size), int)
    square[: both.shape[0], : both.shape[1]] = both
    right = max(sum(square[n, m] for n, m in enumerate(order)) for order in itertools.permutations(range(size)))
    wanted, given = reference.sum(0), found.sum(0)
    missed, invented = np.maximum(wanted - given, 0).sum(), np.maximum(given - wanted, 0).sum()
    return np.array([reference.sum(), missed, invented, np.minimum(wanted, given).sum() - right], float)


async def cost(folder: Path, chosen: argparse.Namespace) -> dict[str, object]:
    """Processor seconds for a second of sound, end to end."""
    path = folder / "meeting.wav"
    with wave.open(str(path), "wb") as target:
        target.setparams((1, 2, 16000, 0, "NONE", ""))
        for clip in CLIPS * chosen.repeat:
            with wave.open(str(folder / f"{clip}.wav")) as source:
                target.writeframes(source.readframes(source.getnframes()))
    before, began = spent(), time.monotonic()
    async with opened(folder / "cost", chosen) as (meetings, files):
        file = await files.add(OWNER, path, "meeting.wav")
        made = await meetings.create(OWNER, NewRecording(), YES, file=file.id)
        while made.state is not State.READY:
            await asyncio.sleep(0.2)
            made = await meetings.archive.read(OWNER, made.id)
        page = await meetings.transcripts.page(OWNER, made.id, limit=1)
        wall = time.monotonic() - began
    used = spent() - before
    return {
        "sound seconds": round(made.seconds, 1),
        "processor seconds for a second": round(used / made.seconds, 3),
        "wall seconds for a second": round(wall / made.seconds, 3),
        "segments": page.total,
        "speakers": len(page.speakers),
    }


def spent() -> float:
    """Processor seconds of this process and of its children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


async def live(folder: Path, chosen: argparse.Namespace) -> dict[str, object]:
    """Seconds from the first speech to the first caption, posted a second at a time as a browser does."""
    path = str(folder / "talk.wav")
    decode(str(DATA / "speech" / "en_jfk.flac"), path, Limits())
    begins = speech(path)[0][0]
    with wave.open(path) as file:
        samples = file.readframes(file.getnframes())
    async with opened(folder / "live", chosen) as (meetings, _):
        warm = await meetings.live.begin(OWNER, NewRecording(), YES)  # loads the model, as the page does when it opens
        await meetings.live.hear(OWNER, warm.id, 0, samples[: 32_000 * 4])
        await anext(meetings.live.captions(OWNER, warm.id))
        made = await meetings.live.begin(OWNER, NewRecording(), YES)
        came: list[float] = []
        began = time.monotonic()

        async def post() -> None:
            for second in range(len(samples) // 32_000):
                await asyncio.sleep(max(0.0, began + second + 1 - time.monotonic()))
                await meetings.live.hear(
                    OWNER, made.id, second * 32_000, samples[second * 32_000 : (second + 1) * 32_000]
                )

        async def watch() -> str:
            async for caption in meetings.live.captions(OWNER, made.id):
                came.append(time.monotonic() - began)
                if caption.final or len(came) > 5:
                    return caption.text
            return ""

        posting = asyncio.create_task(post())
        text = await watch()
        await posting
    return {"first caption seconds after speech": round(came[0] - begins, 2), "captions": len(came), "text": text}


@asynccontextmanager
async def opened(folder: Path, chosen: argparse.Namespace) -> AsyncIterator[tuple[Meetings, Files]]:
    """The room over a pipeline with the shipped default policy and a record."""
    folder.mkdir()
    async with AsyncExitStack() as stack:
        database = await Database.open(f"sqlite:///{folder}/hanlin.db")
        stack.push_async_callback(database.close)
        await move_in(database)
        log = await Log.open(folder / "audit", origin="bench", master_key=bytes(range(32)))
        stack.push_async_callback(log.close)
        blobs = await Blobs.open(folder / "blobs")
        (folder / "uploads").mkdir()
        files = Files(database, blobs=blobs, folder=folder / "uploads")
        sandbox = Sandbox(Ceilings(seconds=600, memory_mib=2048), processes=1)
        stack.push_async_callback(sandbox.close)
        index = await Index.open(folder / "index")
        stack.push_async_callback(index.close)
        jobs = await Jobs.open(database, folder=folder, actor_of=owner)
        stack.push_async_callback(jobs.close)
        engines: dict[Skill, WhisperEngine | VoicesEngine] = {
            Skill.TRANSCRIPTION: WhisperEngine(ROUTES[Skill.TRANSCRIPTION].model, lambda: chosen.whisper),
            Skill.VOICES: VoicesEngine(ROUTES[Skill.VOICES].model, lambda: chosen.voices),
        }
        for engine in engines.values():
            stack.push_async_callback(engine.stop)
        calls = await called(log, engines)
        meetings = Meetings(database, files=files, blobs=blobs, sandbox=sandbox, index=index, jobs=jobs, calls=calls)
        stack.push_async_callback(meetings.close)
        await jobs.begin()
        yield meetings, files


async def called(log: Log, engines: dict[Skill, WhisperEngine | VoicesEngine]) -> Calls:
    policies = await Policies.load()

    def generate(job: Generation) -> AsyncIterator[Chunk]:
        return engines[job.model.skill].generate(job)

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


async def owner(*_: str) -> Actor:
    return OWNER


async def move_in(database: Database) -> None:
    async with database.write() as connection:
        row = {"id": OWNER.workspace, "name": "bench", "folded_name": "bench", "created_at": 0}
        await connection.execute(workspaces.insert().values(row))
        person = {"id": OWNER.person, "name": "bench", "folded_name": "bench", "language": "", "created_at": 0}
        await connection.execute(people.insert().values(person | {"administrator": False, "disabled": False}))


if __name__ == "__main__":
    asyncio.run(main())
