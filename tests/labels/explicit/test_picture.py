"""The ink is measured on the pixels, never taken from what the drawer says of itself."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin, TiffImagePlugin

from hanlin.errors import BadFile
from hanlin.labels.explicit import picture
from hanlin.labels.explicit.mark import WORDINGS, Corner, Mark, lay_out, masks

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
Background = Callable[[int, int], Image.Image]


def black(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "black")


def white(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "white")


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8))


def gradient(width: int, height: int) -> Image.Image:
    return Image.linear_gradient("L").rotate(90).resize((width, height)).convert("RGB")


def photo(width: int, height: int) -> Image.Image:
    """Soft coloured forms with a little grain, as a camera gives."""
    return noise(8, 6).resize((width, height), Image.Resampling.BICUBIC)


def grey(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image.convert("L"), np.float64)


def ink_of(drawn: Image.Image, mark: Mark) -> NDArray[np.bool_]:
    """Text pixels: nearer to the text's colour than any plate can be. Its round corners are left out."""
    patch = grey(drawn.crop(mark.box))
    text = patch > 180 if np.median(patch) < 128 else patch < 75
    rim = mark.font_px // 10 + 1
    inside = text[rim:-rim, rim:-rim]
    return np.rot90(inside, -1) if mark.turned else inside


def runs(there: Any) -> list[slice]:
    """Stretches of True, so that letters are told apart by the gaps between them."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    return [slice(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def glyph_heights(ink: NDArray[np.bool_]) -> list[int]:
    """Height of each thing drawn, taken alone, so that a low letter does not hide behind a high one."""
    heights = []
    for run in runs(ink.any(axis=0)):
        rows = np.flatnonzero(ink[:, run].any(axis=1))
        heights.append(int(rows[-1] - rows[0] + 1))
    return heights


def counted_heights(drawn: Image.Image, mark: Mark, language: str) -> list[int]:
    """Heights of all that counts: capitals, and Chinese characters."""
    lines = np.array_split(ink_of(drawn, mark), len(mark.lines))
    if language == "en":
        return glyph_heights(lines[0])[:2]
    heights = [height for line in lines for height in glyph_heights(line)]
    assert len(heights) >= 4
    return heights


def file_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def opened(file: bytes) -> Any:
    image = Image.open(io.BytesIO(file))
    image.load()
    return image


def outside_is_same(before: Image.Image, after: Image.Image, mark: Mark) -> bool:
    first, second = np.array(before), np.array(after)
    left, top, right, bottom = mark.box
    first[top:bottom, left:right] = second[top:bottom, left:right]
    return first.shape == second.shape and bool((first == second).all())


SIZES = [(64, 64), (64, 4000), (4000, 64), (65, 97), (100, 100), (128, 72), (200, 300), (240, 240), (333, 251),
         (512, 512), (720, 1280), (1024, 1024), (1920, 1080), (5000, 300)]  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("ground", [black, white, noise, gradient, photo])
@pytest.mark.parametrize("size", SIZES)
def test_every_counted_glyph_is_a_twentieth_of_the_shortest_side(
    size: tuple[int, int], ground: Background, language: str
) -> None:
    """5.2: measured on drawn pixels; A, I and both Chinese characters in Chinese, the capitals in English."""
    before = ground(*size)
    drawn, mark = picture.draw(before, language)
    assert min(counted_heights(drawn, mark, language)) >= 0.05 * min(size)
    assert outside_is_same(before, drawn, mark)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [(8192, 8192), (8192, 512), (3840, 2160)])
def test_large_pictures_have_large_labels(size: tuple[int, int], language: str) -> None:
    drawn, mark = picture.draw(photo(*size), language)
    assert min(counted_heights(drawn, mark, language)) >= 0.05 * min(size)


@given(st.integers(64, 600), st.integers(64, 600), st.sampled_from(["zh", "en"]), st.sampled_from(list(Corner)))
@settings(deadline=None, max_examples=60)
def test_the_label_lies_inside_in_the_corner_asked_for(width: int, height: int, language: str, corner: Corner) -> None:
    mark = lay_out(width, height, language, corner)
    left, top, right, bottom = mark.box
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert (left < width - right) == corner.endswith("left") or abs(left + right - width) <= 8
    assert (top < height - bottom) == corner.startswith("top") or abs(top + bottom - height) <= 8


@pytest.mark.parametrize("ground", [black, white, noise, gradient, photo])
@pytest.mark.parametrize("size", [(64, 64), (256, 256), (1024, 768)])
def test_text_contrasts_with_the_plate_by_four_and_a_half(size: tuple[int, int], ground: Background) -> None:
    """WCAG 2.2, 1.4.3: the core of a stroke against the worst pixel of the plate that no letter touches."""
    drawn, mark = picture.draw(ground(*size), "zh")
    plate, text = masks(mark)
    levels = np.asarray(drawn.crop(mark.box), np.float64) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    strokes, around = linear[text == 1], linear[(text == 0) & (plate == 1)]
    is_dark = strokes.mean() > around.mean()
    high, low = (strokes.min(), around.max()) if is_dark else (around.min(), strokes.max())
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_every_wording_has_both_elements_and_glyphs_for_them() -> None:
    for language, wordings in WORDINGS.items():
        for lines in wordings:
            words = "".join(lines)
            assert "AI" in words
            assert ("生成" if language == "zh" else "generated") in words
    drawn, mark = picture.draw(white(400, 300), "zh")
    ink = ink_of(drawn, mark)
    shapes = [ink[:, run] for run in runs(ink.any(axis=0))]
    assert len({shape.tobytes() for shape in shapes}) == 4  # a missing glyph would be the same box twice


def test_words_break_before_they_become_too_small_to_read() -> None:
    assert lay_out(64, 64, "zh").lines == ("AI生成",)
    assert lay_out(100, 100, "en").lines == ("AI", "generated")
    assert lay_out(64, 4000, "en").turned
    assert lay_out(64, 4000, "en").ink_px >= 12
    with pytest.raises(BadFile, match="24 x 24"):
        lay_out(24, 24, "en")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F", "I;16"])
def test_every_mode_is_drawn_on_and_kept(mode: str) -> None:
    before = photo(160, 120)
    if mode in ("LA", "RGBA"):
        before.putalpha(90)
    before = Image.fromarray(grey(before).astype(np.uint16) * 256) if mode == "I;16" else _as_mode(before, mode)
    drawn, mark = picture.draw(before, "zh")
    assert drawn.mode == ("RGB" if mode == "P" else mode)
    assert outside_is_same(before.convert("RGB") if mode == "P" else before, drawn, mark)
    levels = np.atleast_3d(np.asarray(drawn.crop(mark.box), np.float64))
    assert np.ptp(levels[4:-4, 4:-4, -1 if mode == "CMYK" else 0]) >= 0.3 * np.ptp(np.asarray(before, np.float64))


def _as_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode == "LAB":
        return Image.merge("LAB", image.split())
    return image.convert("RGB").convert(mode) if mode not in ("LA", "RGBA") else image.convert(mode)


def test_a_transparent_picture_stays_transparent_around_the_label_and_can_be_read_on_any_page() -> None:
    drawn, mark = picture.draw(Image.new("RGBA", (300, 200), (255, 255, 255, 0)), "zh")
    assert drawn.getpixel((5, 5)) == (255, 255, 255, 0)
    for page in ("white", "black"):
        sheet = Image.new("RGBA", drawn.size, page)
        sheet.alpha_composite(drawn)
        assert len(glyph_heights(ink_of(sheet.convert("RGB"), mark))) >= 4


@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
def test_lossless_files_keep_every_pixel_outside_the_label(kind: str) -> None:
    before = photo(320, 240)
    options = {"lossless": True} if kind == "webp" else {}
    after = opened(picture.add(file_of(before, kind, **options), kind, "zh"))
    assert outside_is_same(before, after, lay_out(320, 240, "zh"))
    assert len(glyph_heights(ink_of(after, lay_out(320, 240, "zh")))) >= 4


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("png", "I;16"),
        ("png", "P"),
        ("png", "1"),
        ("png", "LA"),
        ("tiff", "CMYK"),
        ("tiff", "F"),
        ("tiff", "P"),
        ("webp", "RGBA"),
    ],
)
def test_files_keep_their_mode_and_the_pixels_around(kind: str, mode: str) -> None:
    """16 bits of grey stay 16 bits; a palette becomes the colours it stood for."""
    before = photo(160, 120).convert("L" if mode == "I;16" else mode)
    if mode == "RGBA":
        before.putalpha(200)
    if mode == "I;16":
        before = Image.fromarray((np.asarray(before, np.float64) * 256.7).astype(np.uint16))
    after = opened(picture.add(file_of(before, kind, **({"lossless": True} if kind == "webp" else {})), kind, "zh"))
    expected = before.convert("RGB") if mode == "P" else before
    assert after.mode == expected.mode
    assert outside_is_same(expected, after, lay_out(160, 120, "zh"))


def test_a_cmyk_jpeg_stays_one_and_looks_the_same() -> None:
    file = file_of(photo(160, 120).convert("CMYK"), "jpeg", quality=90)
    before, after = opened(file), opened(picture.add(file, "jpeg", "zh"))
    assert after.mode == "CMYK"
    away = np.s_[:80]
    assert np.abs(grey(before.convert("RGB"))[away] - grey(after.convert("RGB"))[away]).mean() < 1
    assert len(glyph_heights(ink_of(after.convert("RGB"), lay_out(160, 120, "zh")))) >= 4


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif"])
def test_lossy_files_lose_next_to_nothing(kind: str) -> None:
    """At least 40 dB between the file before and after, outside the label."""
    file = file_of(photo(320, 240), kind, quality=75)
    before, after = (np.asarray(opened(one), np.float64) for one in (file, picture.add(file, kind, "zh")))
    top = lay_out(320, 240, "zh").box[1] - 16
    error = float(np.mean((before[:top] - after[:top]) ** 2))
    assert 10 * np.log10(255**2 / max(error, 1e-9)) >= 40


def test_jpeg_keeps_its_tables_sampling_and_segments() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    file = file_of(photo(320, 240), "jpeg", quality=63, subsampling="4:4:4", progressive=True, exif=exif,
                   dpi=(300, 300), icc_profile=_profile(), xmp=b"<x:xmpmeta/>", comment=b"by hand")  # fmt: skip
    before, after = opened(file), opened(picture.add(file, "jpeg", "en"))
    assert after.quantization == before.quantization
    assert after.layer == before.layer
    for key in ("icc_profile", "exif", "dpi", "xmp", "comment", "progressive"):
        assert after.info[key] == before.info[key]


@pytest.mark.parametrize("kind", ["png", "webp", "avif", "tiff"])
def test_profile_exif_and_density_are_kept(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    options: dict[str, Any] = {"exif": exif, "icc_profile": _profile()}
    if kind in ("png", "tiff"):
        options["dpi"] = (300, 300)
    if kind == "png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
        options["pnginfo"].add_text("Author", "someone")
    before = opened(file := file_of(photo(200, 160), kind, **options))
    after = opened(picture.add(file, kind, "zh"))
    assert after.info["icc_profile"] == before.info["icc_profile"]
    assert after.getexif()[0x010F] == "Camera"
    assert after.info.get("dpi") == before.info.get("dpi")
    assert getattr(after, "text", None) == getattr(before, "text", None)


def _profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_label_stands_upright_as_viewers_turn_the_picture(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    after = opened(picture.add(file_of(white(300, 200), "png", exif=exif), "png", "zh"))
    assert after.getexif()[0x0112] == orientation
    upright = ImageOps.exif_transpose(after)
    expected, _ = picture.draw(white(*upright.size), "zh")
    assert np.array_equal(np.asarray(upright), np.asarray(expected))


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_every_frame_of_an_animation_is_labelled_and_its_timing_kept(kind: str) -> None:
    frames = [photo(160, 120).rotate(90 * turn) for turn in range(3)]
    options = {"lossless": True} if kind == "webp" else {}
    file = file_of(
        frames[0], kind, save_all=True, append_images=frames[1:], duration=[100, 250, 400], loop=3, **options
    )
    before, after = opened(file), opened(picture.add(file, kind, "zh"))
    mark = lay_out(160, 120, "zh")
    assert after.n_frames == 3
    assert after.info["loop"] == 3
    for number in range(3):
        before.seek(number)
        after.seek(number)
        assert len(glyph_heights(ink_of(after, mark))) >= 4
        away = np.s_[: mark.box[1] - 1]
        assert np.abs(grey(before)[away] - grey(after)[away]).mean() <= (3 if kind == "gif" else 0)
        assert after.info["duration"] == before.info["duration"]


def test_a_gif_of_few_colours_keeps_them_and_what_can_be_seen_through() -> None:
    before = Image.new("RGBA", (120, 100), (0, 0, 0, 0))
    before.paste((200, 30, 40, 255), (10, 10, 60, 60))
    file = file_of(before, "gif")
    after = opened(picture.add(file, "gif", "en")).convert("RGBA")
    assert outside_is_same(opened(file).convert("RGBA"), after, lay_out(120, 100, "en"))


def test_every_page_of_a_tiff_is_labelled_in_its_own_mode_and_compression() -> None:
    pages = [photo(200, 160), photo(160, 200).convert("L")]
    after = opened(
        picture.add(
            file_of(pages[0], "tiff", save_all=True, append_images=pages[1:], compression="tiff_lzw"), "tiff", "zh"
        )
    )
    assert isinstance(after, TiffImagePlugin.TiffImageFile)
    for number, page in enumerate(pages):
        after.seek(number)
        assert after.info["compression"] == "tiff_lzw"
        assert after.mode == page.mode
        assert outside_is_same(page, after, lay_out(page.width, page.height, "zh"))


def test_of_a_camera_file_with_a_preview_the_picture_is_labelled() -> None:
    file = file_of(photo(320, 240), "MPO", save_all=True, append_images=[photo(16, 16)], quality=60)
    before, after = opened(file), opened(picture.add(file, "jpeg", "zh"))
    assert before.n_frames == 2
    assert (after.format, after.size, after.quantization) == ("JPEG", (320, 240), before.quantization)
    assert len(glyph_heights(ink_of(after, lay_out(320, 240, "zh")))) >= 4


def test_a_huge_page_behind_a_small_one_is_refused() -> None:
    file = file_of(black(64, 64), "tiff", save_all=True, append_images=[Image.new("1", (9000, 9000))])
    with pytest.raises(BadFile, match="9000 x 9000"):
        picture.add(file, "tiff", "zh")


def test_what_is_no_picture_says_so() -> None:
    for file in (b"", b"\x89PNG\r\n\x1a\n", file_of(black(99, 99), "png")[:-40]):
        with pytest.raises(BadFile, match="cannot be decoded"):
            picture.add(file, "png", "zh")
    with pytest.raises(BadFile, match="heic"):
        picture.add(b"", "heic", "zh")
    with pytest.raises(BadFile, match="9000 x 9000"):
        picture.add(file_of(Image.new("1", (9000, 9000)), "png"), "png", "zh")


@pytest.mark.filterwarnings("ignore")  # Pillow tells of broken TIFF tags in this way
@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif", "tiff", "avif"])
def test_a_damaged_file_gives_a_labelled_picture_or_a_clear_error(kind: str) -> None:
    whole = file_of(photo(96, 80), kind)

    @given(st.integers(0, len(whole) - 1), st.integers(1, 255), st.booleans())
    @settings(deadline=None, max_examples=60)
    def damage(place: int, flip: int, cut: bool) -> None:
        broken = whole[:place] if cut else whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :]
        with contextlib.suppress(BadFile):
            assert opened(picture.add(broken, kind, "zh")).size

    damage()


@pytest.mark.parametrize("name", ["kreuzberg_chi_sim_image.jpeg", "rapidocr_ch_doc_server.png", "rapidocr_en.jpg"])
def test_real_pictures_are_labelled(name: str) -> None:
    path = DATA / "images" / name
    if not path.exists():
        pytest.skip("the shared pictures are not here")
    kind = "png" if name.endswith("png") else "jpeg"
    before, after = opened(path.read_bytes()), opened(picture.add(path.read_bytes(), kind, "zh"))
    assert after.size == before.size
    assert len(glyph_heights(ink_of(after, lay_out(after.width, after.height, "zh")))) >= 4
