"""What the processes of a server hold, read from /proc."""

from __future__ import annotations

import re
from pathlib import Path


def listening(pid: int) -> set[tuple[str, int]]:
    """(address in hex, port) of each TCP socket on which this process or one below it listens."""
    inodes: set[str] = set()
    for process in family(pid):
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            try:
                inodes |= set(re.findall(r"socket:\[(\d+)\]", str(descriptor.readlink())))
            except FileNotFoundError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            address, _, port = columns[1].partition(":")
            if columns[3] == "0A" and columns[9] in inodes:
                found.add((address, int(port, 16)))
    return found


def family(pid: int) -> list[int]:
    """This process and all below it."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [pid, *(below for child in children for below in family(child))]


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
