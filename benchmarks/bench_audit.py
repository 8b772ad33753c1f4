"""How much one leaf costs, and how long one waits for it: `python benchmarks/bench_audit.py [leaves]`."""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from hanlin.audit import Log, Outcome
from hanlin.types import Actor, Decision, Model, Role, Status, Usage, Verdict, new_id

ACTORS = [Actor(new_id("per"), new_id("ws"), Role.MEMBER, frozenset(), key=new_id("key")) for _ in range(64)]
BODY = os.urandom(300).hex().encode()
MODEL = Model("qwen2.5-1.5b-instruct", "echo", digest="sha256:" + "a1" * 32)
DECISIONS = (Decision(Verdict.ALLOW, "none", "", policy="default@3f9a12345678"),) * 2
OUTCOME = Outcome(
    Status.COMPLETED, "chat", MODEL, DECISIONS, Usage(120, 250, 370), BODY * 2, "1" * 60, 1234, "reported"
)


async def one_task(log: Log, generations: int, number: int, waits: list[float]) -> None:
    actor = ACTORS[number % len(ACTORS)]
    for _ in range(generations):
        request = new_id("req")
        start = time.perf_counter()
        await log.intend(request, actor, "chat", BODY)
        middle = time.perf_counter()
        await log.conclude(request, actor, OUTCOME)
        waits += [middle - start, time.perf_counter() - middle]


async def measure(log: Log, tasks: int, leaves: int) -> tuple[float, float, list[float]]:
    """Leaves a second, CPU microseconds a leaf, waits in seconds."""
    waits: list[float] = []
    each = max(1, leaves // tasks // 2)
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one_task(log, each, number, waits) for number in range(tasks)))
    done = each * tasks * 2
    return done / (time.perf_counter() - wall), (time.process_time() - cpu) / done * 1e6, waits


async def main(leaves: int) -> None:
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"
    )
    print("tasks  n       leaves/s (spread)         CPU us/leaf (spread)   wait p50 ms  p99 ms")
    with tempfile.TemporaryDirectory(dir=".") as folder:
        log = await Log.open(Path(folder), origin="bench.example/audit", master_key=os.urandom(32))
        await measure(log, 64, 4000)
        for tasks in (1, 16, 64, 256):
            count = min(leaves, 600) if tasks == 1 else leaves
            runs = [await measure(log, tasks, count) for _ in range(5)]
            rates, costs = sorted(r[0] for r in runs), sorted(r[1] for r in runs)
            waits = sorted(wait for run in runs for wait in run[2])
            print(
                f"{tasks:5}  {5 * count:6}  {statistics.median(rates):8.0f} ({rates[0]:.0f}-{rates[-1]:.0f})"
                f"   {statistics.median(costs):8.1f} ({costs[0]:.1f}-{costs[-1]:.1f})"
                f"   {statistics.median(waits) * 1e3:8.2f}  {waits[int(len(waits) * 0.99)] * 1e3:8.2f}"
            )
        await log.close()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 16_000))
