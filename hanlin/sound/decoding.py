"""Any sound or video file to the one form of sound the rooms share. Untrusted bytes: call it in a sandbox.

FFmpeg (through PyAV) reads from an open file and nothing else: formats that name other files or addresses (playlists,
HLS, concat) are not on its list, nor is any protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.sound.wave import SAMPLE_RATE, create

FORMATS = (
    "aac,aiff,amr,asf,avi,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,m4v,mp3,mpeg,mpegts,mpegvideo,ogg,rm,wav,w64"
)  # fmt: skip
"""FFmpeg's names of the containers that are read."""
GAP_SECONDS = 0.25
"""A hole in the time stamps above this is filled with silence, so that what is said keeps its time in the video."""
LONGEST_GAP_SECONDS = 600
"""A longer one is a broken clock."""


class Limits(Struct, frozen=True):
    seconds: float = 6 * 3600
    size_bytes: int = 6_000_000_000


class Sound(Struct, frozen=True):
    """What was decoded, and what the file says of itself."""

    seconds: float
    sample_rate: int
    """Of the file; what was written has 16,000."""
    channels: int
    """Of the file; `decode(…, channel=0)` keeps one apart."""
    format: str
    codec: str
    video: bool
    languages: tuple[str, ...] = ()
    """ISO 639-2 codes that the file states for its sound; `und` is left out."""
    damaged: bool = False
    """Parts could not be decoded and are missing."""


def decode(source: str, target: str, limits: Limits, channel: int = -1) -> Sound:
    """Write the first sound stream of `source` to `target`: 16 kHz, 16-bit, one channel. Bounded memory.

    `channel`: the number of the one to keep, where each speaker has one; -1 mixes them. Raises BadFile when there is no
    sound in it, or more of it than the limits allow.
    """
    size_bytes = Path(source).stat().st_size
    if size_bytes > limits.size_bytes:
        raise BadFile(
            f"The file has {size_bytes:,} bytes, at most {limits.size_bytes:,} are read.",
            action="Cut it into parts.",
            code="sound_too_large",
        )
    with open(source, "rb") as file, _opened(file) as container, create(target) as written:  # noqa: PTH123
        stream = _stream(container)
        decoder = _Decoder(container, stream, channel)
        longest = int(limits.seconds * SAMPLE_RATE)
        samples = 0
        for piece in decoder.pieces():
            samples += len(piece)
            if samples > longest:
                raise _too_long(limits)
            written.writeframesraw(piece.tobytes())
        if not samples:
            raise BadFile("The file's sound cannot be decoded.", action="Send it in another format.")
        return _describe(container, stream, samples, damaged=decoder.damaged)


def _too_long(limits: Limits) -> BadFile:
    return BadFile(
        f"The sound is longer than {limits.seconds / 60:,.0f} minutes.",
        action="Cut it into parts.",
        code="sound_too_long",
    )


def _opened(file: Any) -> Any:
    import av

    options = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
    try:
        return av.open(file, options=options, metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError):
        raise BadFile(
            "The file is no sound or video of a kind that is read here.",
            action="Send MP3, WAV, M4A, FLAC, OGG, MP4, MKV, WebM, AVI, MOV or another of the listed kinds.",
            code="unknown_sound",
        ) from None


def _stream(container: Any) -> Any:
    stream = container.streams.best("audio")
    if stream is None:
        raise BadFile("The file has no sound.", action="Check that it was recorded with sound.", code="no_sound")
    return stream


def _describe(container: Any, stream: Any, samples: int, *, damaged: bool) -> Sound:
    languages = [one.metadata.get("language", "und")[:8] for one in container.streams.audio]
    return Sound(
        seconds=samples / SAMPLE_RATE,
        sample_rate=stream.codec_context.sample_rate,
        channels=stream.codec_context.channels,
        format=container.format.name,
        codec=stream.codec_context.name,
        video=any(one.codec_context.name not in COVERS for one in container.streams.video if one.codec_context),
        languages=tuple(dict.fromkeys(code for code in languages if code not in ("und", ""))),
        damaged=damaged,
    )


COVERS = frozenset({"mjpeg", "png", "bmp", "gif"})
"""A stream of one of these is the picture on an album, not a video."""


class _Decoder:
    """Decodes, resamples and keeps to the file's clock."""

    def __init__(self, container: Any, stream: Any, channel: int) -> None:
        self._container = container
        self._stream = stream
        self._channel = channel
        self._start_seconds = (container.start_time or 0) / 1_000_000
        self._form: tuple[str, str, int] | None = None
        self._resampler: Any = None
        self._written = 0
        self.damaged = False

    def pieces(self) -> Iterator[Any]:
        for frame in self._frames():
            yield from self._count(self._silence(frame))
            form = (frame.format.name, frame.layout.name, frame.sample_rate)
            if form != self._form:  # some files change it on the way
                yield from self._count(self._resampled(None))
                self._begin(frame)
                self._form = form
            yield from self._count(self._resampled(frame))
        yield from self._count(self._resampled(None))

    def _frames(self) -> Iterator[Any]:
        import av

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except (StopIteration, av.EOFError):
                return
            except av.InvalidDataError:
                self.damaged = True
                continue
            except (av.FFmpegError, OSError, ValueError):
                self.damaged = True
                return
            yield from frames

    def _begin(self, frame: Any) -> None:
        from av.audio.resampler import AudioResampler

        channels = len(frame.layout.channels)
        if self._channel >= channels:
            raise BadFile(f"The sound has {channels} channels, there is no number {self._channel}.", code="no_channel")
        if self._channel < 0:
            self._resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        else:
            self._resampler = AudioResampler(format="s16p", layout=frame.layout.name, rate=SAMPLE_RATE)

    def _resampled(self, frame: Any) -> Iterator[Any]:
        if self._resampler is None:
            return
        for piece in self._resampler.resample(frame):
            yield piece.to_ndarray()[max(0, self._channel)].astype("<i2", copy=False)

    def _silence(self, frame: Any) -> Iterator[Any]:
        """Silence for what the clock says is missing before this frame."""
        if frame.time is None:
            return
        missing = frame.time - self._start_seconds - self._written / SAMPLE_RATE
        if GAP_SECONDS < missing <= LONGEST_GAP_SECONDS:
            yield np.zeros(int(missing * SAMPLE_RATE), "<i2")

    def _count(self, pieces: Iterator[Any]) -> Iterator[Any]:
        for piece in pieces:
            self._written += len(piece)
            yield piece
