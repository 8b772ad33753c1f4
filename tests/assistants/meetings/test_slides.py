"""Slides are what stays on the screen; a film is none."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hanlin.assistants.meetings import PURPOSE, Meetings, NewRecording
from hanlin.assistants.meetings.slides import extract
from hanlin.errors import BadFile
from hanlin.files import Files
from tests.accounts.conftest import Cast
from tests.assistants.meetings.conftest import YES

COLOURS = ("#204080", "#802040", "#f0f0d0")


def film(path: Path, *, seconds_each: int = 6, moving: bool = False, sound: bool = True) -> Path:
    """A talk with three slides, or (`moving`) noise; with a hum, so that it is a recording."""
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=2)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        video.gop_size = 4
        audio = container.add_stream("aac", rate=16000) if sound else None
        random = np.random.default_rng(1)
        for number, colour in enumerate(COLOURS):
            for tick in range(seconds_each * 2):
                picture = Image.new("RGB", (320, 180), colour)
                ImageDraw.Draw(picture).text((40, 80), f"Slide {number}", fill="#909090")
                if moving:
                    noise = random.integers(0, 255, (18, 32, 3), dtype=np.uint8)
                    picture = Image.fromarray(noise).resize((320, 180), Image.Resampling.NEAREST)
                frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
                frame.pts, frame.time_base = number * seconds_each * 2 + tick, Fraction(1, 2)
                container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            hum = (np.sin(np.arange(16000 * seconds_each * 3) / 20) * 3000).astype(np.int16)
            whole = av.AudioFrame.from_ndarray(hum[None], format="s16", layout="mono")
            whole.sample_rate, whole.pts = 16000, 0
            container.mux(audio.encode(whole))
            container.mux(audio.encode(None))
    return path


def test_each_slide_is_found_once_at_the_time_it_appears(tmp_path: Path) -> None:
    found = extract(str(film(tmp_path / "talk.mp4", sound=False)), str(tmp_path))
    assert [slide.start_seconds for slide in found] == pytest.approx([0, 6, 12], abs=2)
    with Image.open(tmp_path / found[1].name) as picture:
        pixel = picture.convert("RGB").getpixel((5, 5))
    assert np.abs(np.array(pixel) - np.array([0x80, 0x20, 0x40])).max() < 12


def test_a_film_has_no_slides(tmp_path: Path) -> None:
    assert len(extract(str(film(tmp_path / "film.mp4", moving=True, sound=False)), str(tmp_path))) <= 1


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no video at all" * 100)
    with pytest.raises(BadFile):
        extract(str(tmp_path / "x"), str(tmp_path))


@pytest.mark.slow
async def test_a_recording_s_slides_are_kept_and_shown_to_who_may_see_it(
    meetings: Meetings, files: Files, cast: Cast, tmp_path: Path
) -> None:
    file = await files.add(cast.owner, film(tmp_path / "talk.mp4"), "talk.mp4", PURPOSE)
    made = await meetings.create(cast.owner, NewRecording(speakers=1), YES, file=file.id)
    assert made.video
    await meetings.find_slides(cast.owner, made.id)
    await meetings.find_slides(cast.owner, made.id)
    slides = await meetings.slides(cast.owner, made.id)
    assert [slide.number for slide in slides] == [1, 2, 3]
    picture = await meetings.slide(cast.owner, made.id, 2)
    assert (picture[:4], len(picture)) == (b"\x89PNG", slides[1].size_bytes)
