from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from hanlin.policy import compiled
from hanlin.policy.compiled import build, load
from hanlin.policy.file import Scores, WordList
from hanlin.policy.lexicon import Lexicon

LISTS = [
    WordList("a", "A.1.a", "A.", ("火车站", "枪支"), exceptions=("火车站台",), variants=("split",)),
    WordList("p", "A.1.h", "P.", ("炸弹制作教程",), variants=("pinyin",), weight=0.25),
]
TEXT = "火车站、木仓支、火车站台、乍弹制作jiaocheng"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of `LISTS`, just written."""
    load(LISTS, tmp_path / "cache")
    (path,) = (tmp_path / "cache").iterdir()
    return path


def test_what_is_loaded_is_what_was_compiled_and_finds_the_same(path: Path) -> None:
    assert load(LISTS, path.parent) == build(LISTS)
    assert Lexicon.load(LISTS, Scores(), path.parent).judge(TEXT) == Lexicon(LISTS).judge(TEXT)
    assert len(Lexicon(LISTS).judge(TEXT)[0].spans) == 2


def test_the_file_is_its_owners_only(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_loading_needs_neither_the_lists_compiled_again_nor_the_pinyin_package(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("syllables", "build"):
        monkeypatch.delattr(compiled, name)
    assert Lexicon.load(LISTS, Scores(), path.parent).judge("乍弹制作教程")[0].rule == "p"


@pytest.mark.parametrize("place", [0, 31, 32, 63, 64, 1000, -1])
def test_a_damaged_file_is_written_anew(path: Path, place: int) -> None:
    good = path.read_bytes()
    damaged = bytearray(good)
    damaged[place] ^= 1
    path.write_bytes(damaged)
    assert load(LISTS, path.parent) == build(LISTS)
    assert path.read_bytes() == good


@pytest.mark.parametrize("length", [0, 10, 64, 5000])
def test_a_truncated_file_is_written_anew(path: Path, length: int) -> None:
    good = path.read_bytes()
    path.write_bytes(good[:length])
    assert load(LISTS, path.parent) == build(LISTS)
    assert path.read_bytes() == good


def test_a_file_of_other_lists_is_not_taken_for_these(path: Path) -> None:
    load(LISTS[:1], path.parent)
    (other,) = [file for file in path.parent.iterdir() if file != path]
    path.write_bytes(other.read_bytes())
    assert load(LISTS, path.parent) == build(LISTS)


def test_the_newest_files_are_kept_and_one_in_use_counts_as_new(path: Path) -> None:
    os.utime(path, (1, 1))
    for number in range(31):
        load([WordList("a", "A.1.a", "A.", (f"词语{number}",))], path.parent)
    load(LISTS, path.parent)
    load(LISTS[:1], path.parent)
    assert path.exists()
    assert len(list(path.parent.iterdir())) == 32


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert load(LISTS, tmp_path / "file" / "cache") == build(LISTS)


@pytest.mark.slow
def test_a_hundred_thousand_terms_load_at_once(tmp_path: Path) -> None:
    terms = tuple(chr(0x4E00 + number % 5000) + chr(0x5000 + number // 50) + "词语" for number in range(100_000))
    lists = [WordList("many", "A.1.a", "Many.", terms)]
    Lexicon.load(lists, Scores(), tmp_path)
    began = time.process_time()
    lexicon = Lexicon.load(lists, Scores(), tmp_path)
    assert time.process_time() - began < 1
    assert lexicon.judge("有" + terms[77_777])[0].spans == ((1, 5),)
