"""Pictures to mark, what is done to them, and what comes back. Needs numpy and Pillow only: peers run it too."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont  # noqa: TID253 - nothing here is part of the server

Pixels = Any
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


class Mark(Protocol):
    def embed(self, pixels: Pixels, payload: int) -> Pixels: ...

    def find(self, pixels: Pixels, original: tuple[int, ...]) -> int | None:
        """`original` is the shape before the change; ours does not look at it, peers cannot do without."""


def clouds(random: np.random.Generator, height: int, width: int, slope: float) -> Pixels:
    """Noise with power falling as frequency**(-2 * slope): about 1 is a photograph's."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    planes = []
    for _ in range(4):
        waves = random.normal(size=frequency.shape) + 1j * random.normal(size=frequency.shape)
        plane = np.fft.irfft2(waves * frequency**-slope, (height, width))
        planes.append(plane / plane.std())
    colour = np.stack(planes[1:], -1) * 0.3 + planes[0][..., None]
    return np.clip(colour * random.uniform(25, 60) + random.uniform(80, 170), 0, 255).astype(np.uint8)


def gradient(random: np.random.Generator, height: int, width: int) -> Pixels:
    corner = random.uniform(0, 255, (4, 3))
    y, x = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    blend = (1 - y) * ((1 - x) * corner[0] + x * corner[1]) + y * ((1 - x) * corner[2] + x * corner[3])
    return blend.astype(np.uint8)


def shapes(random: np.random.Generator, height: int, width: int) -> Pixels:
    picture = Image.fromarray(gradient(random, height, width))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(10, 60))):
        left, top = int(random.integers(0, width)), int(random.integers(0, height))
        right, bottom = left + int(random.integers(5, width // 3)), top + int(random.integers(5, height // 3))
        figure = draw.ellipse if random.random() < 0.5 else draw.rectangle
        figure([left, top, right, bottom], fill=tuple(int(value) for value in random.integers(0, 256, 3)))
    blurred = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 3)))
    return np.asarray(blurred if random.random() < 0.5 else picture)


def collage(random: np.random.Generator, height: int, width: int) -> Pixels:
    """Textures of two kinds divided by shapes, shading over all: edges, flat and rough parts."""
    rough, smooth = clouds(random, height, width, 0.9), clouds(random, height, width, 1.5)
    inside = shapes(random, height, width).mean(2, keepdims=True) > 127
    return np.clip(np.where(inside, smooth, rough) * 0.7 + shapes(random, height, width) * 0.3, 0, 255).astype(np.uint8)


