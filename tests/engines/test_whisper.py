"""Whisper: cut where nobody speaks, in one script, without what nobody said; and with real weights, what is said."""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hanlin.catalog import Store
from hanlin.engines.whisper import Told, WhisperEngine
from hanlin.engines.whisper_child import HEARD_SECONDS, Heard, plan
from hanlin.engines.whisper_script import simplify
from hanlin.engines.whisper_tidy import drop_invented, has_loop, without_loops
from hanlin.errors import BadRequest, Misconfigured, NotServing
from hanlin.sound import Limits, decode, read
from hanlin.types import Media, Model, Segment, Skill, Spoken, Word
from tests.engines.skills import WEIGHTS, answer, collect, job, shared, write

EAR = Model("whisper-base", "whisper", Skill.TRANSCRIPTION)
SILENCE = np.zeros(16_000, np.float32)


def segment(text: str, *words: str, start: float = 0, no_speech: float = 0, log_probability: float = -0.2) -> Segment:
    spoken = tuple(Word(word, start + at, start + at + 1, 0.9) for at, word in enumerate(words))
    end = start + max(1, len(words))
    return Segment(start, end, "".join(words) or text, spoken, log_probability, no_speech)


def test_a_loop_is_cut_to_two_rounds_and_words_stay_the_text() -> None:
    looping = segment("", " So", *[" yeah", ","] * 9, " right")
    (short,) = without_loops([looping])
    assert short.text == " So yeah, yeah, right"
    assert "".join(word.text for word in short.words) == short.text
    said = segment("", " no", " no", " no", " I", " mean", " it")
    assert without_loops([said]) == [said]


def test_a_sentence_that_comes_again_and_again_is_told_twice() -> None:
    again = [segment(" The conditions.", start=float(at)) for at in range(5)]
    assert len(without_loops([*again, segment(" Then more.")])) == 3


def test_a_loop_is_seen_in_characters_too() -> None:
    words = [SimpleNamespace(word=character) for character in "我们" * 6]
    assert has_loop(SimpleNamespace(words=words))
    assert not has_loop(SimpleNamespace(words=words[:8]))


@pytest.mark.parametrize(
    ("invented", "hint"),
    [
        (segment("字幕由Amara.org社区提供"), ""),
        (segment(" Subtitles by the Amara.org community"), ""),
        (segment(" ... ♪"), ""),
        (segment(" Thank you.", no_speech=0.9), ""),
        (segment(" Hanlin, Kunming", log_probability=-1.5), "Names: Hanlin, Kunming, Dali"),
    ],
)
def test_what_nobody_said_is_dropped(invented: Segment, hint: str) -> None:
    assert drop_invented([invented], hint) == []


@pytest.mark.parametrize("said", [segment(" Thank you."), segment("谢谢大家"), segment(" We use subtitles.")])
def test_what_may_have_been_said_stays(said: Segment) -> None:
    assert drop_invented([said], "Thank you") == [said]


def test_mandarin_comes_in_one_script_and_its_words_stay_the_text() -> None:
    heard = segment("", "廣", "州市", "後來", "發展")
    short = simplify(heard)
    assert (short.text, [word.text for word in short.words]) == ("广州市后来发展", ["广", "州市", "后来", "发展"])
    assert simplify(short, traditional=True).text == "廣州市後來發展"


def test_silence_is_no_piece(tmp_path: Path) -> None:
    assert plan(write(tmp_path / "silent.wav", *[SILENCE] * 3), 0, 0) == ([], 3.0)


def test_speech_is_cut_into_pieces_that_fit(tmp_path: Path) -> None:
    """Two minutes with pauses, then speech without a pause: every piece fits, nothing is heard twice, in order."""
    decoded = str(tmp_path / "decoded.wav")
    decode(str(shared("speech/zh_funasr_asr_example.wav")), decoded, Limits())
    spoken = read(decoded)
    path = write(tmp_path / "long.wav", *[SILENCE, spoken] * 18)

    pieces, seconds = plan(path, 0, 0)

    assert seconds == pytest.approx(18 * (1 + len(spoken) / 16_000))
    flat = [stretch for piece in pieces for stretch in piece]
    assert all(sum(end - start for start, end in piece) <= HEARD_SECONDS for piece in pieces)
    assert all(before[1] <= after[0] for before, after in pairwise(flat))
    assert sum(end - start for start, end in flat) > 18 * 4
    assert 3 <= len(pieces) <= 5
    part, _ = plan(path, 20, 40)
    assert all(20 <= start < end <= 40 for piece in part for start, end in piece)


