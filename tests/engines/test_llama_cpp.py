"""The embedded engine around a scripted child: what happens when the child, not the model, is the matter."""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hanlin.engines import llama_process, llama_supervisor
from hanlin.engines.llama_cpp import LlamaCppEngine
from hanlin.errors import BadRequest, EngineFailed, EngineTimeout, NotServing, TooMany
from hanlin.types import Usage
from tests.engines.llama_jobs import collect, finish_of, job, text_of

STUB = (sys.executable, str(Path(__file__).with_name("stub_child.py")))
Make = Callable[..., LlamaCppEngine]


@pytest.fixture
async def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    """Engines with a scripted child, quick to restart, stopped at the end."""
    monkeypatch.setattr(llama_supervisor, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(llama_supervisor, "WATCH_SECONDS", 0.1)
    engines: list[LlamaCppEngine] = []

    def build(weights: str = "ok", **options: object) -> LlamaCppEngine:
        path = tmp_path / "weights.gguf"
        if weights != "missing":
            path.write_text(weights, encoding="utf-8")
        engine = LlamaCppEngine(path, command=STUB, **{"slots": 2, "ready_seconds": 20, **options})  # type: ignore[arg-type]
        engines.append(engine)
        return engine

    yield build
    for engine in engines:
        await engine.stop()


async def started(engine: LlamaCppEngine) -> LlamaCppEngine:
    await engine.start()
    await until(lambda: engine.health().ready)
    return engine


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


def pid(engine: LlamaCppEngine) -> int:
    child = engine._supervisor._child
    assert child is not None
    found = child.result()
    assert found is not None
    return found._process.pid


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_health_tells_the_way_to_readiness_and_a_request_waits_for_it(make: Make) -> None:
    engine = make()
    assert engine.health().detail == "not started"
    await engine.start()
    assert not engine.health().ready
    chunks = await collect(engine.generate(job(stream=True)))
    assert engine.health().ready
    assert (text_of(chunks), finish_of(chunks), chunks[-1].usage) == ("said", ["stop"], Usage(3, 1, 4))


async def test_an_answer_that_is_not_streamed_is_one_chunk(make: Make) -> None:
    engine = await started(make())
    (chunk,) = await collect(engine.generate(job()))
    assert (text_of([chunk]), finish_of([chunk]), chunk.usage) == ("said", ["stop"], Usage(3, 1, 4))
    assert chunk.choices[0].delta.role == "assistant"


async def test_an_answer_without_its_end_is_an_error(make: Make) -> None:
    engine = await started(make())
    with pytest.raises(EngineFailed) as caught:
        await collect(engine.generate(job("cut", stream=True)))
    assert caught.value.code == "upstream_truncated"


async def test_what_llama_cpp_says_is_never_repeated(make: Make) -> None:
    engine = await started(make())
    with pytest.raises(BadRequest) as refused:
        await collect(engine.generate(job("refuse")))
    with pytest.raises(EngineFailed) as failed:
        await collect(engine.generate(job("fail")))
    assert "secret" not in str(refused.value) + str(failed.value)


async def test_killed_child_fails_its_requests_and_comes_back_by_itself(make: Make) -> None:
    engine = await started(make())
    first = pid(engine)
    running = asyncio.create_task(collect(engine.generate(job("talk", stream=True))))
    await until(lambda: any(call.started for call in engine_calls(engine).values()))
    os.kill(first, signal.SIGKILL)
    with pytest.raises(EngineFailed) as caught:
        await running
    assert (caught.value.code, caught.value.retryable) == ("engine_died", False)
    assert "signal 9" in engine.health().detail
    assert text_of(await collect(engine.generate(job()))) == "said"
    assert pid(engine) != first


def engine_calls(engine: LlamaCppEngine) -> dict[int, llama_process.Call]:
    child = engine._supervisor._child
    found = child.result() if child is not None and child.done() else None
    return found.calls if found is not None else {}


async def test_a_request_that_kills_twice_is_refused_and_others_are_not(make: Make) -> None:
    engine = await started(make())
    for _ in range(2):
        with pytest.raises(EngineFailed):
            await collect(engine.generate(job("die")))
    with pytest.raises(BadRequest) as caught:
        await collect(engine.generate(job("die")))
    assert caught.value.code == "request_kills_engine"
    assert text_of(await collect(engine.generate(job()))) == "said"


async def test_a_bystander_that_finishes_later_is_cleared() -> None:
    suspects = llama_supervisor.Suspects()
    mark = suspects.fingerprint(b"body")
    suspects.accuse(mark)
    suspects.clear(mark)
    suspects.accuse(mark)
    suspects.check(mark)
    suspects.accuse(mark)
    with pytest.raises(BadRequest):
        suspects.check(mark)


async def test_suspects_are_bounded_and_their_marks_keyed() -> None:
    suspects = llama_supervisor.Suspects()
    for number in range(suspects.LIMIT + 10):
        suspects.accuse(suspects.fingerprint(str(number).encode()))
    assert len(suspects._deaths) == suspects.LIMIT
    assert suspects.fingerprint(b"x") != llama_supervisor.Suspects().fingerprint(b"x")


async def test_closing_the_answer_stops_the_work_within_a_second(make: Make) -> None:
    engine = await started(make())
    answer = engine.generate(job("talk", stream=True))
    await anext(answer)
    assert len(engine_calls(engine)) == 1
    await answer.aclose()  # type: ignore[attr-defined]
    await until(lambda: not engine_calls(engine), seconds=1)


async def test_a_child_that_ignores_a_cancel_is_replaced(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_process, "CANCEL_SECONDS", 0.2)
    engine = await started(make())
    first = pid(engine)
    answer = engine.generate(job("hang", stream=True))
    await anext(answer)
    await answer.aclose()  # type: ignore[attr-defined]
    await until(lambda: engine._supervisor._restarts == 1 and engine.health().ready)
    assert not alive(first)
    assert text_of(await collect(engine.generate(job()))) == "said"


async def test_over_the_memory_ceiling_the_child_is_killed_and_started_again(make: Make) -> None:
    engine = await started(make(memory_mib=200))
    with pytest.raises(EngineFailed) as caught:
        await collect(engine.generate(job("eat")))
    assert caught.value.code == "engine_died"
    assert "over its ceiling of 200 MiB" in engine.health().detail
    await until(lambda: engine.health().ready)


async def test_over_the_memory_ceiling_while_loading_the_model_fails_with_that_reason(make: Make) -> None:
    engine = make("heavy", memory_mib=200)
    await engine.start()
    with pytest.raises(NotServing, match="over its ceiling of 200 MiB"):
        await collect(engine.generate(job()))


async def test_an_answer_has_a_time_limit(make: Make) -> None:
    engine = await started(make(generation_seconds=0.3))
    with pytest.raises(EngineTimeout):
        await collect(engine.generate(job("talk", stream=True)))
    await until(lambda: not engine_calls(engine), seconds=1)


async def test_more_than_may_wait_are_told_when_to_come_back(make: Make) -> None:
    engine = await started(make(slots=1))
    running = [asyncio.create_task(collect(engine.generate(job(f"talk {n}", stream=True)))) for n in range(5)]
    await until(lambda: engine._slots._waiting == 4)
    with pytest.raises(TooMany) as caught:
        await collect(engine.generate(job()))
    assert caught.value.retry_after_seconds > 0
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert text_of(await collect(engine.generate(job()))) == "said"


@pytest.mark.parametrize(
    ("weights", "reason"),
    [("missing", "the weights are missing"), ("damaged", "the weights are damaged"), ("crash", "ended by signal 6")],
)
async def test_weights_that_do_not_load_are_named_and_not_tried_in_a_storm(
    make: Make, weights: str, reason: str
) -> None:
    engine = make(weights)
    await engine.start()
    with pytest.raises(NotServing, match=reason):
        await collect(engine.generate(job()))
    assert reason in engine.health().detail
    supervisor = engine._supervisor
    await asyncio.sleep(1.0)
    assert supervisor._restarts <= 4, "pauses double: 0.05 s, 0.1 s, 0.2 s, 0.4 s, and loading between"


async def test_a_model_mended_on_disk_serves_without_a_restart_of_the_server(make: Make, tmp_path: Path) -> None:
    engine = make("missing")
    await engine.start()
    await until(lambda: "missing" in engine.health().detail)
    (tmp_path / "weights.gguf").write_text("ok", encoding="utf-8")
    await until(lambda: engine.health().ready)


async def test_stopping_ends_the_child_and_its_requests(make: Make) -> None:
    engine = await started(make())
    process = pid(engine)
    running = asyncio.create_task(collect(engine.generate(job("talk", stream=True))))
    await until(lambda: bool(engine_calls(engine)))
    await engine.stop()
    with pytest.raises(EngineFailed):
        await running
    assert not alive(process)
    with pytest.raises(NotServing):
        await collect(engine.generate(job()))


@pytest.mark.parametrize("weights", ["ok", "damaged", "missing"])
@pytest.mark.parametrize("turns", [0, 1, 2, 5, 20, 100])
async def test_stopping_at_any_moment_leaves_no_process(make: Make, weights: str, turns: int) -> None:
    """A process left behind is a ResourceWarning, which fails the test run."""
    engine = make(weights)
    await engine.start()
    for _ in range(turns):
        await asyncio.sleep(0.002)
    await engine.stop()
    gc.collect()
    assert engine.health().detail == "stopped"


async def test_stopping_as_a_load_fails_leaves_no_process(make: Make) -> None:
    engine = make("damaged")
    await engine.start()
    with pytest.raises(NotServing):
        await collect(engine.generate(job()))
    await engine.stop()
    gc.collect()


PARENT = """
import asyncio, pathlib, sys
from hanlin.engines.llama_cpp import LlamaCppEngine

async def main():
    engine = LlamaCppEngine(pathlib.Path(sys.argv[1]), slots=1, command=(sys.executable, sys.argv[2]))
    await engine.start()
    child = await engine._supervisor.ready(20)
    print(child._process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_the_child_never_outlives_the_server(tmp_path: Path, number: signal.Signals) -> None:
    weights = tmp_path / "weights.gguf"
    weights.write_text("ok", encoding="utf-8")
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(weights), STUB[1], stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert server.stdout is not None
    child = int(await server.stdout.readline())
    assert alive(child)
    os.killpg(server.pid, number)
    await server.wait()
    await until(lambda: not alive(child), seconds=5)


async def test_a_termination_signal_alone_does_not_end_the_child(make: Make) -> None:
    """A service manager signals every process; the server decides when answers may end."""
    engine = await started(make())
    os.kill(pid(engine), signal.SIGTERM)
    assert text_of(await collect(engine.generate(job()))) == "said"


async def test_the_child_sees_no_secret_of_the_server(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANLIN_MASTER_KEY", "aabbcc")
    engine = await started(make())
    process = Path("/proc") / str(pid(engine))
    assert b"HANLIN" not in (process / "environ").read_bytes()
    assert b"aabbcc" not in (process / "cmdline").read_bytes()


async def test_the_child_yields_processor_and_memory_to_the_server(make: Make) -> None:
    engine = await started(make())
    assert os.getpriority(os.PRIO_PROCESS, pid(engine)) >= 5
    assert (Path("/proc") / str(pid(engine)) / "oom_score_adj").read_text(encoding="ascii").strip() == "500"


async def test_time_to_answer_through_the_channel_is_small(make: Make) -> None:
    engine = await started(make())
    begun = time.monotonic()
    for _ in range(20):
        await collect(engine.generate(job()))
    assert time.monotonic() - begun < 5
