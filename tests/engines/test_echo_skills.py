"""The shipped fake does every skill the same way each time, and what is alike is near."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hanlin.engines.echo import EchoEngine
from hanlin.evaluation.skills import tone
from hanlin.types import Media, Model, Recognised, Skill, Spoken
from tests.engines.skills import answer, job, vectors, write


async def test_vectors_of_like_texts_are_near() -> None:
    model = Model("fake", "echo", Skill.EMBEDDING)
    rows = await vectors(EchoEngine(model), job(model, "the red car", "a red car", "完全不同的句子", ""))
    assert rows[0] @ rows[1] > 0.7
    assert rows[0] @ rows[2] < 0.3


async def test_a_transcription_is_as_set_and_nothing_where_it_is_silent(tmp_path: Path) -> None:
    model = Model("fake", "echo", Skill.TRANSCRIPTION, options={"answer": "你好。 We begin."})
    path = write(tmp_path / "a.wav", tone(140, 4, 700))
    text, detail = await answer(EchoEngine(model), job(model, media=Media(path, start_seconds=1)))
    assert isinstance(detail, Spoken)
    assert (text, detail.text, detail.seconds) == ("你好。 We begin.", text, 3.0)
    assert [(one.start_seconds, one.end_seconds) for one in detail.segments] == [(1, 2.5), (2.5, 4)]
    assert all("".join(word.text for word in one.words) == one.text for one in detail.segments)
    silent = write(tmp_path / "b.wav", np.zeros(16_000, np.float32))
    assert await answer(EchoEngine(model), job(model, media=Media(silent))) == ("", Spoken((), "", 1.0))


async def test_a_picture_holds_what_is_set() -> None:
    model = Model("fake", "echo", Skill.RECOGNITION, options={"answer": "one\ntwo"})
    text, detail = await answer(EchoEngine(model), job(model, media=Media("page.png")))
    assert isinstance(detail, Recognised)
    assert (text, len(detail.lines)) == ("one\ntwo", 2)


async def test_like_tones_are_near(tmp_path: Path) -> None:
    model = Model("fake", "echo", Skill.VOICES)
    path = write(tmp_path / "a.wav", tone(110, 2, 500), tone(230, 2, 1800), tone(110, 2, 500))
    rows = await vectors(EchoEngine(model), job(model, media=Media(path, windows=((0, 2), (2, 4), (4, 6)))))
    assert rows[0] @ rows[2] > 0.9 > rows[0] @ rows[1]
