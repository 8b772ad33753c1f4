"""FFmpeg through PyAV, an optional extra: only video and M4A need it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from hanlin.errors import BadFile, Misconfigured


def libav() -> ModuleType:
    """The module `av`. Raises Misconfigured when it is not installed."""
    try:
        import av
    except ImportError as missing:
        raise Misconfigured(
            "Visible labels on video and M4A need PyAV, which is not installed.", action="pip install 'hanlin[media]'"
        ) from missing
    return av


_FAILURES = (OSError, ValueError, TypeError, ArithmeticError, LookupError, RuntimeError, AttributeError, MemoryError)
"""What PyAV raises beside its own errors; AttributeError for a stream whose codec it does not know."""


@contextmanager
def media_errors(format_name: str) -> Iterator[None]:
    """Turn what FFmpeg says of a broken file into BadFile."""
    failures = (libav().error.FFmpegError, *_FAILURES)
    try:
        yield
    except failures as error:
        raise BadFile(
            f"Expected a whole {format_name} file, got one that cannot be decoded or encoded again.",
            action="Open it in a media program and save it again.",
        ) from error


def writing(target: io.BytesIO, muxer: str, metadata: dict[str, str]) -> Any:
    """A container that writes into `target`, with tags; MP4 and its kin with the index first, so that they stream.

    FFmpeg gives these either the classic keys, which players show, or free ones such as `AIGC` and Apple's, not both.
    """
    options = {}
    if muxer in ("mp4", "mov", "ipod"):
        is_free = any("." in key or key == "AIGC" for key in metadata)
        options["movflags"] = "+faststart" + ("+use_metadata_tags" if is_free else "")
    container = libav().open(
        target, "w", format=muxer, options=options, io_open=lambda *_: io.BytesIO(target.getvalue())
    )  # the index moves to the front while the file is read once more
    container.metadata.update(metadata)
    return container
