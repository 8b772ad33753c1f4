"""Writing in pictures: read exactly, with places, in reading order; scripts the weights do not know are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from hanlin.engines.rapidocr import RapidOCREngine, digest, in_order
from hanlin.errors import BadRequest, EngineFailed, Misconfigured
from hanlin.types import Line, Media, Model, Recognised, Skill
from tests.engines.skills import answer, collect, job, shared

READER = Model("pp-ocr", "rapidocr", Skill.RECOGNITION)
pytest.importorskip("rapidocr", reason="rapidocr is absent")


def draw(path: Path, *texts: tuple[int, int, str]) -> str:
    picture = Image.new("RGB", (900, 300), "white")
    for left, top, text in texts:
        ImageDraw.Draw(picture).text((left, top), text, fill="black", font=ImageFont.load_default(40))
    picture.save(path)
    return str(path)


def line(text: str, left: float, top: float) -> Line:
    return Line(text, (left, top, left + 100, top + 20))


def test_lines_are_read_from_the_top_and_from_the_left() -> None:
    lines = [line("d", 200, 42), line("b", 200, 3), line("c", 0, 40), line("a", 0, 0)]
    assert "".join(one.text for one in in_order(lines)) == "abcd"


@pytest.mark.slow
async def test_drawn_text_is_read_with_its_place(tmp_path: Path) -> None:
    engine = RapidOCREngine(READER)
    path = draw(tmp_path / "drawn.png", (40, 40, "Invoice 2026-117"), (40, 160, "Total 4,250.00"))

    text, detail = await answer(engine, job(READER, media=Media(path)))
    chinese, _ = await answer(engine, job(READER, media=Media(str(shared("images/kreuzberg_chi_sim_image.jpeg")))))
    nothing, blank = await answer(engine, job(READER, media=Media(draw(tmp_path / "blank.png"))))

    assert text.replace(" ", "") == "Invoice2026-117\nTotal4,250.00"
    assert isinstance(detail, Recognised)
    assert (detail.width, detail.height, detail.text) == (900, 300, text)
    left, top, right, bottom = detail.lines[0].box
    assert 30 < left < 60
    assert 250 < right < 450
    assert 30 < top < bottom < 110
    assert chinese.startswith("新鲜甘草黄酮养分，是扫除肌肤代谢物的最佳")
    assert (nothing, blank) == ("", Recognised((), 900, 300))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(EngineFailed):
        await collect(engine, job(READER, media=Media(str(tmp_path / "text.png"))))
    await engine.stop()


async def test_a_script_that_the_weights_do_not_know_is_refused_with_a_word() -> None:
    engine = RapidOCREngine(READER)
    with pytest.raises(BadRequest, match="not the script of 'th'") as refused:
        await collect(engine, job(READER, media=Media("page.png", language="th")))
    assert refused.value.code == "script_unknown"
    with pytest.raises(BadRequest, match="needs a picture"):
        await collect(engine, job(READER))


def test_options_are_checked_and_the_digest_is_of_the_weights() -> None:
    with pytest.raises(Misconfigured, match="min_score"):
        RapidOCREngine(Model("x", "rapidocr", Skill.RECOGNITION, options={"min_score": 2}))
    assert len(digest()) == 71
