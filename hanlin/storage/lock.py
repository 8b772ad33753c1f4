"""The data folder belongs to one server at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hanlin.errors import Conflict, Misconfigured

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
"""File systems on which locks or SQLite's shared memory do not hold between machines."""


class DataFolder:
    """A folder held by this process. The kernel lets go of the lock when the process ends, however it ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: Path) -> DataFolder:
        """Make the folder if need be (mode 0700) and take its lock, `.lock`, which holds the owner's process id.

        Raises Conflict naming the process that has it; Misconfigured on a network file system. A forked child that
        never calls exec would keep the lock: start helpers by spawn.
        """
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        kind = file_system(path.resolve(), Path("/proc/self/mountinfo").read_text(encoding="utf-8"))
        if kind in NETWORK_FILE_SYSTEMS:
            raise Misconfigured(
                f"The data folder lies on {kind}, where locks do not hold.",
                action="Put `data` on a local disk; several servers share a PostgreSQL through `database_url`.",
            )
        return cls(path, _lock(path / ".lock"))

    def close(self) -> None:
        """Let go of the lock; the file stays. Closing twice does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _lock(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise Conflict(
            f"The data folder is in use by process {owner}.",
            action="Stop that server first, or give this one another `data` folder.",
            code="data_folder_in_use",
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def file_system(path: Path, mountinfo: str) -> str:
    """The type of the file system that holds `path`, read from /proc/self/mountinfo (proc(5)); "" when not listed."""
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        mount, _, described = line.partition(" - ")
        point = Path(mount.split(" ")[4].replace("\\040", " "))
        if (path == point or point in path.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), described.split(" ")[0]
    return kind
