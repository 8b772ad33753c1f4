"""How many answers a server holds open: a thousand streams at once, each slow, none of them broken.

`python benchmarks/bench_streams.py [--streams N] [--upstream]`. The server runs on one core; the load, and the fake
upstream if there is one, on the other. Every stream is heard to its terminator.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import machine
import uvloop
from gateways import Gateway, echo, fake, start_hanlin, start_upstream, wait_until_whole
from load import Streamed, Target, body, check, stream
from processes import NotMeasured, Program, cpu_seconds, resident_bytes
from report import number
from upstream import CHUNKS

SECONDS = 25
"""How long one stream takes."""
PIECES = 25
RAMP_PER_SECOND = 500
WARM_UP = 50


@dataclass
class Held:
    """What was seen while the streams were open."""

    streams: list[Streamed]
    open_at_once: int
    seconds: float
    cpu_seconds: float
    kib_per_stream: float


async def hold(target: Target, content: bytes, count: int, server: Program) -> Held:
    """Open all streams, a ramp of 500 a second, and hear them out."""
    memory, cpu, began = resident_bytes(server), cpu_seconds(server), time.perf_counter()
    tasks = []
    for number_opened in range(count):
        tasks.append(asyncio.create_task(one(target, content)))
        await asyncio.sleep(max(0.0, began + number_opened / RAMP_PER_SECOND - time.perf_counter()))
    await asyncio.sleep(2)
    opened = sum(not task.done() for task in tasks)
    grown = resident_bytes(server) - memory
    seen = await asyncio.gather(*tasks)
    return Held(seen, opened, time.perf_counter() - began, cpu_seconds(server) - cpu, grown / 1024 / count)


async def one(target: Target, content: bytes) -> Streamed:
    try:
        return await stream(target, content)
    except OSError as error:
        return Streamed(failure=f"No connection: {error}")


def run(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    core, load_core = machine.two_cores()
    os.sched_setaffinity(0, {load_core})
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
    with ExitStack() as started:
        if options.upstream:
            upstream, port = start_upstream(folder, core=load_core, gap_milliseconds=SECONDS * 1000 / CHUNKS)
            started.callback(upstream.stop)
            slow = fake(port)
        else:
            slow = echo(pieces=PIECES, delay_seconds=SECONDS / PIECES)
        server, target = start_hanlin(folder, core, {"quick": echo(), "slow": slow})
        started.callback(server.stop)
        wait_until_whole(Gateway(server, target, "quick", "slow", text=""))
        return measure(options.streams, target, server)


def measure(count: int, target: Target, server: Program) -> dict[str, float]:
    quick, slow = body("quick", stream=True), body("slow", stream=True, paced=True)
    check([uvloop.run(stream(target, quick)) for _ in range(WARM_UP)])
    held = uvloop.run(hold(target, slow, count, server))
    check(held.streams)
    return {
        "streams whole": len(held.streams),
        "open at once": held.open_at_once,
        **spread("connection, ms", [each.connected for each in held.streams]),
        **spread("first text, ms", [each.first for each in held.streams]),
        **spread("gap, ms", [gap for each in held.streams for gap in each.gaps]),
        "wall, s": held.seconds,
        "server CPU, s": held.cpu_seconds,
        "server CPU-ms per stream": held.cpu_seconds * 1000 / len(held.streams),
        "KiB per stream": held.kib_per_stream,
        "server resident at the end, MB": resident_bytes(server) / 1e6,
    }


def spread(name: str, seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds: median, the value that 99 of 100 stay under, and the highest."""
    ordered = sorted(value * 1000 for value in seconds)
    places = {"p50": len(ordered) // 2, "p99": len(ordered) * 99 // 100, "highest": -1}
    return {f"{name}, {word}": ordered[place] for word, place in places.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000, metavar="N")
    parser.add_argument("--upstream", action="store_true", help="answers come from the fake upstream, not from `echo`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures, and the machine")
    options, facts = parser.parse_args(), machine.describe()
    with tempfile.TemporaryDirectory(prefix="hanlin-bench-") as folder:
        try:
            figures = run(options, Path(folder))
        except NotMeasured as reason:
            raise SystemExit(f"Not measured: {reason}") from None
    facts["load average after"] = f"{os.getloadavg()[0]:.2f}"
    print("\n".join(f"- {word}: {value}" for word, value in facts.items()), end="\n\n")
    print("\n".join(f"| {word} | {number(value)} |" for word, value in figures.items()))
    if options.json:
        options.json.write_text(json.dumps({"machine": facts, "figures": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