def page(random: np.random.Generator, height: int, width: int) -> Pixels:
    """Printed lines with a picture on top: what a document page with a figure looks like."""
    lines = np.array(text(random, height, width))
    figure = lines[height // 10 : height // 2, width // 8 : width - width // 8]
    figure[:] = collage(random, *figure.shape[:2])
    return lines


def text(random: np.random.Generator, height: int, width: int) -> Pixels:
    picture = Image.new("RGB", (width, height), "white")
    size = int(random.integers(12, 28))
    font = ImageFont.load_default(size)
    for top in range(10, height - size, round(size * 1.5)):
        line = "".join(random.choice(list("abcdefghij klmnop qrstu vwxyz AEIOU"), round(width / size * 1.8)))
        ImageDraw.Draw(picture).text((10, top), line, font=font, fill="black")
    return np.asarray(picture)


def made(seed: int = 1, rounds: int = 3) -> Iterator[tuple[str, Pixels]]:
    random = np.random.default_rng(seed)
    sizes = [(1024, 1024), (768, 1024), (512, 512), (900, 600), (480, 640), (300, 400), (400, 1200)]
    for number in range(rounds * len(sizes)):
        height, width = sizes[number % len(sizes)]
        kind = (collage, shapes, gradient, page, collage)[number % 5]
        yield f"made: {kind.__name__} {number}", kind(random, height, width)
        if number % 4 == 0:
            yield f"made: clouds {number}", clouds(random, height, width, random.uniform(0.9, 1.6))


def hard(seed: int = 2) -> Iterator[tuple[str, Pixels]]:
    """Where marks fail: nothing to hide in, nothing but noise, no room, no headroom."""
    random = np.random.default_rng(seed)
    for value in (0, 8, 128, 247, 255):
        yield f"hard: flat {value}", np.full((512, 512, 3), value, np.uint8)
    yield "hard: flat 256 px", np.full((256, 256, 3), 128, np.uint8)
    yield "hard: shapes 256 px", shapes(random, 256, 256)
    yield "hard: collage 256 px", collage(random, 256, 256)
    yield "hard: noise", clouds(random, 512, 512, 0.5)
    yield "hard: text", text(random, 900, 700)
    yield (
        "hard: black and white",
        np.where(shapes(random, 400, 400).mean(2, keepdims=True) > 127, 255, 0).repeat(3, 2).astype(np.uint8),
    )


def real(folders: list[Path]) -> Iterator[tuple[str, Pixels]]:
    """Pictures in these folders and in the shared data, and frames of its film if PyAV is there; from 256 px."""
    for file in sorted(file for folder in (*folders, DATA / "images") for file in folder.glob("*")):
        if file.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"}:
            with Image.open(file) as picture:
                if min(picture.size) >= 256:
                    yield f"real: {file.stem}", np.asarray(picture.convert("RGB"))
    film = DATA / "video" / "big_buck_bunny_small.mp4"
    try:
        import av
    except ImportError:
        return
    if film.exists():
        with av.open(str(film)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number % 60 == 0:
                    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
                    yield f"real: film {number}", np.asarray(picture.resize((480, 360), Image.Resampling.BICUBIC))


def saved(pixels: Pixels, kind: str, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def scaled(pixels: Pixels, factor: float) -> Pixels:
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def toned(pixels: Pixels, factor: float, middle: float) -> Pixels:
    return np.clip((pixels.astype(np.float32) - middle) * factor + middle, 0, 255).astype(np.uint8)


def cut(pixels: Pixels, share: float) -> Pixels:
    rows, columns = (round(side * share) for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[rows:-rows, columns:-columns])


def turned(pixels: Pixels, degrees: float) -> Pixels:
    return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC))


def turned_and_cut(pixels: Pixels, degrees: float) -> Pixels:
    """Turned, and the largest rectangle of the same aspect without black corners kept."""
    height, width = pixels.shape[:2]
    sine, cosine = math.sin(math.radians(abs(degrees))), math.cos(math.radians(degrees))
    kept = min(width / (width * cosine + height * sine), height / (height * cosine + width * sine))
    return cut(turned(pixels, degrees), (1 - kept) / 2 + 0.003)


def screenshot(pixels: Pixels) -> Pixels:
    """Shown smaller in a window with a bar, saved as JPEG."""
    shown = scaled(pixels, 0.8)
    height, width = shown.shape[:2]
    screen = np.full((round(height * 1.12), round(width * 1.06), 3), 245, np.uint8)
    top, left = round(height * 0.08), round(width * 0.03)
    screen[top : top + height, left : left + width] = shown
    return saved(screen, "JPEG", 85)


QUARTER = (1 - math.sqrt(0.75)) / 2
CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "none": lambda p: p,
    "JPEG 50": lambda p: saved(p, "JPEG", 50),
    "WebP 50": lambda p: saved(p, "WEBP", 50),
    "size × 0.5": lambda p: scaled(p, 0.5),
    "size × 0.75": lambda p: scaled(p, 0.75),
    "size × 2": lambda p: scaled(p, 2),
    "brightness + 20 %": lambda p: toned(p, 1.2, 0),
    "brightness - 20 %": lambda p: toned(p, 0.8, 0),
    "contrast + 20 %": lambda p: toned(p, 1.2, 128),
    "contrast - 20 %": lambda p: toned(p, 0.8, 128),
    "screen: × 0.73, JPEG 85": lambda p: saved(scaled(p, 0.73), "JPEG", 85),
    "screen: × 0.8 in a window, JPEG 85": screenshot,
    "cut: 25 % of the area": lambda p: cut(p, QUARTER),
    "cut: 25 % on the right": lambda p: np.ascontiguousarray(p[:, : p.shape[1] * 3 // 4]),
    "cut: 25 % on each side": lambda p: cut(p, 0.25),
    "turned 5°": lambda p: turned(p, 5),
    "turned -5°, corners cut": lambda p: turned_and_cut(p, -5),
    "JPEG 30": lambda p: saved(p, "JPEG", 30),
}


def psnr(a: Pixels, b: Pixels) -> float:
    return float(10 * np.log10(255**2 / max(np.mean(np.square(a.astype(np.float32) - b)), 1e-9)))


def ssim(a: Pixels, b: Pixels) -> float:
    """Mean structural similarity of the luminance over windows of 8 by 8 pixels (Wang et al. 2004, without overlap)."""
    planes = [np.asarray(Image.fromarray(p).convert("L"), np.float64) for p in (a, b)]
    rows, columns = planes[0].shape[0] // 8, planes[0].shape[1] // 8
    x, y = (p[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(-1, 64) for p in planes)
    mean_x, mean_y = x.mean(1), y.mean(1)
    covariance = (x * y).mean(1) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + 6.5025) / (mean_x**2 + mean_y**2 + 6.5025)
    structure = (2 * covariance + 58.5225) / (x.var(1) + y.var(1) + 58.5225)
    return float((luminance * structure).mean())


def measure(mark: Mark, pictures: list[tuple[str, Pixels]]) -> list[dict[str, Any]]:
    """For each picture: quality, CPU-milliseconds per megapixel, and the changes after which the payload was found."""
    random = np.random.default_rng(3)
    rows = []
    for name, pixels in pictures:
        payload = int(random.integers(0, 2**64, dtype=np.uint64))
        megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
        began = time.process_time()
        marked = mark.embed(pixels, payload)
        embed = time.process_time() - began
        found, spent = [], {}
        for change, apply in CHANGES.items():
            changed = apply(marked)
            began = time.process_time()
            if mark.find(changed, pixels.shape) == payload:
                found.append(change)
            spent[change] = (time.process_time() - began) * 1000
        rows.append(
            {
                "name": name,
                "megapixels": megapixels,
                "psnr": psnr(pixels, marked),
                "ssim": ssim(pixels, marked),
                "embed_ms": embed * 1000,
                "find_ms": spent["none"],
                "find_longest_ms": max(spent.values()),
                "found": found,
            }
        )
    return rows
