"""Writing the implicit label into a file, and making sure that it stands there once."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hanlin.errors import BadFile
from hanlin.labels.formats.format import Format, Piece
from hanlin.labels.formats.table import find
from hanlin.labels.found import Found
from hanlin.labels.imprint import Imprint


def read_labels(file: bytes | memoryview, name: str = "") -> list[Found]:
    """Every implicit label in a file, with its faults. Raises BadFile for an unknown or broken one."""
    view = memoryview(file)
    return find(view, name).read(view)


def write_label(file: bytes | memoryview, imprint: Imprint, name: str = "") -> bytes:
    """The file with exactly this label. Raises BadFile when it is unknown, broken, or does not keep the label."""
    view = memoryview(file)
    format_ = find(view, name)
    labelled = b"".join(format_.write(view, imprint))
    _check(format_, memoryview(labelled), imprint)
    return labelled


def label_file(source: Path, target: Path, imprint: Imprint) -> Format:
    """Label a file of any size: what is big is not read into memory. `target` may be `source`.

    The target appears whole or not at all. Raises BadFile as `write_label`, OSError.
    """
    with mapped(source) as view:
        format_ = find(view, source.name)
        write_whole(target, format_.write(view, imprint), lambda made: _check(format_, made, imprint), like=source)
    return format_


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """The bytes of a file without reading them all."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise BadFile("The file is empty.", action="Send a file with content.")
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    view = memoryview(mapping)
    try:
        yield view
    finally:
        with suppress(BufferError):  # an error on its way still holds views in its traceback, and closes with them
            view.release()
            mapping.close()


def write_whole(target: Path, pieces: list[Piece], check: Callable[[memoryview], None] | None, *, like: Path) -> None:
    """Write the pieces beside the target, check them there, and put them in its place with the rights of `like`."""
    descriptor, partial = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
        if check is not None:
            with mapped(Path(partial)) as made:
                check(made)
        Path(partial).chmod(like.stat().st_mode & 0o777)
        Path(partial).replace(target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _check(format_: Format, made: memoryview, imprint: Imprint) -> None:
    """Read back what was written: silent loss is the fault of this field's tools (ffmpeg, Pillow)."""
    found = format_.read(made)
    if [one.label for one in found] != [imprint.label]:
        raise BadFile(
            f"The label could not be kept in this {format_.name} file: {len(found)} stand in it after writing.",
            action="Please report the file.",
            code="label_not_kept",
        )
