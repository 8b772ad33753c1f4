"""Starting a program on one core, and what it and its children use, from /proc."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class NotMeasured(Exception):
    """Why a figure could not be taken; people read it."""


@dataclass(frozen=True)
class Program:
    """A started program, its children with it."""

    popen: subprocess.Popen[bytes]
    output: Path
    """Where it writes what it prints."""
    started: float = field(default_factory=time.perf_counter)

    def printed(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def check(self) -> None:
        """Raise NotMeasured when it has ended by itself."""
        if self.popen.poll() is not None:
            raise NotMeasured(f"It ended with status {self.popen.returncode}: {self.printed()[-1500:]}")

    def stop(self) -> None:
        """Ask the whole group to end; after ten seconds make it."""
        for end in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.popen.pid, end)
                self.popen.wait(10)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue


def start(
    command: Sequence[str], *, core: int, output: Path, folder: Path, environment: Mapping[str, str] | None = None
) -> Program:
    """Run a command on one core, in a group of its own."""
    # Without byte code on disk a start would compile every module again, which no installation does.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with output.open("wb") as stream:
        popen = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**inherited, "NO_PROXY": "127.0.0.1", **(environment or {})},
            start_new_session=True,
        )
    return Program(popen, output)


def cpu_seconds(program: Program) -> float:
    """User and system time of the whole tree so far, ended children included."""
    return sum(sum(map(int, fields[11:15])) for _, fields in _tree(program.popen.pid)) / TICKS_PER_SECOND


def resident_bytes(program: Program) -> int:
    """Resident memory of the whole tree; pages that processes share count once for each."""
    return sum(int(fields[21]) for _, fields in _tree(program.popen.pid)) * PAGE_BYTES


def busy_seconds() -> float:
    """Time that all cores of the machine have worked since it started."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts = map(int, words[1:8])
    return (user + nice + system + interrupts + soft_interrupts) / TICKS_PER_SECOND


def _tree(root: int) -> list[tuple[int, list[str]]]:
    """Each living process of the tree with its fields of /proc/PID/stat from `state` on (proc(5), field 3)."""
    fields_of: dict[int, list[str]] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                text = Path(f"/proc/{entry}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            fields_of[int(entry)] = fields = text.rpartition(")")[2].split()
            children[int(fields[1])].append(int(entry))
    found, ahead = [], [root]
    while ahead:
        pid = ahead.pop()
        if pid in fields_of:
            found.append((pid, fields_of[pid]))
        ahead += children[pid]
    return found