def test_speech_without_a_pause_is_cut_at_a_quiet_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loud = np.random.default_rng(1).uniform(-0.5, 0.5, 70 * 16_000).astype(np.float32)
    loud[24 * 16_000 : 25 * 16_000] = 0
    path = write(tmp_path / "loud.wav", loud)
    monkeypatch.setattr("hanlin.sound.speech", lambda *_, **__: [(0.0, 70.0)])
    pieces, _ = plan(path, 0, 0)
    assert list(pieces[0][0]) == pytest.approx([0, 24.5], abs=0.5)
    assert [piece[-1][1] for piece in pieces][-1] == 70


def test_the_language_is_the_one_most_is_said_in() -> None:
    told = Told("")
    assert told.likely == ""
    told.take(Heard((segment(" one"),), "en"))
    told.take(Heard((segment("", "二", "三", start=1),), "zh"))
    assert (told.likely, told.segments[0].text) == ("zh", "one")
    assert Told("vi").likely == "vi"


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (Model("x", "whisper", Skill.CHAT), "not for chat"),
        (Model("x", "whisper", Skill.TRANSCRIPTION, options={"beam_size": 0}), "beam_size"),
        (Model("x", "whisper", Skill.TRANSCRIPTION, options={"beams": 2}), "beams"),
    ],
)
def test_options_and_skill_are_checked(model: Model, word: str) -> None:
    with pytest.raises(Misconfigured, match=word):
        WhisperEngine(model, Path)


async def test_missing_weights_and_a_missing_file_are_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    engine = WhisperEngine(EAR, lambda: store.view("whisper-base"))
    with pytest.raises(NotServing, match="hanlin models pull whisper-base"):
        await collect(engine, job(EAR, media=Media("nowhere.wav")))
    with pytest.raises(BadRequest, match="sound file"):
        await collect(engine, job(EAR))


@pytest.fixture
def ear() -> WhisperEngine:
    store = Store(WEIGHTS)
    if not store.holds(store.find("whisper-base")):
        pytest.skip("whisper-base is absent from the store")
    return WhisperEngine(EAR, lambda: store.view("whisper-base"))


@pytest.mark.model
@pytest.mark.slow
async def test_real_speech_is_written_down(ear: WhisperEngine, tmp_path: Path) -> None:
    """English word for word; Mandarin in simplified characters, the same each time, with times counted in the file."""
    english, chinese = str(tmp_path / "en.wav"), str(tmp_path / "zh.wav")
    decode(str(shared("speech/en_jfk.flac")), english, Limits())
    decode(str(shared("speech/zh_firered_IT0011W0001.wav")), chinese, Limits())
    late = write(tmp_path / "late.wav", *[SILENCE] * 5, read(chinese), SILENCE)

    text, detail = await answer(ear, job(EAR, media=Media(english)))
    first, again = [await answer(ear, job(EAR, media=Media(late, start_seconds=4))) for _ in range(2)]

    assert re.sub(r"[^a-z ]", "", text.lower()) == (
        "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
    )
    assert isinstance(detail, Spoken)
    assert (detail.text, detail.language, detail.seconds) == (text, "en", 11.0)
    assert all("".join(word.text for word in one.words) == one.text for one in detail.segments)
    assert first == again
    assert first[0] == "换一首歌"
    assert isinstance(first[1], Spoken)
    assert 4.8 < first[1].segments[0].start_seconds < 6.2
    with pytest.raises(BadRequest, match="language"):
        await collect(ear, job(EAR, media=Media(english, language="qq")))
    await ear.stop()


@pytest.mark.model
@pytest.mark.slow
async def test_who_leaves_ends_the_work(ear: WhisperEngine, tmp_path: Path) -> None:
    english = str(tmp_path / "en.wav")
    decode(str(shared("speech/en_jfk.flac")), english, Limits())
    running = asyncio.create_task(collect(ear, job(EAR, media=Media(english))))
    child: Any = None
    while child is None:
        await asyncio.sleep(0.05)
        child = ear._child
    await asyncio.sleep(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert child._sandbox._idle == []
    await ear.stop()
