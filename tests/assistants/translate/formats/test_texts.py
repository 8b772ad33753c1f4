"""HTML, Markdown, subtitles and plain text: words change, markup and times stay byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hanlin.assistants.translate import formats
from hanlin.errors import BadFile
from tests.assistants.translate.formats.cases import CASES
from tests.assistants.translate.formats.files import accented, sources, translated, written


@pytest.mark.parametrize("name", CASES)
def test_only_words_change(tmp_path: Path, name: str) -> None:
    text, wanted = CASES[name]
    path = written(tmp_path, name, text)
    kind = path.suffix[1:]
    assert translated(path, kind).read_bytes().decode() == wanted


@pytest.mark.parametrize("name", CASES)
def test_a_file_whose_targets_are_its_sources_is_byte_for_byte_the_same(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, CASES[name][0])
    kind = path.suffix[1:]
    formats.patch(str(path), str(tmp_path / "same"), kind, sources(path, kind))
    assert (tmp_path / "same").read_bytes() == path.read_bytes()


SHREDS = [
    *("word", " ", "\n", "\n\n", "<b>", "</b>", "<p>", "<!--", "->", "`", "**", "_", "[", "](u)", "|", "#", "> ", "- "),
    *(
        "00:01.000 --> 00:02.000\n",
        "&amp;",
        "<",
        "'",
        '"',
        "字",
        "```\n",
        "    ",
        "<g1>",
        "\\",
        "---\n",
        "<a title='x y'>",
    ),
]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["html", "md", "srt", "vtt", "txt"]), st.lists(st.sampled_from(SHREDS), max_size=14))
def test_whatever_a_text_holds_what_is_no_word_stays(tmp_path: Path, kind: str, pieces: list[str]) -> None:
    path = written(tmp_path, f"file.{kind}", "".join(pieces))
    found = sources(path, kind)
    formats.patch(str(path), str(tmp_path / "same"), kind, found)
    assert (tmp_path / "same").read_bytes() == path.read_bytes()
    again = sources(translated(path, kind), kind)
    assert [one.replace(" ", "") for one in again] == [accented(one).replace(" ", "") for one in found]


def test_a_cue_says_when_it_is_said_and_long_ones_take_two_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "a.srt", "1\n00:00:07,200 --> 00:00:09,000\nHi\n")
    (found,) = formats.extract(str(path), "srt")
    assert (found.place, found.source) == ("00:00:07,200", "Hi")
    long = "The committee decided on the new budget, and everybody went home."
    formats.patch(str(path), str(tmp_path / "out"), "srt", [long])
    lines = (tmp_path / "out").read_text().splitlines()[2:]
    assert (" ".join(lines), len(lines)) == (long, 2)


def test_real_subtitles_keep_every_time(documents: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "a.vtt", (documents / "tika_testWebVTT_utf8.vtt").read_bytes().decode())
    before, after = path.read_text(), translated(path, "vtt").read_text()
    assert sources(tmp_path / "accented-a.vtt", "vtt") == [accented(source) for source in sources(path, "vtt")]
    assert [line for line in before.splitlines() if "-->" in line] == [
        line for line in after.splitlines() if "-->" in line
    ]


def test_a_page_in_an_older_encoding_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes('<meta charset="gb2312"><p>你好</p>'.encode("gb2312"))
    formats.patch(str(path), str(tmp_path / "out"), "html", ["xin chào, ฉัน"])
    page = (tmp_path / "out").read_bytes().decode("gb2312")
    assert page == '<meta charset="gb2312"><p>xin chào, &#3593;&#3633;&#3609;</p>'


@pytest.mark.parametrize("content", [b"\xff\xfe\xfd\x00\x80", b"abc\0def"])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(BadFile):
        formats.extract(str(tmp_path / "a.txt"), "txt")


@pytest.mark.parametrize(
    ("name", "media_type", "kind"),
    [
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        ("a.bin", "application/pdf", "pdf"),
        ("a.vtt", "text/plain", "vtt"),
        ("a.py", "text/plain", "txt"),
        ("a.png", "image/png", "picture"),
    ],
)
def test_the_kind_is_told_by_content_and_between_texts_by_name(name: str, media_type: str, kind: str) -> None:
    assert formats.kind_of(name, media_type) == kind


@pytest.mark.parametrize("media_type", ["audio/mpeg", "text/csv", "video/mp4"])
def test_other_kinds_are_refused(media_type: str) -> None:
    with pytest.raises(BadFile, match="not translated"):
        formats.kind_of("a.x", media_type)
