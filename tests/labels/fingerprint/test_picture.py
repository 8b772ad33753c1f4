"""Pictures are found again after what happens to pictures, and no other picture is taken for them."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from hanlin.labels.fingerprint import picture

IMAGES = Path(__file__).parents[3] / ".." / "shared" / "data" / "images"
Pixels = NDArray[np.uint8]


def scene(seed: int, width: int = 480, height: int = 360) -> Pixels:
    """A sky of soft colours with shapes on it."""
    rng = np.random.default_rng(seed)
    ground = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((width, height))
    draw = ImageDraw.Draw(ground)
    for _ in range(6):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        across, along = (int(half) for half in rng.integers(15, 90, 2))
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((x - across, y - along, x + across, y + along), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    return np.asarray(ground)


def page(seed: int) -> Pixels:
    """A page of words."""
    rng = np.random.default_rng(seed)
    paper = Image.new("RGB", (600, 850), "white")
    draw = ImageDraw.Draw(paper)
    font = ImageFont.load_default(14)
    y = 50
    while y < 790:
        words = ("".join(map(chr, rng.integers(97, 123, rng.integers(2, 10)))) for _ in range(rng.integers(5, 11)))
        draw.text((50, y), " ".join(words), fill="black", font=font)
        y += 40 if rng.random() < 0.15 else 20
    return np.asarray(paper)


def compressed(kind: str, quality: int) -> Callable[[Image.Image], Image.Image]:
    def compress(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, kind, quality=quality)
        return Image.open(file).convert("RGB")

    return compress


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 50": compressed("JPEG", 50),
    "WebP 50": compressed("WEBP", 50),
    "half size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "double size": lambda image: image.resize((image.width * 2, image.height * 2)),
    "another shape": lambda image: image.resize((300, 300)),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.2),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "trimmed by 2 %": lambda image: image.crop(
        (image.width // 100, image.height // 100, image.width * 99 // 100, image.height * 99 // 100)
    ),
}


def of(pixels: Pixels) -> int:
    found = picture.fingerprint(pixels)
    assert found is not None
    return found


def meets(asked: int, kept: int) -> bool:
    return bool(set(picture.probes(asked)) & set(picture.keys(kept)))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("make", [scene, page])
def test_a_changed_picture_is_similar_and_is_looked_up_by_a_key_of_the_original(
    change: str, make: Callable[[int], Pixels]
) -> None:
    for seed in range(4):
        original = make(seed)
        asked = of(np.asarray(CHANGES[change](Image.fromarray(original))))
        assert picture.similarity(asked, of(original)) >= picture.SIMILAR
        assert meets(asked, of(original))


@pytest.mark.parametrize("make", [scene, page])
def test_different_pictures_are_not_similar_not_even_pages_of_text(make: Callable[[int], Pixels]) -> None:
    prints = [of(make(seed)) for seed in range(25)]
    assert max(picture.similarity(one, other) for one, other in combinations(prints, 2)) < picture.SIMILAR


def test_photographs_are_found_after_jpeg_and_differ_from_each_other() -> None:
    files = sorted(file for file in IMAGES.glob("*") if file.suffix in {".png", ".jpg", ".jpeg"})
    if not files:
        pytest.skip("the shared pictures are not on this machine")
    images = [Image.open(file).convert("RGB") for file in files]
    prints = [of(np.asarray(image)) for image in images]
    again = [of(np.asarray(CHANGES["JPEG 50"](image))) for image in images]
    found = [[picture.similarity(one, other) >= picture.SIMILAR for other in prints] for one in again]
    assert found == np.eye(len(images), dtype=bool).tolist()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_picture_has_none(level: int) -> None:
    assert picture.fingerprint(np.full((200, 300, 3), level, np.uint8)) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (31, 33), (8192, 16)])
def test_any_size_has_one_or_none(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = picture.fingerprint(pixels)
    assert found is None or 0 <= found < 1 << picture.BITS


@given(st.integers(0, 2**picture.BITS - 1), st.sets(st.integers(0, 11), max_size=11), st.integers(0, 19))
def test_one_key_with_at_most_one_wrong_bit_is_enough_to_be_looked_up(kept: int, spoilt: set[int], bit: int) -> None:
    asked = kept
    for number in range(12):
        places = [255 - number - 12 * place for place in range(20)]
        wrong = places if number in spoilt else [places[bit]]
        for place in wrong:
            asked ^= 1 << place
    assert meets(asked, kept)
    assert len(set(picture.keys(kept))) == 12
    assert all(0 <= key < 1 << 24 for key in picture.probes(kept))
