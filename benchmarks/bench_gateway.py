"""What it costs to let a request through: Hanlin with everything on beside nginx and LiteLLM, on the same two cores.

`python benchmarks/bench_gateway.py [--litellm VENV]`. Each gateway runs alone on one core; the fake upstream and the
load run on the other. CPU-seconds are read from /proc and stay true on a busy machine, times do not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import machine
import uvloop
from gateways import GATEWAYS, Bench, Gateway, start_upstream, wait_until_whole
from load import body, check, stream, streams, whole
from processes import NotMeasured, Program, busy_seconds, cpu_seconds, resident_bytes
from report import Figures, goals, table

GAP_MILLISECONDS = 5
WARM_UP_SECONDS = 2.0
AT_ONCE = 32
FIRST_TEXTS = 15
"""Streams, one at a time, whose time to the first text is taken."""


class Meter:
    """CPU-seconds since it was made: of the gateway, and of whatever else runs on this machine."""

    def __init__(self, gateway: Gateway, upstream: Program) -> None:
        self._programs = [program for program in (upstream, gateway.program) if program]
        self._before = self._read()

    def read(self) -> tuple[float, float]:
        """The gateway's CPU-seconds (0 without one), and the cores that others used."""
        (now, gateway, ours, busy), (then, gateway_then, ours_then, busy_then) = self._read(), self._before
        return gateway - gateway_then, (busy - busy_then - ours + ours_then) / (now - then)

    def _read(self) -> tuple[float, float, float, float]:
        of_each = [cpu_seconds(program) for program in self._programs]
        return time.perf_counter(), sum(of_each[1:]), sum(of_each) + sum(os.times()[:4]), busy_seconds()


def measure(name: str, bench: Bench, seconds: float) -> Figures:
    """One start of one gateway, and all figures of it."""
    began = time.perf_counter()
    gateway = GATEWAYS[name](bench)
    figures: Figures = {}
    try:
        wait_until_whole(gateway)
        if gateway.program:
            figures["start_seconds"] = time.perf_counter() - began
            figures["start_mb"] = resident_bytes(gateway.program) / 1e6
        figures |= measure_whole(gateway, bench, seconds)
        figures |= measure_streams(gateway, bench, seconds)
        if gateway.program:
            figures["end_mb"] = resident_bytes(gateway.program) / 1e6
    finally:
        if gateway.program:
            gateway.program.stop()
    return figures


def measure_whole(gateway: Gateway, bench: Bench, seconds: float) -> Figures:
    content = body(gateway.model, stream=False)
    whole(gateway.target, content, connections=AT_ONCE, seconds=WARM_UP_SECONDS, folder=bench.folder)
    alone = whole(gateway.target, content, connections=1, seconds=seconds / 2, folder=bench.folder)
    meter = Meter(gateway, bench.upstream)
    many = whole(gateway.target, content, connections=AT_ONCE, seconds=seconds, folder=bench.folder)
    cpu, others = meter.read()
    figures = {"p50_ms": alone.p50_ms, "p99_ms": alone.p99_ms, "other_cores": others}
    figures["requests_per_second"] = many.answers / many.seconds
    if gateway.program:
        figures["cpu_ms_per_request"] = cpu * 1000 / many.answers
    return figures


def measure_streams(gateway: Gateway, bench: Bench, seconds: float) -> Figures:
    content = body(gateway.paced_model, stream=True, paced=True)
    alone = [uvloop.run(stream(gateway.target, content)) for _ in range(FIRST_TEXTS)]
    check(alone)
    meter, began = Meter(gateway, bench.upstream), time.perf_counter()
    many = uvloop.run(streams(gateway.target, content, at_once=AT_ONCE, seconds=seconds))
    took, (cpu, _) = time.perf_counter() - began, meter.read()
    figures = {"first_text_ms": median(each.first for each in alone) * 1000, "streams_per_second": len(many) / took}
    if gateway.program:
        figures["cpu_ms_per_stream"] = cpu * 1000 / len(many)
    return figures


def run(options: argparse.Namespace, folder: Path) -> tuple[dict[str, list[Figures]], dict[str, str]]:
    """Every gateway in turn, the whole round several times over: what drifts on the machine drifts for all."""
    core, load_core = machine.two_cores()
    os.sched_setaffinity(0, {load_core})
    if options.realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    upstream, port = start_upstream(folder, core=load_core, gap_milliseconds=GAP_MILLISECONDS)
    runs: dict[str, list[Figures]] = {}
    skipped: dict[str, str] = {}
    try:
        for repetition in range(options.repetitions):
            for name in (name for name in options.rows if name not in skipped):
                place = folder / f"{name}-{repetition}".replace(" ", "-")
                place.mkdir()
                try:
                    figures = measure(name, Bench(place, upstream, port, core, options.litellm), options.seconds)
                except NotMeasured as reason:
                    skipped[name] = str(reason)
                    runs.pop(name, None)
                    continue
                runs.setdefault(name, []).append(figures)
                if "direct" in runs and name != "direct":
                    figures["added_p50_ms"] = figures["p50_ms"] - runs["direct"][-1]["p50_ms"]
    finally:
        upstream.stop()
    return runs, skipped


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm", type=Path, metavar="VENV", help="a virtual environment with litellm[proxy] in it")
    parser.add_argument("--rows", nargs="+", choices=GATEWAYS, default=list(GATEWAYS), metavar="ROW")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one measurement")
    parser.add_argument("--realtime", action="store_true", help="go before all other work on the machine (needs root)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure of every run, and the machine")
    return parser.parse_args()


def main() -> None:
    options, facts = arguments(), machine.describe()
    if shutil.which("wrk") is None:
        raise SystemExit("The load comes from wrk, which is not installed. On Debian: apt-get install wrk nginx")
    with tempfile.TemporaryDirectory(prefix="hanlin-bench-") as folder:
        runs, skipped = run(options, Path(folder))
    facts["load average after"] = f"{os.getloadavg()[0]:.2f}"
    facts["measured"] = f"{options.repetitions} starts a row, {options.seconds:g} s a figure; median (lowest-highest)"
    print("\n".join(f"- {word}: {value}" for word, value in facts.items()), end="\n\n")
    print(table(runs), end="\n\n")
    print("\n".join([*(f"- {name} was left out: {reason}" for name, reason in skipped.items()), goals(runs)]))
    if options.json:
        options.json.write_text(json.dumps({"machine": facts, "runs": runs, "left out": skipped}, indent=1) + "\n")


if __name__ == "__main__":
    main()
