"""A recording leaves as a file that its program opens, with what was asked for in it and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import docx
import pytest

from hanlin.assistants.meetings import Meetings, Recording
from hanlin.errors import BadRequest, NotFound
from tests.accounts.conftest import Cast
from tests.assistants.meetings.conftest import told
from tests.assistants.meetings.doubles import Script

TALK = [
    (0, "我们下周三之前要完成新网站的设计，预算是三万元。"),
    (1, "好的，那么谁来负责写首页的文字？我们需要中文和英文两个版本，而且要请法务看一遍。"),
    (0, "小李负责首页的文字，这件事就这么定了。设计稿先给大家看，然后再交给开发的同事去做。"),
    (1, "没问题，我会在周五之前把图片准备好，也会联系摄影师。"),
]


async def made(meetings: Meetings, cast: Cast, script: Script) -> Recording:
    talk = TALK * 3
    recording = await told(meetings, cast.owner, talk, language="zh", held_on="2026-11-24", title="网站会议 <1>")
    script.answers = [json.dumps({"decisions": [{"line": 3, "text": "小李负责首页的文字。"}]})]
    await meetings.make_notes(cast.owner, recording.id, ["decisions"])
    return recording


@pytest.mark.parametrize("kind", ["docx", "md", "pdf", "html", "txt", "json", "srt", "vtt"])
async def test_every_kind_is_written_and_holds_the_words(
    meetings: Meetings, cast: Cast, script: Script, tmp_path: Path, kind: str
) -> None:
    recording = await made(meetings, cast, script)
    path = tmp_path / "out"
    name = await meetings.export(cast.owner, recording.id, kind, path)
    assert name == f"网站会议 _1_.{kind}"
    if kind == "docx":
        text = "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)
    elif kind == "pdf":
        import pypdfium2

        with pypdfium2.PdfDocument(path) as pdf:
            text = pdf[0].get_textpage().get_text_bounded()
    else:
        text = path.read_text(encoding="utf-8")
    assert "三万元" in text
    assert ("小李负责首页的文字。" in text) is (kind not in ("srt", "vtt"))
    if kind in ("docx", "md", "pdf", "html", "txt"):
        assert "[00:05] 发言人2" in text.replace("\\", "")


async def test_parts_and_translations_are_as_asked_for(
    meetings: Meetings, cast: Cast, script: Script, tmp_path: Path
) -> None:
    recording = await made(meetings, cast, script)
    path = tmp_path / "out"
    await meetings.export(cast.owner, recording.id, "md", path, parts=["notes"])
    assert "三万元" not in path.read_text()
    script.answers = ["Li writes the text of the front page."]
    await meetings.translate(cast.owner, recording.id, "en")
    await meetings.export(cast.owner, recording.id, "srt", path, bilingual="en", label="zh")
    text = path.read_text()
    assert text.count("front page") >= 1
    assert "本内容由人工智能生成" in text
    await meetings.export(cast.owner, recording.id, "json", path, parts=["transcript"], bilingual="en")
    data = json.loads(path.read_bytes())
    assert (len(data["segments"]), "notes" in data) == (12, False)
    assert data["segments"][2]["translation"].startswith("Li writes")


async def test_what_is_not_offered_or_not_theirs_is_refused(
    meetings: Meetings, cast: Cast, script: Script, tmp_path: Path
) -> None:
    recording = await made(meetings, cast, script)
    for kind, parts in (("doc", ()), ("md", ("everything",))):
        with pytest.raises(BadRequest):
            await meetings.export(cast.owner, recording.id, kind, tmp_path / "out", parts=parts)
    with pytest.raises(NotFound):
        await meetings.export(cast.stranger, recording.id, "md", tmp_path / "out")


async def test_a_translation_that_fails_its_check_is_tried_again_and_then_flagged(
    meetings: Meetings, cast: Cast, script: Script
) -> None:
    recording = await told(meetings, cast.owner, [(0, "The budget is 4500 dollars."), (0, "Good.")])
    script.answers = ["The budget is 4500 dollars.", "预算是四千五百美元。", "很好。"]
    await meetings.translate(cast.owner, recording.id, "zh")
    first, second = await meetings.subtitles(cast.owner, recording.id, "zh")
    assert (first.translation, first.flag) == ("预算是四千五百美元。", "missing_number")
    assert (second.translation, second.flag) == ("很好。", "")
    assert {one.flag for one in await meetings.subtitles(cast.owner, recording.id, "th")} == {"missing"}
    with pytest.raises(BadRequest):
        await meetings.translate(cast.owner, recording.id, "xx")
