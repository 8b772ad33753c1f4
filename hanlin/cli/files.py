"""Work on many files from the command line: each in a child process, with a bar, and a word for each that failed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hanlin.errors import BadFile, BadRequest, HanlinError
from hanlin.sandbox import Ceilings, Sandbox

T = TypeVar("T")
CEILINGS = Ceilings(seconds=120, memory_mib=2048)
"""One's own files: longer and larger than what strangers may send to a server."""


def named(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant: a folder stands for every file in it and below, hidden ones apart.

    Raises BadRequest for a path that does not exist, and when nothing is left.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (file for file in sorted(path.rglob("*")) if file.is_file() and not file.is_symlink())
            found += [file for file in inside if not any(part.startswith(".") for part in file.relative_to(path).parts)]
        elif path.exists():
            found.append(path)
        else:
            raise BadRequest(f"{path} does not exist.", action="Check the path.")
    if not found:
        raise BadRequest("There is no file in this folder.", action="Name files, or a folder that holds some.")
    return found


def each(
    word: str, files: Iterable[Path], act: Callable[[Sandbox, Path], Awaitable[T]]
) -> list[tuple[Path, T | HanlinError]]:
    """What came of every file, in order; those that failed carry their error."""
    return asyncio.run(_each(word, list(files), act))


async def _each(
    word: str, files: list[Path], act: Callable[[Sandbox, Path], Awaitable[T]]
) -> list[tuple[Path, T | HanlinError]]:
    workers = min(len(files), os.cpu_count() or 1)
    sandbox = Sandbox(CEILINGS, processes=workers)
    gate = asyncio.Semaphore(workers * 2)
    columns = (TextColumn(word), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(word, total=len(files))

        async def one(file: Path) -> tuple[Path, T | HanlinError]:
            async with gate:
                try:
                    return file, await act(sandbox, file)
                except HanlinError as error:
                    return file, error
                except OSError as error:
                    return file, BadFile(f"{error.strerror}.", action="Check the path and its rights.")
                finally:
                    bar.advance(task)

        try:
            return list(await asyncio.gather(*(one(file) for file in files)))
        finally:
            await sandbox.close()
