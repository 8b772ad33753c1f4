"""The mark of a picture: unseen, found again after what pictures go through, and never found where it is not."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.labels.watermark.coding import encode
from hanlin.labels.watermark.picture import TileWatermark
from hanlin.labels.watermark.picture_tile import tile_of
from hanlin.labels.watermark.protocol import Detection, PictureWatermark, Pixels

PAYLOAD = 0xF00D_CAFE_0123_4567
MARK: PictureWatermark = TileWatermark()


@cache
def scene(height: int = 480, width: int = 640, seed: int = 1) -> Pixels:
    """Clouds of all sizes with a sharp dark disc and a smooth sky: texture, edges and flat parts."""
    random = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    waves = random.normal(size=frequency.shape) + 1j * random.normal(size=frequency.shape)
    clouds = np.fft.irfft2(waves * frequency**-1.3, (height, width))
    grey = 128 + 40 * clouds / clouds.std()
    rows, columns = np.ogrid[:height, :width]
    grey[: height // 4] = np.linspace(190, 230, width)
    grey[np.hypot(rows - height * 0.6, columns - width * 0.4) < height / 6] = 40
    pixels: Pixels = np.clip(grey[..., None] + np.array([10, 0, -15]), 0, 255).astype(np.uint8)
    return pixels


def flat(value: int, side: int = 512) -> Pixels:
    return np.full((side, side, 3), value, np.uint8)


def saved(pixels: Pixels, kind: str, quality: int) -> Pixels:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def scaled(pixels: Pixels, factor: float) -> Pixels:
    from PIL import Image

    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def toned(pixels: Pixels, factor: float, middle: float) -> Pixels:
    result: Pixels = np.clip((pixels.astype(np.float32) - middle) * factor + middle, 0, 255).astype(np.uint8)
    return result


def cut(pixels: Pixels, share: float) -> Pixels:
    """`share` of each side taken away on each edge."""
    rows, columns = (round(side * share) for side in pixels.shape[:2])
    return pixels[rows:-rows, columns:-columns]


def turned(pixels: Pixels, degrees: float) -> Pixels:
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC))


def photographed(pixels: Pixels) -> Pixels:
    """A screenshot: shown smaller, in a window with a bar, saved as JPEG."""
    shown = scaled(pixels, 0.8)
    screen = np.full((shown.shape[0] + 50, shown.shape[1] + 30, 3), 245, np.uint8)
    screen[40:-10, 15:-15] = shown
    return saved(screen, "JPEG", 85)


def psnr(a: Pixels, b: Pixels) -> float:
    return float(10 * np.log10(255**2 / np.mean(np.square(a.astype(np.float32) - b))))


def payload_of(found: Detection | None) -> int | None:
    return found.payload if found else None


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "nothing": lambda p: p,
    "JPEG 50": lambda p: saved(p, "JPEG", 50),
    "WebP 50": lambda p: saved(p, "WEBP", 50),
    "half size": lambda p: scaled(p, 0.5),
    "double size": lambda p: scaled(p, 2),
    "odd size": lambda p: saved(scaled(p, 0.73), "JPEG", 85),
    "brighter": lambda p: toned(p, 1.2, 0),
    "darker": lambda p: toned(p, 0.8, 0),
    "more contrast": lambda p: toned(p, 1.2, 128),
    "less contrast": lambda p: toned(p, 0.8, 128),
    "screenshot": photographed,
    "a quarter of the area cut": lambda p: cut(p, 0.067),
    "a quarter cut on every side": lambda p: cut(p, 0.25),
    "a quarter cut on the right": lambda p: p[:, : p.shape[1] * 3 // 4],
    "turned 5 degrees": lambda p: turned(p, 5),
    "turned back 5 degrees and cut": lambda p: cut(turned(p, -5), 0.08),
    "turned 90 degrees": np.rot90,
    "mirrored": lambda p: p[:, ::-1],
    "cut and saved": lambda p: saved(cut(p, 0.067), "JPEG", 70),
}


@cache
def marked() -> Pixels:
    return MARK.embed(scene(), PAYLOAD)


@pytest.mark.parametrize("change", CHANGES)
def test_the_payload_is_found_after(change: str) -> None:
    assert payload_of(MARK.find(CHANGES[change](marked()))) == PAYLOAD


@pytest.mark.parametrize("name", ["scene", "flat"])
def test_the_mark_costs_at_most_what_40_db_allows(name: str) -> None:
    pixels = scene() if name == "scene" else flat(128)
    assert psnr(pixels, MARK.embed(pixels, PAYLOAD)) >= 40


def test_only_brightness_changes() -> None:
    """The same amount on all three channels, so greys stay grey."""
    change = marked().astype(int) - scene()
    middle = ((scene() > 20) & (scene() < 235)).all(axis=2)
    assert (change[middle] == change[middle][:, :1]).all()


@pytest.mark.parametrize("value", [0, 8, 128, 247, 255])
@pytest.mark.parametrize("change", ["nothing", "JPEG 50", "half size"])
def test_flat_pictures_carry_the_mark_too(value: int, change: str) -> None:
    """Where DWT-DCT marks fail even untouched."""
    assert payload_of(MARK.find(CHANGES[change](MARK.embed(flat(value), PAYLOAD)))) == PAYLOAD


@pytest.mark.parametrize("shape", [(256, 256), (300, 257), (200, 1600), (1200, 1000)])
def test_sizes_from_256_pixels_carry_it(shape: tuple[int, int]) -> None:
    small = MARK.embed(scene(*shape), PAYLOAD)
    assert payload_of(MARK.find(small)) == PAYLOAD
    assert payload_of(MARK.find(saved(small, "JPEG", 60))) == PAYLOAD


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
@settings(max_examples=20, deadline=None)
def test_pictures_too_small_come_back_in_shape_and_say_nothing(height: int, width: int, value: int) -> None:
    pixels = np.full((height, width, 3), value, np.uint8)
    small = MARK.embed(pixels, PAYLOAD)
    assert (small.shape, small.dtype) == (pixels.shape, pixels.dtype)
    assert MARK.find(pixels) is None


@pytest.mark.parametrize("shape", [(1, 5_000), (5_000, 1), (3, 3_000)])
def test_strips_are_borne(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    assert MARK.embed(pixels, PAYLOAD).shape == pixels.shape
    assert MARK.find(pixels) is None


@pytest.mark.parametrize("shape", [(9, 9), (9, 9, 4), (0, 9, 3)])
def test_what_is_no_rgb_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="height, width, 3"):
        MARK.find(np.zeros(shape, np.uint8))


def test_the_original_is_not_touched_and_the_mark_is_the_same_every_time() -> None:
    before = scene().copy()
    assert (MARK.embed(scene(), PAYLOAD) == marked()).all()
    assert (scene() == before).all()


def test_views_are_taken_as_they_are() -> None:
    assert payload_of(MARK.find(np.asfortranarray(marked()))) == PAYLOAD
    assert payload_of(MARK.find(MARK.embed(scene()[::-1, ::-1], PAYLOAD))) == PAYLOAD


def test_marking_again_replaces_the_number() -> None:
    assert payload_of(MARK.find(MARK.embed(marked(), 7))) == 7


def test_another_key_neither_sees_nor_disturbs() -> None:
    """The key is what an operator keeps to make marks that others cannot forge."""
    other = TileWatermark(b"only the operator knows this")
    assert other.find(marked()) is None
    both = other.embed(marked(), 7)
    assert (payload_of(other.find(both)), payload_of(MARK.find(both))) == (7, PAYLOAD)


def test_the_pattern_of_a_key_never_changes() -> None:
    """What was marked years ago is still found: neither numpy's generators nor a refactoring may move a wave."""
    tile = tile_of(b"")
    parts = (tile.rows, tile.columns, np.rint(np.angle(tile.phases) * 10), tile.bits, encode(PAYLOAD))
    digest = hashlib.sha256(b"".join(part.astype("<i4").tobytes() for part in parts)).hexdigest()
    assert digest[:16] == "5fff86ee8ae15819"


def test_the_score_says_how_much_is_left() -> None:
    whole, worn = MARK.find(marked()), MARK.find(saved(marked(), "JPEG", 20))
    assert whole is not None
    assert worn is not None
    assert (whole.technique, whole.score) == ("hanlin-tile-1", 1.0)
    assert 0.6 < worn.score < 1.0


@pytest.mark.slow
def test_nothing_is_found_where_nothing_was_written() -> None:
    """Every 20th turned, cut, saved or periodic; the benchmark does the same with 10,000."""
    for seed in range(150):
        pixels = scene(256, 300, seed)
        for change in ("nothing", "JPEG 50") if seed % 20 else CHANGES:
            assert MARK.find(CHANGES[change](pixels)) is None
    for period in (8, 16, 32, 64, 71):
        assert MARK.find(np.tile(scene(period, period), (6, 8, 1))[:384, :500]) is None
