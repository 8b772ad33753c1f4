"""Videos are made, labelled, decoded again, and the text is measured on their frames."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hanlin.errors import BadFile
from hanlin.labels.explicit import video
from hanlin.labels.explicit.mark import Corner, lay_out

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
KINDS = ["mp4", "mov", "mkv", "webm", "flv", "avi"]
MUXERS = {"mkv": "matroska"}
RATE = 10


@pytest.fixture(scope="module")
def av() -> Any:
    if importlib.util.find_spec("av") is None:
        pytest.skip("PyAV is not installed")
    import av

    return av


def frame_of(av: Any, number: int, size: tuple[int, int], pixels: str = "yuv420p") -> Any:
    """Bright coloured bars that wander: a ground the label must stand out from."""
    width, height = size
    across = np.arange(width)[np.newaxis, :, np.newaxis] * 3 + number * 5 + np.array([0, 70, 140])
    picture = np.broadcast_to(128 + 110 * np.sin(across / 25), (height, width, 3)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(format=pixels)
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def video_of(
    av: Any, kind: str, *, size: tuple[int, int] = (192, 144), seconds: float = 3, pixels: str = "yuv420p",
    codec: str = "", rotation: int = 0, sound: str = "",
) -> bytes:  # fmt: skip
    target = io.BytesIO()
    with av.open(target, "w", format=MUXERS.get(kind, kind)) as file:
        stream = file.add_stream(codec or ("libvpx" if kind == "webm" else "libx264"), rate=RATE)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        if rotation:
            stream.set_display_rotation(rotation)
        noise = file.add_stream(sound, rate=48000, layout="mono") if sound else None
        for number in range(round(seconds * RATE)):
            file.mux(stream.encode(frame_of(av, number, size, pixels)))
        file.mux(stream.encode(None))
        if noise:
            hum = (0.2 * np.sin(np.arange(round(48000 * seconds)) / 20)).astype(np.float32)[np.newaxis]
            frame = av.AudioFrame.from_ndarray(hum, format="fltp", layout="mono")
            frame.sample_rate = 48000
            for piece in av.AudioResampler(format=noise.format.name, layout="mono", rate=48000).resample(frame):
                file.mux(noise.encode(piece))
            file.mux(noise.encode(None))
    return target.getvalue()


def frames_of(av: Any, file: bytes) -> list[Any]:
    with av.open(io.BytesIO(file)) as opened:
        return list(opened.decode(video=0))


def displayed(frame: Any) -> NDArray[np.float64]:
    """A frame in grey, turned as players turn it."""
    return np.rot90(np.asarray(frame.to_image().convert("L"), np.float64), round(frame.rotation / 90))


def glyphs(frame: Any, corner: Corner = Corner.BOTTOM_RIGHT) -> list[int]:
    """Heights of the letters in the corner, by their bright pixels on the dark plate; none when there is no plate."""
    grey = displayed(frame)
    mark = lay_out(grey.shape[1], grey.shape[0], "zh", corner)
    left, top, right, bottom = mark.box
    patch = grey[top + 3 : bottom - 3, left + 3 : right - 3]
    if np.median(patch) > 128:
        return []
    ink = patch > 165
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ink.any(axis=0).astype(int), [0]]))).reshape(-1, 2)
    rows = [np.flatnonzero(ink[:, start:end].any(axis=1)) for start, end in edges]
    return [int(row[-1] - row[0] + 1) for row in rows]


def packets_of(av: Any, file: bytes, kind: str) -> list[bytes]:
    with av.open(io.BytesIO(file)) as opened:
        return [bytes(packet) for packet in opened.demux(**{kind: 0}) if packet.size]


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_of_every_kind_has_letters_of_a_twentieth_of_the_shortest_side(av: Any, kind: str) -> None:
    """5.4: the start frame, and at least two seconds; here all of them."""
    before = video_of(av, kind, size=(320, 240))
    after = frames_of(av, video.add(before, kind, "zh"))
    assert len(after) == len(frames_of(av, before))
    for frame in (after[0], after[RATE], after[2 * RATE], after[-1]):
        heights = glyphs(frame)
        assert len(heights) >= 4
        assert min(heights) >= 0.05 * 240


@pytest.mark.parametrize("kind", KINDS)
def test_times_stay_and_the_rest_of_the_picture_too(av: Any, kind: str) -> None:
    """At least 38 dB outside the label, and every frame when it was."""
    file = video_of(av, kind)
    before, after = frames_of(av, file), frames_of(av, video.add(file, kind, "zh"))
    assert [frame.time for frame in after] == pytest.approx([frame.time for frame in before], abs=0.002)
    error = np.mean([(displayed(one)[:90] - displayed(two)[:90]) ** 2 for one, two in zip(before, after, strict=True)])
    assert 10 * np.log10(255**2 / error) >= 38


@pytest.mark.parametrize(("kind", "codec"), [("mp4", "aac"), ("mov", "aac"), ("mkv", "libopus"), ("webm", "libopus"),
                                             ("flv", "aac"), ("avi", "mp3")])  # fmt: skip
def test_sound_is_copied_packet_by_packet(av: Any, kind: str, codec: str) -> None:
    before = video_of(av, kind, sound=codec)
    after = video.add(before, kind, "zh")
    assert packets_of(av, after, "audio") == packets_of(av, before, "audio")


def test_subtitles_are_copied(av: Any) -> None:
    target = io.BytesIO()
    with av.open(target, "w", format="matroska") as file:
        stream = file.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 192, 144, "yuv420p"
        words = av.Packet(b"Good evening.")
        words.stream = file.add_mux_stream("subrip")
        words.pts, words.dts, words.duration, words.time_base = 500, 500, 1000, Fraction(1, 1000)
        file.start_encoding()
        file.mux(words)
        for number in range(20):
            file.mux(stream.encode(frame_of(av, number, (192, 144))))
        file.mux(stream.encode(None))
    assert packets_of(av, video.add(target.getvalue(), "mkv", "zh"), "subtitles") == [b"Good evening."]


def test_the_label_goes_when_its_time_is_over_but_never_before_three_seconds(av: Any) -> None:
    file = video_of(av, "mp4", seconds=5)
    for seconds, last in ((0.5, 3), (4, 4)):
        after = frames_of(av, video.add(file, "mp4", "zh", seconds=seconds))
        shown = [len(glyphs(frame)) >= 4 for frame in after]
        assert shown == [number < last * RATE for number in range(50)]


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_a_turned_video_stays_turned_and_its_label_upright(av: Any, rotation: int) -> None:
    after = frames_of(av, video.add(video_of(av, "mp4", size=(320, 240), rotation=rotation), "mp4", "zh"))
    assert abs(after[0].rotation) == abs(rotation)
    straight = frames_of(
        av, video.add(video_of(av, "mp4", size=(320, 240) if rotation == 180 else (240, 320)), "mp4", "zh")
    )
    assert glyphs(after[0]) == pytest.approx(glyphs(straight[0]), abs=2)


@pytest.mark.parametrize("corner", list(Corner))
def test_the_label_stands_in_the_corner_asked_for(av: Any, corner: Corner) -> None:
    after = frames_of(av, video.add(video_of(av, "mp4", seconds=0.5), "mp4", "zh", corner=corner))
    assert len(glyphs(after[0], corner)) >= 4


@pytest.mark.parametrize(
    ("kind", "codec", "pixels", "expected"),
    [
        ("mp4", "libx264", "yuv420p10le", "yuv420p10le"),
        ("mp4", "libx264", "yuv444p", "yuv444p"),
        ("mkv", "libx264", "yuv422p", "yuv422p"),
        ("mov", "qtrle", "rgb24", "yuv420p"),
        ("avi", "mjpeg", "yuvj420p", "yuv420p"),
        ("webm", "libvpx-vp9", "yuv444p", "yuv444p"),
    ],
)
def test_depth_and_colour_planes_are_kept_where_the_encoder_has_them(
    av: Any, kind: str, codec: str, pixels: str, expected: str
) -> None:
    after = frames_of(av, video.add(video_of(av, kind, codec=codec, pixels=pixels, seconds=0.5), kind, "zh"))
    assert after[0].format.name.replace("yuvj", "yuv") == expected
    assert len(glyphs(after[0])) >= 4


@pytest.mark.parametrize("size", [(64, 64), (66, 400), (400, 66), (193, 145), (1280, 720)])
def test_sizes_from_very_small_to_wide(av: Any, size: tuple[int, int]) -> None:
    after = frames_of(av, video.add(video_of(av, "webm", codec="libvpx-vp9", size=size, seconds=0.3), "webm", "zh"))
    heights = glyphs(after[0])
    assert len(heights) >= 4
    assert min(heights) >= 0.05 * min(size)


def test_progress_rises_to_the_end(av: Any) -> None:
    told: list[float] = []
    video.add(video_of(av, "mp4"), "mp4", "zh", on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 2


def test_tags_are_kept_and_the_index_comes_first(av: Any) -> None:
    target = io.BytesIO()
    with av.open(io.BytesIO(video_of(av, "mp4"))) as source, av.open(target, "w", format="mp4") as file:
        file.metadata["title"] = "A walk"
        stream = file.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                file.mux(packet)
    after = video.add(target.getvalue(), "mp4", "zh")
    with av.open(io.BytesIO(after)) as opened:
        assert opened.metadata["title"] == "A walk"
    assert after.index(b"moov") < after.index(b"mdat")


def test_a_real_video_is_labelled_with_its_sound(av: Any) -> None:
    path = DATA / "video" / "big_buck_bunny_small.mp4"
    if not path.exists():
        pytest.skip("the shared video is not here")
    before = path.read_bytes()
    after = video.add(before, "mp4", "zh")
    frames = frames_of(av, after)
    assert len(frames) == len(frames_of(av, before))
    assert packets_of(av, after, "audio") == packets_of(av, before, "audio")
    for second in (0, 1, 2):
        frame = next(frame for frame in frames if frame.time >= second)
        assert min(glyphs(frame)) >= 0.05 * min(frame.width, frame.height)


def test_what_is_no_such_video_says_so(av: Any) -> None:
    playlist = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"
    for file in (b"", playlist, video_of(av, "mkv"), video_of(av, "mp4")[:-400]):
        with pytest.raises(BadFile):
            video.add(file, "mp4", "zh")
    with pytest.raises(BadFile, match="wmv"):
        video.add(b"", "wmv", "zh")
    with pytest.raises(BadFile, match="too small"):
        video.add(video_of(av, "mp4", size=(16, 16), seconds=0.2), "mp4", "zh")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_gives_a_labelled_video_or_a_clear_error(av: Any, kind: str) -> None:
    whole = video_of(av, kind, size=(64, 64), seconds=0.3)

    @given(st.integers(0, len(whole) - 1), st.integers(1, 255), st.booleans())
    @settings(deadline=None, max_examples=40)
    def damage(place: int, flip: int, cut: bool) -> None:
        broken = whole[:place] if cut else whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :]
        with contextlib.suppress(BadFile):
            assert video.add(broken, kind, "zh")

    damage()


def test_without_pyav_the_line_to_install_it_is_said() -> None:
    program = (
        "import sys; sys.modules['av'] = None\n"
        "from hanlin.errors import Misconfigured\n"
        "from hanlin.labels.explicit import sound, video\n"
        "for add, kind in ((video.add, ('mp4', 'zh')), (sound.add_to, ('m4a',))):\n"
        "    try: add(b'', *kind)\n"
        "    except Misconfigured as error: print(error.action)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["pip install 'hanlin[media]'"] * 2
