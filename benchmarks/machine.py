"""On what a figure was taken: without this it is no figure."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent


def describe() -> dict[str, str]:
    """Date, commit, cores, memory, kernel, Python and how busy the machine already is."""
    memory = re.search(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())
    processor = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "cpu": f"{os.cpu_count()} × {processor[1] if processor else platform.machine()}",
        "memory": f"{int(memory[1]) / 1024**2:.0f} GiB" if memory else "unknown",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "disk": f"{sync_milliseconds():.2f} ms to append 600 bytes and fdatasync, median of 100",
        "load average before": f"{os.getloadavg()[0]:.2f}",
    }


def sync_milliseconds() -> float:
    """What the disk under the temporary folder, where data folders are made, asks for one durable write."""
    taken = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(100):
            began = time.perf_counter()
            os.write(file.fileno(), bytes(600))
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken) * 1000


def commit() -> str:
    """The commit of the tree, with `+` when files differ from it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    return (head + ("+" if _git("status", "--porcelain") else "")) if head else "none"


def two_cores() -> tuple[int, int]:
    """A core for what is measured and one for what puts it under load."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("This needs two cores: one for the server, one for the load.")
    return cores[0], cores[1]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
