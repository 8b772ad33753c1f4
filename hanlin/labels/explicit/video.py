"""The visible label on video (GB 45438-2025, 5.4): on the start frame, for at least two seconds, in a corner.

It stays for the whole video unless told otherwise. The picture stream is encoded again as a whole (players keep the
parameters they read first, so new and old parts cannot be joined safely), hence staying costs nothing more, and a clip
or screenshot from any part still says what it is. Sound and subtitles are copied as they are.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanlin.errors import BadFile
from hanlin.labels.explicit.mark import OPACITY, Box, Corner, Floats, blend, lay_out, masks
from hanlin.labels.explicit.media import libav, media_errors, writing

LEAST_SECONDS = 3.0
"""5.4 asks for 2 s at normal speed; a player that starts with a fade or at double speed needs more."""
SECONDS = 4 * 3600
PIXELS = 8192 * 4352
"""Largest frame: H.264, level 6.2."""
SIZE_BYTES = 4 << 30
_CONTAINERS = {
    "mp4": ("mp4", "mp4", "libx264"),
    "mov": ("mov", "mov", "libx264"),
    "mkv": ("matroska", "matroska", "libx264"),
    "flv": ("flv", "flv", "libx264"),
    "avi": ("avi", "avi", "libx264"),
    "webm": ("matroska", "webm", "libvpx-vp9"),
}
"""Format -> FFmpeg's demuxer, muxer and encoder. The demuxer is named, for playlists in disguise would open files."""
_QUALITY = {
    "libx264": {"crf": "17", "preset": "veryfast"},
    "libvpx-vp9": {"crf": "18", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"},
}
"""Visually lossless."""
_FULL_RANGE = 2
"""`AVCOL_RANGE_JPEG`: light from 0 to 255; else 16 to 235."""
_PLANAR = ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le")
"""Pixel formats that are kept; others become the first, which every player shows."""


def add(
    file: bytes,
    format_name: str,
    language: str,
    *,
    corner: Corner = Corner.BOTTOM_RIGHT,
    seconds: float | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> bytes:
    """A video file with the visible label on its first `seconds`, at least three, or all the time.

    `format_name` is mp4, mov, mkv, flv, avi (H.264 comes out) or webm (VP9). Times, rotation, colours and tags stay.
    `on_progress` is told the part done, 0 to 1. Raises BadFile for other kinds and for broken, oversized or too small
    videos, Misconfigured when PyAV is not installed.
    """
    if format_name not in _CONTAINERS:
        raise BadFile(
            f"A visible label can be put on {', '.join(_CONTAINERS)}, got {format_name!r}.",
            action="Save the video as one of these.",
        )
    demuxer, muxer, encoder = _CONTAINERS[format_name]
    target = io.BytesIO()
    with media_errors(format_name):
        first = _first_frame(file, demuxer)
        stamp = _Stamp(first, demuxer, language, corner)
        until = np.inf if seconds is None else max(seconds, LEAST_SECONDS)
        with (
            libav().open(io.BytesIO(file), format=demuxer) as source,
            writing(target, muxer, source.metadata) as copy,
        ):
            video = _pictures(source)
            video.codec_context.thread_type = "AUTO"
            stream = _encoder(copy, video, first, encoder)
            copies = _copies(source, copy, video)
            for packet in _reported(source.demux([video, *copies]), len(file), on_progress):
                if packet.stream is video:
                    for frame in packet.decode():
                        copy.mux(stream.encode(stamp.on(frame, until)))
                elif packet.dts is not None:
                    packet.stream = copies[packet.stream]
                    copy.mux(packet)
                if target.tell() > SIZE_BYTES:
                    raise BadFile(f"A video may have {SIZE_BYTES} bytes, got more.", action="Cut it into parts.")
            copy.mux(stream.encode(None))
    return target.getvalue()


def _pictures(source: Any) -> Any:
    """The first video stream that can be decoded and is no cover picture."""
    for stream in source.streams.video:
        if stream.codec_context and not stream.disposition & type(stream.disposition).attached_pic:
            return stream
    raise BadFile("The file has no video stream that can be decoded.", action="Save it in a usual codec.")


def _first_frame(file: bytes, demuxer: str) -> Any:
    """It alone knows how the stream really looks: size, pixel format, range, rotation."""
    with libav().open(io.BytesIO(file), format=demuxer) as source:
        try:
            video = _pictures(source)
            if video.width * video.height > PIXELS:
                raise BadFile(
                    f"A video may have {PIXELS} pixels a frame, got {video.width} x {video.height}.",
                    action="Make it smaller.",
                )
            return next(source.decode(video))
        except StopIteration:
            raise BadFile("The video has no frame that can be decoded.", action="Save it again.") from None


def _encoder(copy: Any, video: Any, first: Any, encoder: str) -> Any:
    """The new picture stream: same clock, size, colours and rotation."""
    options = dict(_QUALITY[encoder]) | ({"bf": "0"} if copy.format.name == "avi" else {})  # AVI has no display times
    stream = copy.add_stream(encoder, rate=video.average_rate or 25, options=options)
    context = stream.codec_context
    stream.width, stream.height = first.width - first.width % 2, first.height - first.height % 2
    stream.pix_fmt = _pixel_format(first)
    context.time_base = video.time_base
    context.sample_aspect_ratio = video.sample_aspect_ratio or 1
    for colour in ("color_range", "color_primaries", "color_trc", "colorspace"):
        setattr(context, colour, getattr(first, colour))
    if first.rotation:
        stream.set_display_rotation(first.rotation)
    stream.metadata.update(video.metadata)
    return stream


def _pixel_format(frame: Any) -> str:
    name = frame.format.name.replace("yuvj", "yuv")
    return name if name in _PLANAR else _PLANAR[0]


def _copies(source: Any, copy: Any, video: Any) -> dict[Any, Any]:
    """Old stream -> new stream of all that is copied. Timecode and other data streams are not; few muxers take them."""
    kept = [
        stream for stream in source.streams if stream is not video and stream.type in ("audio", "subtitle", "video")
    ]
    return {stream: copy.add_stream_from_template(stream) for stream in kept}


def _reported(packets: Iterator[Any], size_bytes: int, on_progress: Callable[[float], None] | None) -> Iterator[Any]:
    """The packets; on the way, how far into the file they lie, in steps of a hundredth."""
    done = 0.0
    for packet in packets:
        yield packet
        reached = (packet.pos or 0) / size_bytes
        if on_progress and reached >= done + 0.01:
            done = reached
            on_progress(done)
    if on_progress:
        on_progress(1.0)


class _Stamp:
    """The label as it lies on the colour planes of one video, made once and blended into every frame."""

    def __init__(self, first: Any, demuxer: str, language: str, corner: Corner) -> None:
        self._format = _pixel_format(first)
        self._size = first.width - first.width % 2, first.height - first.height % 2
        self._shift = (first.pts or 0) if demuxer == "avi" else 0  # AVI counts frames from 0, whatever readers guess
        self._start = (first.time or 0.0) - float(self._shift * first.time_base)
        self._last_pts: int | None = None
        turns = round(first.rotation / 90) % 4
        width, height = self._size if turns % 2 == 0 else self._size[::-1]
        mark = lay_out(width, height, language, corner)
        self._box = _turned(mark.box, (width, height), -turns % 4)
        plate, text = masks(mark)
        self._shape = np.rot90(plate, -turns), np.rot90(text, -turns)

    def on(self, frame: Any, until: float) -> Any:
        """The frame as the encoder takes it, labelled when it is shown before `until` seconds have gone."""
        self._check(frame)
        if (frame.format.name, frame.width, frame.height) != (self._format, *self._size):
            frame = frame.reformat(*self._size, self._format)
        if (frame.time or 0.0) - self._start < until:
            frame.make_writable()
            for number, plane in enumerate(frame.planes):
                self._blend(_pixels(plane, frame.format.components[number].bits), number, frame)
        frame.pict_type = 0  # the encoder chooses its own key frames
        return frame

    def _check(self, frame: Any) -> None:
        """Times must rise, and stay within what a video may last."""
        last, pts = self._last_pts, None if frame.pts is None else frame.pts - self._shift
        if last is not None:
            pts = max(last + max(round(1 / (frame.time_base * 25)), 1) if pts is None else pts, last + 1)
        frame.pts = self._last_pts = pts or 0
        if frame.time - self._start > SECONDS or frame.width * frame.height > PIXELS:
            raise BadFile(f"A video may last {SECONDS} s, got more.", action="Cut it into parts.")

    def _blend(self, plane: NDArray[Any], number: int, frame: Any) -> None:
        """Light is blended; colour fades to none under the plate, and there is none in the text."""
        across, down = (self._size[0] // plane.shape[1], self._size[1] // plane.shape[0])
        left, top, right, bottom = self._box
        patch = plane[top // down : bottom // down, left // across : right // across]
        shape = tuple(_shrunk(mask, across, down) for mask in self._shape)
        scale = 1 << (frame.format.components[number].bits - 8)
        dark, bright = (128, 128) if number else (0, 255) if frame.color_range == _FULL_RANGE else (16, 235)
        ground, ink = (np.array([level * scale], np.float32) for level in (dark, bright))
        patch[:] = np.rint(blend(patch[..., np.newaxis], (shape[0], shape[1]), ground, ink, OPACITY)[..., 0])


def _turned(box: Box, size: tuple[int, int], turns: int) -> Box:
    """Where a box lies after quarter turns, against the clock, of the picture of a size that holds it."""
    (left, top, right, bottom), (width, height) = box, size
    for _ in range(turns):
        left, top, right, bottom = top, width - right, bottom, width - left
        width, height = height, width
    return left, top, right, bottom


def _pixels(plane: Any, bits: int) -> NDArray[Any]:
    """A plane's pixels in place, without the padding of its lines."""
    kind = np.dtype(np.uint8 if bits == 8 else "<u2")
    lines = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
    return lines[:, : plane.width]


def _shrunk(mask: Floats, across: int, down: int) -> Floats:
    """A mask for a plane with fewer pixels: the mean of those that fall together."""
    height, width = mask.shape
    means: Floats = mask.reshape(height // down, down, width // across, across).mean(axis=(1, 3), dtype=np.float32)
    return means
