"""Subtitles can be read in the time they are shown, and other programs read them."""

from __future__ import annotations

from itertools import pairwise

import pysubs2
import pytest

from hanlin.assistants.meetings.aligning import aligned
from hanlin.assistants.meetings.records import Utterance
from hanlin.assistants.meetings.subtitles import LINE, cues, labelled, srt, vtt

LONG = (
    "The committee looked at the budget of the next year, and it found that heating, printing and travel cost more. "
    * 3
)
CHINESE = "委员会看了明年的预算，发现暖气、打印和出差的费用都比今年更高，所以决定在下周一之前提出新的方案。" * 2


def said(text: str, start: float, end: float, number: int = 1, speaker: str = "spk_1") -> Utterance:
    text = text.strip()
    return Utterance(f"seg_{number}", number, speaker, start, end, text, "", "", 0, 0.9, aligned(text, (), start, end))


@pytest.mark.parametrize(("text", "script"), [(LONG, "narrow"), (CHINESE, "wide")])
def test_a_long_segment_is_parted_into_short_lines_without_losing_a_word(text: str, script: str) -> None:
    found = cues([said(text, 0, 40)], {})
    assert "".join("".join(cue.lines) for cue in found).replace(" ", "") == text.replace(" ", "")
    assert all(len(cue.lines) <= 2 and all(len(line) <= LINE[script] + 8 for line in cue.lines) for cue in found)
    assert all(one.end_seconds <= two.start_seconds for one, two in pairwise(found))
    assert all(cue.end_seconds - cue.start_seconds <= 7.5 for cue in found)


def test_a_short_one_stays_long_enough_to_be_read() -> None:
    (cue,) = cues([said("Yes, of course we will do that tomorrow.", 3.0, 3.4)], {})
    assert cue.end_seconds - cue.start_seconds > 2
    first, second = cues([said("One.", 1.0, 1.1), said("Two.", 1.5, 1.6, 2)], {})
    assert first.end_seconds <= second.start_seconds


def test_other_programs_read_both_formats_and_see_speakers_and_translations() -> None:
    talk = [said("Who tests <b>it</b> --> now?", 2, 4), said("Anna & I.", 5, 6, 2, "spk_2")]
    found = labelled(cues(talk, {"spk_1": "Bo", "spk_2": "Anna"}, {"seg_2": "安娜和我。"}), "AI-generated content")
    subrip = pysubs2.SSAFile.from_string(srt(found), format_="srt")
    assert subrip[0].plaintext == "AI-generated content"
    assert subrip[2].plaintext == "Anna: Anna & I.\n安娜和我。"
    assert (subrip[1].start, subrip[2].start) == (2000, 5000)
    web = vtt(found)
    assert web.startswith("WEBVTT\n")
    assert "<v Bo>Who tests &lt;b&gt;it&lt;/b&gt; --&gt; now?" in web
    assert len(pysubs2.SSAFile.from_string(web, format_="vtt")) == 3


def test_the_label_stands_above_the_first_words_where_there_is_no_time_before_them() -> None:
    (cue,) = labelled(cues([said("At once.", 0.1, 1.5)], {}), "本内容由人工智能生成")
    assert cue.lines == ("本内容由人工智能生成", "At once.")
    assert labelled([], "x") == []


def test_a_translation_is_parted_with_its_segment() -> None:
    found = cues([said(LONG, 0, 40)], {}, {"seg_1": CHINESE})
    assert len(found) > 3
    assert all(cue.below for cue in found)
    assert "".join("".join(cue.below) for cue in found) == CHINESE
